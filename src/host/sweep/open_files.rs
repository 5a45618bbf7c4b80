//! Which files are open in any process, as `/proc` shows it.

use rustix::fs::Stat;
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
    unseen: u64,
    seen: Instant,
}

impl OpenFiles {
    pub(super) fn look() -> io::Result<Self> {
        let mut found = Self { files: HashSet::new(), unseen: 0, seen: Instant::now() };
        found.look_again()?;
        Ok(found)
    }

    /// Whether the file is open, by a look that is at most two seconds old.
    pub(super) fn contains(&mut self, stat: &Stat) -> io::Result<bool> {
        if self.seen.elapsed() > FRESH {
            self.look_again()?;
        }
        Ok(self.files.contains(&(stat.st_dev, stat.st_ino)))
    }

    /// Processes that the last look was not allowed to see.
    pub(super) fn unseen(&self) -> u64 {
        self.unseen
    }

    fn look_again(&mut self) -> io::Result<()> {
        self.files.clear();
        self.unseen = 0;
        for process in std::fs::read_dir("/proc")? {
            let process = process?;
            if process.file_name().as_bytes().iter().all(u8::is_ascii_digit) {
                match self.look_at(&process.path().join("fd")) {
                    Err(error) if !has_ended(&error) => self.unseen += 1,
                    _ => {}
                }
            }
        }
        // Where `/proc` hides what may not be seen, not even the first process is listed.
        if !Path::new("/proc/1").exists() {
            self.unseen += 1;
        }
        self.seen = Instant::now();
        Ok(())
    }

    fn look_at(&mut self, descriptors: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(descriptors)? {
            match identity(&entry?.path()) {
                Ok(Some(file)) => drop(self.files.insert(file)),
                Ok(None) => {}
                Err(error) if has_ended(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A process or descriptor that ended meanwhile has nothing open.
fn has_ended(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// The file behind a descriptor; none for sockets and pipes, which have no path.
fn identity(descriptor: &Path) -> io::Result<Option<(u64, u64)>> {
    if !std::fs::read_link(descriptor)?.is_absolute() {
        return Ok(None);
    }
    let found = std::fs::metadata(descriptor)?;
    Ok(Some((found.dev(), found.ino())))
}
