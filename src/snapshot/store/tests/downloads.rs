//! Downloads that were begun: what becomes of them when nobody carries them on.

use super::*;
use crate::host::directory::Metadata as FileMetadata;
use std::fs::FileTimes;
use std::time::{Duration, SystemTime};

impl Site {
    /// A download of all parts of a snapshot of this source, with its manifest beside them, not published.
    fn downloaded(&self, store: &DiskStore, source: &str, generation: u64) -> (Staging, SignedManifest) {
        let (captured, _, manifest) = self.staged(store, generation);
        let metadata = Metadata { source: source.to_owned(), generation, ..metadata() };
        let signed = SignedManifest::sign(&Manifest { metadata, ..manifest }, &SEAL).unwrap();
        let staging = store.begin_download(&signed.id()).unwrap();
        for name in captured.directory().list().unwrap() {
            captured.directory().rename(&name, staging.directory(), &name).unwrap();
        }
        fs::write(staging.directory().path().join(KEPT_MANIFEST), signed.to_bytes()).unwrap();
        captured.discard().unwrap();
        (staging, signed)
    }

    fn begun(&self, store: &DiskStore) -> Vec<SnapshotId> {
        store.downloads().unwrap().into_iter().map(|one| one.id).collect()
    }

    fn inode(&self, path: &str) -> FileMetadata {
        let file = fs::File::open(self.path(path)).unwrap();
        FileMetadata::of_file(&file, Path::new(path)).unwrap()
    }
}

#[test]
fn what_a_publication_that_died_left_of_its_download_goes_when_the_store_is_opened() {
    for steps in 0..=ORDER.len() {
        let site = Site::new();
        let store = site.store();
        let (staging, signed) = site.downloaded(&store, "metrics", 1);
        let manifest = signed.read(&Limits::default()).unwrap();
        for step in &ORDER[..steps] {
            store.take(*step, &staging, &signed, &manifest).unwrap();
        }
        drop((staging, store));
        let store = site.store();
        let published = store.list().unwrap().snapshots.len() == 1;
        assert_eq!(site.begun(&store).is_empty(), published, "{steps}: it is one or the other");
        if published {
            store.delete(&signed.id()).unwrap();
            assert_eq!(
                site.names("store/parts") + site.names("store/partial"),
                0,
                "nothing keeps its blocks"
            );
        }
    }
}

#[test]
fn a_download_that_mends_what_is_here_outlives_the_opening_of_the_store() {
    let site = Site::new();
    let store = site.store();
    let id = site.published(&store, 1);
    let part = store.summary(&id).unwrap().parts[0];
    for name in [format!("{}.partial", part.digest), part.file_name()] {
        let staging = store.begin_download(&id).unwrap();
        fs::write(staging.directory().path().join(&name), "mended").unwrap();
        drop(staging);
        let store = site.store();
        assert_eq!(site.begun(&store), std::slice::from_ref(&id), "{name}");
        store.begin_download(&id).unwrap().discard().unwrap();
    }
    let staging = store.begin_download(&id).unwrap();
    store.lend(&staging, &[part]).unwrap();
    drop(staging);
    assert!(site.begun(&site.store()).is_empty(), "it had nothing of its own");
}

#[test]
fn older_downloads_of_a_source_go_when_a_newer_one_was_downloaded() {
    let site = Site::new();
    let store = site.store();
    let (older, gone) = site.downloaded(&store, "metrics", 1);
    let (running, runs) = site.downloaded(&store, "metrics", 2);
    let (other, others) = site.downloaded(&store, "logs", 1);
    let (newer, later) = site.downloaded(&store, "metrics", 4);
    drop((older, other, newer));
    let (staging, signed) = site.downloaded(&store, "metrics", 3);
    store.publish(staging, &signed).unwrap();
    let mut left = [runs.id(), others.id(), later.id()];
    left.sort();
    let mut begun = site.begun(&store);
    begun.sort();
    assert_eq!(begun, left, "without {}", gone.id());
    let states = store.downloads().unwrap().into_iter().map(|one| (one.id, one.runs));
    assert_eq!(states.filter(|(_, runs)| *runs).map(|(id, _)| id).collect::<Vec<_>>(), [runs.id()]);
    drop(running);
}

