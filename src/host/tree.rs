//! Copies of single nodes, with mode and owner, that a crash leaves either old or new.
//!
//! Every replacement stands complete and durable beside the old thing before that is removed;
//! the name it has until then is fixed, so that the next attempt removes what a crash left of it.

use super::files::{self, FileError};
use super::inventory::{Node, decode, names};
use crate::model::digest::Digest;
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::{Path, PathBuf};

/// Copies the content of a file into `folder`, named by its digest, and makes it durable.
///
/// # Errors
/// When it cannot be read or written.
pub fn store_content(path: &Path, folder: &Path) -> Result<Digest, FileError> {
    let unnamed = folder.join(".incoming");
    let digest = copy_hashed(path, &unnamed).map_err(|e| FileError::new("copy", path, e))?;
    let named = folder.join(digest.to_string());
    std::fs::rename(&unnamed, &named).map_err(|e| FileError::new("write", named, e))?;
    files::sync_directory(folder)?;
    Ok(digest)
}

fn copy_hashed(from: &Path, to: &Path) -> io::Result<Digest> {
    let mut source = File::open(from)?;
    let mut target = File::create(to)?;
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
            let copied = copy_hashed(&folder.join(digest.to_string()), path).map_err(failed)?;
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
/// of the second.
///
/// # Errors
/// When it cannot.
pub fn set_attributes(path: &Path, mode: u32, uid: u32, gid: u32) -> Result<(), FileError> {
    lchown(path, Some(uid), Some(gid))
        .and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(mode)))
        .map_err(|e| FileError::new("set mode and owner of", path, e))
}

/// Puts what `build` makes at a temporary name in the place of `path`, whatever stood there.
///
/// # Errors
/// When it cannot be made or moved; what stood there is then still there.
pub fn replace(path: &Path, build: impl FnOnce(&Path) -> Result<(), FileError>) -> Result<(), FileError> {
    let fresh = beside(path, "eos-restored");
    let old = beside(path, "eos-replaced");
    remove_any(&fresh)?;
    remove_any(&old)?;
    build(&fresh)?;
    sync_tree(&fresh)?;
    let rename =
        |from: &Path, to: &Path| std::fs::rename(from, to).map_err(|e| FileError::new("replace", path, e));
    let both_plain = !path.is_dir() && !fresh.is_dir() || path.is_symlink() && !fresh.is_dir();
    if !both_plain && files::exists(path)? {
        rename(path, &old)?;
    }
    rename(&fresh, path)?;
    path.parent().map_or(Ok(()), files::sync_directory)?;
    remove_any(&old)
}

/// Removes what a crash may have left beside `path`: of [`replace`] and of an atomic write.
///
/// # Errors
/// When something is there and cannot be removed.
pub fn remove_leftovers(path: &Path) -> Result<(), FileError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    if !parent.is_dir() {
        return Ok(());
    }
    let prefix = files::leftover_prefix(name);
    for left in files::list(parent)?.iter().filter(|left| left.starts_with(&prefix)) {
        remove_any(&parent.join(left))?;
    }
    Ok(())
}

/// Removes a file, a link or a whole tree; nothing there is no error.
///
/// # Errors
/// When something is there and cannot be removed.
pub fn remove_any(path: &Path) -> Result<(), FileError> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => files::remove_tree(path),
        Ok(_) => files::remove_file(path),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(())
        }
        Err(error) => Err(FileError::new("look at", path, error)),
    }
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{what}"))
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
    let bytes = files::read(from)?;
    let attributes = match like {
        Node::File { mode, uid, gid, .. } => files::Attributes { mode: *mode, owner: Some((*uid, *gid)) },
        _ => files::Attributes::SECRET,
    };
    files::write_atomic(to, &bytes, attributes)
}
