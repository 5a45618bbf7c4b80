//! A file that one process at a time holds locked, with a text that says who it is.
//!
//! A crash releases the lock and leaves the file with its text: the next holder reads it.

use super::files::FileError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How often a lock file may vanish under us, because its holder ends, before we give up.
const ATTEMPTS: usize = 100;

/// A lock file that this process holds.
#[derive(Debug)]
pub struct LockFile {
    file: File,
    path: PathBuf,
}

/// What came of trying to lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours; the text is what the last holder left, empty when it ended in order.
    Held(LockFile, Vec<u8>),
    /// Somebody else holds it; the text is theirs.
    Busy(Vec<u8>),
}

impl LockFile {
    /// Tries once to lock the file, making it when it is missing; `prepare` makes its directory
    /// and is called again when that vanishes between two attempts.
    ///
    /// # Errors
    /// When the file cannot be made, read or locked.
    pub fn attempt(
        path: &Path,
        mut prepare: impl FnMut() -> Result<(), FileError>,
    ) -> Result<Attempt, FileError> {
        let failed = |e| FileError::new("lock", path, e);
        for _ in 0..ATTEMPTS {
            prepare()?;
            let opened =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(path);
            let mut file = match opened {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(failed)?,
            };
            let locked = match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => true,
                Err(rustix::io::Errno::WOULDBLOCK) => false,
                Err(error) => return Err(failed(error.into())),
            };
            let mut text = Vec::new();
            file.read_to_end(&mut text).map_err(failed)?;
            if !locked {
                return Ok(Attempt::Busy(text));
            }
            // The former holder may have unlinked the file between our opening and our locking it.
            if still_there(&file, path).map_err(failed)? {
                return Ok(Attempt::Held(Self { file, path: path.to_owned() }, text));
            }
        }
        Err(failed(io::ErrorKind::ResourceBusy.into()))
    }

    /// Replaces the text and makes it durable.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, text: &[u8]) -> Result<(), FileError> {
        let file = &mut self.file;
        file.rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| file.write_all(text))
            .and_then(|()| file.sync_all())
            .map_err(|e| FileError::new("write", &self.path, e))
    }

    /// The same open file for a process that is to be started: the lock is held until both have let go, or this one
    /// does so in order.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn share(&self) -> Result<File, FileError> {
        self.file.try_clone().map_err(|e| FileError::new("share", &self.path, e))
    }

    /// Lets go of the lock. Closing the file alone would not do while a child process that is just
    /// being started still has a copy of it.
    fn unlock(&self) {
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            tracing::debug!(%error, path = %self.path.display(), "the lock ends with the file handle");
        }
    }

    /// Removes the file while it is still locked.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self) -> Result<(), FileError> {
        super::files::remove_file(&self.path)
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        self.unlock();
    }
}

fn still_there(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The text of the lock file when somebody holds it; nothing when it is free or not there.
///
/// The kernel's table of locks is asked, because trying the lock would for a moment take it.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn text_if_held(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let failed = |e| FileError::new("read", path, e);
    let inode = match std::fs::metadata(path) {
        Ok(metadata) => metadata.ino().to_string(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let table = Path::new("/proc/locks");
    let locks = std::fs::read_to_string(table).map_err(|e| FileError::new("read", table, e))?;
    if locks.lines().any(|line| is_exclusive_lock_of(line, &inode)) {
        return super::files::read_optional(path);
    }
    Ok(None)
}

/// A line is `1: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF`.
fn is_exclusive_lock_of(line: &str, inode: &str) -> bool {
    let mut fields = line.split_whitespace();
    let kind = (fields.nth(1), fields.nth(1));
    let place = fields.nth(1);
    kind == (Some("FLOCK"), Some("WRITE"))
        && place.and_then(|place| place.rsplit(':').next()).is_some_and(|found| found == inode)
}
