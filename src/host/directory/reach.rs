//! The directory that holds a path of the machine, found without trusting links that others may have put on the way,
//! and what is written there under a name that nobody could foresee.

use super::{Directory, DirectoryError, failure};
use crate::host::files::leftover_prefix;
use rustix::fs::{self, AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// As many links are followed on one way, as the kernel does.
const LINKS: usize = 40;

impl Directory {
    /// Opens a directory by its path. A link on the way is followed only where root, or who runs this, has put it: in a
    /// directory that is theirs, and where others may write to that, only if the link is theirs too. With the rights of
    /// root nobody is led where somebody else wants.
    ///
    /// # Errors
    /// When there is no such directory, or a link of somebody else is on the way.
    pub fn reach(path: &Path) -> Result<Self, DirectoryError> {
        let failed = |errno| failure("open", path, errno);
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let rules = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let whole = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let fd = match fs::openat2(fs::CWD, whole, flags, Mode::empty(), rules) {
            Err(Errno::LOOP) => along(whole).map_err(failed)?,
            other => other.map_err(failed)?,
        };
        Ok(Self::of(fd, path.to_owned()))
    }

    /// The directory that holds a path, as [`Directory::reach`] opens it, and the name in it.
    ///
    /// # Errors
    /// As there, or when the path ends in no name.
    pub fn holding(path: &Path) -> Result<(Self, OsString), DirectoryError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            let name = path.display().to_string();
            return Err(DirectoryError::Name { action: "find", path: path.to_owned(), name });
        };
        Ok((Self::reach(parent)?, name.to_owned()))
    }

    /// Holds on to what is under this name, whatever gets the name later; a link is held itself.
    ///
    /// # Errors
    /// When there is nothing, or it cannot be looked at.
    pub fn pin(&self, relative: &Path) -> Result<Pinned, DirectoryError> {
        let fd = self.resolve("open", relative, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Pinned { fd, path: self.path.join(relative) })
    }

    /// Opens a file to append to it; it is made with this mode when there is none.
    ///
    /// # Errors
    /// When it is a link, or the disk refuses.
    pub fn open_to_append(&self, name: &OsStr, mode: u32) -> Result<File, DirectoryError> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NONBLOCK;
        self.resolve("open", Path::new(name), flags, Mode::from_raw_mode(mode)).map(File::from)
    }

    /// Makes a directory that must not exist yet, for its owner alone.
    ///
    /// # Errors
    /// When it exists, or the disk refuses.
    pub(in crate::host) fn make_private(&self, name: &OsStr) -> Result<(), DirectoryError> {
        fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o700))
            .map_err(|errno| self.failed("create", name, errno))
    }

    /// Makes a file beside the name, for its owner alone, under a name that nobody could foresee.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(in crate::host) fn create_beside(&self, name: &OsStr) -> Result<(File, OsString), DirectoryError> {
        let fresh = unforeseen(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(&self.fd, &fresh, flags, Mode::from_raw_mode(0o600))
            .map_err(|errno| self.failed("create", &fresh, errno))?;
        Ok((File::from(file), fresh))
    }

    /// Makes an empty directory beside the name, that nobody else can enter, under a name that nobody could foresee.
    ///
    /// # Errors
    /// When the disk refuses, or somebody put another directory in its place at once.
    pub(in crate::host) fn room_beside(&self, name: &OsStr) -> Result<(Self, OsString), DirectoryError> {
        let fresh = unforeseen(name);
        self.make_private(&fresh)?;
        let room = self.open_directory(Path::new(&fresh))?;
        let own = rustix::process::geteuid().as_raw();
        if room.own_metadata()?.uid != own || !room.list()?.is_empty() {
            return Err(DirectoryError::Escape { action: "create", path: room.path.clone() });
        }
        Ok((room, fresh))
    }

    /// Removes a file or a link of this name.
    ///
    /// # Errors
    /// When there is none, or the disk refuses.
    pub(in crate::host) fn unlink(&self, name: &OsStr) -> Result<(), DirectoryError> {
        fs::unlinkat(&self.fd, name, AtFlags::empty()).map_err(|errno| self.failed("remove", name, errno))
    }

    /// Moves a name over another one here.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(in crate::host) fn settle_as(&self, name: &OsStr, as_name: &OsStr) -> Result<(), DirectoryError> {
        fs::renameat(&self.fd, name, &self.fd, as_name)
            .and_then(|()| fs::fsync(&self.fd))
            .map_err(|errno| self.failed("replace", as_name, errno))
    }

    /// Moves something to a name of another directory. A directory that its owner took the right to change from
    /// himself gets it for that moment, since what is moved to another parent is changed.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(in crate::host) fn shift(
        &self,
        name: &OsStr,
        to: &Self,
        as_name: &OsStr,
    ) -> Result<(), DirectoryError> {
        let moved = || fs::renameat(&self.fd, name, &to.fd, as_name);
        match moved() {
            Err(Errno::ACCESS) => {
                let inner = self.open_directory(Path::new(name))?;
                let mode = inner.own_metadata()?.mode;
                inner.set_own_mode(mode | 0o200)?;
                let result = moved();
                inner.set_own_mode(mode)?;
                result
            }
            other => other,
        }
        .map_err(|errno| to.failed("replace", as_name, errno))
    }

    /// A path that leads to this very directory while it is open, whatever becomes of its name.
    pub(in crate::host) fn by_handle(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.fd.as_raw_fd()))
    }
}

