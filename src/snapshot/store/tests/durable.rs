//! The order in which a publication is made durable: each sync that is there is needed, so none may go.

use super::*;
use crate::host::directory::cut;
use crate::snapshot::fetch::tests::faulty::Faulty;
use crate::snapshot::fetch::{Patience, Request, Source as From, fetch};
use std::time::Duration;

/// A tree of one file.
fn plain() -> Site {
    let site = Site(tempfile::tempdir().unwrap());
    fs::create_dir(site.path("store")).unwrap();
    fs::create_dir(site.path("tree")).unwrap();
    fs::write(site.path("tree/file"), "content").unwrap();
    site
}

#[test]
fn a_capture_syncs_its_parts_before_they_are_named_and_all_of_them_before_the_manifest_is() {
    let site = plain();
    let store = site.store();
    let ((), trace) = cut::traced(|| {
        site.published(&store, 1);
    });
    assert_eq!(
        cut::told(&trace, site.0.path()),
        [
            "sync file store/incoming/capture-0/writing-0",
            "rename store/incoming/capture-0/writing-0 -> store/incoming/capture-0/ID.tar.zst",
            "sync store/incoming/capture-0",
            "link store/incoming/capture-0/ID.tar.zst",
            "link store/parts/ID.tar.zst.new",
            "rename store/parts/ID.tar.zst.new -> store/parts/ID.tar.zst",
            "sync store/parts",
            "sync file store/manifests/ID.json.new",
            "rename store/manifests/ID.json.new -> store/manifests/ID.json",
            "sync store/manifests",
        ]
    );
}

#[test]
fn a_download_syncs_its_parts_before_they_are_named() {
    let site = plain();
    let store = site.store();
    let (staging, signed, manifest) = site.staged(&store, 1);
    let source = Faulty::sound("sound", staging.directory().path().to_owned(), signed.to_bytes(), manifest);
    fs::create_dir(site.path("into")).unwrap();
    let into = Directory::open(&site.path("into")).unwrap();
    let sources: [&dyn From; 1] = [&source];
    let (first, longest) = (Duration::from_millis(2), Duration::from_millis(20));
    let request = Request {
        sources: &sources,
        connections: 1,
        id: &signed.id(),
        verifier: &SEAL,
        reserve_bytes: None,
        patience: Patience { failures: 1, first, longest },
        embed_bytes: None,
        limiter: None,
    };
    let (fetched, trace) = cut::traced(|| fetch(&request, &into, &|| false, &Silent));
    fetched.unwrap();
    assert_eq!(
        cut::told(&trace, site.0.path()),
        [
            "sync file into/manifest.json.new",
            "rename into/manifest.json.new -> into/manifest.json",
            "sync into",
            "sync file into/ID.partial",
            "rename into/ID.partial -> into/ID.tar.zst",
            "sync into",
        ]
    );
}
