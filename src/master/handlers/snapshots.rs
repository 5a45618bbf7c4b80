//! Routes that hand out snapshots: the id of the newest, manifests, and parts by ranges.

use super::answer::{Answer, Refusal, actor, blocking, insider, with_cluster};
use crate::host::stream;
use crate::identity::certificate::Subject;
use crate::master::app::App;
use crate::master::error::MasterError;
use crate::master::pulls::{self, Sending};
use crate::master::snapshots::counted;
use crate::model::digest::Digest;
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use crate::server::Peer;
use crate::snapshot::store::{PartRange, SnapshotStore, StoreError};
use crate::wire::ErrorBody;
use crate::wire::member::LatestSnapshot;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::StreamExt;
use std::sync::Arc;

pub(super) async fn latest(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
) -> Answer<LatestSnapshot> {
    allowed(&app, &peer, "GET /v1/snapshots/latest").await?;
    let id = blocking(&app, move |app| app.snapshots.latest(app, &puller(&peer))).await?;
    Ok(Json(LatestSnapshot { id }))
}

pub(super) async fn manifest(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<SnapshotId>,
) -> Result<Response, Refusal> {
    allowed(&app, &peer, "GET /v1/snapshots/manifest").await?;
    let read = blocking(&app, move |app| {
        app.audit(&actor(&peer), "snapshot-read", id.as_str(), "")?;
        let snapshots = &app.snapshots;
        let begun = snapshots.pulls.begin(&snapshots.store, &puller(&peer), &id);
        begun.and_then(|()| snapshots.store.manifest(&id)).map_err(|error| told(app, id.as_str(), error))
    });
    let signed = read.await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], signed.to_bytes()).into_response())
}

/// As whom a caller holds the snapshot that it pulls.
fn puller(peer: &Peer) -> String {
    match peer.subject.as_ref().map(|summary| &summary.subject) {
        Some(Subject::Node(id)) => pulls::puller(id),
        _ => actor(peer),
    }
}

/// A part that can be sent, or the size of one that has no such bytes.
enum Opened {
    Range(PartRange, Sending),
    Outside { size: u64, failure: Failure },
}

pub(super) async fn part(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(part): Path<Digest>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    allowed(&app, &peer, "GET /v1/snapshots/parts").await?;
    let (offset, length) = range(&headers).unwrap_or((0, None));
    let open = blocking(&app, move |app| match app.snapshots.store.open_part(&part, offset, length) {
        Ok(range) => {
            let sending = app.snapshots.pulls.send(&app.snapshots.store, &puller(&peer), &part);
            sending
                .map(|sending| Opened::Range(range, sending))
                .map_err(|error| told(app, &part.to_string(), error))
        }
        Err(error @ StoreError::Range { size, .. }) => {
            Ok(Opened::Outside { size, failure: Failure::of(&error) })
        }
        Err(error) => Err(told(app, &part.to_string(), error)),
    });
    Ok(match open.await? {
        Opened::Range(range, sending) => {
            app.metrics.snapshot_bytes.inc_by(range.length);
            app.metrics.snapshot_ranges.inc();
            send(range, offset, sending)
        }
        Opened::Outside { size, failure } => {
            let known = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, known, Json(ErrorBody { error: failure })).into_response()
        }
    })
}

fn send(PartRange { file, length, size }: PartRange, offset: u64, sending: Sending) -> Response {
    // The stream owns it, so it ends with the last byte or with the connection.
    let bytes = stream::bytes(file, length).map(move |bytes| {
        let _held = &sending;
        bytes
    });
    let body = Body::from_stream(bytes);
    let last = offset + length.max(1) - 1;
    let answer = [
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_RANGE, format!("bytes {offset}-{last}/{size}")),
        (header::CONTENT_TYPE, "application/zstd".to_owned()),
    ];
    (StatusCode::PARTIAL_CONTENT, answer, body).into_response()
}

async fn allowed(app: &Arc<App>, peer: &Peer, action: &'static str) -> Result<(), Refusal> {
    let peer = peer.clone();
    with_cluster(app, move |_, cluster| insider(&peer, cluster, action)).await.map(|_| ())
}

/// Only what is not there is unknown; damage and a disk that fails are told as what they are.
fn told(app: &App, name: &str, error: StoreError) -> MasterError {
    match counted(app, error) {
        StoreError::Unknown { .. } | StoreError::PartMissing { .. } => {
            MasterError::Unknown { kind: "snapshot", name: name.to_owned() }
        }
        error => MasterError::Snapshot { action: "read", source: Box::new(error) },
    }
}

/// `bytes=FIRST-` or `bytes=FIRST-LAST` (RFC 9110, section 14.1.2); other forms are not offered.
fn range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(header::RANGE)?.to_str().ok()?.strip_prefix("bytes=")?;
    let (first, last) = text.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    match last {
        "" => Some((first, None)),
        // A length that no number holds reaches to the end of anything.
        last => last.parse::<u64>().ok()?.checked_sub(first).map(|after| (first, after.checked_add(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, text.parse().expect("a header value"));
            range(&headers)
        };
        assert_eq!(of("bytes=0-0"), Some((0, Some(1))));
        assert_eq!(of("bytes=5-"), Some((5, None)));
        assert_eq!(of("bytes=0-18446744073709551615"), Some((0, None)));
        assert_eq!(of("bytes=5-4"), None);
        assert_eq!(of("items=1-2"), None);
    }
}
