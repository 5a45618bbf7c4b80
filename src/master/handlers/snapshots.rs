//! Routes that hand out snapshots: the id of the newest, manifests, and parts by ranges.

use super::answer::{Answer, Refusal, actor, insider, with_cluster};
use crate::host::stream;
use crate::master::app::App;
use crate::master::error::MasterError;
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::server::Peer;
use crate::snapshot::store::{PartRange, SnapshotStore};
use crate::wire::member::LatestSnapshot;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use std::sync::Arc;

pub(super) async fn latest(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
) -> Answer<LatestSnapshot> {
    allowed(&app, &peer, "GET /v1/snapshots/latest").await?;
    let task = tokio::task::spawn_blocking(move || app.snapshots.latest(&app));
    match task.await {
        Ok(id) => Ok(Json(LatestSnapshot { id: id? })),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

pub(super) async fn manifest(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<SnapshotId>,
) -> Result<Response, Refusal> {
    allowed(&app, &peer, "GET /v1/snapshots/manifest").await?;
    app.audit(&actor(&peer), "snapshot-read", id.as_str(), "")?;
    let signed = app.snapshots.store.manifest(&id).map_err(|_| unknown(id.as_str()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], signed.to_bytes()).into_response())
}

pub(super) async fn part(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(part): Path<Digest>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    allowed(&app, &peer, "GET /v1/snapshots/parts").await?;
    let (offset, length) = range(&headers).unwrap_or((0, None));
    let opened = app.snapshots.store.open_part(&part, offset, length);
    let PartRange { file, length, size } = opened.map_err(|_| unknown(&part.to_string()))?;
    app.metrics.snapshot_bytes.inc_by(length);
    let body = Body::from_stream(stream::bytes(file, length));
    let last = offset + length.max(1) - 1;
    let answer = [
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_RANGE, format!("bytes {offset}-{last}/{size}")),
        (header::CONTENT_TYPE, "application/zstd".to_owned()),
    ];
    Ok((StatusCode::PARTIAL_CONTENT, answer, body).into_response())
}

async fn allowed(app: &Arc<App>, peer: &Peer, action: &'static str) -> Result<(), Refusal> {
    let peer = peer.clone();
    with_cluster(app, move |_, cluster| insider(&peer, cluster, action)).await.map(|_| ())
}

fn unknown(name: &str) -> MasterError {
    MasterError::Unknown { kind: "snapshot", name: name.to_owned() }
}

/// `bytes=FIRST-` or `bytes=FIRST-LAST` (RFC 9110, section 14.1.2); other forms are not offered.
fn range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(header::RANGE)?.to_str().ok()?.strip_prefix("bytes=")?;
    let (first, last) = text.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    match last {
        "" => Some((first, None)),
        last => last.parse::<u64>().ok()?.checked_sub(first).map(|length| (first, Some(length + 1))),
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
        assert_eq!(of("bytes=5-4"), None);
        assert_eq!(of("items=1-2"), None);
    }
}
