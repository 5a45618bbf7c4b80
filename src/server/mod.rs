//! An HTTPS listener: limits and deadlines for every connection, the peer's certificate handed to the
//! handlers, drain.

mod activity;
mod connection;
#[cfg(feature = "testing")]
mod cut;
mod gate;
mod limits;
#[cfg(test)]
mod tests;
mod trace;

#[cfg(feature = "testing")]
pub use cut::Cut;
pub use limits::Limits;

use crate::identity::certificate::Summary;
use axum::Router;
use connection::Shared;
use gate::{Gate, TELL, Throttle};
use std::future::Future;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Open requests get this long to end when the daemon stops.
const DRAIN: Duration = Duration::from_secs(3);

/// Connections that the kernel holds until it is their turn: those of thousands of agents at once.
const BACKLOG: u32 = 4096;

/// Who is on the other side of a connection; an extension of every request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whom its certificate names, if it showed one that the cluster's authority signed.
    pub subject: Option<Summary>,
}

/// Tells a handler that waits for something that the daemon stops; an extension of every request.
#[derive(Debug, Clone, Default)]
pub struct Stopping(CancellationToken);

impl Stopping {
    /// Resolves once the daemon stops.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }
}

/// Listens on an address, with room for a rush of callers.
///
/// # Errors
/// When the address cannot be had.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As after a restart, when connections of the one before still linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `shutdown` resolves, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let router = router.route_layer(axum::middleware::from_fn(trace::request));
    let stopping = Stopping::default();
    let shared = Shared { acceptor: TlsAcceptor::from(tls), router, limits, stopping: stopping.clone() };
    let connections = TaskTracker::new();
    accept(&listener, &shared, &connections, shutdown).await;
    drop(listener);
    connections.close();
    stopping.0.cancel();
    let drained = tokio::time::timeout(DRAIN, connections.wait()).await;
    tracing::debug!(in_time = drained.is_ok(), "drained");
}

async fn accept(
    listener: &TcpListener,
    shared: &Shared,
    connections: &TaskTracker,
    shutdown: impl Future<Output = ()>,
) {
    let gate = Gate::new(shared.limits);
    let mut failures = Throttle::new(TELL);
    tokio::pin!(shutdown);
    loop {
        let next = async {
            let turn = gate.handshake().await;
            (listener.accept().await, turn)
        };
        let (accepted, turn) = tokio::select! {
            next = next => next,
            () = &mut shutdown => return,
        };
        match accepted {
            Ok((stream, address)) => {
                if let Some(pass) = gate.enter(address.ip().to_canonical()) {
                    connections.spawn(connection::serve(stream, address, (pass, turn), shared.clone()));
                }
            }
            // The caller went away again before it was its turn.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
            // Too many open files, mostly, which passes when connections end and not by asking again.
            Err(error) => {
                if let Some(held_back) = failures.due(Instant::now()) {
                    tracing::warn!(%error, held_back, "could not accept a connection");
                }
                if tokio::time::timeout(shared.limits.pause, &mut shutdown).await.is_ok() {
                    return;
                }
            }
        }
    }
}
