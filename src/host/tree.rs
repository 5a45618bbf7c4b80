//! Copies of single nodes, with mode and owner, that a crash leaves either old or new.
//!
//! Every replacement stands complete and durable beside the old thing before that is removed, in a room that nobody
//! else can enter; how the name of the room begins is fixed, so that the next attempt removes what a crash left of it.

use super::directory::{Directory, DirectoryError, Kind};
use super::files::{self, FileError};
use super::inventory::{Node, decode, names};
use crate::model::digest::Digest;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::Path;

/// Copies the content of a file into `folder`, named by its digest, and makes it durable.
///
/// # Errors
/// When it cannot be read or written.
pub fn store_content(path: &Path, folder: &Path) -> Result<Digest, FileError> {
    let unnamed = folder.join(".incoming");
    let source = files::open_real(path)?;
    let target = File::create(&unnamed).map_err(|e| FileError::new("write", &unnamed, e))?;
    let digest = copy_hashed(source, target).map_err(|e| FileError::new("copy", path, e))?;
    let named = folder.join(digest.to_string());
    std::fs::rename(&unnamed, &named).map_err(|e| FileError::new("write", named, e))?;
    files::sync_directory(folder)?;
    Ok(digest)
}

fn copy_hashed(mut source: File, mut target: File) -> io::Result<Digest> {
    target.set_permissions(Permissions::from_mode(0o600))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        let length = source.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        hasher.update(&buffer[..length]);
        target.write_all(&buffer[..length])?;
    }
    target.sync_all()?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

/// Makes `node` at `path`, where nothing stands; the content of a file comes from `folder`.
/// A directory is made open to its owner alone, to be filled before [`set_attributes`].
///
/// # Errors
/// When it cannot be made, its content is missing, or it is of a kind that cannot be made.
pub fn create(path: &Path, node: &Node, folder: &Path) -> Result<(), FileError> {
    let failed = |e| FileError::new("restore", path, e);
    match node {
        Node::File { mode, uid, gid, digest } => {
            let stored = File::open(folder.join(digest.to_string())).map_err(failed)?;
            let copied = copy_hashed(stored, File::create_new(path).map_err(failed)?).map_err(failed)?;
            if copied != *digest {
                return Err(failed(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("the stored content {digest} is damaged"),
                )));
            }
            set_attributes(path, *mode, *uid, *gid)?;
            File::open(path).and_then(|file| file.sync_all()).map_err(failed)
        }
        Node::Directory { .. } => std::fs::create_dir(path)
            .and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(0o700)))
            .map_err(failed),
        Node::Symlink { uid, gid, target } => std::os::unix::fs::symlink(decode(target), path)
            .and_then(|()| lchown(path, Some(*uid), Some(*gid)))
            .map_err(failed),
        Node::Special { what } => {
            Err(failed(io::Error::new(io::ErrorKind::Unsupported, format!("a {what} cannot be made again"))))
        }
    }
}

/// Gives a file or directory its owner and its mode, in this order, because the first clears bits
/// of the second. A link is refused.
///
/// # Errors
/// When it cannot.
pub fn set_attributes(path: &Path, mode: u32, uid: u32, gid: u32) -> Result<(), FileError> {
    super::entry::set_attributes(path, files::Attributes { mode, owner: Some((uid, gid)) })
}

/// Puts what `build` makes in a room beside `path` in the place of `path`, whatever stood there.
///
/// # Errors
/// When it cannot be made or moved; what stood there is then still there.
pub fn replace(path: &Path, build: impl FnOnce(&Path) -> Result<(), FileError>) -> Result<(), FileError> {
    let failed = |error| FileError::below("replace", path, error);
    let (directory, name) = Directory::holding(path).map_err(failed)?;
    let (room, room_name) = directory.room_beside(&name).map_err(failed)?;
    let fresh = room.by_handle().join(&name);
    let moved = build(&fresh)
        .and_then(|()| sync_tree(&fresh))
        .map_err(|error| error.of_another(&fresh, path))
        .and_then(|()| take_place(&room, &directory, &name).map_err(failed));
    let emptied = room.clear().and_then(|()| directory.remove_empty_directory(&room_name));
    moved?;
    emptied.map_err(failed)?;
    path.parent().map_or(Ok(()), files::sync_directory)
}

/// Moves what is in the room to its name; what a directory takes the place of, or what takes that of a directory, is
/// moved into the room first.
fn take_place(room: &Directory, directory: &Directory, name: &OsStr) -> Result<(), DirectoryError> {
    let fresh = room.metadata(name)?;
    let now = directory.metadata_optional(name)?;
    let is_directory = |found: &super::directory::Metadata| found.kind == Kind::Directory;
    if now.as_ref().is_some_and(|now| is_directory(now) || is_directory(&fresh)) {
        let mut old = OsString::from("old-");
        old.push(name);
        directory.shift(name, room, &old)?;
    }
    room.shift(name, directory, name)
}

/// Removes what a crash may have left beside `path`: of [`replace`] and of an atomic write.
///
/// # Errors
/// When something is there and cannot be removed.
pub fn remove_leftovers(path: &Path) -> Result<(), FileError> {
    let failed = |error| FileError::below("remove what is left beside", path, error);
    if !path.parent().is_some_and(Path::is_dir) {
        return Ok(());
    }
    let (directory, name) = Directory::holding(path).map_err(failed)?;
    let prefix = files::leftover_prefix(&name);
    for left in directory.list().map_err(failed)? {
        if left.to_string_lossy().starts_with(&prefix) {
            directory.remove_tree(&left).map_err(failed)?;
        }
    }
    Ok(())
}

/// Removes a file, a link or a whole tree; nothing there is no error.
///
/// # Errors
/// When something is there and cannot be removed.
pub fn remove_any(path: &Path) -> Result<(), FileError> {
    if files::exists(path)? { files::remove_tree(path) } else { Ok(()) }
}

/// Makes every directory of a tree durable; files are so from their writing.
fn sync_tree(path: &Path) -> Result<(), FileError> {
    if path.is_symlink() || !path.is_dir() {
        return Ok(());
    }
    for name in names(path)? {
        sync_tree(&path.join(name))?;
    }
    files::sync_directory(path)
}

/// Cuts a file to its first `length` bytes and makes that durable.
///
/// # Errors
/// When it cannot be opened or cut.
pub fn cut(path: &Path, length: u64) -> Result<(), FileError> {
    std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(length).and_then(|()| file.sync_all()))
        .map_err(|e| FileError::new("cut", path, e))
}

/// Copies a file's content, durable and for root alone, in the place of whatever is at `to`.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy_file(from: &Path, to: &Path) -> Result<(), FileError> {
    let bytes = files::read(from)?;
    files::write_atomic(to, &bytes, files::Attributes::SECRET)
}

/// Copies a file, in the place of whatever is at `to`, with the mode and owner of `like`.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy_beside(from: &Path, to: &Path, like: &Node) -> Result<(), FileError> {
    let mut bytes = Vec::new();
    files::open_real(from)?.read_to_end(&mut bytes).map_err(|e| FileError::new("read", from, e))?;
    let attributes = match like {
        Node::File { mode, uid, gid, .. } => files::Attributes { mode: *mode, owner: Some((*uid, *gid)) },
        _ => files::Attributes::SECRET,
    };
    files::write_atomic(to, &bytes, attributes)
}
