//! Who gets what from a store that is handed out, and how many at a time.

use super::*;
use crate::host::directory::Directory;
use crate::identity::certificate::{Subject, Summary};
use crate::model::digest::{Digest, Fingerprint};
use crate::model::explain::Failure;
use crate::model::ids::{ClusterId, NodeId, SnapshotId};
use crate::model::progress::Silent;
use crate::model::role::Role;
use crate::model::snapshots::MOST_EMBEDDED_BYTES;
use crate::server::Peer;
use crate::snapshot::capture::{self, Source};
use crate::snapshot::manifest::tests::{TestSeal, metadata};
use crate::snapshot::manifest::{Metadata, Name};
use crate::snapshot::pack::Cut;
use crate::snapshot::store::{DiskStore, SnapshotStore};
use axum::Extension;
use axum::body::Body;
use axum::http::{Request, Response};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceExt;

/// Publishes a snapshot of this source, with these bytes in one file; its part is returned too.
pub(crate) fn published(path: &Path, source: &str, bytes: &[u8]) -> anyhow::Result<(SnapshotId, Digest)> {
    std::fs::create_dir_all(path)?;
    let store = DiskStore::open(Directory::open(path)?)?;
    let sources = [Source::Bytes { path: Name::new("file"), bytes, mode: 0o600 }];
    let metadata = Metadata { source: source.to_owned(), ..metadata() };
    let id = capture::create(&store, &sources, &metadata, Cut::default(), &TestSeal("ours"), &Silent)?;
    let part = store.summary(&id)?.parts[0].digest;
    Ok((id, part))
}

/// A caller with the certificate of a node, or with none.
pub(crate) fn caller(node: Option<&str>) -> Peer {
    let subject = node.map(|node| Summary {
        cluster: ClusterId::parse("c1").expect("an id"),
        subject: Subject::Node(NodeId::parse(node).expect("an id")),
        key: Fingerprint::from_bytes([0; 32]),
        not_before: 0,
        not_after: 0,
    });
    Peer { address: [10, 0, 0, 7].into(), subject }
}

/// Serves all who have a certificate, as nodes of the role that their id begins with.
struct Anybody;

impl Access for Anybody {
    fn admit<'a>(&'a self, peer: &'a Peer, _action: &'static str) -> Admission<'a> {
        let role = Role::parse(actor(peer).split('-').next().unwrap_or_default()).ok();
        Box::pin(std::future::ready(Ok(Reader::of(peer, role))))
    }

    fn note(&self, _reader: &Reader, _id: &SnapshotId) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Serves all who have a certificate, as nodes of one role.
struct Everybody(Role);

impl Access for Everybody {
    fn admit<'a>(&'a self, peer: &'a Peer, _action: &'static str) -> Admission<'a> {
        Box::pin(std::future::ready(Ok(Reader::of(peer, Some(self.0)))))
    }

    fn note(&self, _reader: &Reader, _id: &SnapshotId) -> Result<(), Refusal> {
        Ok(())
    }
}

struct Site {
    folder: tempfile::TempDir,
    shelf: Arc<Shelf>,
}

impl Site {
    fn new(pullers: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let only_data = ("metrics".to_owned(), BTreeSet::from([Role::Data]));
        let everybody = ("open".to_owned(), BTreeSet::new());
        let own = BTreeMap::from([only_data, everybody]);
        let shelf = Shelf::new(folder.path().join("store"), pullers, Traffic::default());
        let audience = Reread::new(move || Ok(Audience { own: own.clone(), ..Audience::default() }));
        let shelf = Arc::new(shelf.for_audience(audience));
        Ok(Self { folder, shelf })
    }

    fn published(&self, source: &str) -> anyhow::Result<(String, String)> {
        let (id, part) = published(&self.folder.path().join("store"), source, source.as_bytes())?;
        Ok((format!("/v1/snapshots/{id}/manifest"), format!("/v1/snapshots/parts/{part}")))
    }

