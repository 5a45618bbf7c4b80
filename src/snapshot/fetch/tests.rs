//! Downloads from a source that cuts, lies, stalls and dies at every frame.

mod faulty;

use super::*;
use crate::model::explain::tells;
use crate::model::progress::Silent;
use crate::snapshot::capture::tests::{captured, rich_tree, shape};
use crate::snapshot::manifest::tests::TestSeal;
use crate::snapshot::store::{DiskStore, SnapshotStore};
use crate::snapshot::unpack::{Policy, unpack};
use faulty::Faulty;
use std::cell::RefCell;
use std::fs;
use std::sync::Mutex;

const SEAL: TestSeal = TestSeal("ours");

struct Site {
    temporary: tempfile::TempDir,
    source: Faulty,
    id: SnapshotId,
}

impl Site {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        rich_tree(&temporary.path().join("tree"));
        let parts = temporary.path().join("parts");
        let (manifest, _) = captured(&temporary.path().join("tree"), &parts);
        let signed = SignedManifest::sign(&manifest, &SEAL).unwrap();
        let source = Faulty {
            parts,
            signed: signed.to_bytes(),
            manifest,
            budget: u64::MAX.into(),
            served: 0.into(),
            requests: RefCell::default(),
            lies: RefCell::default(),
            forever: false,
        };
        Self { temporary, source, id: signed.id() }
    }

    fn fetch(&self, into: &str, failures: u32) -> Result<Fetched, FetchError> {
        self.fetch_with(into, failures, &mut |_| true, &Silent)
    }

    fn fetch_with(
        &self,
        into: &str,
        failures: u32,
        wait: &mut dyn FnMut(Duration) -> bool,
        sink: &dyn Sink,
    ) -> Result<Fetched, FetchError> {
        let path = self.temporary.path().join(into);
        fs::create_dir_all(&path).unwrap();
        let patience = Patience { failures, ..Patience::default() };
        let request =
            Request { source: &self.source, id: &self.id, verifier: &SEAL, reserve_bytes: None, patience };
        fetch(&request, &Directory::open(&path).unwrap(), wait, sink)
    }
}

#[test]
fn a_fetched_snapshot_is_published_unpacked_and_the_same_tree() {
    let site = Site::new();
    let top = site.temporary.path();
    fs::create_dir(top.join("store")).unwrap();
    let store = DiskStore::open(Directory::open(&top.join("store")).unwrap()).unwrap();
    let staging = store.begin_download(&site.id).unwrap();
    let request = Request {
        source: &site.source,
        id: &site.id,
        verifier: &SEAL,
        reserve_bytes: None,
        patience: Patience::default(),
    };
    let fetched = fetch(&request, staging.directory(), &mut |_| false, &Silent).unwrap();
    assert_eq!(store.publish(staging, &fetched.signed).unwrap(), site.id);
    assert!(store.verify(&site.id).unwrap().damage.is_empty());
    assert!(store.downloads().unwrap().is_empty());
    let here = Directory::open(top).unwrap();
    unpack(&fetched.manifest, &store, &here, OsStr::new("out"), &Policy::default(), &Silent).unwrap();
    assert_eq!(shape(&top.join("out/data")), shape(&top.join("tree")));
}

#[test]
fn a_kill_at_every_frame_costs_less_than_one_frame() {
    let site = Site::new();
    let frames: u64 = site.source.manifest.frames.iter().map(|frame| u64::from(frame.compressed)).sum();
    let largest = site.source.manifest.frames.iter().map(|frame| u64::from(frame.compressed)).max().unwrap();
    let mut end = 0;
    for (index, frame) in site.source.manifest.frames.iter().enumerate() {
        let into = format!("into-{index}");
        // Dies one byte before the end of this frame.
        end += u64::from(frame.compressed);
        site.source.budget.set(end - 1);
        site.source.served.set(0);
        let killed = site.fetch(&into, 1).unwrap_err();
        assert!(matches!(killed, FetchError::Unreachable { .. }), "{killed:?}");
        site.source.budget.set(u64::MAX);
        let fetched = site.fetch(&into, 1).unwrap();
        let again = site.source.served.get() - frames;
        assert!(again < largest, "{again} bytes fetched again, the largest frame has {largest}");
        assert_eq!(fetched.received_bytes, frames - (end - u64::from(frame.compressed)));
    }
}

