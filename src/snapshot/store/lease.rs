//! Leases: who reads a snapshot keeps it, in this process and from all others.
//!
//! A lease is a file `leases/ID.NUMBER` that its holder keeps locked, with a line that says since when
//! and who. The kernel lets go of the lock when the holder dies, and then the file means nothing: the
//! next sweep removes it. A reader takes its lease first and looks for the manifest after that; who
//! removes sets the manifest aside first and looks for leases after that. So one of them sees the other.

use super::{DiskStore, StoreError, manifest_name};
use crate::host::directory::{Directory, DirectoryError, Metadata};
use crate::model::ids::SnapshotId;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

/// The most bytes of a line that says who holds a lease.
const LINE: u64 = 512;

/// A snapshot that stays while this value lives.
#[derive(Debug)]
pub struct Lease {
    file: File,
    area: Directory,
    name: OsString,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Err(error) = self.area.remove_file(&self.name) {
            tracing::debug!(%error, "the file of a lease stays until the next sweep");
        }
        // Closing the file would not do while a process that is just being started has a copy of it.
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lease ends with its file handle");
        }
    }
}

/// Who reads a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who it is, in its own words; empty when it has just come.
    pub who: String,
    /// Since when; `None` when it has just come.
    pub since: Option<Timestamp>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.since {
            Some(since) => write!(f, "{} since {}", self.who, since.strftime("%Y-%m-%d %H:%M:%S")),
            None => f.write_str("a reader that has just come"),
        }
    }
}

impl DiskStore {
    /// Keeps a snapshot from being removed for as long as the lease lives; `who` is told to others.
    ///
    /// # Errors
    /// When there is no such snapshot, or the disk refuses.
    pub fn lease(&self, id: &SnapshotId, who: &str, now: Timestamp) -> Result<Lease, StoreError> {
        let lease = self.take_lease(id)?;
        let line = format!("{now} {}\n", who.replace(|letter: char| letter.is_control(), " "));
        let written = (&lease.file).write_all(line.as_bytes());
        written.map_err(|source| self.io("write", &self.leases, &lease.name, source))?;
        if self.manifests.metadata_optional(&manifest_name(id))?.is_none() {
            return Err(StoreError::Unknown { id: id.to_string() });
        }
        Ok(lease)
    }

    fn take_lease(&self, id: &SnapshotId) -> Result<Lease, StoreError> {
        let mut number = 0u64;
        loop {
            let name = OsString::from(format!("{id}.{number}"));
            number += 1;
            // Others read who it is: root made it, perhaps, in the store of another user.
            let file = match self.leases.create_file(&name, 0o644) {
                Err(error) if error.is_present() => continue,
                created => created?,
            };
            self.give(&self.leases, &name)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(source)) => {
                    return Err(self.io("lock", &self.leases, &name, source));
                }
            }
            // A sweep may have taken it for a left-over before it was locked.
            if Metadata::of_file(&file, &self.leases.path().join(&name))?.links > 0 {
                let area = self.leases.open_directory(Path::new(""))?;
                return Ok(Lease { file, area, name });
            }
        }
    }

    /// The snapshots that are being read, and by whom.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn holders(&self) -> Result<BTreeMap<SnapshotId, Vec<Holder>>, StoreError> {
        let mut all: BTreeMap<SnapshotId, Vec<Holder>> = BTreeMap::new();
        for name in self.leases.list()? {
            let Some(id) = leased(&name) else { continue };
            if let Some(holder) = self.holder(&name)? {
                all.entry(id).or_default().push(holder);
            }
        }
        Ok(all)
    }

    /// Removes the leases of the dead; the caller holds the store's lock.
    pub(super) fn sweep_leases(&self) -> Result<(), StoreError> {
        for name in self.leases.list()? {
            if leased(&name).is_none() || self.holder(&name)?.is_none() {
                self.leases.remove_tree(&name)?;
            }
        }
        Ok(())
    }

    /// Who holds the lease of this name; `None` when it is held no more.
    fn holder(&self, name: &OsStr) -> Result<Option<Holder>, StoreError> {
        let failed = |source| self.io("read", &self.leases, name, source);
        let file = match self.leases.open_file(Path::new(name)) {
            Err(error) if error.is_missing() => return Ok(None),
            opened => opened?,
        };
        // Shared: two that look at once do not take each other for holders.
        match file.try_lock_shared() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut line = Vec::new();
        file.take(LINE).read_to_end(&mut line).map_err(failed)?;
        let line = String::from_utf8_lossy(&line);
        let (since, who) = line.trim_end().split_once(' ').unwrap_or_default();
        Ok(Some(Holder { who: who.to_owned(), since: since.parse().ok() }))
    }

    /// Has the owner of the store own this too, when root made it.
    pub(super) fn give(&self, area: &Directory, name: &OsStr) -> Result<(), DirectoryError> {
        match self.owner {
            Some((uid, gid)) => area.set_owner(name, uid, gid),
            None => Ok(()),
        }
    }
}

/// The snapshot of a lease by its file's name.
fn leased(name: &OsStr) -> Option<SnapshotId> {
    let (id, number) = name.to_str()?.rsplit_once('.')?;
    number.parse::<u64>().ok()?;
    SnapshotId::parse(id).ok()
}