    async fn ask(&self, node: Option<&str>, method: &str, path: &str) -> anyhow::Result<Response<Body>> {
        let router = router::<()>(self.shelf.clone(), Anybody).layer(Extension(caller(node)));
        Ok(router.oneshot(Request::builder().method(method).uri(path).body(Body::empty())?).await?)
    }

    /// As `told`, by a node that has this role now.
    async fn as_role(&self, role: Role, node: &str, path: &str) -> anyhow::Result<(u16, String)> {
        let router = router::<()>(self.shelf.clone(), Everybody(role)).layer(Extension(caller(Some(node))));
        let answer = router.oneshot(Request::get(path).body(Body::empty())?).await?;
        read(answer).await
    }

    /// The status of the answer to a request for this range, what it says of the range, and how long it is.
    async fn ranged(&self, path: &str, range: &str) -> anyhow::Result<(u16, Option<String>, usize)> {
        let router = router::<()>(self.shelf.clone(), Anybody).layer(Extension(caller(Some("edge-1"))));
        let asked = Request::get(path).header("range", range).body(Body::empty())?;
        let answer = router.oneshot(asked).await?;
        let (status, told) = (answer.status().as_u16(), answer.headers().get("content-range").cloned());
        let length = axum::body::to_bytes(answer.into_body(), 1 << 20).await?.len();
        Ok((status, told.map(|told| told.to_str().map(str::to_owned)).transpose()?, length))
    }

    async fn told(&self, node: Option<&str>, path: &str) -> anyhow::Result<(u16, String)> {
        read(self.ask(node, "GET", path).await?).await
    }
}

async fn read(answer: Response<Body>) -> anyhow::Result<(u16, String)> {
    let status = answer.status().as_u16();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await?;
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok((status, value["error"]["code"].as_str().unwrap_or_default().to_owned()))
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn the_same_puller_twice_takes_one_place_and_another_comes_when_it_has_left() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let (manifest, part) = site.published("open")?;
    for path in [&manifest, &manifest] {
        assert_eq!(site.told(Some("edge-1"), path).await?.0, 200);
    }
    assert_eq!(site.told(Some("edge-1"), &part).await?.0, 200);
    assert_eq!(site.shelf.pulls.taken(Instant::now()), 1);
    let refused = site.ask(Some("edge-2"), "GET", &manifest).await?;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str()?), (503, "2"));
    assert_eq!(site.told(Some("edge-2"), &manifest).await?, code(503, "EOS-T164"));
    assert_eq!(site.told(Some("edge-2"), &part).await?, code(503, "EOS-T164"));
    assert_eq!(site.shelf.traffic.turned_away.get(), 3);
    let reservation = manifest.replace("manifest", "reservation");
    assert_eq!(site.ask(Some("edge-2"), "DELETE", &reservation).await?.status(), 200);
    assert_eq!(site.told(Some("edge-2"), &manifest).await?.0, 503, "it had no place to leave");
    assert_eq!(site.ask(Some("edge-1"), "DELETE", &reservation).await?.status(), 200);
    assert_eq!(site.told(Some("edge-2"), &manifest).await?.0, 200);
    assert_eq!(site.told(Some("edge-1"), &part).await?, code(503, "EOS-T164"));
    Ok(())
}

#[tokio::test]
async fn two_that_come_at_once_are_both_served() -> anyhow::Result<()> {
    let site = Site::new(2)?;
    let (manifest, part) = site.published("open")?;
    let (first, second) =
        tokio::join!(site.told(Some("edge-1"), &manifest), site.told(Some("edge-2"), &manifest));
    assert_eq!((first?.0, second?.0), (200, 200));
    let (first, second) = tokio::join!(site.told(Some("edge-1"), &part), site.told(Some("edge-2"), &part));
    assert_eq!((first?.0, second?.0), (200, 200));
    Ok(())
}

