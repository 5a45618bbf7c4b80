//! Starts the master, serves until it is told to stop, and meanwhile keeps leases and certificate.
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
use crate::identity::served::Served;
use crate::identity::tls;
use crate::master::app::{App, Parts};
use crate::master::audit::AuditLog;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::master::handlers;
use crate::master::leases::{Leases, Now};
use crate::master::neighbours;
use crate::master::orchestration;
use crate::master::settings;
use crate::master::snapshots::ClusterSnapshots;
use crate::model::config::Config;
use crate::model::explain::{Explain, Failure};
use crate::registry::sqlite::SqliteRegistry;
use crate::server::{self, Limits};
use crate::serving::{Reread, Roles};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// How often leases and the certificate are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Opens everything that the master needs. Which roles may have which sources is read again by `reread`.
///
/// # Errors
/// When this host holds no master's state, or some of it is damaged.
pub fn open(
    root: &Root,
    config: Config,
    reread: impl Fn() -> Result<Roles, Failure> + Send + Sync + 'static,
    address: SocketAddr,
) -> Result<Arc<App>, MasterError> {
    let registry = SqliteRegistry::open(&root.join(paths::REGISTRY)).map_err(MasterError::Registry)?;
    let mut cluster = Cluster::load(Box::new(registry), clock::now_ms())?;
    if let Some(seconds) = config.admission.silent_seconds {
        cluster.alive_ms = u64::from(seconds) * 1000;
    }
    let (key, certificate) = (root.join(paths::AUTHORITY_KEY), root.join(paths::AUTHORITY_CERTIFICATE));
    let authority = Authority::load(cluster.id.clone(), &key, &certificate).map_err(MasterError::Identity)?;
    let signer =
        PrivateKey::load_or_create(&root.join(paths::SERVER_KEY), None).map_err(MasterError::Identity)?;
    // A fresh certificate at each start; while the master runs, it is renewed when it is due.
    let grant = Grant { subject: Subject::Master, now: clock::now_seconds() };
    let certificate = authority.sign_key(&signer, &grant).map_err(MasterError::Identity)?;
    let audit = AuditLog::open(&root.join(paths::AUDIT)).map_err(MasterError::File)?;
    files::remove_file(&root.join(paths::REGISTRY).with_extension("export")).map_err(MasterError::File)?;
    let snapshots = ClusterSnapshots::open(root, config.snapshot.pullers)?;
    #[cfg(feature = "testing")]
    let faults = crate::master::faults::Faults::of(root);
    App::new(Parts {
        root: root.clone(),
        address,
        sources: Reread::new(reread),
        config,
        authority,
        signer,
        certificate,
        snapshots,
        cluster,
        audit,
        #[cfg(feature = "testing")]
        faults,
    })
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
    let served =
        Served::new(&app.certificate, &app.signer, app.authority.pem()).map_err(MasterError::Identity)?;
    let config = tls::server(served.clone(), app.authority.pem()).map_err(MasterError::Identity)?;
    let listener = server::listen(address).map_err(listen)?;
    app.audit("master", "start", &address.to_string(), "")?;
    settings::settle(&app)?;
    app.announce(&app.cluster());
    ready();
    tracing::info!(%address, "the master listens");
    let upkeep = tokio::spawn(keep_up(app.clone(), served));
    let conducting = tokio::spawn(orchestration::conduct(app.clone()));
    let discovered = tokio::spawn(neighbours::keep(app.clone()));
    server::serve(listener, Arc::new(config), handlers::router(app.clone()), Limits::master(), shutdown)
        .await;
    upkeep.abort();
    conducting.abort();
    discovered.abort();
    app.audit("master", "stop", &address.to_string(), "")
}

/// Looks at leases and the certificate, again and again.
async fn keep_up(app: Arc<App>, served: Arc<Served>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let leases = Arc::new(Mutex::new(Leases::default()));
    loop {
        ticks.tick().await;
        let (of_look, served, leases) = (app.clone(), served.clone(), leases.clone());
        let look = move || {
            leases.lock().unwrap_or_else(PoisonError::into_inner).look(&of_look, Now::read());
            of_look.snapshots.shelf.look(Instant::now());
            renew(&of_look, &served, clock::now_seconds());
        };
        if let Err(panicked) = tokio::task::spawn_blocking(look).await {
            // As with a request that panics, the master serves on: whatever changed was written down.
            app.metrics.upkeep_failures.inc();
            tracing::error!(error = %panicked, "a look at leases and certificate panicked; trying again");
        }
    }
}

/// Signs the master's own certificate anew once it is due; connections from then on see the new one.
fn renew(app: &App, served: &Served, now: i64) {
    if !served.summary().is_due(now) {
        return;
    }
    let grant = Grant { subject: Subject::Master, now };
    let signed = app.authority.sign_key(&app.signer, &grant);
    match signed.and_then(|certificate| served.replace(&certificate)) {
        Ok(()) => tracing::info!("the master's certificate was signed anew"),
        Err(error) => {
            app.metrics.upkeep_failures.inc();
            tracing::error!(%error, code = %error.code(), "the master's certificate could not be renewed");
        }
    }
}

#[cfg(test)]
mod tests;
