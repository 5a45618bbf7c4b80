//! Where an agent is asked: its metrics, its health, and the snapshots of its store.

use crate::agent::certificate;
use crate::agent::error::AgentError;
use crate::agent::metrics::Metrics;
use crate::agent::readers::Readers;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::served::Served;
use crate::identity::tls;
use crate::model::explain::Explain;
use crate::server::{self, Limits};
use crate::serving::{self, Access, Admission, Reader, Refusal, Shelf};
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;

use crate::model::ids::SnapshotId;
use crate::server::Peer;

/// How often pulls of those that went away are looked for.
const LOOK: Duration = Duration::from_secs(10);

/// What is served.
#[derive(Clone)]
pub struct Offer {
    /// What an operator would graph.
    pub metrics: Arc<Metrics>,
    /// The node's store.
    pub shelf: Arc<Shelf>,
    /// Who may have snapshots.
    pub readers: Arc<Readers>,
}

/// The agent's own rule, which its loop shares.
struct Shared(Arc<Readers>);

impl Access for Shared {
    fn admit<'a>(&'a self, peer: &'a Peer, action: &'static str) -> Admission<'a> {
        self.0.admit(peer, action)
    }

    fn note(&self, reader: &Reader, id: &SnapshotId) -> Result<(), Refusal> {
        self.0.note(reader, id)
    }
}

async fn metrics(State(offer): State<Offer>) -> impl IntoResponse {
    let shelf = offer.shelf.clone();
    let known = offer.metrics.clone();
    let look = tokio::task::spawn_blocking(move || {
        shelf.look(Instant::now());
        let tally = shelf.store().and_then(|store| store.map(|store| store.tally()).transpose());
        (tally, known.storage())
    });
    let (tally, storage) =
        look.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()));
    let tally = match tally {
        Ok(tally) => tally,
        Err(error) => {
            // What is in memory is told all the same.
            tracing::warn!(%error, code = %error.code(), "what commands did with the store cannot be told");
            offer.metrics.traffic.failed(error.code());
            None
        }
    };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], offer.metrics.encode(tally, storage))
}

async fn health() -> &'static str {
    "ok\n"
}

/// Every route.
pub fn router(offer: Offer) -> Router {
    let snapshots = serving::router(offer.shelf.clone(), Shared(offer.readers.clone()));
    Router::new()
        .route("/metrics", get(metrics))
        .route("/v1/health", get(health))
        .merge(snapshots)
        .with_state(offer)
}

/// The place where the agent is asked: it is taken, and nobody is answered yet.
pub struct Endpoint {
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
}

/// Takes the address, for TLS with the node's certificate, which may be replaced meanwhile.
///
/// # Errors
/// When the authority's certificate cannot be used, or the address cannot be listened on.
pub async fn bind(
    root: &Root,
    address: SocketAddr,
    certificate: Arc<Served>,
) -> Result<Endpoint, AgentError> {
    let authority = certificate::text(root, paths::TRUSTED_AUTHORITY).map_err(AgentError::Identity)?;
    let tls = tls::server(certificate, &authority).map_err(AgentError::Identity)?;
    let listener =
        TcpListener::bind(address).await.map_err(|source| AgentError::Listen { address, source })?;
    Ok(Endpoint { listener, tls: Arc::new(tls) })
}

impl Endpoint {
    /// Serves the offer until `shutdown` resolves.
    pub async fn serve(self, offer: Offer, shutdown: impl Future<Output = ()>) {
        let looks = keep_up(offer.shelf.clone());
        let serving = server::serve(self.listener, self.tls, router(offer), Limits::agent(), shutdown);
        tokio::select! {
            () = serving => {}
            () = looks => {}
        }
    }
}

/// Lets go of what nobody pulls any more, again and again.
async fn keep_up(shelf: Arc<Shelf>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let looked = shelf.clone();
        if let Err(panicked) = tokio::task::spawn_blocking(move || looked.look(Instant::now())).await {
            tracing::error!(error = %panicked, "a look at the pulls panicked; trying again");
        }
    }
}

#[cfg(test)]
mod tests;
