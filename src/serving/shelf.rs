//! The store that a daemon hands out, with who pulls from it.

use crate::host::directory::Directory;
use crate::host::files;
use crate::serving::audience::{Audience, Reread};
use crate::serving::pulls::Pulls;
use crate::serving::traffic::Traffic;
use crate::snapshot::store::{DiskStore, StoreError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A store that is handed out; it may come into being while the daemon runs.
pub struct Shelf {
    path: PathBuf,
    opened: Mutex<Option<Arc<DiskStore>>>,
    /// Who pulls from it.
    pub pulls: Arc<Pulls>,
    /// What is counted.
    pub traffic: Traffic,
    /// Who may have what.
    pub audience: Reread<Audience>,
}

impl Shelf {
    /// The store in this directory, or in the one that will be there, for so many pullers at a time.
    pub fn new(path: PathBuf, pullers: usize, traffic: Traffic) -> Self {
        let pulls = Arc::new(Pulls::new(pullers, traffic.milliseconds.clone()));
        Self {
            path,
            opened: Mutex::default(),
            pulls,
            traffic,
            audience: Reread::new(|| Ok(Audience::default())),
        }
    }

    /// The same, with sources that are for certain roles alone; without it all are for everybody.
    #[must_use]
    pub fn for_audience(self, audience: Reread<Audience>) -> Self {
        Self { audience, ..self }
    }

    /// The store; none as long as this node has none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn store(&self) -> Result<Option<Arc<DiskStore>>, StoreError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if !files::exists(&self.path).unwrap_or(true) {
            *opened = None;
            return Ok(None);
        }
        let there = Directory::open(&self.path)?;
        let place = there.own_metadata()?;
        // Another directory may have taken its place.
        let same = |store: &DiskStore| store.is_at(place.device, place.inode);
        if let Some(store) = opened.as_ref().filter(|store| same(store)) {
            return Ok(Some(store.clone()));
        }
        let store = Arc::new(DiskStore::open(there)?);
        *opened = Some(store.clone());
        Ok(Some(store))
    }

    /// Ends the pulls of those who were not heard for too long, and counts the others.
    pub fn look(&self, now: Instant) {
        for (puller, id) in self.pulls.expire(now) {
            tracing::info!(%id, puller, "a pull ended without a word: its snapshot may be removed");
        }
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.traffic.pulls.set(count(self.pulls.count()));
        self.traffic.pullers.set(count(self.pulls.taken(now)));
    }
}
