//! Downloads that were begun and not finished: what they take, what a later one takes from them, and when they go.
//!
//! What lies in `partial/ID` is worth the bytes that it cost, so nothing but a rule removes it: its snapshot was
//! published, a newer one of its source was downloaded, or nobody carried it on for [`ABANDONED`]. One that runs is
//! locked and left alone.

use super::{DiskStore, Staging, StoreError, manifest_name, part_name};
use crate::host::directory::{Directory, DirectoryError, Metadata as FileMetadata};
use crate::model::ids::SnapshotId;
use crate::snapshot::manifest::{Metadata, Part, skim};
use jiff::{SignedDuration, Timestamp};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// After so long without a byte, a download is given up with the next pruning.
pub const ABANDONED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The manifest that a download keeps beside its parts, once it was verified.
pub const KEPT_MANIFEST: &str = "manifest.json";

/// A download that is neither published nor discarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The snapshot.
    pub id: SnapshotId,
    /// Of what and when, by the manifest that it has; none when that has not come yet.
    pub metadata: Option<Metadata>,
    /// Bytes on the disk that are free once it goes: what the store has too counts for nothing.
    pub bytes: u64,
    /// When something was last written into it.
    pub touched_at: Timestamp,
    /// Whether a process carries it on at this moment.
    pub runs: bool,
}

impl Download {
    pub(super) fn is_abandoned(&self, now: Timestamp) -> bool {
        now.duration_since(self.touched_at) > ABANDONED
    }

    /// Whether a snapshot with this metadata is a newer one of the same source.
    fn is_superseded_by(&self, by: &Metadata) -> bool {
        let age = |one: &Metadata| (one.created_at, one.generation);
        self.metadata.as_ref().is_some_and(|own| own.source == by.source && age(own) < age(by))
    }
}

