//! The store that a daemon hands out, with who pulls from it.

use crate::host::directory::Directory;
use crate::host::files;
use crate::serving::pulls::Pulls;
use crate::serving::traffic::Traffic;
use crate::snapshot::store::{DiskStore, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::explain::Failure;
use crate::model::role::Role;

/// A store that is handed out; it may come into being while the daemon runs.
pub struct Shelf {
    path: PathBuf,
    opened: Mutex<Option<Arc<DiskStore>>>,
    /// Who pulls from it.
    pub pulls: Arc<Pulls>,
    /// What is counted.
    pub traffic: Traffic,
    roles: RolesOf,
    known: Mutex<Option<(Option<Instant>, Roles)>>,
}

/// For each source that is not for everybody the roles that may have it.
pub type Roles = Arc<BTreeMap<String, BTreeSet<Role>>>;

/// Reads which roles may have which sources.
pub type RolesOf = Box<dyn Fn() -> Result<Roles, Failure> + Send + Sync>;

/// For how long what was read of roles is used.
const KEPT: Duration = Duration::from_secs(2);

/// Why it is not known who may have a source.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct NoRoles(pub Failure);

impl Shelf {
    /// The store in this directory, or in the one that will be there, for so many pullers at a time.
    pub fn new(path: PathBuf, pullers: usize, traffic: Traffic) -> Self {
        let pulls = Arc::new(Pulls::new(pullers, traffic.milliseconds.clone()));
        Self {
            path,
            opened: Mutex::default(),
            pulls,
            traffic,
            roles: Box::new(|| Ok(Roles::default())),
            known: Mutex::default(),
        }
    }

    /// The same, with sources that are for certain roles alone, as the configuration says that is read again and
    /// again; a source that is not there, or has no roles, is for all.
    #[must_use]
    pub fn for_roles(self, roles: impl Fn() -> Result<Roles, Failure> + Send + Sync + 'static) -> Self {
        Self { roles: Box::new(roles), ..self }
    }

    /// The roles that may have snapshots of this source; all of them if there is none. While the configuration
    /// cannot be read, what it said before holds.
    ///
    /// # Errors
    /// When it could not be read even once.
    pub fn roles_of(&self, source: &str) -> Result<Option<BTreeSet<Role>>, NoRoles> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |since: Option<Instant>| since.is_some_and(|since| since.elapsed() < KEPT);
        if !known.as_ref().is_some_and(|(since, _)| fresh(*since)) {
            let roles = match ((self.roles)(), known.take()) {
                (Ok(roles), _) => roles,
                (Err(failure), Some((_, before))) => {
                    let Failure { code, message, .. } = failure;
                    tracing::warn!(code, message, "the roles of sources are not read again");
                    before
                }
                (Err(failure), None) => return Err(NoRoles(failure)),
            };
            *known = Some((Some(Instant::now()), roles));
        }
        let roles = known.as_ref().and_then(|(_, roles)| roles.get(source));
        Ok(roles.filter(|roles| !roles.is_empty()).cloned())
    }

    /// Has the roles of sources read again before the next answer: something about the cluster has changed.
    pub fn reread(&self) {
        if let Some((since, _)) = self.known.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            *since = None;
        }
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
