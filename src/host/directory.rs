//! A handle on a directory: every path is resolved beneath it, and never through a symbolic link.

mod append;
mod behind;
#[cfg(test)]
pub(crate) mod cut;
mod direct;
mod error;
mod extended;
mod lock;
mod metadata;
mod reach;
mod removal;
mod replace;
mod sharing;
#[cfg(test)]
mod tests;

pub use behind::write_behind;
pub use direct::{Aligned, Direct};
pub use error::DirectoryError;
#[cfg(test)]
pub(crate) use error::samples;
pub use extended::{NAMESPACE, extended_and_others_of_file, extended_of_file, set_extended_of_file};
pub use metadata::{Kind, Metadata, Moment, set_file_attributes};
pub use reach::Pinned;
pub use replace::{FRESH, fresh};
pub use sharing::next_data;

use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// How often `openat2` is asked again when the kernel saw a rename race it (`EAGAIN`).
const RACE_RETRIES: usize = 64;

/// An open directory; `path` serves messages only.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
    locked: AtomicBool,
}

impl Directory {
    /// Opens a directory by its trusted path; the last component must not be a link.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::RDONLY;
        let fd = fs::open(path, flags, Mode::empty()).map_err(|errno| failure("open", path, errno))?;
        Ok(Self::of(fd, path.to_owned()))
    }

    fn of(fd: OwnedFd, path: PathBuf) -> Self {
        Self { fd, path, locked: AtomicBool::new(false) }
    }

    /// The path under which it was opened, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a directory beneath this one; the empty path is this one.
    pub fn open_directory(&self, relative: &Path) -> Result<Self, DirectoryError> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        let fd = self.resolve("open", relative, flags, Mode::empty())?;
        Ok(Self::of(fd, self.path.join(relative)))
    }

    /// Opens a file beneath for reading; never waits for the other end of a pipe.
    pub fn open_file(&self, relative: &Path) -> Result<File, DirectoryError> {
        self.resolve("open", relative, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).map(File::from)
    }

    /// Opens an existing file beneath for reading and writing.
    pub fn open_for_update(&self, relative: &Path) -> Result<File, DirectoryError> {
        self.resolve("open", relative, OFlags::RDWR | OFlags::NONBLOCK, Mode::empty()).map(File::from)
    }

    /// Creates a file that must not exist yet, for reading and writing.
    pub fn create_file(&self, name: &OsStr, mode: u32) -> Result<File, DirectoryError> {
        self.plain("create", name)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        self.resolve("create", Path::new(name), flags, Mode::from_raw_mode(mode)).map(File::from)
    }

    /// Creates a directory that must not exist yet.
    pub fn make_directory(&self, name: &OsStr, mode: u32) -> Result<(), DirectoryError> {
        self.plain("create", name)?;
        fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode)).map_err(|e| self.failed("create", name, e))
    }

    /// Opens a directory directly below, which is created if it does not exist.
    pub fn ensure_directory(&self, name: &OsStr, mode: u32) -> Result<Self, DirectoryError> {
        match self.make_directory(name, mode) {
            Err(error) if !error.is_present() => Err(error),
            Ok(()) | Err(_) => self.open_directory(Path::new(name)),
        }
    }

    /// Creates a symbolic link with this exact target, whatever it says.
    pub fn make_symlink(&self, name: &OsStr, target: &OsStr) -> Result<(), DirectoryError> {
        self.plain("link", name)?;
        fs::symlinkat(target, &self.fd, name).map_err(|e| self.failed("link", name, e))
    }

    /// Gives a file a second name; a link is never followed.
    pub fn make_hardlink(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<(), DirectoryError> {
        self.plain("link", name)?;
        to.plain("link", to_name)?;
        fs::linkat(&self.fd, name, &to.fd, to_name, AtFlags::empty())
            .map_err(|e| to.failed("link", to_name, e))
    }

    /// Gives an open file another name here, whatever its own name leads to by now.
    pub fn link_file(&self, file: &File, name: &OsStr) -> Result<(), DirectoryError> {
        self.plain("link", name)?;
        let handle = format!("/proc/self/fd/{}", file.as_raw_fd());
        fs::linkat(fs::CWD, handle, &self.fd, name, AtFlags::SYMLINK_FOLLOW)
            .map_err(|e| self.failed("link", name, e))
    }

    /// Moves a name over another, which it replaces.
    pub fn rename(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<(), DirectoryError> {
        self.rename_with("rename", name, to, to_name, RenameFlags::empty())
    }

    /// Moves a name to one that must not exist yet.
    pub fn rename_new(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<(), DirectoryError> {
        self.rename_with("rename", name, to, to_name, RenameFlags::NOREPLACE)
    }

    /// Exchanges two names in one step; both must exist.
    pub fn exchange(&self, name: &OsStr, with: &Self, with_name: &OsStr) -> Result<(), DirectoryError> {
        self.rename_with("exchange", name, with, with_name, RenameFlags::EXCHANGE)
    }

    fn rename_with(
        &self,
        action: &'static str,
        name: &OsStr,
        to: &Self,
        to_name: &OsStr,
        flags: RenameFlags,
    ) -> Result<(), DirectoryError> {
        self.plain(action, name)?;
        to.plain(action, to_name)?;
        #[cfg(test)]
        if flags.contains(RenameFlags::EXCHANGE) {
            cut::exchange().map_err(|errno| self.failed(action, name, errno))?;
        }
        fs::renameat_with(&self.fd, name, &to.fd, to_name, flags).map_err(|e| self.failed(action, name, e))
    }

    /// Removes a file or a link.
    pub fn remove_file(&self, name: &OsStr) -> Result<(), DirectoryError> {
        self.plain("remove", name)?;
        fs::unlinkat(&self.fd, name, AtFlags::empty()).map_err(|e| self.failed("remove", name, e))
    }

    /// Removes a directory if it is empty; says whether it is gone now.
    pub fn remove_empty_directory(&self, name: &OsStr) -> Result<bool, DirectoryError> {
        self.plain("remove", name)?;
        match fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(errno) => Err(self.failed("remove", name, errno)),
        }
    }

    /// The names directly below, sorted by their bytes.
    pub fn list(&self) -> Result<Vec<OsString>, DirectoryError> {
        let reader = fs::Dir::read_from(&self.fd).map_err(|e| failure("list", &self.path, e))?;
        let mut names = Vec::new();
        for entry in reader {
            let entry = entry.map_err(|e| failure("list", &self.path, e))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// What lies under this name; a link is described itself.
    pub fn metadata(&self, name: &OsStr) -> Result<Metadata, DirectoryError> {
        self.plain("inspect", name)?;
        let stat = fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        stat.map(Metadata::from_stat).map_err(|e| self.failed("inspect", name, e))
    }

    /// As `metadata`, with `None` for a name that is not there.
    pub fn metadata_optional(&self, name: &OsStr) -> Result<Option<Metadata>, DirectoryError> {
        match self.metadata(name) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What this directory itself is.
    pub fn own_metadata(&self) -> Result<Metadata, DirectoryError> {
        fs::fstat(&self.fd).map(Metadata::from_stat).map_err(|e| failure("inspect", &self.path, e))
    }

    /// The target of a symbolic link.
    pub fn read_link(&self, name: &OsStr) -> Result<OsString, DirectoryError> {
        self.plain("read", name)?;
        let target = fs::readlinkat(&self.fd, name, Vec::new()).map_err(|e| self.failed("read", name, e))?;
        Ok(OsStr::from_bytes(target.as_bytes()).to_owned())
    }

    /// Free bytes of the file system, for an unprivileged writer.
    pub fn free_bytes(&self) -> Result<u64, DirectoryError> {
        let space = fs::fstatvfs(&self.fd).map_err(|e| failure("measure", &self.path, e))?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    /// Makes the names in this directory durable.
    pub fn sync(&self) -> Result<(), DirectoryError> {
        #[cfg(test)]
        {
            cut::here().map_err(|errno| failure("sync", &self.path, errno))?;
            cut::note("sync", &self.path);
        }
        fs::fsync(&self.fd).map_err(|e| failure("sync", &self.path, e))
    }

    /// Makes a file beneath durable.
    pub fn sync_file(&self, relative: &Path) -> Result<(), DirectoryError> {
        let file = self.open_file(relative)?;
        self.sync_open_file(relative, &file)
    }

    /// Makes a file beneath durable that is open already.
    pub fn sync_open_file(&self, relative: impl AsRef<Path>, file: &File) -> Result<(), DirectoryError> {
        let relative = relative.as_ref();
        #[cfg(test)]
        {
            cut::here().map_err(|errno| failure("sync", &self.path.join(relative), errno))?;
            cut::note("sync file", &self.path.join(relative));
        }
        fs::fsync(file).map_err(|errno| failure("sync", &self.path.join(relative), errno))
    }

    /// Makes everything on this file system durable; one call for many small files.
    pub fn sync_filesystem(&self) -> Result<(), DirectoryError> {
        #[cfg(test)]
        {
            cut::here().map_err(|errno| failure("sync", &self.path, errno))?;
            cut::note("sync all", &self.path);
        }
        fs::syncfs(&self.fd).map_err(|e| failure("sync", &self.path, e))
    }

    fn plain(&self, action: &'static str, name: &OsStr) -> Result<(), DirectoryError> {
        let bytes = name.as_bytes();
        if matches!(bytes, b"" | b"." | b"..") || bytes.iter().any(|byte| matches!(byte, b'/' | 0)) {
            let name = name.to_string_lossy().chars().take(80).collect();
            return Err(DirectoryError::Name { action, path: self.path.clone(), name });
        }
        #[cfg(test)]
        if !matches!(action, "inspect" | "read") {
            cut::here().map_err(|errno| self.failed(action, name.as_ref() as &Path, errno))?;
            cut::note(action, &self.path.join(name));
        }
        Ok(())
    }

    fn resolve(
        &self,
        action: &'static str,
        relative: &Path,
        flags: OFlags,
        mode: Mode,
    ) -> Result<OwnedFd, DirectoryError> {
        let inside = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
        let rules = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::CLOEXEC;
        let mut answer = Err(Errno::AGAIN);
        for _ in 0..RACE_RETRIES {
            answer = fs::openat2(&self.fd, inside, flags, mode, rules);
            if !matches!(answer, Err(Errno::AGAIN | Errno::INTR)) {
                break;
            }
        }
        answer.map_err(|errno| self.failed(action, relative, errno))
    }

    fn failed(&self, action: &'static str, relative: impl AsRef<Path>, errno: Errno) -> DirectoryError {
        failure(action, &self.path.join(relative), errno)
    }
}

fn failure(action: &'static str, path: &Path, errno: Errno) -> DirectoryError {
    match errno {
        Errno::LOOP => DirectoryError::Escape { action, path: path.to_owned() },
        // For the two path lookups it means "not beneath"; for the others, "another file system".
        Errno::XDEV if matches!(action, "open" | "create") => {
            DirectoryError::Escape { action, path: path.to_owned() }
        }
        _ => DirectoryError::Io { action, path: path.to_owned(), source: errno.into() },
    }
}
