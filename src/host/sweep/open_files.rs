//! Which files are open in any process, as `/proc` shows it.

use std::collections::HashSet;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A look at `/proc` is not older than this when a file is judged by it.
const FRESH: Duration = Duration::from_secs(2);

/// The files open at one time, by device and inode.
pub(super) struct OpenFiles {
    files: HashSet<(u64, u64)>,
    complete: bool,
    seen: Instant,
}

/// Whether one file is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Open,
    NotOpen,
    Unseen,
}

impl OpenFiles {
    pub(super) fn look() -> io::Result<Self> {
        let mut found = Self { files: HashSet::new(), complete: true, seen: Instant::now() };
        found.look_again()?;
        Ok(found)
    }

    /// Whether the file is open, by a look that is at most two seconds old.
    pub(super) fn usage(&mut self, device: u64, inode: u64) -> io::Result<Use> {
        if self.seen.elapsed() > FRESH {
            self.look_again()?;
        }
        Ok(match (self.files.contains(&(device, inode)), self.complete) {
            (true, _) => Use::Open,
            (false, true) => Use::NotOpen,
            (false, false) => Use::Unseen,
        })
    }

    fn look_again(&mut self) -> io::Result<()> {
        self.files.clear();
        self.complete = true;
        for process in std::fs::read_dir("/proc")? {
            let process = process?;
            if process.file_name().as_bytes().iter().all(u8::is_ascii_digit) {
                self.look_at(&process.path().join("fd"));
            }
        }
        self.seen = Instant::now();
        Ok(())
    }

    fn look_at(&mut self, descriptors: &Path) {
        let entries = match std::fs::read_dir(descriptors) {
            Ok(entries) => entries,
            Err(error) => return self.missed(&error),
        };
        for entry in entries {
            match entry.and_then(|entry| identity(&entry.path())) {
                Ok(Some(file)) => drop(self.files.insert(file)),
                Ok(None) => {}
                Err(error) => self.missed(&error),
            }
        }
    }

    /// A process that ended meanwhile has nothing open; one that may not be looked at may have anything.
    fn missed(&mut self, error: &io::Error) {
        let ended = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind())
            || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error());
        if !ended {
            self.complete = false;
        }
    }
}

/// The file behind a descriptor; none for sockets and pipes, which have no path.
fn identity(descriptor: &Path) -> io::Result<Option<(u64, u64)>> {
    if !std::fs::read_link(descriptor)?.is_absolute() {
        return Ok(None);
    }
    let found = std::fs::metadata(descriptor)?;
    Ok(Some((found.dev(), found.ino())))
}
