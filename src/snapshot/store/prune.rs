//! Removal: of snapshots, of parts that no manifest names, and of what a crash left behind.
//!
//! A manifest is set aside, then removed unless somebody reads the snapshot, and its parts go last, each
//! made durable in that order. So a crash in between leaves parts without a manifest or a manifest that
//! was set aside, which the next sweep removes; never a manifest without its parts.

use super::{DiskStore, Download, Holder, Listing, SnapshotStore, StoreError, Summary, manifest_name};
use crate::model::ids::SnapshotId;
use crate::snapshot::retention::{self, Candidate, Rule, Verdict};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What pruning did, or would do.
#[derive(Debug, Default)]
pub struct Pruned {
    /// All snapshots that there were, oldest first.
    pub judged: Vec<Judged>,
    /// Bytes of parts and downloads that were removed, or would be.
    pub freed_bytes: u64,
    /// Downloads that nobody carried on for too long, which went, or would.
    pub downloads: Vec<Download>,
    /// File names of manifests that cannot be read, and why; while there are any, no part is removed.
    pub unreadable: Vec<(OsString, StoreError)>,
}

impl Pruned {
    /// The snapshots that went, oldest first.
    pub fn dropped(&self) -> Vec<SnapshotId> {
        let gone = self.judged.iter().filter(|one| one.verdict.drops());
        gone.map(|one| one.summary.id.clone()).collect()
    }
}

/// A snapshot, and what became of it.
#[derive(Debug)]
pub struct Judged {
    /// The snapshot.
    pub summary: Summary,
    /// What became of it, and why.
    pub verdict: Verdict,
    /// Who reads it.
    pub holders: Vec<Holder>,
}

impl DiskStore {
    /// Removes what the rule drops, but nothing that is protected or being read; with `dry_run` it only
    /// says what would go.
    ///
    /// # Errors
    /// When the disk refuses, or another process changes the store for too long.
    pub fn prune(
        &self,
        rule: &Rule,
        now: Timestamp,
        protected: &BTreeSet<SnapshotId>,
        dry_run: bool,
    ) -> Result<Pruned, StoreError> {
        let _guard = if dry_run { None } else { Some(self.lock()?) };
        let Listing { snapshots, unreadable } = self.list()?;
        let mut holders = self.holders()?;
        let protected: BTreeSet<SnapshotId> = protected.iter().chain(holders.keys()).cloned().collect();
        let candidates: Vec<Candidate> = snapshots.iter().map(candidate).collect();
        let verdicts = retention::judge(&candidates, rule, now, &protected);
        let mut judged = Vec::new();
        for (one, verdict) in verdicts {
            let summary = snapshots.iter().find(|summary| summary.id == one.id).cloned();
            let summary = summary.expect("each candidate is one of the snapshots");
            let holders = holders.remove(&one.id).unwrap_or_default();
            judged.push(Judged { summary, verdict, holders });
        }
        let downloads = self.give_up_those(dry_run, |one| one.is_abandoned(now))?;
        let mut pruned = Pruned { judged, freed_bytes: 0, downloads, unreadable };
        let dropped = pruned.dropped();
        if dry_run {
            let freed = if pruned.unreadable.is_empty() { &dropped[..] } else { &[] };
            pruned.freed_bytes = retention::freed_bytes(&candidates, freed);
        } else if !dropped.is_empty() {
            let kept = self.remove(&dropped)?;
            for (id, holders) in kept.held {
                let one = pruned.judged.iter_mut().find(|one| one.summary.id == id);
                let one = one.expect("only what was judged was dropped");
                (one.verdict, one.holders) = (Verdict::Protected, holders);
            }
            pruned.freed_bytes = kept.freed_bytes;
        }
        let of_downloads = pruned.downloads.iter().map(|one| one.bytes);
        pruned.freed_bytes = of_downloads.fold(pruned.freed_bytes, u64::saturating_add);
        Ok(pruned)
    }

