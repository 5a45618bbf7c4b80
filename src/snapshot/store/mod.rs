//! Where snapshots are kept: the seam, and the store on a local disk behind it.
//!
//! On disk: `manifests/<id>.json`, `parts/<digest>.tar.zst`, `incoming/` for captures that run,
//! `partial/<id>` for downloads that resume, `leases/<id>.<number>` for readers, `memory/<source>.json` for
//! what a capture remembers for the next one, `tally.json` for what is counted. A snapshot exists once its
//! manifest has its name; a crash before that leaves files that nobody refers to, and the next `open`
//! removes them.

mod downloads;
mod error;
mod export;
mod lease;
mod memory;
mod prune;
mod publish;
mod resolve;
mod tally;
#[cfg(test)]
mod tests;
mod verify;

pub use downloads::{ABANDONED, Download, KEPT_MANIFEST};
pub use error::StoreError;
#[cfg(test)]
pub(crate) use error::samples;
pub use export::Exported;
pub use lease::{Holder, Lease};
pub use prune::{Judged, Pruned};
pub use publish::Staging;
pub use resolve::resolve;
pub use tally::{Captures, Command, Deeds, Ended, Tally, Transfers, WITHIN, count};
pub use verify::{Damage, Verification};

use super::manifest::{
    Limits, Manifest, ManifestError, Metadata, Outline, Part, SignedManifest, Skimmed, skim,
};
use super::retention::Rule;
use crate::host::directory::{Directory, DirectoryError, Metadata as FileMetadata};
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::model::progress::{Silent, Sink};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

/// A place that keeps snapshots.
pub trait SnapshotStore: Send + Sync {
    /// A directory in which a new snapshot's parts are written; it vanishes with the process.
    fn begin(&self) -> Result<Staging, StoreError>;
    /// Makes the snapshot visible, durably: all of it or nothing.
    fn publish(&self, staging: Staging, signed: &SignedManifest) -> Result<SnapshotId, StoreError>;
    /// All snapshots, newest first, and the manifests that cannot be read.
    fn list(&self) -> Result<Listing, StoreError>;
    /// The signed manifest; its id is checked, its signature is the reader's affair.
    fn manifest(&self, id: &SnapshotId) -> Result<SignedManifest, StoreError>;
    /// What a listing says of one snapshot; no part is read.
    fn summary(&self, id: &SnapshotId) -> Result<Summary, StoreError>;
    /// Opens bytes of a part for reading; a `length` of `None` reaches to its end.
    fn open_part(&self, part: &Digest, offset: u64, length: Option<u64>) -> Result<PartRange, StoreError>;
    /// Removes a snapshot that nobody reads, and the parts that no other one needs.
    fn delete(&self, id: &SnapshotId) -> Result<(), StoreError>;
    /// Removes what the rule drops, never what is protected or being read; returns the ids, oldest first.
    fn compact(
        &self,
        rule: &Rule,
        now: Timestamp,
        protected: &BTreeSet<SnapshotId>,
    ) -> Result<Vec<SnapshotId>, StoreError>;
    /// Reads every byte of a snapshot and names the frames that are damaged.
    fn verify(&self, id: &SnapshotId) -> Result<Verification, StoreError>;
    /// Checks the manifest by its digest and its own rules, and the sizes of the parts; none is read.
    fn verify_quickly(&self, id: &SnapshotId) -> Result<Verification, StoreError>;
}

/// Where part files are read from: a store, or the directory of a finished download.
pub trait Parts: Sync {
    /// Opens the file of a part.
    fn open(&self, part: &Part) -> Result<File, DirectoryError>;
}

impl Parts for Directory {
    fn open(&self, part: &Part) -> Result<File, DirectoryError> {
        self.open_file(Path::new(&part.file_name()))
    }
}

impl Parts for DiskStore {
    fn open(&self, part: &Part) -> Result<File, DirectoryError> {
        self.parts.open(part)
    }
}

/// Bytes of a part or a manifest: the file stands at the first of them.
#[derive(Debug)]
pub struct PartRange {
    /// The file, positioned.
    pub file: File,
    /// How many bytes to read.
    pub length: u64,
    /// Bytes of all of it.
    pub size: u64,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The snapshot.
    pub id: SnapshotId,
    /// Of what, when and by whom.
    pub metadata: Metadata,
    /// How many entries.
    pub entries: usize,
    /// How many frames.
    pub frames: usize,
    /// Bytes of file content after a restore.
    pub restore_bytes: u64,
    /// Bytes of its parts, borrowed ones included.
    pub stored_bytes: u64,
    /// Its parts.
    pub parts: Vec<Part>,
}

impl Summary {
    /// Whether it borrows nothing from earlier snapshots, so that zstd and tar alone restore it.
    pub fn is_full(&self) -> bool {
        !self.parts.iter().any(|part| part.borrowed)
    }

    /// Bytes of its parts that are of earlier snapshots too.
    pub fn borrowed_bytes(&self) -> u64 {
        self.parts.iter().filter(|part| part.borrowed).map(|part| part.size).fold(0, u64::saturating_add)
    }
}

