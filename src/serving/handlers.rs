//! Routes that hand out snapshots: manifests, and parts by ranges.

use crate::host::stream;
use crate::model::digest::Digest;
use crate::model::explain::{Explain, Failure};
use crate::model::ids::SnapshotId;
use crate::model::snapshots::MOST_EMBEDDED_BYTES;
use crate::server::Peer;
use crate::serving::access::{Access, Reader};
use crate::serving::error::ServingError;
use crate::serving::pulls::{NoPull, Sending};
use crate::serving::refusal::Refusal;
use crate::serving::shelf::Shelf;
use crate::snapshot::manifest::Part;
use crate::snapshot::store::{DiskStore, PartRange, SnapshotStore, StoreError, Summary};
use crate::wire::ErrorBody;
use crate::wire::embedded::{self, MEDIA_TYPE};
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use prometheus_client::metrics::counter::Counter;
use serde::Deserialize;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

/// What is in the paths of the routes of a snapshot.
const SNAPSHOT_ID: &str = "id of a snapshot";

/// How a manifest is called.
const JSON: &str = "application/json";

/// What the routes work on.
struct Desk {
    shelf: Arc<Shelf>,
    access: Box<dyn Access>,
}

/// The routes that hand out what is on the shelf.
pub fn router<S: Clone + Send + Sync + 'static>(shelf: Arc<Shelf>, access: impl Access) -> Router<S> {
    Router::new()
        .route("/v1/snapshots/{id}/manifest", get(manifest))
        .route("/v1/snapshots/{id}/embedded", get(embedded))
        .route("/v1/snapshots/{id}/reservation", delete(leave))
        .route("/v1/snapshots/parts/{part}", get(part))
        .with_state(Arc::new(Desk { shelf, access: Box::new(access) }))
}

impl Desk {
    /// Judges the caller; nobody is served that showed no certificate.
    async fn admit(&self, peer: &Peer, action: &'static str) -> Result<Reader, Refusal> {
        if peer.subject.is_none() {
            return Err(ServingError::Stranger { action: action.to_owned() }.into());
        }
        self.access.admit(peer, action).await
    }

    /// What the path names; what is no such name is refused as everything is, with a body that says why.
    fn named<T>(&self, what: &'static str, path: Result<Path<T>, PathRejection>) -> Result<T, Refusal> {
        path.map(|Path(name)| name).map_err(|_| self.counted(ServingError::Malformed { what }))
    }