#[test]
fn a_download_that_nobody_carried_on_for_a_week_goes_with_the_next_pruning_and_is_counted() {
    let site = Site::new();
    let store = site.store();
    let (staging, signed) = site.downloaded(&store, "metrics", 1);
    let (running, _) = site.downloaded(&store, "logs", 1);
    let week = SystemTime::now() - Duration::from_secs(8 * 86_400);
    for of in [&staging, &running] {
        for path in of.directory().list().unwrap().iter().map(|name| of.directory().path().join(name)) {
            fs::File::open(path).unwrap().set_times(FileTimes::new().set_modified(week)).unwrap();
        }
        fs::File::open(of.directory().path())
            .unwrap()
            .set_times(FileTimes::new().set_modified(week))
            .unwrap();
    }
    drop(staging);
    let allocated = store.downloads().unwrap().into_iter().find(|one| one.id == signed.id()).unwrap().bytes;
    assert!(allocated > 0);
    let (rule, now) = (Rule { count: Some(1), ..Rule::default() }, crate::host::clock::timestamp());
    for (dry_run, left) in [(true, 2), (false, 1)] {
        let pruned = store.prune(&rule, now, &BTreeSet::new(), dry_run).unwrap();
        assert_eq!(pruned.downloads.iter().map(|one| &one.id).collect::<Vec<_>>(), [&signed.id()]);
        assert_eq!(pruned.freed_bytes, allocated);
        assert_eq!(store.downloads().unwrap().len(), left, "{dry_run}");
    }
    let (fresh, _) = site.downloaded(&store, "metrics", 2);
    drop((fresh, running));
    assert!(
        store.prune(&rule, now, &BTreeSet::new(), false).unwrap().downloads.len() == 1,
        "that ran before"
    );
    assert_eq!(store.give_up(now, false, false).unwrap().len(), 0, "today's stays");
    assert_eq!(store.give_up(now, true, false).unwrap().len(), 1, "unless all are to go");
    assert_eq!(site.names("store/partial"), 0);
}

#[test]
fn what_a_download_brought_that_was_given_up_serves_a_newer_one_and_what_runs_is_left_alone() {
    let site = Site::new();
    let store = site.store();
    let (older, _) = site.downloaded(&store, "metrics", 1);
    let (running, signed) = site.downloaded(&store, "logs", 1);
    let parts = signed.read(&Limits::default()).unwrap().parts;
    let whole = older.directory().path().join(parts[0].file_name());
    let partial = older.directory().path().join(format!("{}.partial", parts[0].digest));
    fs::rename(whole, partial).unwrap();
    drop(older);
    let staging = store.begin_download(&SnapshotId::parse("newer").unwrap()).unwrap();
    store.lend(&staging, &parts).unwrap();
    let names = staging.directory().list().unwrap();
    assert_eq!(names.len(), parts.len());
    assert!(names.contains(&format!("{}.partial", parts[0].digest).into()), "as far as it had come");
    assert_eq!(running.directory().list().unwrap().len(), parts.len() + 1, "that one runs");
}

#[test]
fn what_a_download_has_of_a_part_is_not_replaced_by_what_the_store_lends() {
    let site = Site::new();
    let store = site.store();
    let id = site.published(&store, 1);
    let part = store.summary(&id).unwrap().parts[0];
    let staging = store.begin_download(&id).unwrap();
    let mended = staging.directory().path().join(part.file_name());
    fs::write(&mended, "mended").unwrap();
    store.lend(&staging, &[part]).unwrap();
    assert_eq!(fs::read(&mended).unwrap(), b"mended");
    assert_eq!(site.inode(&format!("store/parts/{}", part.file_name())).links, 1);
}

#[test]
fn a_store_opens_while_captures_in_it_end() {
    let site = Site::new();
    let store = site.store();
    std::thread::scope(|scope| {
        let captures = scope.spawn(|| {
            for _ in 0..3000 {
                store.begin().unwrap().discard().unwrap();
            }
        });
        while !captures.is_finished() {
            site.store();
        }
        captures.join().unwrap();
    });
}