/// One thing of the file system that is held by a handle: what is done to it is done to nothing else.
#[derive(Debug)]
pub struct Pinned {
    fd: OwnedFd,
    path: PathBuf,
}

impl Pinned {
    /// What it is.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn metadata(&self) -> Result<super::Metadata, DirectoryError> {
        fs::fstat(&self.fd)
            .map(super::Metadata::from_stat)
            .map_err(|errno| failure("inspect", &self.path, errno))
    }

    /// Gives it owner and group; what is not said stays.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn set_owner(&self, user: Option<u32>, group: Option<u32>) -> Result<(), DirectoryError> {
        let (user, group) = (user.map(Uid::from_raw), group.map(Gid::from_raw));
        fs::chownat(&self.fd, "", user, group, AtFlags::EMPTY_PATH)
            .map_err(|errno| failure("change the owner of", &self.path, errno))
    }

    /// Gives it a mode; a link has none.
    ///
    /// # Errors
    /// When it is a link, or the system refuses.
    pub fn set_mode(&self, mode: u32) -> Result<(), DirectoryError> {
        let failed = |errno| failure("change the mode of", &self.path, errno);
        if self.metadata()?.kind == super::Kind::Symlink {
            return Err(failed(Errno::LOOP));
        }
        // Of such a handle `fchmod` knows nothing; its own name leads to what it holds.
        let own = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        fs::chmod(own, Mode::from_raw_mode(mode)).map_err(failed)
    }
}

/// A name beside the given one that nobody could foresee.
fn unforeseen(name: &OsStr) -> OsString {
    let random = uuid::Uuid::new_v4().as_u64_pair().0;
    OsString::from(format!("{}{random:016x}", leftover_prefix(name)))
}

