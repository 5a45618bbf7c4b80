//! Downloads from a source that cuts, lies, stalls and dies at every frame.

pub(in crate::snapshot) mod faulty;
mod lent;
mod reserve;

use super::*;
use crate::model::explain::tells;
use crate::model::progress::Silent;
use crate::snapshot::capture::tests::{captured, rich_tree, shape};
use crate::snapshot::manifest::tests::TestSeal;
use crate::snapshot::store::{DiskStore, SnapshotStore};
use crate::snapshot::unpack::{Policy, unpack};
use faulty::Faulty;
use std::ffi::OsStr;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};

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
        let source = Faulty::sound("faulty", parts, signed.to_bytes(), manifest);
        Self { temporary, source, id: signed.id() }
    }

    fn another(&self, name: &'static str) -> Faulty {
        let Faulty { parts, signed, manifest, .. } = &self.source;
        Faulty::sound(name, parts.clone(), signed.clone(), manifest.clone())
    }

    fn fetch(&self, into: &str, failures: u32) -> Result<Fetched, FetchError> {
        self.fetch_from(&[&self.source], into, failures, &|| false, &Silent)
    }

    fn fetch_from(
        &self,
        sources: &[&dyn Source],
        into: &str,
        failures: u32,
        stop: &dyn Fn() -> bool,
        sink: &dyn Sink,
    ) -> Result<Fetched, FetchError> {
        let path = self.temporary.path().join(into);
        fs::create_dir_all(&path).unwrap();
        fetch(&self.request(sources, failures), &Directory::open(&path).unwrap(), stop, sink)
    }

    fn request<'a>(&'a self, sources: &'a [&'a dyn Source], failures: u32) -> Request<'a> {
        let (first, longest) = (Duration::from_millis(2), Duration::from_millis(20));
        let patience = Patience { failures, first, longest };
        Request {
            sources,
            connections: 1,
            id: &self.id,
            verifier: &SEAL,
            reserve_bytes: None,
            patience,
            embed_bytes: None,
            limiter: None,
        }
    }

    /// Bytes of all frames.
    fn bytes(&self) -> u64 {
        self.source.manifest.frames.iter().map(|frame| u64::from(frame.compressed)).sum()
    }

    fn largest(&self) -> u64 {
        self.source.manifest.frames.iter().map(|frame| u64::from(frame.compressed)).max().unwrap()
    }

    fn assert_whole(&self, into: &str) {
        for part in &self.source.manifest.parts {
            let bytes = fs::read(self.temporary.path().join(into).join(part.file_name())).unwrap();
            assert_eq!(Digest::of(&bytes), part.digest);
        }
    }
}

#[test]
fn a_fetched_snapshot_is_published_unpacked_and_the_same_tree() {
    let site = Site::new();
    let top = site.temporary.path();
    fs::create_dir(top.join("store")).unwrap();
    let store = DiskStore::open(Directory::open(&top.join("store")).unwrap()).unwrap();
    let staging = store.begin_download(&site.id).unwrap();
    let fetched = fetch(&site.request(&[&site.source], 1), staging.directory(), &|| false, &Silent).unwrap();
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
    let (frames, largest) = (site.bytes(), site.largest());
    let mut end = 0;
    for (index, frame) in site.source.manifest.frames.iter().enumerate() {
        let into = format!("into-{index}");
        // Dies one byte before the end of this frame.
        end += u64::from(frame.compressed);
        site.source.allow(end - 1);
        let before = site.source.served();
        let killed = site.fetch(&into, 1).unwrap_err();
        assert!(matches!(killed, FetchError::Unreachable { .. }), "{killed:?}");
        site.source.allow(u64::MAX);
        let fetched = site.fetch(&into, 1).unwrap();
        let again = site.source.served() - before - frames;
        assert!(again < largest, "{again} bytes fetched again, the largest frame has {largest}");
        assert_eq!(fetched.received_bytes, frames - (end - u64::from(frame.compressed)));
        site.assert_whole(&into);
    }
}

