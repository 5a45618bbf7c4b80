//! The disk store: published and removed with a stop after each step, and damaged on purpose.

use super::publish::ORDER;
use super::*;
use crate::model::explain::tells;
use crate::model::progress::Silent;
use crate::snapshot::capture::tests::{SMALL, rich_tree, shape};
use crate::snapshot::capture::{self, Source};
use crate::snapshot::manifest::tests::{TestSeal, metadata};
use crate::snapshot::manifest::{Limits, Name};
use crate::snapshot::retention::Verdict;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

mod downloads;
mod durable;
mod export;
mod leases;
mod removal;

const SEAL: TestSeal = TestSeal("ours");

struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        fs::create_dir(site.path("store")).unwrap();
        rich_tree(&site.path("tree"));
        site
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    fn store(&self) -> DiskStore {
        DiskStore::open(Directory::open(&self.path("store")).unwrap()).unwrap()
    }

    /// A capture of the tree, staged and signed but not published.
    fn staged(&self, store: &DiskStore, generation: u64) -> (Staging, SignedManifest, Manifest) {
        let tree = Directory::open(&self.path("tree")).unwrap();
        let sources = [Source::Tree { directory: &tree, prefix: Name::new("data"), exclude: vec![] }];
        let staging = store.begin().unwrap();
        let metadata = Metadata { generation, ..metadata() };
        let manifest = capture::capture(&sources, staging.directory(), &metadata, SMALL, &Silent).unwrap();
        let signed = SignedManifest::sign(&manifest, &SEAL).unwrap();
        (staging, signed, manifest)
    }

    fn published(&self, store: &DiskStore, generation: u64) -> SnapshotId {
        let (staging, signed, _) = self.staged(store, generation);
        store.publish(staging, &signed).unwrap()
    }

    fn names(&self, relative: &str) -> usize {
        fs::read_dir(self.path(relative)).unwrap().count()
    }
}

#[test]
fn a_published_snapshot_is_listed_read_by_range_and_verified() {
    let site = Site::new();
    let store = site.store();
    let (old, new) = (site.published(&store, 1), site.published(&store, 2));
    let listing = store.list().unwrap();
    assert_eq!(listing.snapshots.iter().map(|one| &one.id).collect::<Vec<_>>(), [&new, &old]);
    assert!(listing.unreadable.is_empty());
    let manifest = store.manifest(&new).unwrap().verify(&new, &SEAL, &Limits::default()).unwrap();
    assert_eq!(listing.snapshots[0].stored_bytes, manifest.stored_size());
    assert_eq!(site.names("store/parts"), manifest.parts.len(), "equal parts are kept once");
    let part = &manifest.parts[0];
    let mut range = store.open_part(&part.digest, 10, Some(20)).unwrap();
    let mut bytes = vec![0; 20];
    range.file.read_exact(&mut bytes).unwrap();
    let whole = fs::read(site.path("store/parts").join(part.file_name())).unwrap();
    assert_eq!((range.length, range.size, &bytes[..]), (20, part.size, &whole[10..30]));
    assert_eq!(store.open_part(&part.digest, 10, None).unwrap().length, part.size - 10);
    for (offset, length) in [(part.size, 1), (0, part.size + 1), (u64::MAX >> 1, u64::MAX >> 1)] {
        assert!(matches!(store.open_part(&part.digest, offset, Some(length)), Err(StoreError::Range { .. })));
    }
    let sound = store.verify(&new).unwrap();
    assert_eq!(
        (sound.frames, sound.bytes, sound.damage.len()),
        (manifest.frames.len(), manifest.stored_size(), 0)
    );
}