    /// Runs `work` with the store away from the threads that serve, since it waits for the disk.
    async fn with_store<T: Send + 'static>(
        self: Arc<Self>,
        kind: &'static str,
        name: String,
        work: impl FnOnce(&Self, &DiskStore) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let span = tracing::Span::current();
        let run = move || match self.shelf.store() {
            Ok(Some(store)) => work(&self, &store),
            Ok(None) => Err(self.counted(ServingError::Unknown { kind, name })),
            Err(source) => Err(self.told(kind, &name, source)),
        };
        match tokio::task::spawn_blocking(move || span.in_scope(run)).await {
            Ok(result) => result,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    /// Only what is not there is unknown; damage and a disk that fails are told as what they are.
    fn told(&self, kind: &'static str, name: &str, source: StoreError) -> Refusal {
        self.shelf.traffic.failed(source.code());
        let name = name.to_owned();
        match source {
            StoreError::Unknown { .. } | StoreError::PartMissing { .. } => {
                ServingError::Unknown { kind, name }.into()
            }
            source => ServingError::Store { name, source }.into(),
        }
    }

    fn counted(&self, error: ServingError) -> Refusal {
        match error {
            ServingError::Full { .. } => drop(self.shelf.traffic.turned_away.inc()),
            _ => self.shelf.traffic.failed(error.code()),
        }
        error.into()
    }

    fn no_pull(&self, kind: &'static str, name: &str, why: NoPull) -> Refusal {
        match why {
            NoPull::Full { most } => self.counted(ServingError::Full { most }),
            NoPull::Store(source) => self.told(kind, name, source),
        }
    }

    /// Why this caller may not have snapshots of the source.
    fn withheld(&self, reader: &Reader, source: &str) -> Option<ServingError> {
        let roles = match self.shelf.audience.get() {
            Ok(audience) => audience.of(source, reader.said.as_deref())?,
            Err(_) if reader.operator => return None,
            Err(why) => {
                let source_name = source.to_owned();
                return Some(ServingError::Unruled { source_name, source: Box::new(why) });
            }
        };
        if reader.operator || reader.role.is_some_and(|role| roles.contains(&role)) {
            return None;
        }
        let allowed: Vec<_> = roles.iter().map(|role| role.name()).collect();
        let source_name = source.to_owned();
        Some(ServingError::Role { source_name, allowed: allowed.join(", "), role: reader.role })
    }
}

async fn manifest(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    id: Result<Path<SnapshotId>, PathRejection>,
) -> Result<Response, Refusal> {
    let reader = desk.admit(&peer, "GET /v1/snapshots/manifest").await?;
    let id = desk.named(SNAPSHOT_ID, id)?;
    let read = desk.with_store("snapshot", id.to_string(), move |desk, store| {
        let summary = open(desk, store, &reader, &id)?;
        begin(desk, store, &reader, &summary)?;
        // As it lies there, however large: who reads it judges it.
        store.open_manifest(&id).map_err(|error| desk.told("snapshot", id.as_str(), error))
    });
    let PartRange { file, length, .. } = read.await?;
    let told = [(header::CONTENT_LENGTH, length.to_string()), (header::CONTENT_TYPE, JSON.to_owned())];
    Ok((told, Body::from_stream(stream::bytes(file, length))).into_response())
}

/// What is known of a snapshot that the caller may have.
fn open(desk: &Desk, store: &DiskStore, reader: &Reader, id: &SnapshotId) -> Result<Arc<Summary>, Refusal> {
    let summary = desk.shelf.pulls.known.summary(store, id);
    let summary = summary.map_err(|error| desk.told("snapshot", id.as_str(), error))?;
    match desk.withheld(reader, &summary.metadata.source) {
        Some(error) => Err(desk.counted(error)),
        None => Ok(summary),
    }
}

/// Takes the caller its place, and writes down that it reads the snapshot.
fn begin(desk: &Desk, store: &DiskStore, reader: &Reader, summary: &Summary) -> Result<(), Refusal> {
    let id = &summary.id;
    let begun = desk.shelf.pulls.begin(store, &reader.puller, summary, Instant::now());
    begun.map_err(|why| desk.no_pull("snapshot", id.as_str(), why))?;
    desk.access.note(reader, id)?;
    let source = &summary.metadata.source;
    tracing::info!(%id, source, reader = reader.actor, "a manifest is read");
    Ok(())
}

/// What a caller that wants a whole snapshot can take.
#[derive(Deserialize)]
struct Wanted {
    at_most: u64,
}

/// A snapshot that is sent whole, or one that is too large for that.
enum Whole {
    Body { head: Vec<u8>, pieces: Vec<PartRange>, length: u64, sending: Sending },
    TooLarge(Refusal),
}

async fn embedded(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    id: Result<Path<SnapshotId>, PathRejection>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Refusal> {
    let reader = desk.admit(&peer, "GET /v1/snapshots/embedded").await?;
    let id = desk.named(SNAPSHOT_ID, id)?;
    let malformed = |_| desk.counted(ServingError::Malformed { what: "number of bytes as at_most" });
    let Query(wanted) = wanted.map_err(malformed)?;
    let name = id.to_string();
    // More than anybody takes in one reply is sent to nobody.
    let at_most = wanted.at_most.min(MOST_EMBEDDED_BYTES);
    let work = move |desk: &Desk, store: &DiskStore| whole(desk, store, &reader, &id, at_most);
    match desk.clone().with_store("snapshot", name, work).await? {
        Whole::TooLarge(refusal) => Err(refusal),
        Whole::Body { head, pieces, length, sending } => {
            let files = pieces.into_iter().map(|piece| stream::bytes(piece.file, piece.length));
            let head = futures_util::stream::once(std::future::ready(Ok(Bytes::from(head))));
            let bytes = head.chain(futures_util::stream::iter(files).flatten());
            let bytes = counted(bytes, desk.shelf.traffic.bytes.clone(), sending);
            let told =
                [(header::CONTENT_LENGTH, length.to_string()), (header::CONTENT_TYPE, MEDIA_TYPE.to_owned())];
            Ok((told, Body::from_stream(bytes)).into_response())
        }
    }
}

fn whole(
    desk: &Desk,
    store: &DiskStore,
    reader: &Reader,
    id: &SnapshotId,
    at_most: u64,
) -> Result<Whole, Refusal> {
    let summary = open(desk, store, reader, id)?;
    let told = |error| desk.told("snapshot", id.as_str(), error);
    let manifest = store.open_manifest(id).map_err(told)?;
    let sizes: Vec<u64> = summary.parts.iter().map(|part| part.size).collect();
    let length = embedded::length(manifest.length, &sizes).filter(|length| *length <= at_most);
    let Some(length) = length else {
        let error = ServingError::TooLarge { id: id.to_string(), at_most };
        return Ok(Whole::TooLarge(error.into()));
    };
    begin(desk, store, reader, &summary)?;
    let sending = desk.shelf.pulls.send_all(&reader.puller, id, Instant::now());
    let open = |part: &Part| store.open_part(&part.digest, 0, Some(part.size)).map_err(told);
    let parts: Vec<PartRange> = summary.parts.iter().map(open).collect::<Result<_, _>>()?;
    let head = embedded::head(manifest.length, &sizes);
    let pieces = std::iter::once(manifest).chain(parts).collect();
    Ok(Whole::Body { head, pieces, length, sending })
}

/// The caller has the snapshot: nothing of it is kept for it, and its place is free with its last pull.
async fn leave(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    id: Result<Path<SnapshotId>, PathRejection>,
) -> Result<Json<()>, Refusal> {
    let reader = desk.admit(&peer, "DELETE /v1/snapshots/reservation").await?;
    let id = desk.named(SNAPSHOT_ID, id)?;
    desk.shelf.pulls.leave(&reader.puller, &id);
    Ok(Json(()))
}

/// A part that can be sent, or the size of one that has no such bytes.
enum Opened {
    Range(PartRange, Sending),
    Outside { size: u64, failure: Failure },
}

async fn part(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    part: Result<Path<Digest>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let reader = desk.admit(&peer, "GET /v1/snapshots/parts").await?;
    let part = desk.named("digest of a part", part)?;
    let range = range(&headers);
    let (offset, length) = range.unwrap_or((0, None));
    let name = part.to_string();
    let open = desk.clone().with_store("part", name.clone(), move |desk, store| {
        let sending = sending(desk, store, &reader, &part)?;
        match store.open_part(&part, offset, length) {
            Ok(range) => Ok(Opened::Range(range, sending)),
            Err(error @ StoreError::Range { size, .. }) => {
                Ok(Opened::Outside { size, failure: Failure::of(&error) })
            }
            Err(error) => Err(desk.told("part", &name, error)),
        }
    });
    Ok(match open.await? {
        Opened::Range(opened, sending) => {
            desk.shelf.traffic.ranges.inc();
            let sent = desk.shelf.traffic.bytes.clone();
            send(opened, range.map(|(offset, _)| offset), (sent, sending))
        }
        Opened::Outside { size, failure } => {
            let known = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, known, Json(ErrorBody { error: failure })).into_response()
        }
    })
}

/// Has the part kept for the caller while it is sent.
fn sending(desk: &Desk, store: &DiskStore, reader: &Reader, part: &Digest) -> Result<Sending, Refusal> {
    let refused = RefCell::new(None);
    let may = |source: &str| match desk.withheld(reader, source) {
        Some(error) => {
            refused.replace(Some(error));
            false
        }
        None => true,
    };
    let (name, now) = (part.to_string(), Instant::now());
    let sending = desk.shelf.pulls.send(store, &reader.puller, part, &may, now);
    let sending = sending.map_err(|why| desk.no_pull("part", &name, why))?;
    sending.ok_or_else(|| match refused.take() {
        Some(error) => desk.counted(error),
        None => desk.told("part", &name, StoreError::PartMissing { part: *part }),
    })
}

/// Counts each piece when it is handed over, not what was promised. The stream owns `sending`, so that ends with the
/// last byte or with the connection.
fn counted(
    pieces: impl Stream<Item = std::io::Result<Bytes>> + Send,
    sent: Counter,
    sending: Sending,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    pieces.inspect_ok(move |piece| {
        let _held = &sending;
        sent.inc_by(piece.len() as u64);
    })
}

/// All of a part, or what of it follows this offset.
fn send(
    PartRange { file, length, size }: PartRange,
    offset: Option<u64>,
    (sent, sending): (Counter, Sending),
) -> Response {
    let body = Body::from_stream(counted(stream::bytes(file, length), sent, sending));
    let answer = [
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_TYPE, "application/zstd".to_owned()),
    ];
    let Some(offset) = offset else { return (answer, body).into_response() };
    let last = offset + length.max(1) - 1;
    let range = [(header::CONTENT_RANGE, format!("bytes {offset}-{last}/{size}"))];
    (StatusCode::PARTIAL_CONTENT, answer, range, body).into_response()
}

/// `bytes=FIRST-` or `bytes=FIRST-LAST` (RFC 9110, section 14.1.2). Other forms are not offered, and as what is
/// malformed they are ignored, as section 14.2 has it: the answer is the whole part.
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