#[test]
fn a_torn_or_rotten_partial_file_costs_only_what_is_bad() {
    let site = Site::new();
    let first = site.source.manifest.parts[0];
    let frames: Vec<_> = site.source.manifest.frames_of(0).collect();
    assert!(frames.len() > 2);
    site.source.budget.set(frames[2].offset);
    site.fetch("into", 1).unwrap_err();
    site.source.budget.set(u64::MAX);
    let partial = site.temporary.path().join("into").join(format!("{}.partial", first.digest));
    let mut bytes = fs::read(&partial).unwrap();
    assert_eq!(bytes.len() as u64, frames[2].offset);
    bytes[frames[1].offset as usize] ^= 1;
    bytes.extend(b"half of a frame");
    fs::write(&partial, bytes).unwrap();
    site.source.requests.borrow_mut().clear();
    site.fetch("into", 1).unwrap();
    assert_eq!(site.source.requests.borrow()[0].0, frames[1].offset);
}

#[test]
fn a_finished_part_is_not_fetched_again_unless_it_has_rotted() {
    let site = Site::new();
    site.fetch("into", 1).unwrap();
    assert_eq!(site.fetch("into", 1).unwrap().received_bytes, 0);
    let last = *site.source.manifest.parts.last().unwrap();
    let path = site.temporary.path().join("into").join(last.file_name());
    let mut bytes = fs::read(&path).unwrap();
    bytes[9] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(site.fetch("into", 1).unwrap().received_bytes > 0);
    assert_eq!(Digest::of(&fs::read(&path).unwrap()), last.digest);
}

#[test]
fn a_cut_connection_is_resumed_with_growing_waits_until_patience_ends() {
    let site = Site::new();
    site.source.budget.set(10);
    let mut waits = Vec::new();
    let events = Events::default();
    let error = site
        .fetch_with(
            "into",
            4,
            &mut |delay| {
                waits.push(delay.as_millis());
                true
            },
            &events,
        )
        .unwrap_err();
    assert_eq!(error.to_string(), "faulty failed 4 times in a row without delivering anything");
    assert_eq!(waits, [500, 1000, 2000]);
    let waiting = events
        .0
        .lock()
        .unwrap()
        .iter()
        .filter(|event| matches!(event, Event::Waiting { cause, .. } if cause == "faulty: connection reset"))
        .count();
    assert_eq!(waiting, 3);
    let interrupted = site.fetch_with("into", 4, &mut |_| false, &Silent).unwrap_err();
    assert!(matches!(interrupted, FetchError::Interrupted { .. }));
}

#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl Sink for Events {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

#[test]
fn progress_counts_to_the_size_of_the_parts_also_after_a_resume() {
    let site = Site::new();
    site.source.budget.set(5000);
    site.fetch("into", 1).unwrap_err();
    site.source.budget.set(u64::MAX);
    let events = Events::default();
    site.fetch_with("into", 1, &mut |_| true, &events).unwrap();
    let total = site.source.manifest.stored_size();
    let events = events.0.lock().unwrap();
    let first = events.first().unwrap();
    assert!(
        matches!(first, Event::Transfer { done_bytes, total_bytes, .. } if *done_bytes > 0 && *total_bytes == total)
    );
    let last = events.last().unwrap();
    assert!(matches!(last, Event::Transfer { done_bytes, .. } if *done_bytes == total), "{last:?}");
}

#[test]
fn a_wrong_frame_is_fetched_again_once_and_then_named_with_its_source() {
    for frame in 0..Site::new().source.manifest.frames.len() {
        let mut site = Site::new();
        site.source.lies.borrow_mut().push(frame);
        site.source.forever = true;
        let error = site.fetch("into", 3).unwrap_err();
        assert!(
            matches!(&error, FetchError::Corrupt { name, frame: named, .. } if name == "faulty" && *named == frame),
            "{error:?}"
        );
        site.source.lies.borrow_mut().clear();
        site.fetch("into", 3).unwrap();
        // A single flip on the way costs that frame only.
        site.source.forever = false;
        site.source.lies.borrow_mut().push(frame);
        if site.source.manifest.frames[frame].part == 0 {
            site.fetch("other", 3).unwrap();
        }
        if frame > 3 {
            break;
        }
    }
}

