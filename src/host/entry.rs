//! One entry of a directory, whatever it is: looked at without following links, replaced, removed.

use crate::host::files::{self, Attributes, FileError};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// An entry as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub user: u32,
    /// Group.
    pub group: u32,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file with its content.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link with its target.
    Symlink(String),
    /// Anything else.
    Other,
}

/// Looks at an entry; none when there is none.
///
/// # Errors
/// When it cannot be looked at.
pub fn look(path: &Path) -> Result<Option<Entry>, FileError> {
    if !files::exists(path)? {
        return Ok(None);
    }
    let failed = |error| FileError::new("look at", path, error);
    let metadata = std::fs::symlink_metadata(path).map_err(failed)?;
    let kind = if metadata.is_symlink() {
        Kind::Symlink(std::fs::read_link(path).map_err(failed)?.to_string_lossy().into_owned())
    } else if metadata.is_dir() {
        Kind::Directory
    } else if metadata.is_file() {
        Kind::File(files::read(path)?)
    } else {
        Kind::Other
    };
    Ok(Some(Entry { kind, mode: metadata.mode() & 0o7777, user: metadata.uid(), group: metadata.gid() }))
}

/// Gives an entry mode and owner.
///
/// # Errors
/// When it cannot.
pub fn set_attributes(path: &Path, attributes: Attributes) -> Result<(), FileError> {
    if let Some((user, group)) = attributes.owner {
        files::change_owner(path, user, group)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(attributes.mode))
        .map_err(|error| FileError::new("change the mode of", path, error))
}

/// Makes a symbolic link, in place of another one.
///
/// # Errors
/// When it cannot be made.
pub fn replace_symlink(path: &Path, target: &str) -> Result<(), FileError> {
    crate::host::tree::replace(path, |new| {
        std::os::unix::fs::symlink(target, new).map_err(|error| FileError::new("make link", new, error))
    })
}

/// Removes whatever is there, with all beneath it; links are not followed.
///
/// # Errors
/// When something cannot be removed.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => files::remove_tree(path),
        _ => files::remove_file(path),
    }
}

/// Every file below a directory, by its path relative to it, sorted.
///
/// # Errors
/// When a directory cannot be listed.
pub fn files_below(directory: &Path) -> Result<Vec<String>, FileError> {
    let mut found = Vec::new();
    let mut waiting = vec![String::new()];
    while let Some(relative) = waiting.pop() {
        for name in files::list(&directory.join(&relative))? {
            let path = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            let absolute = directory.join(&path);
            let metadata =
                std::fs::symlink_metadata(&absolute).map_err(|e| FileError::new("look at", &absolute, e))?;
            if metadata.is_dir() {
                waiting.push(path);
            } else if metadata.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Everything below a directory with its attributes, sorted by path; links are not followed, and files are told
/// without their contents.
///
/// # Errors
/// When a directory cannot be listed, or an entry cannot be looked at.
pub fn tree_below(directory: &Path) -> Result<Vec<(PathBuf, Entry)>, FileError> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(folder) = waiting.pop() {
        let failed = |error| FileError::new("list", &folder, error);
        for name in std::fs::read_dir(&folder).map_err(failed)? {
            let path = name.map_err(failed)?.path();
            let failed = |error| FileError::new("look at", &path, error);
            let metadata = std::fs::symlink_metadata(&path).map_err(failed)?;
            let kind = if metadata.is_symlink() {
                Kind::Symlink(std::fs::read_link(&path).map_err(failed)?.to_string_lossy().into_owned())
            } else if metadata.is_dir() {
                waiting.push(path.clone());
                Kind::Directory
            } else if metadata.is_file() {
                Kind::File(Vec::new())
            } else {
                Kind::Other
            };
            let mode = metadata.mode() & 0o7777;
            found.push((path, Entry { kind, mode, user: metadata.uid(), group: metadata.gid() }));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

/// Gives a link itself another owner; what is not said stays.
///
/// # Errors
/// When it cannot.
pub fn set_link_owner(path: &Path, user: Option<u32>, group: Option<u32>) -> Result<(), FileError> {
    std::os::unix::fs::lchown(path, user, group)
        .map_err(|error| FileError::new("change the owner of", path, error))
}
