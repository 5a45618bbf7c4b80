//! Files: whole reads, and writes that a crash leaves either old or new.

use super::directory::{Directory, DirectoryError, Kind, Metadata};
use crate::model::explain::{Code, Explain};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

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

    /// The same error of a path that lies below `other` as that has the name `path` for people.
    pub fn of_another(self, other: &Path, path: &Path) -> Self {
        match self.path.strip_prefix(other) {
            Ok(rest) if rest.as_os_str().is_empty() => Self { path: path.to_owned(), ..self },
            Ok(rest) => Self { path: path.join(rest), ..self },
            Err(_) => self,
        }
    }

    /// Wraps an error of a directory handle.
    pub fn below(action: &'static str, path: impl Into<PathBuf>, error: DirectoryError) -> Self {
        let source = match error {
            DirectoryError::Io { source, .. } => source,
            refused => io::Error::other(refused),
        };
        Self::new(action, path, source)
    }
}

impl Explain for FileError {
    fn code(&self) -> Code {
        Code("H001")
    }

    fn hints(&self) -> Vec<String> {
        let refused = self.source.get_ref().and_then(|inner| inner.downcast_ref::<DirectoryError>());
        if let Some(refused) = refused {
            return refused.hints();
        }
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

/// Opens a file for reading that is one itself: no link at its end is followed, and none of somebody else before it.
///
/// # Errors
/// When it cannot be opened, or is no file.
pub fn open_real(path: &Path) -> Result<File, FileError> {
    let failed = |error| FileError::below("read", path, error);
    let (holder, name) = Directory::holding(path).map_err(failed)?;
    let file = holder.open_file(Path::new(&name)).map_err(failed)?;
    match Metadata::of_file(&file, path).map_err(failed)?.kind {
        Kind::File => Ok(file),
        _ => Err(failed(DirectoryError::Escape { action: "read", path: path.to_owned() })),
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

/// How long ago the file was written; none when it is not there, or the clock has been set back since.
///
/// # Errors
/// When the path cannot be looked at.
pub fn age(path: &Path) -> Result<Option<Duration>, FileError> {
    match std::fs::symlink_metadata(path).and_then(|found| found.modified()) {
        Ok(written) => Ok(written.elapsed().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new("look at", path, error)),
    }
}

/// Replaces the file: a temporary file beside it is written, fsynced and renamed over it.
///
/// A crash leaves the old file or the new one, and perhaps a `.NAME.eos-RANDOM` beside it, which
/// [`crate::host::tree::remove_leftovers`] removes. Whoever else may write to the directory can lead it nowhere: it
/// makes its own file under a name that nobody could foresee, and follows only links that root or its own user put there.
///
/// # Errors
/// When any of it fails; the old file is then untouched.
pub fn write_atomic(path: &Path, bytes: &[u8], attributes: Attributes) -> Result<(), FileError> {
    let failed = |error| FileError::below("write", path, error);
    let (directory, name) = Directory::holding(path).map_err(failed)?;
    let (file, temporary) = directory.create_beside(&name).map_err(failed)?;
    let written = fill(file, bytes, attributes)
        .map_err(|error| FileError::new("write", path, error))
        .and_then(|()| directory.settle_as(&temporary, &name).map_err(failed));
    if written.is_err() {
        // The write failed already; that the remains could not be removed as well adds nothing to act on.
        let _ = directory.unlink(&temporary);
    }
    written
}

/// How the names of temporary files begin that are written in the place of a file of this name.
pub fn leftover_prefix(name: &OsStr) -> String {
    format!(".{}.eos-", name.to_string_lossy())
}

fn fill(mut file: File, bytes: &[u8], attributes: Attributes) -> io::Result<()> {
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
    let failed = |error| FileError::below("create directory", path, error);
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists()) {
        create_directory(parent, Attributes { mode: 0o755, owner: None })?;
    }
    let (holder, name) = Directory::holding(path).map_err(failed)?;
    match holder.make_private(&name) {
        Err(error) if error.is_present() && path.is_dir() => {}
        other => other.map_err(failed)?,
    }
    // The directory itself and not what has its name by now.
    let made = holder.pin(Path::new(&name)).map_err(failed)?;
    if let Some((user, group)) = attributes.owner {
        made.set_owner(Some(user), Some(group)).map_err(failed)?;
    }
    made.set_mode(attributes.mode).map_err(failed)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Gives a file, a directory or a link itself another owner.
///
/// # Errors
/// When it cannot.
pub fn change_owner(path: &Path, user: u32, group: u32) -> Result<(), FileError> {
    Directory::holding(path)
        .and_then(|(holder, name)| holder.pin(Path::new(&name)))
        .and_then(|pinned| pinned.set_owner(Some(user), Some(group)))
        .map_err(|error| FileError::below("change the owner of", path, error))
}

/// How long ago a file was made; none where the file system does not tell, or the clock was set back since.
///
/// # Errors
/// When it cannot be looked at.
pub fn since_made(path: &Path) -> Result<Option<Duration>, FileError> {
    let metadata = path.metadata().map_err(|error| FileError::new("look at", path, error))?;
    Ok(metadata.created().ok().and_then(|made| made.elapsed().ok()))
}

/// Removes a file or a link; one that is not there is no error.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    removed(path, |holder, name| holder.unlink(name))
}

/// Removes a tree; one that is not there is no error. Links are removed, never followed.
///
/// # Errors
/// When something in it cannot be removed.
pub fn remove_tree(path: &Path) -> Result<(), FileError> {
    removed(path, |holder, name| holder.remove_tree(name))
}

fn removed(
    path: &Path,
    remove: impl FnOnce(&Directory, &OsStr) -> Result<(), DirectoryError>,
) -> Result<(), FileError> {
    match Directory::holding(path).and_then(|(holder, name)| remove(&holder, &name)) {
        Ok(()) => path.parent().map_or(Ok(()), sync_directory),
        Err(error) if error.is_missing() => Ok(()),
        Err(error) => Err(FileError::below("remove", path, error)),
    }
}

/// Removes a directory if it is empty; says whether it is gone now.
///
/// # Errors
/// When it cannot be removed for another reason than what it holds.
pub fn remove_empty_directory(path: &Path) -> Result<bool, FileError> {
    match Directory::holding(path).and_then(|(holder, name)| holder.remove_empty_directory(&name)) {
        Ok(false) => Ok(false),
        Ok(true) => path.parent().map_or(Ok(true), |parent| sync_directory(parent).map(|()| true)),
        Err(error) if error.is_missing() => Ok(true),
        Err(error) => Err(FileError::below("remove", path, error)),
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
    let opened = Directory::holding(path).and_then(|(holder, name)| holder.open_to_append(&name, mode));
    let mut file = opened.map_err(|error| FileError::below("append to", path, error))?;
    file.write_all(bytes).and_then(|()| file.sync_data()).map_err(failed)?;
    if fresh { path.parent().map_or(Ok(()), sync_directory) } else { Ok(()) }
}

/// Cuts the file to so many bytes and fsyncs it.
///
/// # Errors
/// When it cannot be opened or cut.
pub fn truncate(path: &Path, length: u64) -> Result<(), FileError> {
    let failed = |e| FileError::new("cut", path, e);
    let opened = Directory::holding(path).and_then(|(holder, name)| holder.open_for_update(Path::new(&name)));
    let file = opened.map_err(|error| FileError::below("cut", path, error))?;
    file.set_len(length).and_then(|()| file.sync_all()).map_err(failed)
}

/// Makes the names in a directory durable.
///
/// # Errors
/// When the directory cannot be opened or synced.
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
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

    #[test]
    fn links_that_were_planted_beside_a_file_lead_a_write_nowhere() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "of root")?;
        let home = folder.path().join("home");
        std::fs::create_dir(&home)?;
        // Every name that a process of this number and a counter would give.
        for number in 0..10_000 {
            let name = format!("{}{}-{number}", leftover_prefix("keys".as_ref()), std::process::id());
            std::os::unix::fs::symlink(&secret, home.join(name))?;
        }
        std::os::unix::fs::symlink(&secret, home.join("keys"))?;
        std::os::unix::fs::chown(&home, Some(1000), Some(1000))?;
        write_atomic(&home.join("keys"), b"new", Attributes::SECRET.owned_by(Some((1000, 1000))))?;
        assert_eq!(std::fs::read(home.join("keys"))?, b"new");
        assert!(!home.join("keys").is_symlink());
        assert_eq!(std::fs::metadata(home.join("keys"))?.uid(), 1000);
        assert_eq!(std::fs::read(&secret)?, b"of root");
        assert_eq!(std::fs::metadata(&secret)?.uid(), std::fs::metadata(folder.path())?.uid());
        Ok(())
    }

    #[test]
    fn nothing_is_written_or_removed_through_a_link_of_somebody_else() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let (home, etc) = (folder.path().join("home"), folder.path().join("etc"));
        for made in [&home, &etc, &etc.join("full")] {
            std::fs::create_dir(made)?;
        }
        std::fs::write(etc.join("shadow"), "of root")?;
        let planted = home.join("configuration");
        std::os::unix::fs::symlink(&etc, &planted)?;
        std::os::unix::fs::lchown(&planted, Some(1000), Some(1000))?;
        std::os::unix::fs::chown(&home, Some(1000), Some(1000))?;
        let before = std::fs::metadata(&etc)?;
        let path = planted.join("shadow");
        let refused = [
            write_atomic(&path, b"x", Attributes::PUBLIC),
            change_owner(&path, 1000, 1000),
            remove_file(&path),
            remove_tree(&path),
            remove_empty_directory(&planted.join("full")).map(drop),
            create_directory(&planted.join("new"), Attributes { mode: 0o777, owner: Some((1000, 1000)) }),
            open_real(&path).map(drop),
            append(&path, b"x", 0o600),
            truncate(&path, 0),
        ];
        for refused in refused {
            let error = refused.expect_err("the link is somebody else's");
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            assert!(source.contains("leads through a symbolic link"), "{source}");
            assert!(error.hints()[0].starts_with("name the real directory"), "{:?}", error.hints());
        }
        assert_eq!(list(&etc)?, ["full", "shadow"]);
        assert_eq!(std::fs::read(etc.join("shadow"))?, b"of root");
        assert_eq!(
            (before.uid(), before.mode()),
            (std::fs::metadata(&etc)?.uid(), std::fs::metadata(&etc)?.mode())
        );
        Ok(())
    }
}