/// Opens a directory name by name, and judges each link on the way.
fn along(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let start = |path: &Path| match path.is_absolute() {
        true => fs::open("/", flags, Mode::empty()),
        false => fs::open(".", flags, Mode::empty()),
    };
    let mut here = start(path)?;
    let mut waiting = names(path);
    let mut links = 0;
    while let Some(name) = waiting.pop() {
        let next =
            fs::openat(&here, &name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let found = fs::fstat(&next)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::Symlink {
            here = next;
            continue;
        }
        links += 1;
        let holder = fs::fstat(&here)?;
        let shared = holder.st_mode & 0o022 != 0;
        if links > LINKS || !is_trusted(holder.st_uid) || shared && !is_trusted(found.st_uid) {
            return Err(Errno::LOOP);
        }
        if fs::fstatfs(&here)?.f_type == fs::PROC_SUPER_MAGIC {
            // Its links lead to what is open, or runs, and not to what has such a name.
            here = fs::openat(&here, &name, flags, Mode::empty())?;
            continue;
        }
        let target = fs::readlinkat(&next, "", Vec::new())?;
        let target = Path::new(OsStr::from_bytes(target.as_bytes()));
        if target.is_absolute() {
            here = start(target)?;
        }
        waiting.extend(names(target));
    }
    fs::openat(&here, ".", OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// The names of a path, the first one last.
fn names(path: &Path) -> Vec<OsString> {
    let named = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    let mut names: Vec<OsString> = named.map(|part| part.as_os_str().to_owned()).collect();
    names.reverse();
    names
}

fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};

    #[test]
    fn a_link_of_root_is_followed_and_one_of_somebody_else_is_not() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let top = folder.path();
        for made in ["real/below", "theirs"] {
            std::fs::create_dir_all(top.join(made))?;
        }
        let inode = std::fs::metadata(top.join("real/below"))?.ino();
        symlink("real", top.join("ours"))?;
        symlink(top.join("ours/below"), top.join("twice"))?;
        for path in ["real/below", "ours/below", "twice", "theirs/../ours/below"] {
            assert_eq!(Directory::reach(&top.join(path))?.own_metadata()?.inode, inode, "{path}");
        }
        // Nobody but root can have put it there, whoever it was given to.
        symlink("real", top.join("given"))?;
        lchown(top.join("given"), Some(1000), Some(1000))?;
        let shared = top.join("shared");
        std::fs::create_dir(&shared)?;
        std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o1777))?;
        symlink("../real", shared.join("ours"))?;
        for path in ["given/below", "shared/ours/below"] {
            assert_eq!(Directory::reach(&top.join(path))?.own_metadata()?.inode, inode, "{path}");
        }
        symlink("../real", shared.join("planted"))?;
        lchown(shared.join("planted"), Some(1000), Some(1000))?;
        // Where somebody else may rename what is in it, a link of root may have been put too.
        symlink("../real", top.join("theirs/link"))?;
        std::os::unix::fs::chown(top.join("theirs"), Some(1000), Some(1000))?;
        for path in ["shared/planted/below", "shared/planted", "theirs/link/below"] {
            let error = Directory::reach(&top.join(path)).expect_err(path);
            assert!(matches!(error, DirectoryError::Escape { .. }), "{error:?}");
        }
        symlink("circle", top.join("circle"))?;
        assert!(matches!(Directory::reach(&top.join("circle")), Err(DirectoryError::Escape { .. })));
        assert!(Directory::reach(&top.join("none/below")).expect_err("nothing there").is_missing());
        Ok(())
    }

    #[test]
    fn what_is_pinned_is_changed_whatever_gets_its_name() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let here = Directory::open(folder.path())?;
        let (file, secret) = (folder.path().join("file"), folder.path().join("secret"));
        std::fs::write(&file, "theirs")?;
        std::fs::write(&secret, "ours")?;
        let before = std::fs::metadata(&secret)?;
        let pinned = here.pin(Path::new("file"))?;
        std::fs::rename(&file, folder.path().join("moved"))?;
        symlink("secret", &file)?;
        pinned.set_owner(Some(1000), None)?;
        pinned.set_mode(0o640)?;
        let moved = std::fs::metadata(folder.path().join("moved"))?;
        assert_eq!((moved.uid(), moved.gid(), moved.mode() & 0o7777), (1000, before.gid(), 0o640));
        let link = here.pin(Path::new("file"))?;
        link.set_owner(Some(1000), Some(1000))?;
        assert!(matches!(link.set_mode(0o777), Err(DirectoryError::Escape { .. })));
        assert_eq!(std::fs::symlink_metadata(&file)?.uid(), 1000);
        let after = std::fs::metadata(&secret)?;
        assert_eq!((after.uid(), after.gid(), after.mode()), (before.uid(), before.gid(), before.mode()));
        Ok(())
    }
}