    /// Removes the snapshots that nobody reads; the caller holds the store's lock.
    pub(super) fn remove(&self, ids: &[SnapshotId]) -> Result<Removed, StoreError> {
        let mut held = Vec::new();
        let mut gone = Vec::new();
        for id in ids {
            let (name, aside) = (manifest_name(id), aside_name(id));
            match self.manifests.rename(&name, &self.manifests, &aside) {
                Err(error) if error.is_missing() => return Err(StoreError::Unknown { id: id.to_string() }),
                renamed => renamed?,
            }
            match self.holders()?.remove(id) {
                None => gone.push(aside),
                Some(holders) => {
                    self.manifests.rename(&aside, &self.manifests, &name)?;
                    held.push((id.clone(), holders));
                }
            }
        }
        for aside in &gone {
            self.manifests.remove_file(aside)?;
        }
        Ok(Removed { held, freed_bytes: self.remove_unnamed_parts()? })
    }

    /// Removes what a crash left: unnamed manifests, parts of none, captures whose process is gone.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        // Whoever holds the lock is alive, and the next one to open the store sweeps.
        let Some(_guard) = self.lock_now()? else { return Ok(()) };
        self.sweep_leases()?;
        for name in self.manifests.list()? {
            if matches!(unpublished(&name), Some(Unpublished::Fresh)) {
                self.manifests.remove_file(&name)?;
            }
        }
        for name in self.incoming.list()? {
            let directory = match self.incoming.open_directory(Path::new(&name)) {
                // Its capture has just ended.
                Err(error) if error.is_missing() => continue,
                opened => opened?,
            };
            if directory.try_lock()? {
                self.incoming.remove_tree(&name)?;
            }
        }
        self.sweep_downloads()?;
        self.remove_unnamed_parts().map(|_| ())
    }

    /// Ends the removals whose process died after it set a manifest aside.
    fn settle(&self) -> Result<(), StoreError> {
        for name in self.manifests.list()? {
            let Some(Unpublished::Aside(id)) = unpublished(&name) else { continue };
            if self.holders()?.contains_key(&id) {
                self.manifests.rename(&name, &self.manifests, &manifest_name(&id))?;
            } else {
                self.manifests.remove_file(&name)?;
            }
        }
        Ok(self.manifests.sync()?)
    }

    /// Returns the bytes that went; the caller holds the store's lock.
    fn remove_unnamed_parts(&self) -> Result<u64, StoreError> {
        self.settle()?;
        let Listing { snapshots, unreadable } = self.list()?;
        // A manifest that cannot be read may name any part.
        if !unreadable.is_empty() {
            return Ok(0);
        }
        let named: HashSet<OsString> =
            snapshots.iter().flat_map(|one| &one.parts).map(|part| part.file_name().into()).collect();
        let mut freed: u64 = 0;
        for name in self.parts.list()? {
            if !named.contains(&name) {
                freed =
                    freed.saturating_add(self.parts.metadata_optional(&name)?.map_or(0, |file| file.size));
                self.parts.remove_tree(&name)?;
            }
        }
        self.parts.sync()?;
        Ok(freed)
    }
}

/// What became of snapshots that were to be removed.
pub(super) struct Removed {
    /// Those that somebody reads, which stayed.
    pub(super) held: Vec<(SnapshotId, Vec<Holder>)>,
    /// Bytes of the parts that went.
    pub(super) freed_bytes: u64,
}

/// A file among the manifests that is none.
pub(super) enum Unpublished {
    /// It is being written.
    Fresh,
    /// It is being removed.
    Aside(SnapshotId),
}

/// What a file among the manifests is by its name, if it is no manifest that is published.
pub(super) fn unpublished(name: &OsStr) -> Option<Unpublished> {
    let name = name.to_str()?;
    if name.ends_with(".new") {
        return Some(Unpublished::Fresh);
    }
    let id = SnapshotId::parse(name.strip_suffix(".json.gone")?).ok()?;
    Some(Unpublished::Aside(id))
}

fn aside_name(id: &SnapshotId) -> OsString {
    format!("{id}.json.gone").into()
}

fn candidate(summary: &Summary) -> Candidate {
    Candidate {
        id: summary.id.clone(),
        source: summary.metadata.source.clone(),
        generation: summary.metadata.generation,
        created_at: summary.metadata.created_at,
        parts: summary.parts.clone(),
    }
}
