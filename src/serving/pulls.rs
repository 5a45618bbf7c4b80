//! Who pulls which snapshot from this daemon: each puller has a place, and a lease on what it pulls.
//!
//! A pull is many requests, so its lease belongs to none of them: every request for the manifest or a part
//! renews it, and an answer that is still being sent keeps it. A place is given up sooner than a lease, and
//! there are only so many of them; a puller has one, however often it asks. All this is in memory only. After
//! a restart a puller has both again with its next request; until then only retention's own rules protect
//! what it pulls. A request for a part does not say of which snapshot, so all that have it are kept then.

use crate::host::clock;
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::serving::known::Known;
use crate::snapshot::store::{DiskStore, Lease, StoreError, Summary};
use prometheus_client::metrics::counter::Counter;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After so long without a request, a puller is taken for gone: longer than it waits between two tries.
pub const SILENCE: Duration = Duration::from_secs(600);

/// After so long without a request, a puller's place is given to others: longer than the 30 s that it waits
/// at most between two tries. What it pulls stays for [`SILENCE`].
pub const PLACE: Duration = Duration::from_secs(60);

/// Who, and which snapshot.
type Key = (String, SnapshotId);

/// The pulls that are going on.
#[derive(Debug)]
pub struct Pulls {
    most: usize,
    /// What the store says of the snapshots that are asked for.
    pub known: Known,
    /// Milliseconds of all answers, added up.
    spent: Counter,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    pulls: BTreeMap<Key, Pull>,
    places: BTreeMap<String, Place>,
}

#[derive(Debug)]
struct Pull {
    /// Of what it is, which says who may have it.
    source: String,
    parts: HashSet<Digest>,
    heard: Instant,
    /// Answers that are being sent at this moment.
    sending: usize,
    /// Its puller has all of it; what is still being sent is on its way already.
    left: bool,
    /// The puller asked for a part alone, as one does that began before this daemon: it may mean another snapshot.
    guessed: bool,
    _lease: Lease,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    heard: Instant,
    sending: usize,
    /// Its puller has all that it wanted; what is still being sent to it is on its way already.
    left: bool,
}

impl Pull {
    fn is_over(&self) -> bool {
        self.left && self.sending == 0
    }
}

impl Place {
    fn is_taken(&self, now: Instant) -> bool {
        self.sending > 0 || now.saturating_duration_since(self.heard) <= PLACE
    }
}

/// An answer that is being sent; its pull does not end before it does.
#[derive(Debug)]
pub struct Sending {
    pulls: Arc<Pulls>,
    puller: String,
    keys: Vec<Key>,
    began: Instant,
}

impl Drop for Sending {
    fn drop(&mut self) {
        let now = Instant::now();
        let spent = now.saturating_duration_since(self.began).as_millis();
        self.pulls.spent.inc_by(u64::try_from(spent).unwrap_or(u64::MAX));
        let mut held = self.pulls.held();
        for key in &self.keys {
            if let Some(pull) = held.pulls.get_mut(key) {
                pull.sending -= 1;
                pull.heard = now;
            }
        }
        if let Some(place) = held.places.get_mut(&self.puller) {
            place.sending -= 1;
            place.heard = now;
        }
        held.settle(&self.puller);
    }
}

/// Why no pull begins.
#[derive(Debug)]
pub enum NoPull {
    /// There is no place.
    Full {
        /// How many there are.
        most: usize,
    },
    /// The store refuses.
    Store(StoreError),
}