/// What a store holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// The snapshots, newest first.
    pub snapshots: Vec<Summary>,
    /// File names in `manifests/` that are no readable manifest, and why.
    pub unreadable: Vec<(OsString, StoreError)>,
}

/// A store on a local disk.
#[derive(Debug)]
pub struct DiskStore {
    root: Directory,
    parts: Directory,
    manifests: Directory,
    incoming: Directory,
    partial: Directory,
    leases: Directory,
    memory: Directory,
    limits: Limits,
    /// To whom everything in it belongs, when root works on the store of another user.
    owner: Option<(u32, u32)>,
}

/// How long a change of the store waits for another one.
const PATIENCE: Duration = Duration::from_secs(30);

impl DiskStore {
    /// Opens the store in this directory, creates what is missing, and removes what a crash left.
    pub fn open(root: Directory) -> Result<Self, StoreError> {
        let owner = owner(&root)?;
        let inner = |name: &str| {
            let inner = root.ensure_directory(OsStr::new(name), 0o700)?;
            match owner {
                Some((uid, gid)) if inner.own_metadata()?.uid != uid => {
                    root.set_owner(OsStr::new(name), uid, gid)?;
                }
                _ => {}
            }
            Ok::<_, DirectoryError>(inner)
        };
        let (parts, manifests) = (inner("parts")?, inner("manifests")?);
        let (incoming, partial, leases) = (inner("incoming")?, inner("partial")?, inner("leases")?);
        let memory = inner("memory")?;
        root.sync()?;
        let limits = Limits::default();
        let store = Self { root, parts, manifests, incoming, partial, leases, memory, limits, owner };
        store.sweep()?;
        Ok(store)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Whether it lies in the directory with these numbers of device and inode.
    pub fn is_at(&self, device: u64, inode: u64) -> bool {
        self.root.own_metadata().is_ok_and(|own| (own.device, own.inode) == (device, inode))
    }

    /// The ids of all snapshots by the names of their manifests, which are not read.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn ids(&self) -> Result<Vec<SnapshotId>, StoreError> {
        Ok(self.manifests.list()?.iter().filter_map(|name| id_in(name)).collect())
    }

    /// Of the file of a manifest, if there is one; it is not read.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn manifest_metadata(&self, id: &SnapshotId) -> Result<Option<FileMetadata>, StoreError> {
        Ok(self.manifests.metadata_optional(&manifest_name(id))?)
    }

    /// Whether there is a part of this name; it is not read.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn holds_part(&self, part: &Digest) -> Result<bool, StoreError> {
        Ok(self.parts.metadata_optional(OsStr::new(&part_name(part)))?.is_some())
    }

    /// Opens the bytes of a signed manifest as they lie there; who reads them judges them.
    ///
    /// # Errors
    /// When there is no such snapshot, or the disk refuses.
    pub fn open_manifest(&self, id: &SnapshotId) -> Result<PartRange, StoreError> {
        let name = manifest_name(id);
        let file = match self.manifests.open_file(Path::new(&name)) {
            Err(error) if error.is_missing() => return Err(StoreError::Unknown { id: id.to_string() }),
            opened => opened?,
        };
        let told = file.metadata().map_err(|source| self.io("read", &self.manifests, &name, source))?;
        Ok(PartRange { file, length: told.len(), size: told.len() })
    }

    /// Free bytes of the file system it lies on.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.root.free_bytes()?)
    }

    /// Reads every byte of a snapshot as [`SnapshotStore::verify`] does, and tells how far it is.
    ///
    /// # Errors
    /// When there is no such snapshot, its manifest is damaged, or the disk refuses.
    pub fn verify_telling(&self, id: &SnapshotId, sink: &dyn Sink) -> Result<Verification, StoreError> {
        let (_, manifest) = self.read_manifest(id)?;
        Ok(verify::verify(&manifest, &self.parts, sink)?)
    }

    /// Held while names in the store change; a second holder waits for the first, but not for ever.
    fn lock(&self) -> Result<Directory, StoreError> {
        locked(&self.root)
    }

    /// As `lock`, but nothing when somebody holds it at this moment.
    fn lock_now(&self) -> Result<Option<Directory>, StoreError> {
        let guard = self.root.open_directory(Path::new(""))?;
        Ok(guard.try_lock()?.then_some(guard))
    }

    fn read_manifest(&self, id: &SnapshotId) -> Result<(SignedManifest, Manifest), StoreError> {
        let signed = self.manifest(id)?;
        let manifest = signed.read(&self.limits).map_err(|source| bad(id, source))?;
        Ok((signed, manifest))
    }
}

/// The lock of the store in this directory.
fn locked(root: &Directory) -> Result<Directory, StoreError> {
    let guard = root.open_directory(Path::new(""))?;
    match guard.lock_within(PATIENCE)? {
        true => Ok(guard),
        false => Err(StoreError::Busy { path: root.path().to_owned() }),
    }
}

/// To whom everything in this directory belongs, if root has to give it what it makes there.
fn owner(root: &Directory) -> Result<Option<(u32, u32)>, DirectoryError> {
    let (of, ours) = (root.own_metadata()?, rustix::process::geteuid());
    Ok((ours.is_root() && of.uid != ours.as_raw()).then_some((of.uid, of.gid)))
}

