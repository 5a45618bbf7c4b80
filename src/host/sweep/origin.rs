//! Where in its file system a file lies, whatever names lead to it: a bind mount shows a directory at a second place.

use crate::host::mounts::unescaped;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

/// A place in a file system.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The file system, as the kernel numbers it.
    device: Vec<u8>,
    /// From its own root on.
    path: PathBuf,
}

impl Origin {
    /// Of an open file; none when the kernel does not tell, as of one that was removed meanwhile.
    pub(super) fn of(file: &OwnedFd) -> io::Result<Option<Self>> {
        let number = file.as_raw_fd();
        let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
        let mount = told.lines().find_map(|line| line.strip_prefix("mnt_id:")).map(str::trim);
        let path = std::fs::read_link(format!("/proc/self/fd/{number}"))?;
        let table = std::fs::read("/proc/self/mountinfo")?;
        Ok(mount.and_then(|mount| in_table(&table, mount.as_bytes(), &path)))
    }

    /// Whether this is the other place, or lies below it.
    pub(super) fn lies_in(&self, other: &Self) -> bool {
        self.device == other.device && self.path.starts_with(&other.path)
    }
}

/// `36 35 98:0 /inner /mounted rw - ext4 /dev/vda1 rw`: what is at `/mounted` is `/inner` of its file system.
fn in_table(table: &[u8], mount: &[u8], path: &std::path::Path) -> Option<Origin> {
    table.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        if fields.next()? != mount {
            return None;
        }
        let (device, root, point) = (fields.nth(1)?, unescaped(fields.next()?), unescaped(fields.next()?));
        Some(Origin { device: device.to_vec(), path: root.join(path.strip_prefix(point).ok()?) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_path_in_a_bind_mount_is_the_one_that_it_shows() {
        let table =
            b"1 0 8:1 / / rw - ext4 /dev/a rw\n36 1 8:1 /srv\\040x /var/cache/eos rw - ext4 /dev/a rw\n";
        let at = |mount: &[u8], path: &str| in_table(table, mount, Path::new(path));
        let (plain, bound) = (at(b"1", "/srv x/a/b").expect("known"), at(b"36", "/var/cache/eos/a/b"));
        assert_eq!(bound, Some(Origin { device: b"8:1".to_vec(), path: PathBuf::from("/srv x/a/b") }));
        assert!(bound.is_some_and(|bound| bound.lies_in(&plain)));
        assert!(!plain.lies_in(&at(b"1", "/srv x/a/bc").expect("known")));
        assert_eq!(at(b"99", "/"), None);
    }
}
