//! What a file is (kind, mode, owner, times), read and set without following links.

use super::{Directory, DirectoryError, failure};
use rustix::fs::{self, AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, UTIME_OMIT, Uid};
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a pipe or a socket.
    Special,
}

/// A point in time as the file system keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Seconds since 1970, negative before.
    pub seconds: i64,
    /// Nanoseconds after that, 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// What `stat` says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Its type.
    pub kind: Kind,
    /// The permission bits with setuid, setgid and sticky (12 bits).
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Bytes of content.
    pub size: u64,
    /// Bytes allocated on the disk; fewer than `size` for a file with holes.
    pub allocated: u64,
    /// Last change of the content.
    pub modified: Moment,
    /// Last change of content or attributes.
    pub changed: Moment,
    /// The device's number.
    pub device: u64,
    /// The inode's number.
    pub inode: u64,
    /// How many names it has.
    pub links: u64,
}

impl Metadata {
    /// What an open file is.
    pub fn of_file(file: &File, path: &Path) -> Result<Self, DirectoryError> {
        fs::fstat(file).map(Self::from_stat).map_err(|e| failure("inspect", path, e))
    }

    // The integer types of `Stat` differ between architectures.
    #[allow(clippy::unnecessary_cast)]
    pub(super) fn from_stat(stat: Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Special,
        };
        let moment = |seconds: i64, nanoseconds: u64| Moment { seconds, nanoseconds: nanoseconds as u32 };
        Self {
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: stat.st_size as u64,
            allocated: stat.st_blocks as u64 * 512,
            modified: moment(stat.st_mtime as i64, stat.st_mtime_nsec as u64),
            changed: moment(stat.st_ctime as i64, stat.st_ctime_nsec as u64),
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            links: stat.st_nlink as u64,
        }
    }
}

impl Directory {
    /// Sets owner and group of a name; a link is changed itself.
    pub fn set_owner(&self, name: &OsStr, uid: u32, gid: u32) -> Result<(), DirectoryError> {
        self.plain("change the owner of", name)?;
        let (user, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        fs::chownat(&self.fd, name, user, group, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|e| self.failed("change the owner of", name, e))
    }

    /// Sets the mode of a directory directly below, which must not be a link.
    pub fn set_mode(&self, name: &OsStr, mode: u32) -> Result<(), DirectoryError> {
        self.plain("change the mode of", name)?;
        fs::chmodat(&self.fd, name, Mode::from_raw_mode(mode), AtFlags::empty())
            .map_err(|e| self.failed("change the mode of", name, e))
    }

    /// Sets the mode of this directory.
    pub fn set_own_mode(&self, mode: u32) -> Result<(), DirectoryError> {
        fs::fchmod(&self.fd, Mode::from_raw_mode(mode))
            .map_err(|e| failure("change the mode of", &self.path, e))
    }

    /// Sets the modification time of a name; a link is changed itself.
    pub fn set_modified(&self, name: &OsStr, modified: Moment) -> Result<(), DirectoryError> {
        self.plain("set the time of", name)?;
        fs::utimensat(&self.fd, name, &timestamps(modified), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|e| self.failed("set the time of", name, e))
    }

    /// Sets owner (if any), mode and modification time of this directory, in that order.
    pub fn set_attributes(
        &self,
        owner: Option<(u32, u32)>,
        mode: u32,
        modified: Moment,
    ) -> Result<(), DirectoryError> {
        set_by_descriptor(&self.fd, &self.path, owner, mode, modified)
    }
}

/// Sets owner (if any), mode and modification time of an open file, in that order.
///
/// `path` serves the message only.
pub fn set_file_attributes(
    file: &File,
    path: &Path,
    owner: Option<(u32, u32)>,
    mode: u32,
    modified: Moment,
) -> Result<(), DirectoryError> {
    set_by_descriptor(file, path, owner, mode, modified)
}

fn set_by_descriptor(
    fd: impl std::os::fd::AsFd + Copy,
    path: &Path,
    owner: Option<(u32, u32)>,
    mode: u32,
    modified: Moment,
) -> Result<(), DirectoryError> {
    // To look costs less than to set what is so already: each change is a transaction of the file system.
    let now = fs::fstat(fd).map_err(|e| failure("inspect", path, e))?;
    if let Some((uid, gid)) = owner.filter(|owner| *owner != (now.st_uid, now.st_gid)) {
        fs::fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
            .map_err(|e| failure("change the owner of", path, e))?;
    } else if now.st_mode & 0o7777 == mode {
        return fs::futimens(fd, &timestamps(modified)).map_err(|e| failure("set the time of", path, e));
    }
    // After the owner: changing it clears setuid and setgid.
    fs::fchmod(fd, Mode::from_raw_mode(mode)).map_err(|e| failure("change the mode of", path, e))?;
    fs::futimens(fd, &timestamps(modified)).map_err(|e| failure("set the time of", path, e))
}

fn timestamps(modified: Moment) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: modified.seconds, tv_nsec: modified.nanoseconds.into() },
    }
}
