//! Removal: of snapshots, of parts that no manifest names, and of what a crash left behind.
//!
//! A manifest goes before its parts, so a crash in between leaves parts without a manifest, which the
//! next sweep removes; never a manifest without its parts.

use super::{DiskStore, Listing, SnapshotStore, StoreError, Summary, manifest_name};
use crate::model::ids::SnapshotId;
use crate::snapshot::retention::{self, Candidate, Rule};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::path::Path;

impl DiskStore {
    pub(super) fn compact_by(
        &self,
        rule: &Rule,
        now: Timestamp,
        protected: &BTreeSet<SnapshotId>,
    ) -> Result<Vec<SnapshotId>, StoreError> {
        let _guard = self.lock()?;
        let candidates: Vec<Candidate> = self.list()?.snapshots.into_iter().map(candidate).collect();
        let dropped = retention::drops(&candidates, rule, now, protected);
        if !dropped.is_empty() {
            self.remove(&dropped)?;
        }
        Ok(dropped)
    }

    /// The caller holds the store's lock.
    pub(super) fn remove(&self, ids: &[SnapshotId]) -> Result<(), StoreError> {
        for id in ids {
            match self.manifests.remove_file(&manifest_name(id)) {
                Err(error) if error.is_missing() => return Err(StoreError::Unknown { id: id.to_string() }),
                removed => removed?,
            }
        }
        self.manifests.sync()?;
        self.remove_unnamed_parts()
    }

    /// Removes what a crash left: unnamed manifests, parts of none, captures whose process is gone.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        let _guard = match self.lock() {
            // Whoever holds the lock is alive, and the next one to open the store sweeps.
            Err(StoreError::Busy { .. }) => return Ok(()),
            guard => guard?,
        };
        for name in self.manifests.list()?.iter().filter(|name| is_fresh(name)) {
            self.manifests.remove_file(name)?;
        }
        for name in self.incoming.list()? {
            if self.incoming.open_directory(Path::new(&name))?.try_lock()? {
                self.incoming.remove_tree(&name)?;
            }
        }
        self.remove_unnamed_parts()
    }

    fn remove_unnamed_parts(&self) -> Result<(), StoreError> {
        let Listing { snapshots, unreadable } = self.list()?;
        // A manifest that cannot be read may name any part.
        if !unreadable.is_empty() {
            return Ok(());
        }
        let mut named: HashSet<OsString> = HashSet::new();
        for summary in &snapshots {
            let (_, manifest) = self.read_manifest(&summary.id)?;
            named.extend(manifest.parts.iter().map(|part| part.file_name().into()));
        }
        for name in self.parts.list()? {
            if !named.contains(&name) {
                self.parts.remove_tree(&name)?;
            }
        }
        Ok(self.parts.sync()?)
    }
}

fn is_fresh(name: &OsString) -> bool {
    name.to_string_lossy().ends_with(".new")
}

fn candidate(summary: Summary) -> Candidate {
    Candidate {
        id: summary.id,
        source: summary.metadata.source,
        generation: summary.metadata.generation,
        created_at: summary.metadata.created_at,
    }
}
