//! Trees assembled from sources that cut, lie and die, from parts and trees that are here, after any kill.

mod exchanged;
mod faults;
mod property;
mod resuming;
pub(super) mod seeding;

use super::*;
use crate::model::progress::Silent;
use crate::snapshot::capture::tests::{captured, rich_tree, shape};
use crate::snapshot::fetch::tests::faulty::Faulty;
use crate::snapshot::fetch::{FetchError, Limiter, Patience, Source};
use crate::snapshot::manifest::SignedManifest;
use crate::snapshot::manifest::tests::TestSeal;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

const SEAL: TestSeal = TestSeal("ours");

/// A captured tree, a source that has it, and a work area.
struct Site {
    temporary: tempfile::TempDir,
    source: Faulty,
    id: SnapshotId,
    policy: Policy,
    failures: u32,
}

impl Site {
    fn new() -> Self {
        Self::of(rich_tree)
    }

    fn of(make: impl Fn(&Path)) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        make(&temporary.path().join("tree"));
        let parts = temporary.path().join("parts");
        let (manifest, _) = captured(&temporary.path().join("tree"), &parts);
        let signed = SignedManifest::sign(&manifest, &SEAL).unwrap();
        let source = Faulty::sound("faulty", parts, signed.to_bytes(), manifest);
        let policy = Policy { outside_links: true, ..Policy::default() };
        Self { temporary, source, id: signed.id(), policy, failures: 1 }
    }

    fn another(&self, name: &'static str) -> Faulty {
        let Faulty { parts, signed, manifest, .. } = &self.source;
        Faulty::sound(name, parts.clone(), signed.clone(), manifest.clone())
    }

    fn path(&self, below: &str) -> PathBuf {
        self.temporary.path().join(below)
    }

    fn area(&self, name: &str) -> Directory {
        std::fs::create_dir_all(self.path(name)).unwrap();
        Directory::open(&self.path(name)).unwrap()
    }

    fn order<'a>(&'a self, sources: &'a [&'a dyn Source]) -> Order<'a> {
        let (first, longest) = (Duration::from_millis(2), Duration::from_millis(20));
        let patience = Patience { failures: self.failures, first, longest };
        let terms = Terms { sources, connections: 2, patience, limiter: None };
        let (id, manifest, policy) = (&self.id, &self.source.manifest, &self.policy);
        Order { id, manifest, terms, held: None, local: None, seeds: &[], policy }
    }

    fn assemble(&self, area: &str) -> Result<Assembled, AssembleError> {
        let sources: [&dyn Source; 1] = [&self.source];
        self.with(&self.order(&sources), area)
    }

    fn with(&self, order: &Order<'_>, area: &str) -> Result<Assembled, AssembleError> {
        assemble(order, &WorkArea(&self.area(area)), &|| false, &Silent)
    }

    fn assert_whole(&self, area: &str) {
        assert_eq!(shape(&self.path(area).join("incoming/data")), shape(&self.path("tree")));
    }

    /// Its source was not asked for a single byte.
    #[track_caller]
    fn assert_unasked(&self) {
        assert_eq!(self.source.served(), 0);
        assert!(self.source.requests.lock().unwrap().is_empty());
    }

    /// Bytes of all frames, and of the largest one.
    fn frames(&self) -> (u64, u64) {
        let lengths = || self.source.manifest.frames.iter().map(|frame| u64::from(frame.compressed));
        (lengths().sum(), lengths().max().unwrap())
    }
}

#[test]
fn a_tree_comes_straight_from_the_network_as_it_was() {
    let site = Site::new();
    let assembled = site.assemble("area").unwrap();
    site.assert_whole("area");
    assert_eq!(assembled.received_bytes, site.frames().0);
    assert_eq!((assembled.resumed, assembled.seeded), Default::default());
    assert_eq!(site.area("area").list().unwrap(), [STAGING, "progress"]);
    WorkArea(&site.area("area")).clear().unwrap();
    assert!(site.area("area").list().unwrap().is_empty());
}

#[test]
fn what_parts_on_this_machine_hold_is_not_asked_for() {
    let site = Site::new();
    let parts = Directory::open(&site.source.parts).unwrap();
    let order = Order { local: Some(&parts), ..site.order(&[]) };
    let assembled = site.with(&order, "all").unwrap();
    site.assert_whole("all");
    assert_eq!(assembled.received_bytes, 0);
    assert_eq!(assembled.local_bytes, site.source.manifest.restore_size());
    // One part is gone, and a frame of another is damaged.
    let (mine, frames) = (site.path("mine"), &site.source.manifest.frames);
    std::fs::create_dir(&mine).unwrap();
    for part in &site.source.manifest.parts[1..] {
        std::fs::copy(site.source.parts.join(part.file_name()), mine.join(part.file_name())).unwrap();
    }
    let damaged = frames.iter().find(|frame| frame.part == 1).unwrap();
    let path = mine.join(site.source.manifest.parts[1].file_name());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[damaged.offset as usize] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let parts = Directory::open(&mine).unwrap();
    let sources: [&dyn Source; 1] = [&site.source];
    let order = Order { local: Some(&parts), ..site.order(&sources) };
    let assembled = site.with(&order, "some").unwrap();
    site.assert_whole("some");
    let missing = frames.iter().filter(|frame| frame.part == 0).map(|frame| u64::from(frame.compressed));
    assert_eq!(assembled.received_bytes, missing.sum::<u64>() + u64::from(damaged.compressed));
    // Nobody else has them.
    let order = Order { local: Some(&parts), ..site.order(&[]) };
    let alone = site.with(&order, "alone").unwrap_err();
    assert!(matches!(alone, AssembleError::Tree(unpack::UnpackError::Frame { .. })), "{alone:?}");
    let error = site.with(&site.order(&[]), "none").unwrap_err();
    let text = format!(
        "{} frames of the snapshot are not on this machine, and no node is known that has them",
        frames.len()
    );
    crate::model::explain::tells(&error, "EOS-T182", &text);
}

