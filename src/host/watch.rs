//! Waiting for a file, or any file of a directory, to change, through the kernel's notice on its directory.

use crate::host::files::FileError;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tokio::io::unix::AsyncFd;

/// A watch on one name in a directory, or on all: the file may be written, replaced, removed or come back.
#[derive(Debug)]
pub struct FileWatch {
    notices: AsyncFd<OwnedFd>,
    path: PathBuf,
    name: Option<OsString>,
}

impl FileWatch {
    /// Watches from now on; must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the directory is not there, or the kernel has no watch left.
    pub fn new(path: &Path) -> Result<Self, FileError> {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(FileError::new("watch", path, std::io::ErrorKind::InvalidInput.into()));
        };
        Self::on(directory, path, Some(name.to_owned()))
    }

    /// Watches every name in this directory from now on; must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the directory is not there, or the kernel has no watch left.
    pub fn of_directory(directory: &Path) -> Result<Self, FileError> {
        Self::on(directory, directory, None)
    }

    fn on(directory: &Path, path: &Path, name: Option<OsString>) -> Result<Self, FileError> {
        let failed = |error: std::io::Error| FileError::new("watch", path, error);
        let queue =
            inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(|e| failed(e.into()))?;
        let changes = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        inotify::add_watch(&queue, directory, changes).map_err(|e| failed(e.into()))?;
        #[expect(deprecated, reason = "what replaces it is unsafe; an owned descriptor keeps its promise")]
        let notices = AsyncFd::new(queue).map_err(failed)?;
        Ok(Self { notices, path: path.to_owned(), name })
    }

    /// Returns when the file may have changed since the last call; dropping the future loses nothing.
    ///
    /// # Errors
    /// When the directory itself is gone, or the kernel's queue cannot be read: watch anew.
    pub async fn changed(&mut self) -> Result<(), FileError> {
        let failed = |path: &Path, error: std::io::Error| FileError::new("watch", path, error);
        loop {
            let mut ready = self.notices.readable().await.map_err(|e| failed(&self.path, e))?;
            match drain(self.notices.get_ref(), self.name.as_ref()) {
                Ok(Drained::Changed) => return Ok(()),
                Ok(Drained::Other) => ready.clear_ready(),
                Ok(Drained::Gone) => {
                    return Err(failed(&self.path, std::io::ErrorKind::NotFound.into()));
                }
                Err(error) => return Err(failed(&self.path, error.into())),
            }
        }
    }
}

enum Drained {
    Changed,
    Other,
    Gone,
}

/// Takes every notice out of the queue.
fn drain(queue: &OwnedFd, name: Option<&OsString>) -> Result<Drained, Errno> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = Reader::new(queue, &mut buffer);
    let mut drained = Drained::Other;
    loop {
        let notice = match reader.next() {
            Ok(notice) => notice,
            Err(Errno::AGAIN) => return Ok(drained),
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        };
        let events = notice.events();
        // A file that was only created is not written yet.
        if events.contains(ReadFlags::CREATE) && !events.contains(ReadFlags::ISDIR) {
            continue;
        }
        if events.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED) {
            drained = Drained::Gone;
        } else if matches!(drained, Drained::Other)
            && (events.contains(ReadFlags::QUEUE_OVERFLOW)
                || notice
                    .file_name()
                    .is_some_and(|changed| name.is_none_or(|name| changed.to_bytes() == name.as_bytes())))
        {
            drained = Drained::Changed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::files::{Attributes, write_atomic};
    use futures_util::FutureExt;
    use std::time::Duration;
    use tokio::time::timeout;

    const DEADLINE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_replaced_file_is_noticed_and_its_neighbour_is_not() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("watched");
        let mut watch = FileWatch::new(&path)?;
        write_atomic(&folder.path().join("neighbour"), b"x", Attributes::PUBLIC)?;
        assert!(watch.changed().now_or_never().is_none());
        write_atomic(&path, b"x", Attributes::PUBLIC)?;
        timeout(DEADLINE, watch.changed()).await??;
        std::fs::remove_file(&path)?;
        timeout(DEADLINE, watch.changed()).await??;
        Ok(())
    }

    #[tokio::test]
    async fn a_directory_that_comes_is_noticed_and_a_file_only_when_it_is_written() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("watched");
        let mut watch = FileWatch::new(&path)?;
        let file = std::fs::File::create(&path)?;
        assert!(watch.changed().now_or_never().is_none(), "it may be empty still");
        drop(file);
        timeout(DEADLINE, watch.changed()).await??;
        std::fs::remove_file(&path)?;
        timeout(DEADLINE, watch.changed()).await??;
        std::fs::create_dir(&path)?;
        timeout(DEADLINE, watch.changed()).await??;
        Ok(())
    }

    #[tokio::test]
    async fn any_file_of_a_directory_is_noticed() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut watch = FileWatch::of_directory(folder.path())?;
        assert!(watch.changed().now_or_never().is_none());
        for name in ["one", "two"] {
            write_atomic(&folder.path().join(name), b"x", Attributes::PUBLIC)?;
            timeout(DEADLINE, watch.changed()).await??;
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_directory_that_goes_ends_the_watch() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let directory = folder.path().join("etc");
        std::fs::create_dir(&directory)?;
        let mut watch = FileWatch::new(&directory.join("watched"))?;
        std::fs::remove_dir(&directory)?;
        let error = timeout(DEADLINE, watch.changed()).await?.expect_err("the directory is gone");
        assert!(error.to_string().starts_with("could not watch "), "{error}");
        FileWatch::new(&directory.join("watched")).expect_err("nothing to watch");
        Ok(())
    }
}
