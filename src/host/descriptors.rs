//! The files and sockets that this process has open, and how many it may have at a time.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;

/// Has this process allowed `wanted` open descriptors, as far as the machine lets it; gives the number
/// that is allowed then. One that is allowed more keeps it.
pub fn allow(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    let reachable = wanted.min(limit.maximum.unwrap_or(u64::MAX));
    if reachable <= current {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(reachable), maximum: limit.maximum }) {
        Ok(()) => reachable,
        Err(error) => {
            tracing::warn!(%error, current, wanted, "the limit of open descriptors stays as it is");
            current
        }
    }
}

/// Opens so many descriptors at the same time, and closes them again.
///
/// # Errors
/// When the process may not have them.
pub fn probe(count: usize) -> io::Result<()> {
    (0..count).map(|_| UnixDatagram::unbound()).collect::<io::Result<Vec<_>>>().map(drop)
}

/// Whether this process has the file of this inode open. For files that a library opens by their paths, of which
/// it gives no handle.
///
/// # Errors
/// When the kernel does not say.
pub fn has_open(device: u64, inode: u64) -> io::Result<bool> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        match std::fs::metadata(entry?.path()) {
            Ok(found) if (found.dev(), found.ino()) == (device, inode) => return Ok(true),
            // Closed meanwhile, as the one that lists them will be.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_open_as_long_as_somebody_has_it_open() {
        let file = tempfile::tempfile().unwrap();
        let found = file.metadata().unwrap();
        assert!(has_open(found.dev(), found.ino()).unwrap());
        drop(file);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("closed");
        std::fs::write(&path, "").unwrap();
        let found = std::fs::metadata(&path).unwrap();
        assert!(!has_open(found.dev(), found.ino()).unwrap());
    }

    #[test]
    fn so_many_descriptors_as_may_be_had_are_closed_again() -> io::Result<()> {
        probe(0)?;
        probe(3)
    }

    #[test]
    fn what_is_allowed_already_is_kept_and_nothing_beyond_the_hard_limit_is_promised() {
        let before = allow(0);
        assert_eq!(Some(before), getrlimit(Resource::Nofile).current);
        let most = getrlimit(Resource::Nofile).maximum;
        assert!(most.is_none_or(|most| allow(before + 1) <= most));
    }
}