#[test]
fn a_manifest_that_is_not_the_wanted_one_or_not_ours_is_refused() {
    let mut site = Site::new();
    let right = site.id.clone();
    site.id = SnapshotId::parse("ab").unwrap();
    assert!(matches!(
        site.fetch("into", 3),
        Err(FetchError::Manifest { source: super::super::manifest::ManifestError::Id { .. }, .. })
    ));
    site.id = right;
    site.source.signed = SignedManifest::sign(&site.source.manifest, &TestSeal("theirs")).unwrap().to_bytes();
    assert!(matches!(site.fetch("into", 3), Err(FetchError::Manifest { .. })));
    assert_eq!(site.source.served.get(), 0, "no part is asked for");
}

#[test]
fn a_disk_without_room_is_refused_before_the_first_byte() {
    let site = Site::new();
    let path = site.temporary.path().join("into");
    fs::create_dir_all(&path).unwrap();
    let reserve_bytes = Some(u64::MAX);
    let patience = Patience::default();
    let request = Request { source: &site.source, id: &site.id, verifier: &SEAL, reserve_bytes, patience };
    let error = fetch(&request, &Directory::open(&path).unwrap(), &mut |_| true, &Silent).unwrap_err();
    assert!(matches!(error, FetchError::Space { .. }));
    assert_eq!(site.source.served.get(), 0);
}

#[test]
fn a_lasting_refusal_is_not_repeated() {
    struct Gone;
    impl Source for Gone {
        fn name(&self) -> &str {
            "gone"
        }
        fn manifest(&self, _id: &SnapshotId) -> Result<Vec<u8>, SourceError> {
            Err(SourceError::lasting("404 Not Found"))
        }
        fn read_range(
            &self,
            _part: &Digest,
            _offset: u64,
            _length: u64,
            _each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
        ) -> Result<(), SourceError> {
            Err(SourceError::lasting("404 Not Found"))
        }
    }
    let temporary = tempfile::tempdir().unwrap();
    let id = SnapshotId::parse("ab").unwrap();
    let patience = Patience::default();
    let request = Request { source: &Gone, id: &id, verifier: &SEAL, reserve_bytes: None, patience };
    let here = Directory::open(temporary.path()).unwrap();
    let error = fetch(&request, &here, &mut |_| unreachable!("it must not wait"), &Silent).unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }));
}

#[test]
fn a_part_whose_frames_are_right_and_whose_digest_is_not_is_refused() {
    let mut site = Site::new();
    let right = site.source.manifest.parts[0];
    let wrong = crate::snapshot::manifest::Part { digest: Digest::of(b"another"), ..right };
    fs::rename(site.source.parts.join(right.file_name()), site.source.parts.join(wrong.file_name())).unwrap();
    site.source.manifest.parts[0] = wrong;
    let signed = SignedManifest::sign(&site.source.manifest, &SEAL).unwrap();
    (site.id, site.source.signed) = (signed.id(), signed.to_bytes());
    let error = site.fetch("into", 3).unwrap_err();
    let text = format!(
        "part {} has another digest than the manifest says, although each of its frames is right",
        wrong.digest
    );
    tells(&error, "EOS-T046", &text);
}

#[test]
fn a_download_whose_directory_is_gone_says_that_it_cannot_be_written() {
    let site = Site::new();
    let path = site.temporary.path().join("into");
    fs::create_dir_all(&path).unwrap();
    let into = Directory::open(&path).unwrap();
    fs::remove_dir(&path).unwrap();
    let patience = Patience::default();
    let request =
        Request { source: &site.source, id: &site.id, verifier: &SEAL, reserve_bytes: None, patience };
    let error = fetch(&request, &into, &mut |_| true, &Silent).unwrap_err();
    tells(&error, "EOS-T040", "the download cannot be written");
}