impl DiskStore {
    /// All downloads that are neither published nor discarded, by their ids.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn downloads(&self) -> Result<Vec<Download>, StoreError> {
        let mut all = Vec::new();
        for (id, name) in self.begun()? {
            let Some(directory) = self.begun_in(&name)? else { continue };
            let runs = !directory.try_lock()?;
            all.push(self.look(id, &directory, runs)?);
        }
        Ok(all)
    }

    /// Removes the downloads that nobody carries on, or only says which; unless `all` are to go, those that were
    /// left alone for [`ABANDONED`].
    ///
    /// # Errors
    /// When the disk refuses, or another process changes the store for too long.
    pub fn give_up(&self, now: Timestamp, all: bool, dry_run: bool) -> Result<Vec<Download>, StoreError> {
        let _guard = if dry_run { None } else { Some(self.lock()?) };
        self.give_up_those(dry_run, |one| all || one.is_abandoned(now))
    }

    /// Those of which this holds; the caller holds the store's lock, unless nothing is removed.
    pub(super) fn give_up_those(
        &self,
        dry_run: bool,
        goes: impl Fn(&Download) -> bool,
    ) -> Result<Vec<Download>, StoreError> {
        let mut gone = Vec::new();
        for (id, name) in self.begun()? {
            let Some(directory) = self.begun_in(&name)? else { continue };
            if !directory.try_lock()? {
                continue;
            }
            let one = self.look(id, &directory, false)?;
            if !goes(&one) {
                continue;
            }
            if !dry_run {
                self.partial.remove_tree(&name)?;
            }
            gone.push(one);
        }
        Ok(gone)
    }

    /// Removes those of which all was published, as far as the names go that are left: a crash came before the
    /// end of the publication. One that mends what is here has bytes of its own and stays.
    pub(super) fn sweep_downloads(&self) -> Result<(), StoreError> {
        for (id, name) in self.begun()? {
            if self.manifests.metadata_optional(&manifest_name(&id))?.is_none() {
                continue;
            }
            let Some(directory) = self.begun_in(&name)? else { continue };
            if directory.try_lock()? && self.has_nothing_of_its_own(&directory)? {
                self.partial.remove_tree(&name)?;
            }
        }
        Ok(())
    }

    /// Removes the older downloads of a source of which a newer one has come; the caller holds the store's lock.
    pub(super) fn drop_superseded(&self, by: &Metadata) -> Result<(), StoreError> {
        self.give_up_those(false, |one| one.is_superseded_by(by)).map(drop)
    }

    /// Puts what is here of the parts beside what is downloaded: by hard links what other snapshots have, and from
    /// downloads that nobody carries on what they brought, which is moved. What the download has already stays, for
    /// it may be the better copy.
    ///
    /// Who downloads reads all of it before it believes it, and never writes into a file with a second name: what
    /// the manifest of one snapshot says changes no other one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn lend(&self, staging: &Staging, parts: &[Part]) -> Result<(), StoreError> {
        let _guard = self.lock()?;
        let own = staging.directory().own_metadata()?;
        let mut begun = Vec::new();
        for (_, name) in self.begun()? {
            let Some(directory) = self.begun_in(&name)? else { continue };
            if directory.own_metadata()?.inode != own.inode && directory.try_lock()? {
                begun.push(directory);
            }
        }
        parts.iter().try_for_each(|part| self.lend_part(staging.directory(), &begun, part))
    }

    fn lend_part(&self, to: &Directory, begun: &[Directory], part: &Part) -> Result<(), StoreError> {
        let (whole, partial) = part_names(part);
        if to.metadata_optional(&whole)?.is_some() {
            return Ok(());
        }
        let fits = |file: Option<FileMetadata>| file.is_some_and(|file| file.size == part.size);
        if fits(self.parts.metadata_optional(&whole)?) {
            return Ok(self.parts.make_hardlink(&whole, to, &whole)?);
        }
        if to.metadata_optional(&partial)?.is_some() {
            return Ok(());
        }
        for from in begun {
            for name in [&whole, &partial] {
                if fits(from.metadata_optional(name)?) {
                    return Ok(from.rename(name, to, name)?);
                }
            }
        }
        Ok(())
    }

    /// The names of all downloads.
    fn begun(&self) -> Result<Vec<(SnapshotId, OsString)>, StoreError> {
        let names = self.partial.list()?.into_iter();
        Ok(names.filter_map(|name| Some((SnapshotId::parse(name.to_str()?).ok()?, name))).collect())
    }

    /// The directory of a download; none when it has just gone.
    fn begun_in(&self, name: &OsStr) -> Result<Option<Directory>, StoreError> {
        match self.partial.open_directory(Path::new(name)) {
            Err(error) if error.is_missing() => Ok(None),
            opened => Ok(Some(opened?)),
        }
    }

    /// What is there of a download.
    fn look(&self, id: SnapshotId, directory: &Directory, runs: bool) -> Result<Download, StoreError> {
        let (mut bytes, mut touched) = (0u64, directory.own_metadata()?.modified);
        for name in directory.list()? {
            let Some(file) = directory.metadata_optional(&name)? else { continue };
            touched = touched.max(file.modified);
            bytes = bytes.saturating_add(if file.links > 1 { 0 } else { file.allocated });
        }
        // A time that no calendar has is that of a broken clock, and long past.
        let touched_at = Timestamp::from_second(touched.seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Download { id, metadata: self.kept_metadata(directory)?, bytes, touched_at, runs })
    }

    /// Of what and when the manifest says that a download keeps; none that can be read is none.
    fn kept_metadata(&self, directory: &Directory) -> Result<Option<Metadata>, StoreError> {
        let file = match directory.open_file(Path::new(KEPT_MANIFEST)) {
            Err(error) if error.is_missing() => return Ok(None),
            opened => opened?,
        };
        Ok(skim(file).ok().and_then(|skimmed| skimmed.outline.ok()).map(|outline| outline.metadata))
    }

    /// Whether every part in it is a second name of the store's own.
    fn has_nothing_of_its_own(&self, directory: &Directory) -> Result<bool, StoreError> {
        for name in directory.list()? {
            if name == KEPT_MANIFEST {
                continue;
            }
            let inode = |of: &Directory| -> Result<_, DirectoryError> {
                Ok(of.metadata_optional(&name)?.map(|file| file.inode))
            };
            if inode(directory)? != inode(&self.parts)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A part that is whole, and one of which frames are missing.
fn part_names(part: &Part) -> (OsString, OsString) {
    (part_name(&part.digest).into(), format!("{}.partial", part.digest).into())
}