#[test]
fn a_torn_or_rotten_partial_file_costs_only_what_is_bad() {
    let site = Site::new();
    let of = |part| site.source.manifest.frames_of(part).collect::<Vec<_>>();
    // The parts before it come whole.
    let index = (0..site.source.manifest.parts.len()).find(|part| of(*part).len() > 3).unwrap();
    let before = (0..index).flat_map(of).map(|frame| u64::from(frame.compressed)).sum::<u64>();
    let (first, frames) = (site.source.manifest.parts[index], of(index));
    site.source.allow(before + frames[3].offset);
    site.fetch("into", 1).unwrap_err();
    site.source.allow(u64::MAX);
    let partial = site.temporary.path().join("into").join(format!("{}.partial", first.digest));
    let mut bytes = fs::read(&partial).unwrap();
    bytes[frames[1].offset as usize] ^= 1;
    bytes.truncate(frames[3].offset as usize);
    bytes.extend(b"half of a frame");
    fs::write(&partial, bytes).unwrap();
    site.source.requests.lock().unwrap().clear();
    let fetched = site.fetch("into", 1).unwrap();
    let requests = site.source.requests.lock().unwrap();
    assert_eq!(requests[0], (frames[1].offset, u64::from(frames[1].compressed)), "the rotten one alone");
    assert_eq!(requests[1].0, frames[3].offset, "the two sound ones around it stay");
    let kept = u64::from(frames[0].compressed) + u64::from(frames[2].compressed);
    assert_eq!(fetched.received_bytes, site.bytes() - before - kept);
    site.assert_whole("into");
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
    site.source.allow(10);
    let events = Events::default();
    let error = site.fetch_from(&[&site.source], "into", 4, &|| false, &events).unwrap_err();
    assert_eq!(error.to_string(), "faulty failed 4 times in a row without delivering anything");
    let events = events.0.lock().unwrap();
    let waits: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Waiting { cause, next_retry_ms, .. } if cause == "faulty: connection reset" => {
                Some(*next_retry_ms)
            }
            _ => None,
        })
        .collect();
    assert_eq!(waits, [2, 4, 8]);
    let interrupted = site.fetch_from(&[&site.source], "into", 4, &|| true, &Silent).unwrap_err();
    assert!(matches!(interrupted, FetchError::Interrupted { .. }));
}

#[test]
fn a_source_that_hangs_is_left_when_the_caller_gives_up() {
    let site = Site::new();
    site.source.hangs.store(true, Ordering::Relaxed);
    let asked = || !site.source.requests.lock().unwrap().is_empty();
    let error = site.fetch_from(&[&site.source], "into", 4, &asked, &Silent).unwrap_err();
    assert!(matches!(&error, FetchError::Interrupted { name } if name == "faulty"), "{error:?}");
}

#[test]
fn a_source_that_hangs_or_is_slow_holds_up_nobody() {
    let site = Site::new();
    let slow = site.another("slow");
    slow.hangs.store(true, Ordering::Relaxed);
    let unasked = || slow.requests.lock().unwrap().is_empty();
    let sound = Gate(&unasked, &site.source);
    let (sources, into): ([&dyn Source; 2], _) = ([&slow, &sound], site.temporary.path().join("into"));
    fs::create_dir(&into).unwrap();
    let request = Request { connections: 2, ..site.request(&sources, 2) };
    let fetched = fetch(&request, &Directory::open(&into).unwrap(), &|| false, &Silent).unwrap();
    assert_eq!(fetched.received_bytes, site.bytes(), "the sound one delivered all, and nothing twice");
    site.assert_whole("into");

    // One that sends a byte now and then would take for its first run alone longer than all may take.
    let into = site.temporary.path().join("slowly");
    fs::create_dir(&into).unwrap();
    let (sent, slow) = (AtomicU64::new(0), site.another("slow"));
    let trickle = Trickle { of: &slow, sent: &sent };
    let unasked = || sent.load(Ordering::Relaxed) == 0;
    let sound = Gate(&unasked, &site.source);
    let sources: [&dyn Source; 2] = [&trickle, &sound];
    let before = site.source.served();
    let request = Request { connections: 2, ..site.request(&sources, 2) };
    let events = Events::default();
    let fetched = fetch(&request, &Directory::open(&into).unwrap(), &|| false, &events).unwrap();
    site.assert_whole("slowly");
    let slowly = sent.load(Ordering::Relaxed);
    assert!(slowly > 0 && slowly < site.largest(), "{slowly} bytes trickled");
    assert_eq!(site.source.served() - before, site.bytes(), "the other one did the work");
    assert_eq!(fetched.received_bytes, site.bytes() + slowly);
    assert!(
        !events.0.lock().unwrap().iter().any(|event| matches!(event, Event::Warning { .. })),
        "to be slow is no reason to be dropped"
    );
}