#[test]
fn a_limit_of_bytes_per_second_holds_for_all_connections_together() {
    let site = Site::of(|tree| {
        std::fs::create_dir_all(tree).unwrap();
        let noise: Vec<u8> =
            (0..20_000u32).flat_map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes()).collect();
        std::fs::write(tree.join("noise"), noise).unwrap();
    });
    let limiter = Limiter::new(1_600_000);
    let another = site.another("another");
    let sources: [&dyn Source; 2] = [&site.source, &another];
    let order = site.order(&sources);
    let order = Order { terms: Terms { limiter: Some(&limiter), ..order.terms }, ..order };
    let began = std::time::Instant::now();
    let assembled = site.with(&order, "area").unwrap();
    let took = began.elapsed().as_secs_f64();
    site.assert_whole("area");
    assert!(assembled.received_bytes as f64 / took <= 1.05 * 1_600_000.0 + 160_000.0 / took, "{took} s");
}

#[test]
fn a_snapshot_that_the_policy_refuses_or_the_disk_cannot_hold_is_refused_before_the_first_byte() {
    let site = Site::new();
    let few = Policy { max_entries: 3, ..Policy::default() };
    let sources: [&dyn Source; 1] = [&site.source];
    let order = site.order(&sources);
    let error = site.with(&Order { policy: &few, ..order }, "area").unwrap_err();
    assert!(matches!(error, AssembleError::Tree(unpack::UnpackError::Limit { .. })), "{error:?}");
    assert!(site.area("area").list().unwrap().is_empty());
    site.assert_unasked();

    let site = Site::of(|tree| {
        std::fs::create_dir_all(tree).unwrap();
        std::fs::write(tree.join("large"), vec![b'x'; 3 << 20]).unwrap();
    });
    let sources: [&dyn Source; 1] = [&site.source];
    let error = on_a_small_disk(&site, || site.with(&site.order(&sources), "small")).unwrap_err();
    assert!(matches!(error, AssembleError::Tree(unpack::UnpackError::Space { .. })), "{error:?}");
    site.assert_unasked();
    // The same source delivers where there is room.
    site.assemble("area").unwrap();
    assert!(site.source.served() > 0);
}

/// Does something while the directory `small` is a disk of 1 MiB.
fn on_a_small_disk<T>(site: &Site, work: impl FnOnce() -> T) -> T {
    let small = site.path("small");
    std::fs::create_dir(&small).unwrap();
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("tmpfs", &small, "tmpfs", flags, Some(c"size=1m")).unwrap();
    let done = work();
    rustix::mount::unmount(&small, rustix::mount::UnmountFlags::DETACH).unwrap();
    done
}

#[test]
fn files_and_what_each_source_sends_are_told() {
    #[derive(Default)]
    struct Last(std::sync::Mutex<Option<crate::model::progress::Event>>);
    impl Sink for Last {
        fn emit(&self, event: crate::model::progress::Event) {
            *self.0.lock().unwrap() = Some(event);
        }
        fn expect(&self, _wait: Option<crate::model::progress::Wait>) {}
    }
    let site = Site::new();
    let (another, last) = (site.another("another"), Last::default());
    let sources: [&dyn Source; 2] = [&site.source, &another];
    let area = site.area("area");
    assemble(&site.order(&sources), &WorkArea(&area), &|| false, &last).unwrap();
    let Some(crate::model::progress::Event::Transfer {
        what, done_bytes, total_bytes, files, sources, ..
    }) = last.0.into_inner().unwrap()
    else {
        panic!("no transfer was told");
    };
    assert_eq!(what, "restore cluster from faulty, another");
    assert_eq!((done_bytes, total_bytes), (total_bytes, site.source.manifest.restore_size()));
    assert!(files.is_some_and(|files| files.done == files.total && files.total > 8), "{files:?}");
    let names: Vec<&str> = sources.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["faulty", "another"]);
    assert!(sources.iter().map(|one| one.bytes).sum::<u64>() >= site.frames().0 - site.frames().1);
}
