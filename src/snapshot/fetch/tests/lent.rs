//! Parts that the store lends to a download: read, and never written into.

use super::*;
use crate::snapshot::manifest::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// A store with the snapshot in it.
fn published(site: &Site) -> DiskStore {
    let path = site.temporary.path().join("store");
    fs::create_dir(&path).unwrap();
    let store = DiskStore::open(Directory::open(&path).unwrap()).unwrap();
    let staging = store.begin_download(&site.id).unwrap();
    let fetched = fetch(&site.request(&[&site.source], 1), staging.directory(), &|| false, &Silent).unwrap();
    store.publish(staging, &fetched.signed).unwrap();
    store
}

/// Names, inodes and bytes of all parts of the store.
fn parts(store: &DiskStore) -> Vec<(PathBuf, u64, Vec<u8>)> {
    let entries = fs::read_dir(store.path().join("parts")).unwrap();
    let mut parts: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::metadata(&path).unwrap().ino(), fs::read(&path).unwrap()))
        .collect();
    parts.sort();
    parts
}

/// A member's snapshot with the same parts, whose frames hold other bytes, and a source that delivers these.
fn hostile(site: &Site) -> (SnapshotId, Faulty) {
    let mut manifest = site.source.manifest.clone();
    manifest.metadata = Metadata { generation: manifest.metadata.generation + 1, ..manifest.metadata };
    let path = site.temporary.path().join("wrong");
    fs::create_dir(&path).unwrap();
    for (index, part) in manifest.parts.iter().enumerate() {
        let mut bytes = fs::read(site.source.parts.join(part.file_name())).unwrap();
        for frame in manifest.frames.iter_mut().filter(|frame| frame.part as usize == index) {
            let range = frame.offset as usize..(frame.offset + u64::from(frame.compressed)) as usize;
            bytes[range.clone()].iter_mut().for_each(|byte| *byte ^= 0x55);
            frame.digest = Digest::of(&bytes[range]);
        }
        fs::write(path.join(part.file_name()), bytes).unwrap();
    }
    let signed = SignedManifest::sign(&manifest, &SEAL).unwrap();
    (signed.id(), Faulty::sound("hostile", path, signed.to_bytes(), manifest))
}

#[test]
fn a_manifest_that_lies_about_the_frames_of_a_part_changes_nothing_in_the_store() {
    let site = Site::new();
    let store = published(&site);
    let before = parts(&store);
    let (id, source) = hostile(&site);
    for round in ["at first", "on resume"] {
        let staging = store.begin_download(&id).unwrap();
        store.lend(&staging, &source.manifest.parts).unwrap();
        let sources: [&dyn Source; 1] = [&source];
        let request = Request { id: &id, ..site.request(&sources, 1) };
        let error = fetch(&request, staging.directory(), &|| false, &Silent).unwrap_err();
        assert!(matches!(error, FetchError::PartDigest { .. }), "{round}: {error:?}");
        assert!(source.served() > 0, "what it lists was fetched");
        assert_eq!(parts(&store), before, "{round}");
    }
    assert!(store.verify(&site.id).unwrap().damage.is_empty());
}

#[test]
fn what_the_store_lends_is_not_fetched_and_what_is_rotten_is_mended_in_a_copy() {
    let site = Site::new();
    let store = published(&site);
    let manifest = Metadata { generation: 8, ..site.source.manifest.metadata.clone() };
    let manifest = Manifest { metadata: manifest, ..site.source.manifest.clone() };
    let signed = SignedManifest::sign(&manifest, &SEAL).unwrap();
    let id = signed.id();
    let source = Faulty::sound("member", site.source.parts.clone(), signed.to_bytes(), manifest);
    let sources: [&dyn Source; 1] = [&source];
    let request = Request { id: &id, ..site.request(&sources, 1) };

    let staging = store.begin_download(&id).unwrap();
    store.lend(&staging, &source.manifest.parts).unwrap();
    let fetched = fetch(&request, staging.directory(), &|| false, &Silent).unwrap();
    assert_eq!((fetched.received_bytes, source.served()), (0, 0));
    staging.discard().unwrap();

    let rotten = store.path().join("parts").join(source.manifest.parts[0].file_name());
    let mut bytes = fs::read(&rotten).unwrap();
    bytes[9] ^= 1;
    fs::write(&rotten, &bytes).unwrap();
    let before = parts(&store);
    let staging = store.begin_download(&id).unwrap();
    store.lend(&staging, &source.manifest.parts).unwrap();
    let fetched = fetch(&request, staging.directory(), &|| false, &Silent).unwrap();
    assert_eq!(fetched.received_bytes, u64::from(source.manifest.frames[0].compressed), "one frame");
    assert_eq!(parts(&store), before, "until it is published");
    store.publish(staging, &fetched.signed).unwrap();
    assert!(
        store.verify(&site.id).unwrap().damage.is_empty() && store.verify(&id).unwrap().damage.is_empty()
    );
}

#[test]
fn what_was_mended_of_a_part_is_kept_over_every_kill() {
    let site = Site::new();
    let store = published(&site);
    for part in &site.source.manifest.parts {
        // As after a power loss that came before the data: the size is right, and all is zeros.
        fs::write(store.path().join("parts").join(part.file_name()), vec![0; part.size as usize]).unwrap();
    }
    let (all, before, mut runs) = (site.bytes(), site.source.served(), 0u64);
    loop {
        // Of a run that is killed, two frames come.
        site.source.allow(2 * site.largest());
        let staging = store.begin_download(&site.id).unwrap();
        store.lend(&staging, &site.source.manifest.parts).unwrap();
        let sources: [&dyn Source; 1] = [&site.source];
        let fetched = fetch(&site.request(&sources, 1), staging.directory(), &|| false, &Silent);
        runs += 1;
        match fetched {
            Ok(fetched) => break drop(store.publish(staging, &fetched.signed).unwrap()),
            Err(error) => assert!(matches!(error, FetchError::Unreachable { .. }), "{error:?}"),
        }
        assert!(runs < 100, "it makes no headway");
        drop(staging);
    }
    assert!(runs > 2, "it was interrupted");
    let served = site.source.served() - before;
    assert!(served <= all + runs * site.largest(), "{served} of {all}");
    assert!(store.verify(&site.id).unwrap().damage.is_empty());
}

#[test]
fn a_part_that_was_mended_whole_is_not_replaced_by_the_rotten_one_again() {
    let site = Site::new();
    let store = published(&site);
    let rotten = store.path().join("parts").join(site.source.manifest.parts[0].file_name());
    fs::write(&rotten, vec![0; site.source.manifest.parts[0].size as usize]).unwrap();
    let sources: [&dyn Source; 1] = [&site.source];
    let before = site.source.served();
    for round in 0..2 {
        let staging = store.begin_download(&site.id).unwrap();
        store.lend(&staging, &site.source.manifest.parts).unwrap();
        // Killed before it is published.
        let fetched = fetch(&site.request(&sources, 1), staging.directory(), &|| false, &Silent).unwrap();
        assert_eq!(fetched.received_bytes > 0, round == 0, "{round}");
    }
    assert!(site.source.served() > before);
}
