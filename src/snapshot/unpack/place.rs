//! Creates files, directories and links below the staging directory, through handles only.

use super::UnpackError;
use crate::host::directory::{
    Direct, Directory, DirectoryError, Moment, set_extended_of_file, set_file_attributes,
};
use crate::snapshot::manifest::{Content, Entry, Name, Time};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Zeros of this length and alignment become a hole in a file that had holes.
const HOLE: usize = 4096;

/// Permission bits of a file that is not whole yet.
pub(in crate::snapshot) const PRIVATE: u32 = 0o600;

pub(in crate::snapshot) struct Place<'a> {
    staging: &'a Directory,
    owners: bool,
    /// The directory of the entry before; entries of one directory mostly follow each other.
    near: Option<(Vec<u8>, Directory)>,
}

impl<'a> Place<'a> {
    pub(in crate::snapshot) fn new(staging: &'a Directory, owners: bool) -> Self {
        Self { staging, owners, near: None }
    }

    pub(in crate::snapshot) fn directory(&mut self, entry: &Entry) -> Result<(), UnpackError> {
        let (parent, name) = self.parent(&entry.path)?;
        Ok(parent.make_directory(name, 0o700)?)
    }

    pub(in crate::snapshot) fn file<'e>(&mut self, entry: &'e Entry) -> Result<NewFile<'e>, UnpackError> {
        let owner = self.owners.then_some((entry.uid, entry.gid));
        let (file, path) = self.create(entry, PRIVATE)?;
        Ok(NewFile { file: Direct::new(file), path, entry, owner, written: 0 })
    }

    /// Creates a file; the path serves messages only.
    pub(in crate::snapshot) fn create(
        &mut self,
        entry: &Entry,
        mode: u32,
    ) -> Result<(File, PathBuf), UnpackError> {
        let (parent, name) = self.parent(&entry.path)?;
        Ok((parent.create_file(name, mode)?, parent.path().join(name)))
    }

    /// Opens a file that an earlier process began.
    pub(in crate::snapshot) fn open(&mut self, entry: &Entry) -> Result<(File, PathBuf), UnpackError> {
        let (parent, name) = self.parent(&entry.path)?;
        Ok((parent.open_for_update(Path::new(name))?, parent.path().join(name)))
    }

    /// Removes a file that an earlier process damaged.
    pub(in crate::snapshot) fn remove(&mut self, entry: &Entry) -> Result<(), UnpackError> {
        let (parent, name) = self.parent(&entry.path)?;
        Ok(parent.remove_file(name)?)
    }

    /// The second pass: every file and directory is there, so no entry can lie behind a link.
    pub(in crate::snapshot) fn links(&mut self, entries: &[Entry]) -> Result<(), UnpackError> {
        let owners = self.owners;
        for entry in entries {
            match &entry.content {
                Content::Symlink { target } => {
                    let (parent, name) = self.parent(&entry.path)?;
                    parent.make_symlink(name, OsStr::from_bytes(target.as_bytes()))?;
                    if owners {
                        parent.set_owner(name, entry.uid, entry.gid)?;
                    }
                    parent.set_modified(name, moment(entry.modified))?;
                }
                Content::Hardlink { target } => {
                    let (from, file) = target.split();
                    let from = self.staging.open_directory(Path::new(OsStr::from_bytes(from)))?;
                    let (parent, name) = self.parent(&entry.path)?;
                    from.make_hardlink(OsStr::from_bytes(file), parent, name)?;
                }
                Content::Directory | Content::File { .. } => {}
            }
        }
        Ok(())
    }

    /// Last and deepest first: what is created in a directory changes its time.
    pub(in crate::snapshot) fn directory_attributes(&self, entries: &[Entry]) -> Result<(), UnpackError> {
        for entry in entries.iter().rev().filter(|entry| entry.content == Content::Directory) {
            let directory = self.staging.open_directory(entry.path.as_path())?;
            directory.set_extended(&extended(entry))?;
            directory.set_attributes(
                self.owners.then_some((entry.uid, entry.gid)),
                entry.mode,
                moment(entry.modified),
            )?;
        }
        Ok(())
    }

    pub(in crate::snapshot) fn parent<'n>(
        &mut self,
        path: &'n Name,
    ) -> Result<(&Directory, &'n OsStr), UnpackError> {
        let (parent, name) = path.split();
        if self.near.as_ref().is_none_or(|(near, _)| near != parent) {
            let opened = self.staging.open_directory(Path::new(OsStr::from_bytes(parent)))?;
            self.near = Some((parent.to_vec(), opened));
        }
        let (_, directory) = self.near.as_ref().expect("it was set just above");
        Ok((directory, OsStr::from_bytes(name)))
    }
}

/// A file that is being written from its beginning to its end.
pub(in crate::snapshot) struct NewFile<'e> {
    file: Direct,
    path: PathBuf,
    entry: &'e Entry,
    owner: Option<(u32, u32)>,
    written: u64,
}

impl NewFile<'_> {
    pub(in crate::snapshot) fn write(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        write_piece(&self.file, false, self.written, bytes).map_err(|source| DirectoryError::Io {
            action: "write",
            path: self.path.clone(),
            source,
        })?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Sets owner, mode and time.
    pub(in crate::snapshot) fn finish(self) -> Result<(), UnpackError> {
        attributes(self.file.file(), &self.path, self.entry, self.owner)
    }
}

/// Writes a piece of a file; in one that had holes, runs of zeros are left out.
pub(super) fn write_piece(file: &Direct, sparse: bool, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
    if !sparse {
        return file.write_all_at(bytes, offset);
    }
    let (mut at, mut rest) = (offset, bytes);
    while !rest.is_empty() {
        let to_boundary = HOLE - (at % HOLE as u64) as usize;
        let (piece, tail) = rest.split_at(to_boundary.min(rest.len()));
        if piece.iter().any(|byte| *byte != 0) {
            file.file().write_all_at(piece, at)?;
        }
        at += piece.len() as u64;
        rest = tail;
    }
    Ok(())
}

/// Gives a file its extended attributes, owner, mode and time, once its content is written.
pub(in crate::snapshot) fn attributes(
    file: &File,
    path: &Path,
    entry: &Entry,
    owner: Option<(u32, u32)>,
) -> Result<(), UnpackError> {
    if !entry.extended.is_empty() {
        set_extended_of_file(file, path, &extended(entry))?;
    }
    Ok(set_file_attributes(file, path, owner, entry.mode, moment(entry.modified))?)
}

pub(in crate::snapshot) fn moment(Time(seconds, nanoseconds): Time) -> Moment {
    Moment { seconds, nanoseconds }
}

fn extended(entry: &Entry) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let owned = |name: &Name| name.as_bytes().to_vec();
    entry.extended.iter().map(|(name, value)| (owned(name), owned(value))).collect()
}