#[test]
fn a_crash_after_any_step_of_publication_leaves_all_of_it_or_nothing() {
    for steps in 0..=ORDER.len() {
        let site = Site::new();
        let store = site.store();
        let (staging, signed, manifest) = site.staged(&store, 1);
        for step in &ORDER[..steps] {
            store.take(*step, &staging, &signed, &manifest).unwrap();
        }
        drop((staging, store));
        let store = site.store();
        let visible = store.list().unwrap().snapshots.len();
        assert_eq!(visible, usize::from(steps >= 4), "{steps}");
        assert_eq!(site.names("store/incoming"), 0, "{steps}");
        if visible == 1 {
            assert!(store.verify(&signed.id()).unwrap().damage.is_empty());
        } else {
            assert_eq!(site.names("store/parts") + site.names("store/manifests"), 0, "{steps}");
        }
    }
}

#[test]
fn a_capture_that_runs_is_not_taken_for_a_left_over() {
    let site = Site::new();
    let store = site.store();
    let (staging, signed, _) = site.staged(&store, 1);
    let second = site.store();
    second.publish(staging, &signed).unwrap();
    assert_eq!(store.list().unwrap().snapshots.len(), 1);
}

#[test]
fn a_download_is_kept_over_restarts_and_held_by_one() {
    let site = Site::new();
    let store = site.store();
    let id = SnapshotId::parse("abc").unwrap();
    let staging = store.begin_download(&id).unwrap();
    staging.directory().create_file(OsStr::new("x.partial"), 0o600).unwrap();
    assert!(matches!(store.begin_download(&id), Err(StoreError::Busy { .. })));
    drop((staging, store));
    let store = site.store();
    let begun = store.downloads().unwrap();
    assert_eq!(begun.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["abc"]);
    let staging = store.begin_download(&id).unwrap();
    assert_eq!(staging.directory().list().unwrap(), ["x.partial"]);
    staging.discard().unwrap();
    assert!(store.downloads().unwrap().is_empty());
}

#[test]
fn publication_without_all_parts_is_refused() {
    let site = Site::new();
    let store = site.store();
    let (staging, signed, manifest) = site.staged(&store, 1);
    let name = manifest.parts[1].file_name();
    staging.directory().remove_file(OsStr::new(&name)).unwrap();
    assert!(matches!(store.publish(staging, &signed), Err(StoreError::PartMissing { .. })));
    let (staging, signed, _) = site.staged(&store, 1);
    staging.directory().open_for_update(Path::new(&name)).unwrap().set_len(3).unwrap();
    assert!(matches!(store.publish(staging, &signed), Err(StoreError::PartSize { found: 3, .. })));
    assert!(store.list().unwrap().snapshots.is_empty());
}

#[test]
fn rot_in_any_frame_is_named_and_healed_by_publishing_again() {
    let site = Site::new();
    let store = site.store();
    let id = site.published(&store, 1);
    let manifest = store.manifest(&id).unwrap().read(&Limits::default()).unwrap();
    for (index, frame) in manifest.frames.iter().enumerate() {
        let part = manifest.parts[frame.part as usize];
        let path = site.path("store/parts").join(part.file_name());
        let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, frame.offset).unwrap();
        file.write_all_at(&[!byte[0]], frame.offset).unwrap();
        let expected = Damage::Frame { part: part.digest, frame: index, offset: frame.offset };
        assert_eq!(store.verify(&id).unwrap().damage, [expected]);
        file.write_all_at(&byte, frame.offset).unwrap();
    }
    let part = manifest.parts[1];
    let path = site.path("store/parts").join(part.file_name());
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(part.size - 1).unwrap();
    let sized = Damage::Size { part: part.digest, found: part.size - 1, listed: part.size };
    assert_eq!(store.verify_quickly(&id).unwrap().damage, [sized]);
    let damage = store.verify(&id).unwrap().damage;
    assert!(damage.contains(&Damage::Size { part: part.digest, found: part.size - 1, listed: part.size }));
    assert!(damage.contains(&Damage::SeekTable { part: part.digest }));
    fs::remove_file(site.path("store/parts").join(manifest.parts[2].file_name())).unwrap();
    let missing = Damage::Missing { part: manifest.parts[2].digest };
    assert!(store.verify(&id).unwrap().damage.contains(&missing));
    assert!(store.verify_quickly(&id).unwrap().damage.contains(&missing));
    site.published(&store, 1);
    let sound = store.verify_quickly(&id).unwrap();
    assert_eq!((sound.frames, sound.bytes, sound.damage.len()), (0, 0, 0), "it reads no part");
    assert!(store.verify(&id).unwrap().damage.is_empty());
}