fn bad(id: &SnapshotId, source: ManifestError) -> StoreError {
    StoreError::Manifest { id: id.to_string(), source }
}

fn manifest_name(id: &SnapshotId) -> OsString {
    format!("{id}.json").into()
}

fn part_name(part: &Digest) -> String {
    Part { borrowed: false, digest: *part, size: 0 }.file_name()
}

/// The id of the snapshot whose manifest has this name.
fn id_in(name: &OsStr) -> Option<SnapshotId> {
    SnapshotId::parse(name.to_str()?.strip_suffix(".json")?).ok()
}

fn summarise(id: SnapshotId, outline: Outline) -> Summary {
    Summary {
        id,
        entries: outline.entries,
        frames: outline.frames,
        restore_bytes: outline.restore_bytes,
        stored_bytes: outline.stored_bytes(),
        parts: outline.parts,
        metadata: outline.metadata,
    }
}

impl SnapshotStore for DiskStore {
    fn begin(&self) -> Result<Staging, StoreError> {
        self.begin_capture()
    }

    fn publish(&self, staging: Staging, signed: &SignedManifest) -> Result<SnapshotId, StoreError> {
        self.publish_staged(staging, signed)
    }

    fn list(&self) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        for name in self.manifests.list()? {
            if prune::unpublished(&name).is_some() {
                continue;
            }
            let summary = match id_in(&name) {
                Some(id) => self.summary(&id),
                None => Err(StoreError::Stray { name: name.to_string_lossy().into_owned() }),
            };
            match summary {
                // It was removed while this listed.
                Err(StoreError::Unknown { .. }) => {}
                Ok(summary) => listing.snapshots.push(summary),
                Err(error) => listing.unreadable.push((name, error)),
            }
        }
        let age = |one: &Summary| (one.metadata.created_at, one.metadata.generation);
        listing.snapshots.sort_by(|a, b| age(b).cmp(&age(a)).then_with(|| a.id.cmp(&b.id)));
        Ok(listing)
    }

    fn manifest(&self, id: &SnapshotId) -> Result<SignedManifest, StoreError> {
        let file = self.open_manifest(id)?.file;
        let mut bytes = Vec::new();
        // One byte over the limit is enough for the parser to refuse.
        let limit = self.limits.signed_bytes() as u64 + 1;
        let read = file.take(limit).read_to_end(&mut bytes);
        read.map_err(|source| self.io("read", &self.manifests, &manifest_name(id), source))?;
        let signed = SignedManifest::from_bytes(&bytes, &self.limits).map_err(|source| bad(id, source))?;
        let found = signed.id();
        if found != *id {
            return Err(bad(id, ManifestError::Id { found: found.to_string(), wanted: id.to_string() }));
        }
        Ok(signed)
    }

    fn summary(&self, id: &SnapshotId) -> Result<Summary, StoreError> {
        // If its digest is right, it is what was checked before it was published: nothing is checked again.
        match skim(self.open_manifest(id)?.file) {
            Ok(Skimmed { id: found, outline: Ok(outline), .. }) if found == *id => {
                Ok(summarise(id.clone(), outline))
            }
            // It is in another form, or damaged: then what is wrong with it is found out.
            _ => Ok(summarise(id.clone(), Outline::from(&self.read_manifest(id)?.1))),
        }
    }

    fn open_part(&self, part: &Digest, offset: u64, length: Option<u64>) -> Result<PartRange, StoreError> {
        let name = part_name(part);
        let mut file = match self.parts.open_file(Path::new(&name)) {
            Err(error) if error.is_missing() => return Err(StoreError::PartMissing { part: *part }),
            opened => opened?,
        };
        let failed = |source| self.io("read", &self.parts, name.as_ref(), source);
        let size = file.metadata().map_err(failed)?.len();
        let length = length.unwrap_or_else(|| size.saturating_sub(offset));
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(StoreError::Range { part: *part, offset, length, size });
        }
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        Ok(PartRange { file, length, size })
    }

    fn delete(&self, id: &SnapshotId) -> Result<(), StoreError> {
        let _guard = self.lock()?;
        let mut removed = self.remove(std::slice::from_ref(id))?;
        match removed.held.pop() {
            Some((_, holders)) => {
                let holders = holders.iter().map(ToString::to_string).collect();
                Err(StoreError::Leased { id: id.to_string(), holders })
            }
            None => Ok(()),
        }
    }

    fn compact(
        &self,
        rule: &Rule,
        now: Timestamp,
        protected: &BTreeSet<SnapshotId>,
    ) -> Result<Vec<SnapshotId>, StoreError> {
        Ok(self.prune(rule, now, protected, false)?.dropped())
    }

    fn verify(&self, id: &SnapshotId) -> Result<Verification, StoreError> {
        self.verify_telling(id, &Silent)
    }

    fn verify_quickly(&self, id: &SnapshotId) -> Result<Verification, StoreError> {
        let (_, manifest) = self.read_manifest(id)?;
        verify::sizes(&manifest, &self.parts).map_err(StoreError::from)
    }
}
