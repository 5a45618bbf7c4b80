//! Whether a connection is used: its open requests, and when an answer last made progress.

use crate::server::limits::Limits;
use axum::body::{Body, BodyDataStream, HttpBody};
use axum::http::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use hyper::body::{Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// What is known of one connection.
pub(super) struct Activity {
    state: Mutex<State>,
    changed: Notify,
    idle: Duration,
    answer: Duration,
}

struct State {
    open: usize,
    since: Instant,
}

/// An open request.
pub(super) struct Open(Arc<Activity>);

impl Activity {
    pub(super) fn new(limits: &Limits, member: bool) -> Arc<Self> {
        let idle = if member { limits.member_idle } else { limits.stranger_idle };
        let state = Mutex::new(State { open: 0, since: Instant::now() });
        Arc::new(Self { state, changed: Notify::new(), idle, answer: limits.answer })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the connection is to be closed unless something happens on it before.
    pub(super) fn deadline(&self) -> Instant {
        let state = self.state();
        state.since + if state.open == 0 { self.idle } else { self.answer }
    }

    pub(super) fn begin(self: &Arc<Self>) -> Open {
        let mut state = self.state();
        state.open += 1;
        state.since = Instant::now();
        self.changed.notify_one();
        Open(self.clone())
    }

    /// Resolves when a request began or ended: the deadline may be nearer than it was.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open -= 1;
        state.since = Instant::now();
        self.0.changed.notify_one();
    }
}

/// The body of an answer that keeps its request open until it was taken.
struct Followed {
    body: Body,
    open: Open,
}

/// Has the request counted as open until the last byte of its answer was taken.
pub(super) fn follow(response: Response<Body>, open: Open) -> Response<Body> {
    response.map(|body| Body::new(Followed { body, open }))
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.open.0.state().since = Instant::now();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a request, which fails when it has not come in whole by the deadline.
pub(super) fn due(body: Incoming, deadline: Instant) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    let chunks = Some(Body::new(body).into_data_stream());
    Body::from_stream(futures_util::stream::unfold(chunks, move |chunks| next(chunks, deadline)))
}

type Chunk = Result<Bytes, axum::Error>;

async fn next(chunks: Option<BodyDataStream>, deadline: Instant) -> Option<(Chunk, Option<BodyDataStream>)> {
    let mut chunks = chunks?;
    match timeout_at(deadline, chunks.next()).await {
        Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some(chunks))),
        Ok(Some(Err(error))) => Some((Err(error), None)),
        Ok(None) => None,
        Err(late) => Some((Err(axum::Error::new(late)), None)),
    }
}
