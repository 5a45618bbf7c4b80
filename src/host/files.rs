//! Files: whole reads, and writes that a crash leaves either old or new.

use crate::model::explain::{Code, Explain};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Mode and owner of a file to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// User and group, or whoever runs eos.
    pub owner: Option<(u32, u32)>,
}

impl Attributes {
    /// Readable by all, writable by the owner.
    pub const PUBLIC: Self = Self { mode: 0o644, owner: None };
    /// For keys: the owner alone.
    pub const SECRET: Self = Self { mode: 0o600, owner: None };

    /// The same mode for another owner.
    pub fn owned_by(self, owner: Option<(u32, u32)>) -> Self {
        Self { owner, ..self }
    }
}

/// An operation on a file that the operating system refused.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} {}", path.display())]
pub struct FileError {
    /// `read`, `write`, ...
    pub action: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// Wraps an error of the operating system.
    pub fn new(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { action, path: path.into(), source }
    }
}

impl Explain for FileError {
    fn code(&self) -> Code {
        Code("H001")
    }

    fn hints(&self) -> Vec<String> {
        let path = self.path.display();
        vec![match self.source.kind() {
            io::ErrorKind::PermissionDenied => {
                "run the command as root, or with a --root that you own".to_owned()
            }
            io::ErrorKind::StorageFull => format!("free space on its file system: df -h {path}"),
            io::ErrorKind::ReadOnlyFilesystem => format!("mount it writable: findmnt -T {path}"),
            _ => format!("look at it: ls -ld {path}"),
        }]
    }

    fn retry_helps(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::Interrupted)
    }
}

/// The whole file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|e| FileError::new("read", path, e))
}

/// The whole file, or nothing when there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new("read", path, error)),
    }
}

/// Whether there is a file at the path, links followed; one that cannot be looked at is none.
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether there is a directory at the path, links followed; one that cannot be looked at is none.
pub fn is_directory(path: &Path) -> bool {
    path.is_dir()
}

/// The path with its directory free of links; the last name is left as it is.
///
/// # Errors
/// When there is no such directory, or it cannot be looked at.
pub fn with_real_directory(path: &Path) -> Result<PathBuf, FileError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(path.to_owned()) };
    let real = parent.canonicalize().map_err(|e| FileError::new("look at", parent, e))?;
    Ok(real.join(name))
}

/// A directory's path without links.
///
/// # Errors
/// When there is none, or it cannot be looked at.
pub fn real_directory(path: &Path) -> Result<PathBuf, FileError> {
    path.canonicalize().map_err(|e| FileError::new("look at", path, e))
}

/// The last bytes of a file, `most` of them, and whether that is all of it; nothing when there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_end(path: &Path, most: u64) -> Result<Option<(Vec<u8>, bool)>, FileError> {
    let failed = |error| FileError::new("read", path, error);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let begin = file.metadata().map_err(failed)?.len().saturating_sub(most);
    let mut bytes = Vec::new();
    file.seek(io::SeekFrom::Start(begin)).map_err(failed)?;
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some((bytes, begin == 0)))
}

/// Whether there is something at the path; a dangling link counts.
///
/// # Errors
/// When the path cannot be looked at.
pub fn exists(path: &Path) -> Result<bool, FileError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(FileError::new("look at", path, error)),
    }
}

/// Replaces the file: a temporary file beside it is written, fsynced and renamed over it.
///
/// A crash leaves the old file or the new one, and perhaps a `.NAME.eos-PID-N` beside it, which
/// [`crate::host::tree::remove_leftovers`] removes.
///
/// # Errors
/// When any of it fails; the old file is then untouched.
pub fn write_atomic(path: &Path, bytes: &[u8], attributes: Attributes) -> Result<(), FileError> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(FileError::new("write", path, io::ErrorKind::InvalidInput.into()));
    };
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let temporary = parent.join(format!("{}{}-{number}", leftover_prefix(name), std::process::id()));
    let written = write_new(&temporary, bytes, attributes)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|e| FileError::new("write", path, e));
    if written.is_err() {
        // The write failed already; that the remains could not be removed as well adds nothing to act on.
        let _ = std::fs::remove_file(&temporary);
    }
    written?;
    sync_directory(parent)
}