#[tokio::test]
async fn a_dead_pullers_place_is_free_after_its_time_and_what_it_pulls_stays() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    site.published("open")?;
    let store = site.shelf.store()?.expect("there is one");
    let summary = store.list()?.snapshots.remove(0);
    let (what, part) = (&summary, summary.parts[0].digest);
    let (pulls, start) = (&site.shelf.pulls, Instant::now());
    let after = |time: Duration| start + time;
    pulls.begin(&store, "a", what, start).expect("it is the first");
    pulls.begin(&store, "b", what, after(PLACE)).expect_err("the first may be there still");
    let all = |_: &str| true;
    pulls.send(&store, "b", &part, &all, after(PLACE)).expect_err("it has no place");
    let late = PLACE + Duration::from_secs(1);
    pulls.begin(&store, "b", what, after(late)).expect("the first is gone");
    pulls.send(&store, "a", &part, &all, after(late)).expect_err("its place is taken");
    assert_eq!((pulls.count(), pulls.taken(after(late))), (2, 1), "both snapshots are kept");
    let sending =
        pulls.send(&store, "b", &part, &all, after(late)).expect("it has a place").expect("it is there");
    pulls.begin(&store, "c", what, after(late * 2)).expect_err("an answer is being sent");
    pulls.end("b");
    pulls.begin(&store, "c", what, after(late * 2)).expect_err("it has not all that is on its way");
    drop(sending);
    pulls.begin(&store, "c", what, after(late)).expect("it is over");
    assert_eq!(pulls.expire(after(late * 3 + SILENCE)).len(), 2, "of a and c");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_had_takes_no_place() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let gone = format!("/v1/snapshots/parts/{}", Digest::of(b"gone"));
    assert_eq!(site.told(Some("edge-1"), "/v1/snapshots/b3-1/manifest").await?, code(404, "EOS-T163"));
    assert_eq!(site.told(Some("edge-1"), &gone).await?, code(404, "EOS-T163"), "there is no store");
    site.published("open")?;
    assert_eq!(site.told(Some("edge-1"), "/v1/snapshots/b3-1/manifest").await?, code(404, "EOS-T163"));
    assert_eq!(site.told(Some("edge-1"), &gone).await?, code(404, "EOS-T163"));
    assert_eq!(site.shelf.pulls.taken(Instant::now()), 0);
    Ok(())
}

