//! A directory beside the target in which an archive is made or unpacked, under a name of its own.
//!
//! It is locked while its process lives. A crash leaves it; the next one for the same target removes it.

use super::TarballError;
use crate::host::directory::{Directory, DirectoryError, Kind};
use std::ffi::{OsStr, OsString};
use std::path::Path;

pub(super) struct Staging<'a> {
    pub(super) parent: &'a Directory,
    pub(super) name: OsString,
    pub(super) directory: Directory,
}

impl<'a> Staging<'a> {
    /// Makes `.TARGET.PURPOSE-N`, and removes those of this user whose process is gone.
    pub(super) fn begin(parent: &'a Directory, target: &OsStr, purpose: &str) -> Result<Self, TarballError> {
        let mut prefix = OsString::from(".");
        prefix.push(target);
        prefix.push(format!(".{purpose}-"));
        for name in parent.list()? {
            if is_ours(&name, &prefix)
                && let Some(left) = left_over(parent, &name)?
            {
                remove(parent, &name, &left)?;
            }
        }
        let mut number = 0u32;
        loop {
            let mut name = prefix.clone();
            name.push(number.to_string());
            match parent.make_directory(&name, 0o700) {
                Ok(()) => {
                    let directory = parent.open_directory(Path::new(&name))?;
                    if directory.try_lock()? {
                        return Ok(Self { parent, name, directory });
                    }
                    number += 1;
                }
                Err(error) if error.is_present() => number += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether its name still leads to it.
    pub(super) fn is_in_place(&self) -> Result<bool, DirectoryError> {
        is_named(self.parent, &self.name, &self.directory)
    }

    /// Removes it after a failure; the error to tell is that, unless it cannot be removed.
    pub(super) fn discard(self, error: TarballError) -> TarballError {
        match remove(self.parent, &self.name, &self.directory) {
            Ok(()) => error,
            Err(source) => {
                let path = self.parent.path().join(&self.name);
                TarballError::NotRemoved { path, cause: error.to_string(), source }
            }
        }
    }

    /// Removes it after a success.
    pub(super) fn remove(self) -> Result<(), TarballError> {
        Ok(remove(self.parent, &self.name, &self.directory)?)
    }
}

/// Whether a name is one that [`Staging::begin`] gives.
fn is_ours(name: &OsStr, prefix: &OsStr) -> bool {
    let number = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
    number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

/// The directory of this user under this name, locked, when nobody holds it.
fn left_over(parent: &Directory, name: &OsStr) -> Result<Option<Directory>, DirectoryError> {
    let Some(found) = parent.metadata_optional(name)? else { return Ok(None) };
    if found.kind != Kind::Directory || found.uid != rustix::process::geteuid().as_raw() {
        return Ok(None);
    }
    let directory = parent.open_directory(Path::new(name))?;
    Ok(directory.try_lock()?.then_some(directory))
}

fn is_named(parent: &Directory, name: &OsStr, directory: &Directory) -> Result<bool, DirectoryError> {
    let own = directory.own_metadata()?;
    let named = parent.metadata_optional(name)?;
    Ok(named.is_some_and(|named| (named.device, named.inode) == (own.device, own.inode)))
}

/// Empties the directory by its handle; its name goes only while it leads there.
fn remove(parent: &Directory, name: &OsStr, directory: &Directory) -> Result<(), DirectoryError> {
    // Entries may have taken the right to remove them from their owner.
    directory.clear()?;
    match is_named(parent, name, directory)? {
        true => parent.remove_tree(name),
        false => Ok(()),
    }
}