impl From<StoreError> for NoPull {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Pulls {
    /// For so many pullers at a time, at least one.
    pub fn new(most: usize, spent: Counter) -> Self {
        Self { most: most.max(1), known: Known::default(), spent, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.held().pulls.len()
    }

    /// How many places are taken.
    pub fn taken(&self, now: Instant) -> usize {
        self.held().places.values().filter(|place| place.is_taken(now)).count()
    }

    /// Keeps a snapshot for somebody who is about to pull it; this takes no place yet.
    ///
    /// # Errors
    /// When there is no such snapshot, or the store's disk refuses.
    pub fn keep(
        &self,
        store: &DiskStore,
        puller: &str,
        what: &Summary,
        now: Instant,
    ) -> Result<(), StoreError> {
        let key = (puller.to_owned(), what.id.clone());
        if let Some(pull) = self.held().pulls.get_mut(&key) {
            (pull.heard, pull.left, pull.guessed) = (now, false, false);
            return Ok(());
        }
        self.enter(store, key, what, (now, false))
    }

    fn enter(
        &self,
        store: &DiskStore,
        key: Key,
        what: &Summary,
        (heard, guessed): (Instant, bool),
    ) -> Result<(), StoreError> {
        // Without the lock: nobody who ends an answer waits for the disk.
        let lease = store.lease(&what.id, &key.0, clock::timestamp())?;
        let parts = what.parts.iter().map(|part| part.digest).collect();
        let source = what.metadata.source.clone();
        let pull = Pull { source, parts, heard, sending: 0, left: false, guessed, _lease: lease };
        self.held().pulls.entry(key).or_insert(pull);
        Ok(())
    }

    /// Begins a pull, or goes on with the one that this puller has of this snapshot already.
    ///
    /// # Errors
    /// When there is no place, no such snapshot, or the store's disk refuses.
    pub fn begin(&self, store: &DiskStore, puller: &str, what: &Summary, now: Instant) -> Result<(), NoPull> {
        let fresh = self.held().take_place(puller, self.most, now)?;
        let kept = self.keep(store, puller, what, now);
        if kept.is_err() && fresh {
            self.held().leave_place(puller);
        }
        Ok(kept?)
    }

    /// Renews this puller's pulls of all snapshots that have the part, for as long as the answer is being
    /// sent; a puller that is not known any more begins anew. With each request it is asked again of what source it
    /// `may` have anything: a pull that was begun is no right to its end.
    ///
    /// # Errors
    /// When there is no place, or the store's disk refuses.
    pub fn send(
        self: &Arc<Self>,
        store: &DiskStore,
        puller: &str,
        part: &Digest,
        may: &dyn Fn(&str) -> bool,
        now: Instant,
    ) -> Result<Option<Sending>, NoPull> {
        let fresh = self.held().take_place(puller, self.most, now)?;
        if let Some(sending) = self.renew(puller, part, may, now) {
            return Ok(Some(sending));
        }
        let begun = self.begin_with(store, puller, part, may, now);
        let sending = begun.map(|()| self.renew(puller, part, may, now));
        if !matches!(sending, Ok(Some(_))) && fresh {
            self.held().leave_place(puller);
        }
        Ok(sending?)
    }

    /// Keeps all snapshots that have the part and that the puller `may` have: it pulls one of them.
    fn begin_with(
        &self,
        store: &DiskStore,
        puller: &str,
        part: &Digest,
        may: &dyn Fn(&str) -> bool,
        now: Instant,
    ) -> Result<(), StoreError> {
        let having = self.known.with_part(store, part)?.into_iter();
        for one in having.filter(|one| may(&one.metadata.source)) {
            let entered = self.enter(store, (puller.to_owned(), one.id.clone()), &one, (now, true));
            match entered {
                // It was removed since it was looked for, and the others are kept.
                Err(StoreError::Unknown { .. }) => {}
                entered => entered?,
            }
        }
        Ok(())
    }

    fn renew(
        self: &Arc<Self>,
        puller: &str,
        part: &Digest,
        may: &dyn Fn(&str) -> bool,
        now: Instant,
    ) -> Option<Sending> {
        let mut held = self.held();
        let mut keys = Vec::new();
        for (key, pull) in &mut held.pulls {
            if key.0 == puller && pull.parts.contains(part) && may(&pull.source) {
                (pull.heard, pull.sending, pull.left) = (now, pull.sending + 1, false);
                keys.push(key.clone());
            }
        }
        if keys.is_empty() {
            return None;
        }
        Some(self.sending(&mut held, puller, keys, now))
    }

    /// Renews this puller's pull of the snapshot, which was begun, for as long as all of it is being sent.
    pub fn send_all(self: &Arc<Self>, puller: &str, id: &SnapshotId, now: Instant) -> Sending {
        let key = (puller.to_owned(), id.clone());
        let mut held = self.held();
        let mut keys = Vec::new();
        if let Some(pull) = held.pulls.get_mut(&key) {
            (pull.heard, pull.sending) = (now, pull.sending + 1);
            keys.push(key);
        }
        self.sending(&mut held, puller, keys, now)
    }

    fn sending(self: &Arc<Self>, held: &mut Held, puller: &str, keys: Vec<Key>, now: Instant) -> Sending {
        let place =
            held.places.entry(puller.to_owned()).or_insert(Place { heard: now, sending: 0, left: false });
        (place.heard, place.sending) = (now, place.sending + 1);
        Sending { pulls: self.clone(), puller: puller.to_owned(), keys, began: now }
    }

    /// Ends this puller's pull of the snapshot, which it has, and with it what was kept because it might have been
    /// that one; its place is free with the last one.
    pub fn leave(&self, puller: &str, id: &SnapshotId) {
        let mut held = self.held();
        let parts = held.pulls.get(&(puller.to_owned(), id.clone())).map(|pull| pull.parts.clone());
        let like = |pull: &Pull| parts.iter().flatten().any(|part| pull.parts.contains(part));
        let ends =
            |(key, pull): &(&Key, &mut Pull)| key.0 == puller && (key.1 == *id || pull.guessed && like(pull));
        held.pulls.iter_mut().filter(ends).for_each(|(_, pull)| pull.left = true);
        if !held.pulls.iter().any(|(key, pull)| key.0 == puller && !pull.left) {
            held.leave_place(puller);
        }
        held.settle(puller);
    }

    /// Ends all pulls of this puller, which has all that it wanted.
    pub fn end(&self, puller: &str) {
        let mut held = self.held();
        held.pulls.iter_mut().filter(|(key, _)| key.0 == puller).for_each(|(_, pull)| pull.left = true);
        held.leave_place(puller);
        held.settle(puller);
    }

    /// Ends the pulls of those who were not heard for too long before `now`; returns who and what it was.
    pub fn expire(&self, now: Instant) -> Vec<(String, SnapshotId)> {
        let gone = |pull: &Pull| pull.sending == 0 && now.saturating_duration_since(pull.heard) > SILENCE;
        let mut held = self.held();
        held.places.retain(|_, place| place.is_taken(now));
        held.pulls.extract_if(.., |_, pull| gone(pull)).map(|(key, _)| key).collect()
    }
}

impl Held {
    /// Whether it is a new one.
    fn take_place(&mut self, puller: &str, most: usize, now: Instant) -> Result<bool, NoPull> {
        self.places.retain(|who, place| who == puller || place.is_taken(now));
        if let Some(place) = self.places.get_mut(puller) {
            (place.heard, place.left) = (now, false);
            return Ok(false);
        }
        if self.places.len() >= most {
            return Err(NoPull::Full { most });
        }
        self.places.insert(puller.to_owned(), Place { heard: now, sending: 0, left: false });
        Ok(true)
    }

    /// Ends what the puller has left and nothing is sent of any more.
    fn settle(&mut self, puller: &str) {
        self.pulls.retain(|key, pull| key.0 != puller || !pull.is_over());
        if self.places.get(puller).is_some_and(|place| place.left && place.sending == 0) {
            self.places.remove(puller);
        }
    }

    fn leave_place(&mut self, puller: &str) {
        match self.places.get_mut(puller) {
            Some(place) if place.sending > 0 => place.left = true,
            _ => drop(self.places.remove(puller)),
        }
    }
}
