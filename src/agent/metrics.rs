//! What an operator would graph of an agent, and where it is served.

use crate::agent::error::AgentError;
use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::key::PrivateKey;
use crate::identity::tls;
use crate::server::{self, Limits};
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

/// The place where metrics are served: it is taken, and nobody is answered yet.
pub struct Endpoint {
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
}

/// Takes the address, for TLS with the node's certificate.
///
/// # Errors
/// When the identity cannot be used, or the address cannot be listened on.
pub async fn bind(root: &Root, address: SocketAddr) -> Result<Endpoint, AgentError> {
    let read = |path: &str| {
        let bytes = files::read(&root.join(path)).map_err(crate::identity::IdentityError::File);
        bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(AgentError::Identity)
    };
    let key = PrivateKey::load(&root.join(paths::NODE_KEY)).map_err(AgentError::Identity)?;
    let tls = tls::server(&read(paths::NODE_CERTIFICATE)?, &key, &read(paths::TRUSTED_AUTHORITY)?)
        .map_err(AgentError::Identity)?;
    let listener =
        TcpListener::bind(address).await.map_err(|source| AgentError::Listen { address, source })?;
    Ok(Endpoint { listener, tls: Arc::new(tls) })
}

impl Endpoint {
    /// Serves `/metrics` and `/v1/health` until `shutdown` resolves.
    pub async fn serve(self, served: Arc<Metrics>, shutdown: impl Future<Output = ()>) {
        let router =
            Router::new().route("/metrics", get(metrics)).route("/v1/health", get(health)).with_state(served);
        server::serve(self.listener, self.tls, router, Limits::agent(), shutdown).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::clock;
    use crate::identity::authority::{Authority, Grant};
    use crate::identity::certificate::Subject;
    use crate::model::ids::ClusterId;

    #[tokio::test]
    async fn a_taken_address_is_told_before_anybody_is_told_of_readiness() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        let place = |path: &str| -> anyhow::Result<std::path::PathBuf> {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("it is below the root"))?;
            Ok(path)
        };
        let key = PrivateKey::load_or_create(&place(paths::NODE_KEY)?, None)?;
        let now = clock::now_seconds();
        let authority = Authority::create(ClusterId::parse("c1")?, PrivateKey::generate()?, now)?;
        let grant = Grant { subject: Subject::Node(key.node_id()), now };
        let certificate = authority.sign_request(&key.request()?, &grant)?;
        std::fs::write(place(paths::NODE_CERTIFICATE)?, certificate)?;
        std::fs::write(place(paths::TRUSTED_AUTHORITY)?, authority.pem())?;
        let address = bind(&root, SocketAddr::from(([127, 0, 0, 1], 0))).await?.listener.local_addr()?;
        let _taken = TcpListener::bind(address).await?;
        let error = bind(&root, address).await.err().ok_or_else(|| anyhow::anyhow!("it was free"))?;
        assert_eq!(error.to_string(), format!("the agent cannot listen on {address}"));
        Ok(())
    }
}