/// Delivers what another source has, so slowly that no frame ends before the others have done everything.
struct Trickle<'a> {
    of: &'a Faulty,
    sent: &'a AtomicU64,
}

impl Source for Trickle<'_> {
    fn name(&self) -> &str {
        self.of.name
    }

    fn manifest(
        &self,
        id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.of.manifest(id, each)
    }

    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let bytes = fs::read(self.of.parts.join(format!("{part}.tar.zst"))).unwrap();
        let (never, nothing) = (Condvar::new(), Mutex::new(()));
        for byte in &bytes[offset as usize..(offset + length) as usize] {
            let _woken = never.wait_timeout(nothing.lock().unwrap(), Duration::from_millis(5)).unwrap();
            self.sent.fetch_add(1, Ordering::Relaxed);
            if each(&[*byte]).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[test]
fn a_source_that_lies_is_dropped_and_named_and_the_others_deliver() {
    let site = Site::new();
    let liar = site.another("liar");
    liar.forever.store(true, Ordering::Relaxed);
    *liar.lies.lock().unwrap() = (0..liar.manifest.frames.len()).collect();
    let empty = site.another("empty");
    empty.empty.store(true, Ordering::Relaxed);
    let events = Events::default();
    site.source.hangs.store(true, Ordering::Relaxed);
    // The sound one begins once the other two are known for what they are.
    let dropped = || {
        let events = events.0.lock().unwrap();
        events.iter().filter(|event| matches!(event, Event::Warning { .. })).count()
    };
    let stop = || {
        if dropped() == 2 {
            site.source.hangs.store(false, Ordering::Relaxed);
        }
        false
    };
    let sound = site.another("sound");
    let hangs = || site.source.hangs.load(Ordering::Relaxed);
    let gate = Gate(&hangs, &sound);
    site.fetch_from(&[&liar, &empty, &gate], "into", 2, &stop, &events).unwrap();
    site.assert_whole("into");
    let texts: Vec<String> = events
        .0
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| match event {
            Event::Warning { text } => Some(text.clone()),
            _ => None,
        })
        .collect();
    assert!(texts.iter().any(|text| text.starts_with("liar delivers wrong bytes for frame ")), "{texts:?}");
    let gone = "empty does not deliver the snapshot: 404 Not Found; other sources deliver the rest";
    assert!(texts.iter().any(|text| text == gone), "{texts:?}");
}

/// Hangs while the first says so, then delivers what the second has.
struct Gate<'a>(&'a (dyn Fn() -> bool + Sync), &'a Faulty);

impl Source for Gate<'_> {
    fn name(&self) -> &str {
        self.1.name
    }

    fn manifest(
        &self,
        id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.1.manifest(id, each)
    }

    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let (never, nothing) = (Condvar::new(), Mutex::new(()));
        while (self.0)() && each(&[]).is_continue() {
            let _woken = never.wait_timeout(nothing.lock().unwrap(), Duration::from_millis(1)).unwrap();
        }
        self.1.read_range(part, offset, length, each)
    }
}

