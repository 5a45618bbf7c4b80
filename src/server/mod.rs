//! An HTTPS listener: handshake with a deadline, the peer's certificate handed to the handlers, drain.

mod trace;

use crate::identity::certificate::{self, Summary};
use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// A connection that has not finished its handshake after this long is closed.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Open requests get this long to end when the daemon stops.
const DRAIN: Duration = Duration::from_secs(3);

/// Who is on the other side of a connection; an extension of every request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whom its certificate names, if it showed one that the cluster's authority signed.
    pub subject: Option<Summary>,
}

/// Serves until `shutdown` resolves, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let router = router.route_layer(axum::middleware::from_fn(trace::request));
    let acceptor = TlsAcceptor::from(tls);
    let graceful = Arc::new(GracefulShutdown::new());
    let connections = TaskTracker::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let (acceptor, router, graceful) = (acceptor.clone(), router.clone(), graceful.clone());
                connections.spawn(connection(stream, address, acceptor, router, graceful));
            }
            // Too many open files, mostly: the connection is lost, the listener goes on.
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::task::yield_now().await;
            }
        }
    }
    connections.close();
    drop(listener);
    if let Ok(graceful) = Arc::try_unwrap(graceful) {
        let drained = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
        tracing::debug!(in_time = drained.is_ok(), "drained");
    } else {
        let drained = tokio::time::timeout(DRAIN, connections.wait()).await;
        tracing::debug!(in_time = drained.is_ok(), "drained with open handshakes");
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: TlsAcceptor,
    router: Router,
    graceful: Arc<GracefulShutdown>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%address, %error, "could not switch off delay");
    }
    let tls = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => return tracing::debug!(%address, %error, "handshake failed"),
        Err(_) => return tracing::debug!(%address, "handshake took too long"),
    };
    let subject = tls
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(|leaf| certificate::summarize(leaf, "the client's certificate").ok());
    let peer = Peer { address: address.ip().to_canonical(), subject };
    let service = hyper::service::service_fn(move |mut request: Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().keep_alive_interval(Duration::from_secs(20)).timer(hyper_util::rt::TokioTimer::new());
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HANDSHAKE);
    let serving = builder.serve_connection(TokioIo::new(tls), service).into_owned();
    let watched = graceful.watch(serving);
    drop(graceful);
    if let Err(error) = watched.await {
        tracing::debug!(%address, error, "connection ended early");
    }
}