/// How the names of temporary files begin that are written in the place of a file of this name.
pub fn leftover_prefix(name: &OsStr) -> String {
    format!(".{}.eos-", name.to_string_lossy())
}

fn write_new(path: &Path, bytes: &[u8], attributes: Attributes) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    if let Some((user, group)) = attributes.owner {
        std::os::unix::fs::fchown(&file, Some(user), Some(group))?;
    }
    file.set_permissions(std::fs::Permissions::from_mode(attributes.mode))?;
    file.sync_all()
}

/// Makes the directory and its missing parents (those with mode 755), and fsyncs what holds it.
///
/// # Errors
/// When one cannot be made, or something else than a directory is there.
pub fn create_directory(path: &Path, attributes: Attributes) -> Result<(), FileError> {
    let failed = |e| FileError::new("create directory", path, e);
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        create_directory(parent, Attributes { mode: 0o755, owner: None })?;
    }
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        other => other.map_err(failed)?,
    }
    if attributes.owner.is_some() {
        let (user, group) = attributes.owner.unzip();
        std::os::unix::fs::chown(path, user, group).map_err(failed)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(attributes.mode)).map_err(failed)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Gives a file or directory another owner.
///
/// # Errors
/// When it cannot.
pub fn change_owner(path: &Path, user: u32, group: u32) -> Result<(), FileError> {
    std::os::unix::fs::chown(path, Some(user), Some(group))
        .map_err(|e| FileError::new("change the owner of", path, e))
}

/// Removes a file or a link; one that is not there is no error.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(FileError::new("remove", path, error)),
    }
}

/// Removes a tree; one that is not there is no error. Links are removed, never followed.
///
/// # Errors
/// When something in it cannot be removed.
pub fn remove_tree(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_dir_all(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(FileError::new("remove", path, error)),
    }
}

/// Removes a directory if it is empty; says whether it is gone now.
///
/// # Errors
/// When it cannot be removed for another reason than what it holds.
pub fn remove_empty_directory(path: &Path) -> Result<bool, FileError> {
    match std::fs::remove_dir(path) {
        Ok(()) => path.parent().map_or(Ok(true), |parent| sync_directory(parent).map(|()| true)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(error) => Err(FileError::new("remove", path, error)),
    }
}

/// The names in a directory, sorted; none when there is no such directory.
///
/// # Errors
/// When it is there and cannot be read.
pub fn list(path: &Path) -> Result<Vec<String>, FileError> {
    let failed = |e| FileError::new("list", path, e);
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Appends one record and fsyncs it; the file is made with the mode when it is missing.
///
/// # Errors
/// When it cannot be written; part of the record may then stand at the end of the file.
pub fn append(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let failed = |e| FileError::new("append to", path, e);
    let fresh = !path.exists();
    let mut file = OpenOptions::new().append(true).create(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_data()).map_err(failed)?;
    if fresh { path.parent().map_or(Ok(()), sync_directory) } else { Ok(()) }
}

/// Cuts the file to so many bytes and fsyncs it.
///
/// # Errors
/// When it cannot be opened or cut.
pub fn truncate(path: &Path, length: u64) -> Result<(), FileError> {
    let failed = |e| FileError::new("cut", path, e);
    let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
    file.set_len(length).and_then(|()| file.sync_all()).map_err(failed)
}

/// Makes the names in a directory durable.
///
/// # Errors
/// When the directory cannot be opened or synced.
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(|e| FileError::new("sync", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_beside_it() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("key");
        write_atomic(&path, b"first", Attributes::PUBLIC)?;
        write_atomic(&path, b"second", Attributes::SECRET)?;
        assert_eq!(read(&path)?, b"second");
        assert_eq!(std::fs::metadata(&path)?.mode() & 0o7777, 0o600);
        assert_eq!(list(folder.path())?, ["key"]);
        Ok(())
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("directory");
        create_directory(&path.join("child"), Attributes { mode: 0o755, owner: None })?;
        let error = write_atomic(&path, b"x", Attributes::PUBLIC).expect_err("a directory is in the way");
        assert_eq!(error.to_string(), format!("could not write {}", path.display()));
        assert_eq!(error.code().to_string(), "EOS-H001");
        assert_eq!(list(folder.path())?, ["directory"]);
        Ok(())
    }
}
