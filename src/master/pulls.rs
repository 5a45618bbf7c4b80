//! Who pulls which snapshot from this master: each puller holds a lease until it was not heard for a while.
//!
//! A pull is many requests, so its lease belongs to none of them: every request for the manifest or a part
//! renews it, and an answer that is still being sent keeps it. Pulls are in memory only. After a restart a
//! puller has its lease again with its next request; until then only retention's own rules protect it.

use crate::host::clock;
use crate::model::digest::Digest;
use crate::model::ids::{NodeId, SnapshotId};
use crate::snapshot::manifest::Part;
use crate::snapshot::store::{DiskStore, Lease, SnapshotStore, StoreError};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After so long without a request, a puller is taken for gone: longer than it waits between two tries.
pub const SILENCE: Duration = Duration::from_secs(600);

/// Who, and which snapshot.
type Key = (String, SnapshotId);

/// The pulls that are going on.
#[derive(Debug, Default)]
pub struct Pulls(Mutex<BTreeMap<Key, Pull>>);

#[derive(Debug)]
struct Pull {
    parts: HashSet<Digest>,
    heard: Instant,
    /// Answers that are being sent at this moment.
    sending: usize,
    _lease: Lease,
}

/// An answer that is being sent; its pull does not end before it does.
#[derive(Debug)]
pub struct Sending {
    pulls: Arc<Pulls>,
    keys: Vec<Key>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        let mut held = self.pulls.held();
        for key in &self.keys {
            if let Some(pull) = held.get_mut(key) {
                pull.sending -= 1;
                pull.heard = Instant::now();
            }
        }
    }
}

/// As whom a node holds the snapshot that it pulls.
pub fn puller(node: &NodeId) -> String {
    format!("node {node}")
}

impl Pulls {
    fn held(&self) -> MutexGuard<'_, BTreeMap<Key, Pull>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.held().len()
    }

    /// Begins a pull, or goes on with the one that this puller has of this snapshot already.
    ///
    /// # Errors
    /// When there is no such snapshot, or the store's disk refuses.
    pub fn begin(&self, store: &DiskStore, puller: &str, id: &SnapshotId) -> Result<(), StoreError> {
        let key = (puller.to_owned(), id.clone());
        if let Some(pull) = self.held().get_mut(&key) {
            pull.heard = Instant::now();
            return Ok(());
        }
        // Without the lock: nobody who ends an answer waits for the disk.
        let lease = store.lease(id, puller, clock::timestamp())?;
        let parts = store.summary(id)?.parts.iter().map(|part| part.digest).collect();
        let pull = Pull { parts, heard: Instant::now(), sending: 0, _lease: lease };
        self.held().entry(key).or_insert(pull);
        Ok(())
    }

    /// Renews this puller's pulls of all snapshots that have the part, for as long as the answer is being
    /// sent; a puller that is not known any more begins anew.
    ///
    /// # Errors
    /// When the store's disk refuses.
    pub fn send(
        self: &Arc<Self>,
        store: &DiskStore,
        puller: &str,
        part: &Digest,
    ) -> Result<Sending, StoreError> {
        let sending = self.renew(puller, part);
        if !sending.keys.is_empty() {
            return Ok(sending);
        }
        let has = |parts: &[Part]| parts.iter().any(|one| one.digest == *part);
        if let Some(one) = store.list()?.snapshots.into_iter().find(|one| has(&one.parts)) {
            self.begin(store, puller, &one.id)?;
        }
        Ok(self.renew(puller, part))
    }

    fn renew(self: &Arc<Self>, puller: &str, part: &Digest) -> Sending {
        let mut keys = Vec::new();
        for (key, pull) in self.held().iter_mut() {
            if key.0 == puller && pull.parts.contains(part) {
                (pull.heard, pull.sending) = (Instant::now(), pull.sending + 1);
                keys.push(key.clone());
            }
        }
        Sending { pulls: self.clone(), keys }
    }

    /// Ends the pulls of this puller, which has all that it wanted.
    pub fn end(&self, puller: &str) {
        self.held().retain(|key, pull| key.0 != puller || pull.sending > 0);
    }

    /// Ends the pulls of those who were not heard for too long before `now`; returns who and what it was.
    pub fn expire(&self, now: Instant) -> Vec<(String, SnapshotId)> {
        let gone = |pull: &Pull| pull.sending == 0 && now.saturating_duration_since(pull.heard) > SILENCE;
        self.held().extract_if(.., |_, pull| gone(pull)).map(|(key, _)| key).collect()
    }
}
