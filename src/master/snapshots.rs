//! Snapshots of the cluster's own state: made when somebody asks and the generation is newer than the last.
//!
//! The store publishes a manifest only after its parts are durable, so a crash leaves the older
//! snapshots and at most unnamed parts, which the next start removes.

use crate::host::directory::Directory;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::key::PrivateKey;
use crate::master::app::App;
use crate::master::error::MasterError;
use crate::model::explain::Explain;
use crate::model::ids::SnapshotId;
use crate::model::progress::Silent;
use crate::registry::GENERATION;
use crate::serving::{Shelf, Traffic};
use crate::snapshot::capture::{self, Source};
use crate::snapshot::manifest::{Metadata, Name, SealError, Signer};
use crate::snapshot::pack::Cut;
use crate::snapshot::retention::Rule;
use crate::snapshot::store::{DiskStore, SnapshotStore, StoreError};
use crate::wire::admin::SnapshotStatus;
use crate::wire::version::VERSION;
use jiff::Timestamp;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The name of the cluster's own snapshots.
pub const SOURCE: &str = "cluster";

/// How many are kept besides those that are being pulled.
const KEEP: usize = 16;

/// The store, and which snapshot belongs to the newest generation.
pub struct ClusterSnapshots {
    root: Root,
    /// The store.
    pub store: Arc<DiskStore>,
    /// The same, handed out.
    pub shelf: Arc<Shelf>,
    latest: Mutex<Option<(u64, SnapshotId)>>,
}

struct MasterSigner<'a> {
    key: &'a PrivateKey,
    certificate: &'a str,
}

impl Signer for MasterSigner<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key.sign(message).map_err(Into::into)
    }

    fn certificate_pem(&self) -> &str {
        self.certificate
    }
}

fn failed<E: std::error::Error + Send + Sync + 'static>(action: &'static str) -> impl Fn(E) -> MasterError {
    move |source| MasterError::Snapshot { action, source: Box::new(source) }
}

/// Counts a failure by its code.
pub fn counted<E: Explain>(app: &App, error: E) -> E {
    app.snapshots.shelf.traffic.failed(error.code());
    error
}

impl ClusterSnapshots {
    /// Opens the store below the master's state, for so many pullers at a time.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(root: &Root, pullers: u32) -> Result<Self, MasterError> {
        let path = root.join(paths::MASTER_SNAPSHOTS);
        files::create_directory(&path, Attributes { mode: 0o700, owner: None }).map_err(MasterError::File)?;
        let shelf = Arc::new(Shelf::new(path, pullers as usize, Traffic::default()));
        let store = shelf.store().map_err(failed("read"))?.expect("its directory was made a moment ago");
        Ok(Self { root: root.clone(), store, shelf, latest: Mutex::new(None) })
    }

    /// The newest snapshots, and a warning for each that cannot be read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self) -> Result<(Vec<SnapshotStatus>, Vec<String>), MasterError> {
        let listing = self.store.list().map_err(failed("read"))?;
        let status = listing.snapshots.into_iter().map(|summary| SnapshotStatus {
            created_at: summary.metadata.created_at.to_string(),
            bytes: summary.stored_bytes,
            source: summary.metadata.source,
            id: summary.id,
        });
        let warn = |(name, error): (OsString, StoreError)| {
            format!("snapshot {} of the cluster cannot be read: {error}", name.to_string_lossy())
        };
        Ok((status.collect(), listing.unreadable.into_iter().map(warn).collect()))
    }

    /// The snapshot of the newest generation, made now if there is none yet; it is kept for the puller.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn latest(&self, app: &App, puller: &str) -> Result<SnapshotId, MasterError> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (cluster, exporter, present) = {
            let cluster = app.cluster();
            let present = latest.as_ref().filter(|(generation, _)| *generation == cluster.generation);
            (cluster.id.clone(), cluster.exporter(), present.map(|(_, id)| id.clone()))
        };
        if let Some(id) = present {
            match self.keep(puller, &id) {
                // Somebody removed it from the disk.
                Err(StoreError::Unknown { .. }) => {}
                begun => {
                    return begun.map(|()| id).map_err(|error| counted(app, error)).map_err(failed("read"));
                }
            }
        }
        let registry = exporter().map_err(MasterError::Registry)?;
        let generation = registry.values.get(GENERATION).and_then(|text| text.parse().ok()).unwrap_or(0);
        let metadata = Metadata {
            cluster_id: cluster,
            created_at: Timestamp::now(),
            eos_version: VERSION.to_owned(),
            generation,
            source: SOURCE.to_owned(),
        };
        let id = self.capture(app, &registry.bytes, &metadata)?;
        tracing::info!(%id, generation, "made a snapshot of the cluster's state");
        *latest = Some((generation, id.clone()));
        drop(latest);
        self.keep(puller, &id).map_err(|error| counted(app, error)).map_err(failed("read"))?;
        Ok(id)
    }

    /// Until the puller asks for it, which takes it a place.
    fn keep(&self, puller: &str, id: &SnapshotId) -> Result<(), StoreError> {
        let summary = self.shelf.pulls.known.summary(&self.store, id)?;
        self.shelf.pulls.keep(&self.store, puller, &summary, Instant::now())
    }

    fn capture(&self, app: &App, registry: &[u8], metadata: &Metadata) -> Result<SnapshotId, MasterError> {
        let states = Directory::open(&self.root.join(paths::CLUSTER_STATES)).map_err(failed("made"))?;
        let etc = Directory::open(&self.root.join(paths::ETC)).map_err(failed("made"))?;
        let sources = [
            Source::Tree { directory: &states, prefix: Name::new("states"), exclude: Vec::new() },
            Source::File {
                directory: &etc,
                relative: PathBuf::from("cluster.yaml"),
                path: Name::new("cluster.yaml"),
            },
            Source::Bytes { path: Name::new("registry.db"), bytes: registry, mode: 0o600 },
        ];
        let signer = MasterSigner { key: &app.signer, certificate: &app.certificate };
        let id = capture::create(self.store.as_ref(), &sources, metadata, Cut::default(), &signer, &Silent)
            .map_err(|error| counted(app, error))
            .map_err(failed("made"))?;
        app.metrics.snapshot_captures.inc();
        let rule = Rule { count: Some(KEEP), ..Rule::default() };
        let dropped = self
            .store
            .compact(&rule, metadata.created_at, &[id.clone()].into())
            .map_err(|error| counted(app, error))
            .map_err(failed("made"))?;
        tracing::debug!(count = dropped.len(), "dropped old snapshots");
        Ok(id)
    }
}
