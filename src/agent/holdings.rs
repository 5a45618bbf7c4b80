//! Tells the master which snapshots this node's store holds: at the start, when they change, when it asks.

use crate::agent::link::Link;
use crate::client::{ClientError, MasterClient};
use crate::host::watch::FileWatch;
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use crate::serving::Shelf;
use crate::snapshot::store::{DiskStore, SnapshotStore, StoreError};
use crate::wire::snapshots::{HOLDINGS, Holding, Holdings, MOST};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// A change that is followed by another one so soon waits for it, but not for longer than that in all.
const QUIET: Duration = Duration::from_millis(100);
const UNQUIET: Duration = Duration::from_secs(1);

/// When it is tried again after a failure, unless the agent's round says sooner that the master is back.
const AGAIN: Duration = Duration::from_secs(15);

/// The code with which a master says that it has no such route.
const NO_SUCH_ROUTE: &str = "EOS-M027";

/// Tells holdings; the agent's loop asks for it too.
pub struct Teller {
    shelf: Arc<Shelf>,
    link: Arc<Link>,
    store: PathBuf,
    port: u16,
    wanted: Arc<Notify>,
    known: BTreeMap<SnapshotId, Holding>,
}

impl Teller {
    /// Of the store in this directory, which is handed out at this port.
    pub fn new(shelf: Arc<Shelf>, link: Arc<Link>, store: PathBuf, port: u16) -> Self {
        Self { shelf, link, store, port, wanted: Arc::default(), known: BTreeMap::new() }
    }

    /// What asks for the holdings to be told soon.
    pub fn wanted(&self) -> Arc<Notify> {
        self.wanted.clone()
    }

    /// Tells, again and again; it returns never.
    pub async fn work(mut self) {
        loop {
            let (watch, told) = self.tell().await;
            if let Err(failure) = &told {
                tracing::warn!(code = failure.code, causes = ?failure.causes, "{}", failure.message);
            }
            let most = if told.is_ok() { Duration::MAX } else { AGAIN };
            // The end of the wait is one more reason to tell.
            let ended = timeout(most, due(watch, &self.wanted)).await;
            tracing::trace!(in_time = ended.is_ok(), "holdings are told again");
        }
    }

    async fn tell(&mut self) -> (Option<FileWatch>, Result<(), Failure>) {
        let shelf = self.shelf.clone();
        let opened = blocking(move || shelf.store()).await;
        // The watch is there before the store is read, so no change is between them.
        let watch = watch(&self.store);
        let told = match opened {
            Ok(store) => self.tell_of(store).await,
            Err(error) => Err(Failure::of(&error)),
        };
        (watch, told)
    }

    async fn tell_of(&mut self, store: Option<Arc<DiskStore>>) -> Result<(), Failure> {
        let (link, known) = (self.link.clone(), std::mem::take(&mut self.known));
        let read = move || {
            let held = store.map_or(Ok(BTreeMap::new()), |store| held(&store, known));
            Ok::<_, Failure>((
                held.map_err(|error| Failure::of(&error))?,
                link.client().map_err(Failure::from)?,
            ))
        };
        let (held, client) = blocking(read).await?;
        let told = newest_first(&held, self.port);
        self.known = held;
        tell(&client, &told).await.map_err(|error| {
            self.link.renew();
            Failure::of(&error)
        })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Tells the master; an older one, which keeps no list, needs not know.
///
/// # Errors
/// When it does not answer, or refuses.
pub async fn tell(client: &MasterClient, told: &Holdings) -> Result<(), ClientError> {
    match client.tell_holdings(told).await {
        Ok(()) => tracing::debug!(count = told.snapshots.len(), "the master knows what this node holds"),
        Err(ClientError::Refused { failure, .. }) if failure.code == NO_SUCH_ROUTE => {
            tracing::debug!("the master is an older one, which keeps no list of holdings");
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Tells what the store holds of a node that hands it out at this port, until nothing changed while it was told: what
/// others published or removed meanwhile they may have told before this list, which knows nothing of it.
///
/// # Errors
/// When the store cannot be read, or `tell` fails.
pub fn settle(
    store: &DiskStore,
    port: u16,
    tell: impl Fn(&Holdings) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let ids = || store.ids().map_err(|error| Failure::of(&error));
    let mut listed = ids()?;
    loop {
        let held = held(store, BTreeMap::new()).map_err(|error| Failure::of(&error))?;
        tell(&newest_first(&held, port))?;
        let now = ids()?;
        if now == listed {
            return Ok(());
        }
        listed = now;
    }
}

/// As many as can be told.
fn newest_first(held: &BTreeMap<SnapshotId, Holding>, port: u16) -> Holdings {
    let mut snapshots: Vec<Holding> = held.values().cloned().collect();
    snapshots.sort_by_key(|one| Reverse((one.created_at, one.generation)));
    snapshots.truncate(MOST);
    Holdings { version: HOLDINGS, port, snapshots }
}

/// What the store holds; a manifest that is known already is not read again.
fn held(
    store: &DiskStore,
    mut known: BTreeMap<SnapshotId, Holding>,
) -> Result<BTreeMap<SnapshotId, Holding>, StoreError> {
    let ids: BTreeSet<SnapshotId> = store.ids()?.into_iter().collect();
    known.retain(|id, _| ids.contains(id));
    for id in ids {
        if known.contains_key(&id) {
            continue;
        }
        match store.summary(&id) {
            Ok(one) => {
                let holding = Holding {
                    id: id.clone(),
                    source: one.metadata.source,
                    generation: one.metadata.generation,
                    created_at: one.metadata.created_at,
                    restore_bytes: one.restore_bytes,
                    stored_bytes: one.stored_bytes,
                };
                known.insert(id, holding);
            }
            // It was removed meanwhile.
            Err(StoreError::Unknown { .. }) => {}
            // What cannot be read is not held; `eos snapshot verify` names it.
            Err(error @ StoreError::Manifest { .. }) => tracing::warn!(%id, %error, "a snapshot is not told"),
            Err(error) => return Err(error),
        }
    }
    Ok(known)
}

/// The watch on the store's manifests, or on the place where the store will be.
fn watch(store: &Path) -> Option<FileWatch> {
    let watched = FileWatch::of_directory(&store.join("manifests")).or_else(|_| FileWatch::new(store));
    watched.inspect_err(|error| tracing::warn!(%error, "changes of the store are not noticed")).ok()
}

/// Returns when there is something to tell.
async fn due(watch: Option<FileWatch>, wanted: &Notify) {
    let changed = async {
        let Some(mut watch) = watch else { return std::future::pending().await };
        // A directory that is gone, or that another one replaced, is a change as well.
        if watch.changed().await.is_err() {
            return;
        }
        let settle = async { while let Ok(Ok(())) = timeout(QUIET, watch.changed()).await {} };
        let settled = timeout(UNQUIET, settle).await;
        tracing::trace!(settled = settled.is_ok(), "the store changed");
    };
    tokio::select! {
        () = changed => {}
        () = wanted.notified() => {}
    }
}

#[cfg(test)]
mod tests;
