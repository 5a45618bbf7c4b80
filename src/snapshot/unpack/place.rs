//! Creates files, directories and links below the staging directory, through handles only.

use super::UnpackError;
use crate::host::directory::{Directory, DirectoryError, Moment, set_extended_of_file, set_file_attributes};
use crate::model::digest::Digest;
use crate::snapshot::manifest::{Content, Entry, Name, Time};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Zeros of this length and alignment become a hole in a file that had holes.
const HOLE: usize = 4096;

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

    pub(in crate::snapshot) fn file<'e>(
        &mut self,
        entry: &'e Entry,
        sparse: bool,
    ) -> Result<NewFile<'e>, UnpackError> {
        let owner = self.owners.then_some((entry.uid, entry.gid));
        let (parent, name) = self.parent(&entry.path)?;
        let path = parent.path().join(name);
        let file = parent.create_file(name, 0o600)?;
        Ok(NewFile { file, path, entry, owner, sparse, hasher: blake3::Hasher::new(), written: 0 })
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

    fn parent<'n>(&mut self, path: &'n Name) -> Result<(&Directory, &'n OsStr), UnpackError> {
        let (parent, name) = path.split();
        if self.near.as_ref().is_none_or(|(near, _)| near != parent) {
            let opened = self.staging.open_directory(Path::new(OsStr::from_bytes(parent)))?;
            self.near = Some((parent.to_vec(), opened));
        }
        let (_, directory) = self.near.as_ref().expect("it was set just above");
        Ok((directory, OsStr::from_bytes(name)))
    }
}

/// A file that is being written.
pub(in crate::snapshot) struct NewFile<'e> {
    file: File,
    path: PathBuf,
    entry: &'e Entry,
    owner: Option<(u32, u32)>,
    sparse: bool,
    hasher: blake3::Hasher,
    written: u64,
}

impl NewFile<'_> {
    pub(in crate::snapshot) fn write(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        self.hasher.update(bytes);
        let result = if self.sparse { self.write_around_holes(bytes) } else { self.file.write_all(bytes) };
        self.written += bytes.len() as u64;
        result.map_err(|source| self.failed(source))
    }

    /// Sets length, owner, mode and time; returns the digest of what was written.
    pub(in crate::snapshot) fn finish(self, size: u64) -> Result<Digest, UnpackError> {
        if self.sparse {
            self.file.set_len(size).map_err(|source| self.failed(source))?;
        }
        set_extended_of_file(&self.file, &self.path, &extended(self.entry))?;
        set_file_attributes(
            &self.file,
            &self.path,
            self.owner,
            self.entry.mode,
            moment(self.entry.modified),
        )?;
        Ok(Digest::from_bytes(*self.hasher.finalize().as_bytes()))
    }

    fn write_around_holes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let (mut at, mut rest) = (self.written, bytes);
        while !rest.is_empty() {
            let to_boundary = HOLE - (at % HOLE as u64) as usize;
            let (piece, tail) = rest.split_at(to_boundary.min(rest.len()));
            if piece.iter().any(|byte| *byte != 0) {
                self.file.seek(SeekFrom::Start(at))?;
                self.file.write_all(piece)?;
            }
            at += piece.len() as u64;
            rest = tail;
        }
        Ok(())
    }

    fn failed(&self, source: std::io::Error) -> UnpackError {
        DirectoryError::Io { action: "write", path: self.path.clone(), source }.into()
    }
}

pub(in crate::snapshot) fn moment(Time(seconds, nanoseconds): Time) -> Moment {
    Moment { seconds, nanoseconds }
}

fn extended(entry: &Entry) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let owned = |name: &Name| name.as_bytes().to_vec();
    entry.extended.iter().map(|(name, value)| (owned(name), owned(value))).collect()
}