#[test]
fn removal_keeps_what_is_protected_or_shared() {
    let site = Site::new();
    let store = site.store();
    let first = site.published(&store, 1);
    fs::write(site.path("tree/zz later"), "more").unwrap();
    let (second, third) = (site.published(&store, 2), site.published(&store, 3));
    let rule = Rule { count: Some(1), ..Rule::default() };
    let protected = BTreeSet::from([first.clone()]);
    assert_eq!(
        store.compact(&rule, Timestamp::UNIX_EPOCH, &protected).unwrap(),
        std::slice::from_ref(&second)
    );
    assert!(store.verify(&third).unwrap().damage.is_empty());
    store.delete(&third).unwrap();
    assert!(store.verify(&first).unwrap().damage.is_empty());
    assert!(matches!(store.delete(&third), Err(StoreError::Unknown { .. })));
    store.delete(&first).unwrap();
    assert_eq!(site.names("store/parts"), 0);
}

#[test]
fn a_damaged_manifest_is_reported_and_costs_no_part() {
    let site = Site::new();
    let store = site.store();
    let (sound, rotten) = (site.published(&store, 1), site.published(&store, 2));
    let path = site.path("store/manifests").join(manifest_name(&rotten));
    let text = fs::read_to_string(&path).unwrap().replace("prod-cluster-001", "prod-cluster-002");
    fs::write(&path, text).unwrap();
    fs::write(site.path("store/manifests/notes.txt"), "mine").unwrap();
    let store = site.store();
    let listing = store.list().unwrap();
    assert_eq!(listing.snapshots.iter().map(|one| &one.id).collect::<Vec<_>>(), [&sound]);
    assert_eq!(listing.unreadable.len(), 2);
    for (name, error) in &listing.unreadable {
        match name.to_str() {
            Some("notes.txt") => {
                let text = "\"notes.txt\" in the store's manifests is not named like a manifest";
                tells(error, "EOS-T024", text);
            }
            _ => tells(error, "EOS-T023", &format!("the stored manifest of snapshot {rotten} is damaged")),
        }
    }
    store.delete(&sound).unwrap();
    assert!(site.names("store/parts") > 0, "the damaged manifest may name them");
}

#[test]
fn a_store_whose_directories_cannot_be_made_is_told() {
    let site = Site::new();
    fs::write(site.path("store/parts"), "a file").unwrap();
    let error = DiskStore::open(Directory::open(&site.path("store")).unwrap()).unwrap_err();
    tells(&error, "EOS-T020", "the snapshot store cannot use its disk");
}

#[test]
fn a_part_that_another_snapshot_has_is_lent_to_a_download_and_stays_when_that_is_given_up() {
    let site = Site::new();
    let store = site.store();
    let id = site.published(&store, 1);
    let parts = store.summary(&id).unwrap().parts;
    let staging = store.begin_download(&SnapshotId::parse("later").unwrap()).unwrap();
    let absent = Part { digest: Digest::of(b"absent"), size: 1, borrowed: false };
    let resized = Part { size: parts[0].size + 1, ..parts[0] };
    store.lend(&staging, &[absent, resized]).unwrap();
    assert_eq!(staging.directory().list().unwrap().len(), 0);
    for _ in 0..2 {
        store.lend(&staging, &parts).unwrap();
        assert_eq!(staging.directory().list().unwrap().len(), parts.len());
    }
    staging.discard().unwrap();
    assert!(store.verify(&id).unwrap().damage.is_empty());
}
