//! What an operator would graph of an agent, and where it is served.

use crate::agent::certificate;
use crate::agent::error::AgentError;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::served::Served;
use crate::identity::tls;
use crate::server;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The agent's metrics.
#[derive(Default)]
pub struct Metrics {
    /// 1 while the master answers.
    pub connected: Gauge,
    /// The generation that is in force.
    pub generation: Gauge,
    /// Generations applied since the agent started.
    pub applied: Counter,
    /// Rounds that failed since the agent started.
    pub failures: Counter,
}

impl Metrics {
    /// All metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut registry = Registry::with_prefix("eos_agent");
        registry.register("connected", "Whether the master answers", self.connected.clone());
        registry.register("generation", "The generation in force", self.generation.clone());
        registry.register("generations_applied", "Generations applied", self.applied.clone());
        registry.register("rounds_failed", "Rounds that failed", self.failures.clone());
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a string does not fail");
        text
    }
}

async fn metrics(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.encode())
}

async fn health() -> &'static str {
    "ok\n"
}

/// Serves `/metrics` and `/v1/health` over TLS with the node's certificate, which may be replaced meanwhile.
///
/// # Errors
/// When the authority's certificate cannot be used, or the address cannot be listened on.
pub async fn serve(
    root: &Root,
    address: SocketAddr,
    served: Arc<Metrics>,
    certificate: Arc<Served>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let authority = certificate::text(root, paths::TRUSTED_AUTHORITY).map_err(AgentError::Identity)?;
    let config = tls::server(certificate, &authority).map_err(AgentError::Identity)?;
    let listener =
        TcpListener::bind(address).await.map_err(|source| AgentError::Listen { address, source })?;
    let router =
        Router::new().route("/metrics", get(metrics)).route("/v1/health", get(health)).with_state(served);
    server::serve(listener, Arc::new(config), router, shutdown).await;
    Ok(())
}