#[test]
fn several_sources_with_several_connections_share_the_work_through_cuts_and_flips() {
    let site = Site::new();
    for round in 0..20u64 {
        let sources: Vec<Faulty> = ["a", "b", "c"].map(|name| site.another(name)).into();
        for (index, source) in sources.iter().enumerate() {
            source.allow(400 + round * 977 * (index as u64 + 1));
            let frames = source.manifest.frames.len();
            source.lies.lock().unwrap().push((round as usize * 7 + index * 3) % frames);
        }
        let last = site.another("d");
        let all: Vec<&dyn Source> =
            sources.iter().map(|source| source as &dyn Source).chain([&last as &dyn Source]).collect();
        let into = format!("into-{round}");
        let path = site.temporary.path().join(&into);
        fs::create_dir_all(&path).unwrap();
        let request = Request { connections: 3, ..site.request(&all, 2) };
        fetch(&request, &Directory::open(&path).unwrap(), &|| false, &Silent).unwrap();
        site.assert_whole(&into);
    }
}

#[test]
fn when_every_source_is_dropped_the_last_reason_is_told() {
    let site = Site::new();
    let empty = site.another("empty");
    site.source.allow(0);
    empty.empty.store(true, Ordering::Relaxed);
    let error = site.fetch_from(&[&empty, &site.source], "into", 3, &|| false, &Silent).unwrap_err();
    assert!(matches!(&error, FetchError::Unreachable { name, .. } if name == "faulty"), "{error:?}");
}

#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl Sink for Events {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }

    fn expect(&self, _wait: Option<crate::model::progress::Wait>) {}
}

#[test]
fn progress_counts_to_the_size_of_the_parts_also_after_a_resume() {
    let site = Site::new();
    site.source.allow(5000);
    site.fetch("into", 1).unwrap_err();
    site.source.allow(u64::MAX);
    let events = Events::default();
    site.fetch_from(&[&site.source], "into", 1, &|| false, &events).unwrap();
    let total = site.bytes();
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
    for frame in 0..Site::new().source.manifest.frames.len().min(5) {
        let site = Site::new();
        site.source.lies.lock().unwrap().push(frame);
        site.source.forever.store(true, Ordering::Relaxed);
        let error = site.fetch("into", 3).unwrap_err();
        assert!(
            matches!(&error, FetchError::Corrupt { name, frame: named, .. } if name == "faulty" && *named == frame),
            "{error:?}"
        );
        site.source.lies.lock().unwrap().clear();
        site.fetch("into", 3).unwrap();
        // A single flip on the way costs that frame only.
        site.source.forever.store(false, Ordering::Relaxed);
        site.source.lies.lock().unwrap().push(frame);
        site.fetch("other", 3).unwrap();
        site.assert_whole("other");
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
    assert_eq!(site.source.served(), 0, "no part is asked for");
}

#[test]
fn a_disk_without_room_is_refused_before_the_first_byte() {
    let site = Site::new();
    let path = site.temporary.path().join("into");
    fs::create_dir_all(&path).unwrap();
    let sources: [&dyn Source; 1] = [&site.source];
    let request = Request { reserve_bytes: Some(u64::MAX), ..site.request(&sources, 1) };
    let error = fetch(&request, &Directory::open(&path).unwrap(), &|| false, &Silent).unwrap_err();
    assert!(matches!(error, FetchError::Space { .. }));
    assert_eq!(site.source.served(), 0);
}

#[test]
fn a_lasting_refusal_is_not_repeated() {
    let site = Site::new();
    site.source.empty.store(true, Ordering::Relaxed);
    let events = Events::default();
    let error = site.fetch_from(&[&site.source], "into", 8, &|| false, &events).unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }));
    assert!(events.0.lock().unwrap().is_empty(), "nothing is waited for");
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
    let error = fetch(&site.request(&[&site.source], 1), &into, &|| false, &Silent).unwrap_err();
    tells(&error, "EOS-T040", "the download cannot be written");
}
