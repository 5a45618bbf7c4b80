//! How full the file system of a path is, in bytes and in inodes.

use crate::host::files::FileError;
use crate::storage::growth::Resource;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The state of one file system at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountSample {
    /// The path that was sampled.
    pub path: PathBuf,
    /// Bytes that it holds.
    pub total: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes that an unprivileged process may still write.
    pub available: u64,
    /// Inodes that it holds; 0 where their number is not fixed.
    pub inodes_total: u64,
    /// Inodes in use.
    pub inodes_used: u64,
    /// The device, as `st_dev` has it.
    pub device: u64,
}

impl MountSample {
    /// Percent of the bytes in use, as `df` counts: what is reserved for root counts as not there.
    pub fn bytes_percent(&self) -> f64 {
        percent(self.used, self.used.saturating_add(self.available))
    }

    /// Percent of the inodes in use.
    pub fn inodes_percent(&self) -> f64 {
        percent(self.inodes_used, self.inodes_total)
    }

    /// The larger of both: a file system without inodes is as full as one without bytes.
    pub fn percent(&self) -> f64 {
        self.bytes_percent().max(self.inodes_percent())
    }

    /// Which of both is the larger.
    pub fn decided_by(&self) -> Resource {
        if self.inodes_percent() > self.bytes_percent() { Resource::Inodes } else { Resource::Bytes }
    }
}

/// Samples the file system that holds the path.
///
/// # Errors
/// When the path is not there or cannot be looked at.
pub fn sample(path: &Path) -> Result<MountSample, FileError> {
    let failed = |error: rustix::io::Errno| FileError::new("sample the file system of", path, error.into());
    let found = rustix::fs::statvfs(path).map_err(failed)?;
    let block = if found.f_frsize == 0 { found.f_bsize } else { found.f_frsize };
    Ok(MountSample {
        path: path.to_owned(),
        total: found.f_blocks.saturating_mul(block),
        used: found.f_blocks.saturating_sub(found.f_bfree).saturating_mul(block),
        available: found.f_bavail.saturating_mul(block),
        inodes_total: found.f_files,
        inodes_used: found.f_files.saturating_sub(found.f_ffree),
        device: device_of(path)?,
    })
}

/// The device of the file system that holds the path, links followed.
///
/// # Errors
/// When the path is not there or cannot be looked at.
pub fn device_of(path: &Path) -> Result<u64, FileError> {
    std::fs::metadata(path).map(|found| found.dev()).map_err(|e| FileError::new("look at", path, e))
}

/// The mount points at the path, which must be free of links, and below it, as the kernel lists them.
///
/// # Errors
/// When the kernel's list cannot be read.
pub fn below(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let table = Path::new("/proc/self/mountinfo");
    let text = std::fs::read(table).map_err(|e| FileError::new("read", table, e))?;
    let points = text.split(|byte| *byte == b'\n').filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    Ok(points.map(unescaped).filter(|point| point.starts_with(path)).collect())
}

/// The kernel writes a blank, a tab, a line's end and a backslash in a name as three octal digits.
pub(super) fn unescaped(name: &[u8]) -> PathBuf {
    let (mut plain, mut rest) = (Vec::with_capacity(name.len()), name);
    while let Some((first, tail)) = rest.split_first() {
        let digits =
            tail.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => (plain.push(byte), rest = &tail[3..]).1,
            None => (plain.push(*first), rest = tail).1,
        }
    }
    PathBuf::from(OsString::from_vec(plain))
}

/// Percent with one digit behind the point; 0 of nothing.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 1000.0).round() / 10.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_of_a_directory_is_measured() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let found = sample(folder.path())?;
        assert!(found.total > 0 && found.used <= found.total && found.available <= found.total, "{found:?}");
        assert!((0.0..=100.0).contains(&found.percent()), "{found:?}");
        assert_eq!(found.device, device_of(folder.path())?);
        Ok(())
    }

    #[test]
    fn what_is_reserved_for_root_counts_as_not_there_and_inodes_count_too() {
        let mut full = MountSample {
            path: PathBuf::from("/"),
            total: 1000,
            used: 450,
            available: 450,
            inodes_total: 0,
            inodes_used: 0,
            device: 1,
        };
        assert_eq!((full.bytes_percent(), full.inodes_percent(), full.percent()), (50.0, 0.0, 50.0));
        (full.inodes_total, full.inodes_used) = (1000, 987);
        assert_eq!((full.percent(), full.decided_by()), (98.7, Resource::Inodes));
    }

    #[test]
    fn what_is_mounted_below_a_path_is_listed_by_its_plain_name() -> anyhow::Result<()> {
        assert!(below(Path::new("/"))?.contains(&PathBuf::from("/proc")));
        assert_eq!(below(Path::new("/proc"))?.first(), Some(&PathBuf::from("/proc")));
        assert_eq!(below(tempfile::tempdir()?.path())?, Vec::<PathBuf>::new());
        assert_eq!(unescaped(b"/srv/a\\040b\\134"), Path::new("/srv/a b\\"));
        Ok(())
    }

    #[test]
    fn a_mount_that_is_not_there_is_named() {
        let error = sample(Path::new("/nowhere/at/all")).expect_err("nothing there");
        assert_eq!(error.to_string(), "could not sample the file system of /nowhere/at/all");
    }
}
