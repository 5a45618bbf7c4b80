//! Starts the master, serves until it is told to stop, and ends the leases that run out.
//!
//! Nothing is kept in memory that a crash may not lose: leases, members and tokens are in the
//! registry, and who is alive is learnt again from the agents' next polls.

use crate::host::clock;
use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::identity::tls;
use crate::lifecycle::{NodeEvent, next};
use crate::master::app::{App, Parts};
use crate::master::audit::AuditLog;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::master::handlers::{self, forget};
use crate::master::snapshots::ClusterSnapshots;
use crate::model::config::Config;
use crate::model::explain::Explain;
use crate::registry::sqlite::SqliteRegistry;
use crate::server::{self, Limits};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;

/// How often leases are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Opens everything that the master needs.
///
/// # Errors
/// When this host holds no master's state, or some of it is damaged.
pub fn open(root: &Root, config: Config, address: SocketAddr) -> Result<Arc<App>, MasterError> {
    let registry = SqliteRegistry::open(&root.join(paths::REGISTRY)).map_err(MasterError::Registry)?;
    let cluster = Cluster::load(Box::new(registry), clock::now_ms())?;
    let (key, certificate) = (root.join(paths::AUTHORITY_KEY), root.join(paths::AUTHORITY_CERTIFICATE));
    let authority = Authority::load(cluster.id.clone(), &key, &certificate).map_err(MasterError::Identity)?;
    let signer =
        PrivateKey::load_or_create(&root.join(paths::SERVER_KEY), None).map_err(MasterError::Identity)?;
    // A fresh certificate at each start: it never expires under a master that is restarted once in 90 days.
    let grant = Grant { subject: Subject::Master, now: clock::now_seconds() };
    let certificate = authority.sign_key(&signer, &grant).map_err(MasterError::Identity)?;
    let audit = AuditLog::open(&root.join(paths::AUDIT)).map_err(MasterError::File)?;
    files::remove_file(&root.join(paths::REGISTRY).with_extension("export")).map_err(MasterError::File)?;
    let snapshots = ClusterSnapshots::open(root)?;
    App::new(Parts { address, config, authority, signer, certificate, snapshots, cluster, audit })
}

/// Listens, says so through `ready`, and serves until `shutdown` resolves.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(
    app: Arc<App>,
    ready: impl FnOnce(),
    shutdown: impl Future<Output = ()>,
) -> Result<(), MasterError> {
    let address = app.address;
    let listen = |source| MasterError::Listen { address, source };
    let config =
        tls::server(&app.certificate, &app.signer, app.authority.pem()).map_err(MasterError::Identity)?;
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    app.announce(&app.cluster());
    app.audit("master", "start", &address.to_string(), "")?;
    ready();
    tracing::info!(%address, "the master listens");
    let leases = tokio::spawn(watch_leases(app.clone()));
    server::serve(listener, Arc::new(config), handlers::router(app.clone()), Limits::master(), shutdown)
        .await;
    leases.abort();
    app.audit("master", "stop", &address.to_string(), "")
}

async fn watch_leases(app: Arc<App>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let app = app.clone();
        let ended = tokio::task::spawn_blocking(move || end_leases(&app)).await;
        if let Ok(Err(error)) = ended {
            // Tried again at the next look; until then the joiner stays visible in `eos status`.
            tracing::error!(%error, code = %error.code(), "a lease could not be ended");
        }
    }
}

/// Forgets every node whose lease ran out; nothing else changes.
fn end_leases(app: &App) -> Result<(), MasterError> {
    let now = clock::now_ms();
    let mut cluster = app.cluster();
    let ended: Vec<_> = cluster
        .nodes
        .values()
        .filter(|node| now >= node.lease_until_ms && next(Some(node.state), NodeEvent::LeaseExpired).is_ok())
        .cloned()
        .collect();
    for node in ended {
        let detail = format!("{} in stage {}", node.state, node.stage);
        app.audit("master", "lease-expired", node.name.as_str(), &detail)?;
        let changes = forget(app, &cluster, &node)?;
        cluster.commit(changes)?;
        app.metrics.expired.inc();
    }
    Ok(())
}