#[tokio::test]
async fn a_source_of_certain_roles_is_for_them_alone_and_a_stranger_gets_nothing() -> anyhow::Result<()> {
    let site = Site::new(8)?;
    let (manifest, part) = site.published("metrics")?;
    for path in [&manifest, &part] {
        assert_eq!(site.told(None, path).await?, code(401, "EOS-T160"), "{path}");
        assert_eq!(site.told(Some("edge-1"), path).await?, code(403, "EOS-T162"), "{path}");
        assert_eq!(site.told(Some("nobody-1"), path).await?, code(403, "EOS-T162"), "{path}");
        assert!(site.told(Some("data-1"), path).await?.0 < 300, "{path}");
    }
    let (_, open) = site.published("open")?;
    assert_eq!(site.told(Some("edge-1"), &open).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_store_that_takes_the_place_of_another_is_the_one_that_is_handed_out() -> anyhow::Result<()> {
    let site = Site::new(8)?;
    let (old, _) = site.published("open")?;
    assert_eq!(site.told(Some("edge-1"), &old).await?.0, 200);
    std::fs::rename(site.folder.path().join("store"), site.folder.path().join("old"))?;
    assert_eq!(site.told(Some("edge-1"), &old).await?.0, 404);
    let (new, _) = site.published("other")?;
    assert_eq!(site.told(Some("edge-1"), &old).await?.0, 404);
    assert_eq!(site.told(Some("edge-1"), &new).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_small_snapshot_comes_whole_and_a_large_one_says_so() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let (manifest, _) = site.published("metrics")?;
    let path = |at_most: usize| format!("{}?at_most={at_most}", manifest.replace("manifest", "embedded"));
    assert_eq!(site.told(Some("edge-1"), &path(1 << 20)).await?, code(403, "EOS-T162"));
    assert_eq!(site.told(Some("data-1"), &path(100)).await?, code(413, "EOS-T170"));
    assert_eq!(site.shelf.pulls.taken(Instant::now()), 0, "what is refused takes no place");
    let answer = site.ask(Some("data-1"), "GET", &path(1 << 20)).await?;
    assert_eq!(answer.status(), 200);
    let length: usize = answer.headers()["content-length"].to_str()?.parse()?;
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await?;
    let whole = crate::wire::embedded::Embedded::parse(&body).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let store = site.shelf.store()?.expect("there is one");
    let summary = store.list()?.snapshots.remove(0);
    assert_eq!((body.len(), whole.manifest), (length, &store.manifest(&summary.id)?.to_bytes()[..]));
    let digests: Vec<Digest> = whole.parts.iter().map(|part| Digest::of(part)).collect();
    assert_eq!(digests, summary.parts.iter().map(|part| part.digest).collect::<Vec<_>>());
    assert_eq!(site.told(Some("data-2"), &path(1 << 20)).await?, code(503, "EOS-T164"));
    assert_eq!(site.told(Some("data-1"), &path(length)).await?.0, 200, "exactly as many fit");
    assert_eq!(site.told(Some("data-1"), &path(length - 1)).await?.0, 413);
    Ok(())
}

#[tokio::test]
async fn who_pulls_two_snapshots_keeps_its_place_and_the_other_one_when_it_has_the_first()
-> anyhow::Result<()> {
    let site = Site::new(1)?;
    let (first, part) = site.published("open")?;
    let (second, other) = site.published("other")?;
    for path in [&first, &second] {
        assert_eq!(site.told(Some("edge-1"), path).await?.0, 200);
    }
    let leave = |manifest: &str| manifest.replace("manifest", "reservation");
    // Its last bytes are on their way still.
    let sending = site.ask(Some("edge-1"), "GET", &part).await?;
    assert_eq!(site.ask(Some("edge-1"), "DELETE", &leave(&first)).await?.status(), 200);
    assert_eq!(site.shelf.pulls.count(), 2);
    drop(sending);
    assert_eq!((site.shelf.pulls.count(), site.shelf.pulls.taken(Instant::now())), (1, 1));
    assert_eq!(site.told(Some("edge-2"), &first).await?, code(503, "EOS-T164"));
    assert_eq!(site.told(Some("edge-1"), &other).await?.0, 200);
    let store = site.shelf.store()?.expect("there is one");
    let id = |manifest: &str| SnapshotId::parse(manifest.split('/').nth(3).unwrap_or_default());
    store.delete(&id(&first)?)?;
    store.delete(&id(&second)?).expect_err("it is being pulled");
    assert_eq!(site.ask(Some("edge-1"), "DELETE", &leave(&second)).await?.status(), 200);
    assert_eq!((site.shelf.pulls.count(), site.shelf.pulls.taken(Instant::now())), (0, 0));
    assert_eq!(site.told(Some("edge-2"), &second).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_pull_that_was_begun_ends_when_its_puller_may_not_have_the_source_any_more() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let (manifest, part) = site.published("metrics")?;
    for path in [&manifest, &part] {
        assert!(site.told(Some("data-1"), path).await?.0 < 300, "{path}");
    }
    // The same puller, which has got another role.
    assert_eq!(site.shelf.pulls.count(), 1);
    assert_eq!(site.as_role(Role::Edge, "data-1", &part).await?, code(403, "EOS-T162"));
    assert_eq!(site.as_role(Role::Edge, "data-1", &manifest).await?, code(403, "EOS-T162"));
    assert!(site.as_role(Role::Data, "data-1", &part).await?.0 < 300);
    Ok(())
}

#[tokio::test]
async fn who_asks_for_a_part_alone_after_a_restart_has_all_snapshots_that_may_be_meant() -> anyhow::Result<()>
{
    let site = Site::new(1)?;
    let path = site.folder.path().join("store");
    let (older, part) = published(&path, "open", b"the same")?;
    let (newer, same) = published(&path, "other", b"the same")?;
    let (third, _) = published(&path, "third", b"another")?;
    assert_eq!(part, same);
    let part = format!("/v1/snapshots/parts/{part}");
    assert_eq!(site.told(Some("edge-1"), &part).await?.0, 200);
    let store = site.shelf.store()?.expect("there is one");
    store.delete(&older).expect_err("it may be this one");
    store.delete(&newer).expect_err("or that one");
    store.delete(&third)?;
    let leave = format!("/v1/snapshots/{older}/reservation");
    assert_eq!(site.ask(Some("edge-1"), "DELETE", &leave).await?.status(), 200);
    assert_eq!((site.shelf.pulls.count(), site.shelf.pulls.taken(Instant::now())), (0, 0));
    store.delete(&older)?;
    store.delete(&newer)?;
    Ok(())
}

#[tokio::test]
async fn what_is_sent_is_counted_and_not_what_was_asked_for() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let (manifest, part) = site.published("open")?;
    let sent = || site.shelf.traffic.bytes.get();
    drop(site.ask(Some("edge-1"), "GET", &part).await?);
    let embedded = format!("{}?at_most=1000000", manifest.replace("manifest", "embedded"));
    drop(site.ask(Some("edge-1"), "GET", &embedded).await?);
    assert_eq!(sent(), 0, "nobody read them");
    for path in [part, embedded] {
        let before = sent();
        let answer = site.ask(Some("edge-1"), "GET", &path).await?;
        let length = axum::body::to_bytes(answer.into_body(), 1 << 20).await?.len();
        assert_eq!(sent() - before, u64::try_from(length)?, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn more_than_one_reply_may_have_is_sent_whole_to_nobody_whatever_is_asked_for() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let mut state = 1u64;
    let mut noise = vec![0; usize::try_from(MOST_EMBEDDED_BYTES)?];
    for eight in noise.chunks_exact_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        eight.copy_from_slice(&state.to_le_bytes());
    }
    let (id, _) = published(&site.folder.path().join("store"), "open", &noise)?;
    let path = format!("/v1/snapshots/{id}/embedded?at_most={}", u64::MAX);
    assert_eq!(site.told(Some("edge-1"), &path).await?, code(413, "EOS-T170"));
    assert_eq!(site.shelf.pulls.taken(Instant::now()), 0);
    Ok(())
}

#[tokio::test]
async fn what_is_malformed_is_refused_with_a_body_that_says_so_and_takes_no_place() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let (manifest, _) = site.published("open")?;
    let embedded = manifest.replace("manifest", "embedded");
    let long = "a".repeat(500);
    for path in [
        "/v1/snapshots/..%2F..%2Fetc/manifest".to_owned(),
        "/v1/snapshots/%ff/manifest".to_owned(),
        "/v1/snapshots/a%0Ab/embedded?at_most=1".to_owned(),
        format!("/v1/snapshots/{long}/manifest"),
        "/v1/snapshots/parts/abcd".to_owned(),
        format!("/v1/snapshots/parts/{}", "g".repeat(64)),
        embedded.clone(),
        format!("{embedded}?at_most="),
        format!("{embedded}?at_most=-1"),
        format!("{embedded}?at_most=18446744073709551616"),
        format!("{embedded}?at_most=much"),
    ] {
        assert_eq!(site.told(Some("edge-1"), &path).await?, code(400, "EOS-T171"), "{path}");
        assert_eq!(site.told(None, &path).await?, code(401, "EOS-T160"), "{path}");
    }
    let answer = site.ask(Some("edge-1"), "DELETE", "/v1/snapshots/a%0Ab/reservation").await?;
    assert_eq!(answer.status(), 400);
    assert_eq!(site.shelf.pulls.taken(Instant::now()), 0);
    Ok(())
}

#[tokio::test]
async fn a_range_is_sent_as_such_and_one_that_is_malformed_is_ignored() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let (_, part) = site.published("open")?;
    let store = site.shelf.store()?.expect("there is one");
    let size = store.list()?.snapshots[0].parts[0].size;
    let whole = usize::try_from(size)?;
    let some = |text: String| Some(text);
    assert_eq!(site.ranged(&part, "bytes=0-0").await?, (206, some(format!("bytes 0-0/{size}")), 1));
    let rest = some(format!("bytes 5-{}/{size}", size - 1));
    assert_eq!(site.ranged(&part, "bytes=5-").await?, (206, rest, whole - 5));
    let answer = site.ask(Some("edge-1"), "GET", &part).await?;
    assert_eq!((answer.status().as_u16(), answer.headers().get("content-range")), (200, None));
    assert_eq!(answer.headers()["content-length"].to_str()?, size.to_string());
    drop(answer);
    for range in
        ["", "bytes", "bytes=", "bytes=-", "bytes=-5", "bytes=5-4", "bytes=0-1,3-4", "bytes=a-b", "lines=0-1"]
    {
        assert_eq!(site.ranged(&part, range).await?, (200, None, whole), "{range}");
    }
    for range in [format!("bytes={}-", size + 1), format!("bytes=0-{size}"), format!("bytes={}-", u64::MAX)] {
        let (status, told, _) = site.ranged(&part, &range).await?;
        assert_eq!((status, told), (416, some(format!("bytes */{size}"))), "{range}");
    }
    Ok(())
}

#[tokio::test]
async fn a_manifest_is_read_once_however_many_parts_are_asked_for_until_its_file_is_another()
-> anyhow::Result<()> {
    let site = Site::new(8)?;
    let (manifest, _) = site.published("open")?;
    let store = site.shelf.store()?.expect("there is one");
    let summary = store.list()?.snapshots.remove(0);
    let (id, part) = (summary.id, summary.parts[0].digest);
    let known = &site.shelf.pulls.known;
    let first = known.summary(&store, &id)?;
    assert!(Arc::ptr_eq(&first, &known.summary(&store, &id)?));
    let found = known.with_part(&store, &part)?;
    assert!(found.len() == 1 && Arc::ptr_eq(&first, &found[0]));
    assert!(known.with_part(&store, &Digest::of(b"gone"))?.is_empty());
    let stored = std::fs::read(store.path().join(format!("manifests/{id}.json")))?;
    let answer = site.ask(Some("edge-1"), "GET", &manifest).await?;
    assert_eq!(answer.headers()["content-length"].to_str()?, stored.len().to_string());
    assert!(axum::body::to_bytes(answer.into_body(), 1 << 20).await? == stored, "as it lies there");
    std::fs::write(store.path().join(format!("manifests/{id}.json")), "no manifest")?;
    assert!(known.with_part(&store, &part)?.is_empty());
    assert_eq!(site.told(Some("edge-2"), &manifest).await?, code(500, "EOS-T166"));
    std::fs::write(store.path().join(format!("manifests/{id}.json")), stored)?;
    assert_eq!(known.with_part(&store, &part)?.len(), 1, "it was mended");
    std::fs::remove_file(store.path().join(format!("manifests/{id}.json")))?;
    assert_eq!(site.told(Some("edge-2"), &manifest).await?, code(404, "EOS-T163"));
    assert!(known.with_part(&store, &part)?.is_empty());
    Ok(())
}

#[tokio::test]
async fn nobody_but_the_operator_is_served_while_it_is_not_known_who_may() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let fails = || Err(Failure::of(&ServingError::Full { most: 1 }));
    let shelf =
        Shelf::new(folder.path().join("store"), 1, Traffic::default()).for_audience(Reread::new(fails));
    let site = Site { folder, shelf: Arc::new(shelf) };
    let (manifest, part) = site.published("open")?;
    assert_eq!(site.told(Some("data-1"), &manifest).await?, code(503, "EOS-T172"));
    assert_eq!(site.told(Some("data-1"), &part).await?, code(503, "EOS-T172"));
    Ok(())
}
