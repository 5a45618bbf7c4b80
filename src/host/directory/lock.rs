//! The lock of a directory: exclusive, by the kernel, and gone with the handle or the process.

use super::{Directory, DirectoryError, failure};
use rustix::fs::{self, FlockOperation};
use rustix::io::Errno;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

impl Directory {
    /// Takes the exclusive lock of this directory, or says `false` at once when somebody holds it.
    ///
    /// It is released when this value is dropped or the process dies.
    pub fn try_lock(&self) -> Result<bool, DirectoryError> {
        match fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(self.holds_lock()),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(errno) => Err(failure("lock", &self.path, errno)),
        }
    }

    /// As `try_lock`, but waits for the one who holds it, and says `false` only after `patience`; this value may
    /// get the lock after that, and is to be dropped.
    pub fn lock_within(&self, patience: Duration) -> Result<bool, DirectoryError> {
        if self.try_lock()? {
            return Ok(true);
        }
        let failed = |source| DirectoryError::Io { action: "lock", path: self.path.clone(), source };
        let (tell, told) = mpsc::channel();
        // A second name of the same handle: the lock that the thread gets is this handle's. Once the patience
        // is over it goes with the later of the two, so a caller that is told `false` lets this value go.
        let handle = self.fd.try_clone().map_err(failed)?;
        let wait = move || {
            let locked = rustix::io::retry_on_intr(|| fs::flock(&handle, FlockOperation::LockExclusive));
            if tell.send(locked).is_err() {
                tracing::debug!("a lock came after the patience was over, and is let go");
            }
        };
        std::thread::Builder::new().name("lock".to_owned()).spawn(wait).map_err(failed)?;
        match told.recv_timeout(patience) {
            Ok(locked) => {
                locked.map(|()| self.holds_lock()).map_err(|errno| failure("lock", &self.path, errno))
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(false),
        }
    }

    fn holds_lock(&self) -> bool {
        self.locked.store(true, Ordering::Relaxed);
        true
    }
}

impl Drop for Directory {
    /// Closing the handle would not do while a process that is just being started has a copy of it.
    fn drop(&mut self) {
        if *self.locked.get_mut()
            && let Err(errno) = fs::flock(&self.fd, FlockOperation::Unlock)
        {
            tracing::debug!(path = %self.path.display(), %errno, "a lock ends with its handle");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_lock_goes_with_its_holder_although_a_copy_of_the_handle_lives_on() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Directory::open(folder.path()).unwrap();
        let first = open();
        assert!(first.try_lock().unwrap());
        let copy = first.fd.try_clone().unwrap();
        drop(first);
        assert!(open().try_lock().unwrap());
        drop(copy);
    }

    #[test]
    fn a_lock_is_waited_for_and_given_up_when_it_does_not_come() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Directory::open(folder.path()).unwrap();
        let (first, second) = (open(), open());
        assert!(first.lock_within(Duration::ZERO).unwrap());
        assert!(!second.lock_within(Duration::from_millis(1)).unwrap());
        drop(second);
        let waiting = open();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| waiting.lock_within(Duration::from_secs(60)).unwrap());
            drop(first);
            assert!(waiter.join().unwrap());
        });
        assert!(!open().try_lock().unwrap(), "the handle that waited holds it");
        assert!(waiting.open_directory(Path::new("")).is_ok());
        drop(waiting);
        assert!(open().lock_within(Duration::from_secs(60)).unwrap());
    }
}
