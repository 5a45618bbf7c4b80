//! One connection: handshake, requests, and its end when nobody uses it.

use crate::identity::certificate;
use crate::server::activity::{self, Activity};
use crate::server::gate::Pass;
use crate::server::limits::Limits;
use crate::server::{Peer, Stopping};
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

/// The other side gets this long to take leave once it was told that the connection ends.
const GOODBYE: Duration = Duration::from_secs(1);

/// Bytes that the head of a request may have.
const HEAD: usize = 32 * 1024;

/// Bytes that are encrypted before they are handed to the kernel.
const SENT_AT_ONCE: usize = 256 * 1024;

/// Requests that one connection may have open at a time.
const STREAMS: u32 = 64;

/// The same of a stranger, which asks one thing after the other.
const STREAMS_OF_STRANGERS: u32 = 4;

/// What all connections of a listener share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) acceptor: TlsAcceptor,
    pub(super) router: Router,
    pub(super) limits: Limits,
    pub(super) stopping: Stopping,
}

/// Serves one connection until either side ends it, or nobody has used it for too long.
pub(super) async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    (mut pass, turn): (Pass, OwnedSemaphorePermit),
    shared: Shared,
) {
    let Some(tls) = handshake(stream, address, &pass, &shared).await else { return };
    drop(turn);
    let subject = tls
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(|leaf| certificate::summarize(leaf, "the client's certificate").ok());
    if !pass.is_of(subject.as_ref().map(|summary| summary.key)) {
        return;
    }
    let tls = with_room(tls);
    let activity = Activity::new(&shared.limits, subject.is_some());
    let peer = Peer { address: address.ip().to_canonical(), subject };
    #[cfg(feature = "testing")]
    let (cut, shared) = {
        let (cut, router) = crate::server::Cut::of(&shared.router);
        (cut, Shared { router, ..shared })
    };
    let answering = answer(tls, address, peer, &activity, &shared);
    #[cfg(feature = "testing")]
    let answering = cut.or(answering);
    answering.await;
}

async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
    pass: &Pass,
    shared: &Shared,
) -> Option<TlsStream<TcpStream>> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%address, %error, "could not switch off delay");
    }
    let Limits { handshake, hurry, .. } = shared.limits;
    let began = Instant::now();
    let mut accepting = std::pin::pin!(shared.stopping.0.run_until_cancelled(shared.acceptor.accept(stream)));
    let mut due = began + hurry.min(handshake);
    loop {
        match timeout_at(due, accepting.as_mut()).await {
            Ok(Some(Ok(tls))) => return Some(tls),
            Ok(Some(Err(error))) => tracing::debug!(%address, %error, "handshake failed"),
            Ok(None) => tracing::debug!(%address, "stopped in a handshake"),
            Err(_) if due < began + handshake && !pass.is_crowded() => {
                due = (due + hurry).min(began + handshake);
                continue;
            }
            Err(_) => tracing::debug!(%address, "handshake took too long"),
        }
        return None;
    }
}

/// Large answers leave in pieces of a size that costs few calls; what is not used costs nothing.
fn with_room(mut tls: TlsStream<TcpStream>) -> TlsStream<TcpStream> {
    tls.get_mut().1.set_buffer_limit(Some(SENT_AT_ONCE));
    tls
}

/// A member may be idle between two requests for as long as its connection may; the same clock runs for
/// the head of a request. The handshake has said which HTTP it is: to find out by what comes first would cost each
/// connection a second buffer for as long as it lasts.
fn builder(limits: &Limits, (member, two): (bool, bool)) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let (head, streams) =
        if member { (limits.member_idle, STREAMS) } else { (limits.head, STREAMS_OF_STRANGERS) };
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.ping)
        .max_header_list_size(HEAD as u32)
        .max_concurrent_streams(streams);
    if two { builder.http2_only() } else { builder.http1_only() }
}

async fn answer(
    tls: TlsStream<TcpStream>,
    address: SocketAddr,
    peer: Peer,
    activity: &Arc<Activity>,
    shared: &Shared,
) {
    let two = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let builder = builder(&shared.limits, (peer.subject.is_some(), two));
    let (router, body, followed) = (shared.router.clone(), shared.limits.body, activity.clone());
    let stopping = shared.stopping.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let open = followed.begin();
        let mut request = request.map(|incoming| activity::due(incoming, Instant::now() + body));
        request.extensions_mut().insert(peer.clone());
        request.extensions_mut().insert(stopping.clone());
        let answering = router.clone().oneshot(request);
        async move { answering.await.map(|response| activity::follow(response, open)) }
    });
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(tls), service));
    let mut told = false;
    loop {
        let next = async {
            tokio::select! {
                ended = serving.as_mut() => Some(ended),
                () = shared.stopping.0.cancelled(), if !told => None,
                () = activity.changed() => None,
            }
        };
        match timeout_at(activity.deadline(), next).await {
            Ok(Some(Ok(()))) => return,
            Ok(Some(Err(error))) => return tracing::debug!(%address, error, "connection ended early"),
            Ok(None) if shared.stopping.0.is_cancelled() && !told => {
                serving.as_mut().graceful_shutdown();
                told = true;
            }
            Ok(None) => {}
            Err(_) if activity.deadline() > Instant::now() => {}
            Err(_) => break,
        }
    }
    serving.as_mut().graceful_shutdown();
    let left = timeout(GOODBYE, serving).await;
    tracing::debug!(%address, in_time = left.is_ok(), "closed a connection that nobody used");
}
