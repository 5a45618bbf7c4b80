//! A span for each request, in the trace that the caller names.

use crate::server::Peer;
use crate::telemetry::context;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

/// Runs the request in a span of its own; the caller's `traceparent` becomes its parent.
pub(super) async fn request(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("unknown", |path| path.as_str());
    let peer = request.extensions().get::<Peer>().map(|peer| peer.address.to_string());
    let span = tracing::info_span!(
        "request",
        method = %request.method(),
        path,
        peer = peer.unwrap_or_default(),
        status = tracing::field::Empty
    );
    if let Some(parent) = request.headers().get(context::HEADER).and_then(|value| value.to_str().ok()) {
        // A malformed one starts a trace of its own.
        let adopted = context::adopt_for(&span, parent);
        tracing::trace!(adopted, "trace context of the caller");
    }
    let response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    response
}
