//! Captures that borrow: what they read, what they borrow, and that what they make restores alone.

use super::*;
use crate::snapshot::layout;
use crate::snapshot::manifest::Part;
use crate::snapshot::store::SnapshotStore;
use jiff::ToSpan;
use std::sync::Arc;

/// A tree `srv` and a store.
pub(super) struct Site {
    folder: tempfile::TempDir,
    store: DiskStore,
    last: Option<(Manifest, Memory)>,
    generation: u64,
    cut: Cut,
    /// Ends a capture.
    pub(super) stop: Arc<AtomicBool>,
}

impl Site {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["srv", "store", "out"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let store = DiskStore::open(Directory::open(&folder.path().join("store")).unwrap()).unwrap();
        Self { folder, store, last: None, generation: 0, cut: SMALL, stop: Arc::default() }
    }

    /// With parts of the usual size, which hold all of a small tree.
    fn of_large_parts() -> Self {
        Self { cut: Cut { level: 1, ..Cut::default() }, ..Self::new() }
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub(super) fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path("srv").join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A capture that began an hour from now, so that everything has come to rest.
    pub(super) fn take(&mut self) -> Captured {
        self.take_with(Timestamp::now() + 1.hour(), Terms::default(), &Silent).unwrap()
    }

    pub(super) fn take_with(
        &mut self,
        created_at: Timestamp,
        terms: Terms<'_>,
        sink: &dyn Sink,
    ) -> Result<Captured, CaptureError> {
        let tree = Directory::open(&self.path("srv")).unwrap();
        let sources = [Source::Tree { directory: &tree, prefix: Name::new("srv"), exclude: vec![] }];
        let metadata = Metadata { generation: self.generation + 1, created_at, ..metadata() };
        let is_there = |part: &Part| self.store.open_part(&part.digest, 0, None).is_ok();
        let last = self.last.clone();
        let previous = last.map(|(manifest, memory)| Previous::new(manifest, Some(memory), is_there));
        let terms = Terms { previous: previous.as_ref(), ..terms };
        let staging = self.store.begin().unwrap();
        let captured = gather(&sources, staging.directory(), &metadata, self.cut, terms, &self.stop, sink);
        let Ok(captured) = captured else {
            staging.discard().unwrap();
            return captured;
        };
        match &captured.manifest {
            Some(manifest) => {
                let signed = SignedManifest::sign(manifest, &TestSeal("ours")).unwrap();
                self.store.publish(staging, &signed).unwrap();
                self.generation += 1;
            }
            None => staging.discard().unwrap(),
        }
        let last = self.last.take().map(|(manifest, _)| manifest);
        let manifest = captured.manifest.clone().or(last).unwrap();
        let memory = Memory {
            captured_at: created_at,
            files: captured.stamps.clone(),
            generation: self.generation,
            snapshot: manifest.id(),
            source: "srv".to_owned(),
            version: MEMORY_VERSION,
        };
        self.last = Some((manifest, memory));
        Ok(captured)
    }

    /// Unpacks the newest and compares it with the tree.
    pub(super) fn compare(&self) {
        let (manifest, _) = self.last.as_ref().unwrap();
        let here = Directory::open(&self.path("out")).unwrap();
        let policy = Policy { outside_links: true, ..Policy::default() };
        unpack(manifest, &self.store, &here, OsStr::new("tree"), &policy, &Silent).unwrap();
        assert_eq!(shape(&self.path("out/tree/srv")), shape(&self.path("srv")));
        fs::remove_dir_all(self.path("out/tree")).unwrap();
        let id = manifest.id();
        assert!(self.store.verify(&id).unwrap().damage.is_empty());
    }
}

fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn change(path: &Path) {
    let mode = fs::metadata(path).unwrap().permissions();
    fs::set_permissions(path, mode).unwrap();
}

#[test]
fn an_unchanged_tree_of_20000_files_is_captured_again_without_reading_any() {
    let mut site = Site::of_large_parts();
    for number in 0..20_000u32 {
        let path = site.path("srv").join(format!("{:03}", number / 200));
        if number % 200 == 0 {
            fs::create_dir(&path).unwrap();
        }
        fs::write(path.join(number.to_string()), number.to_le_bytes()).unwrap();
    }
    let first = site.take();
    assert_eq!(
        (first.counts.files, first.counts.files_read, first.counts.read_bytes),
        (20_000, 20_000, 80_000)
    );
    assert_eq!(first.stamps.len(), 20_000);

    let second = site.take();
    assert!(second.manifest.is_none(), "nothing changed");
    assert_eq!((second.counts.files, second.counts.files_read, second.counts.read_bytes), (20_000, 0, 0));

    let changed = site.path("srv/007/1500");
    change(&changed);
    let third = site.take();
    assert!(third.manifest.is_none(), "its content is the same");
    assert_eq!((third.counts.files_read, third.counts.read_bytes), (1, 4), "another time of change is read");

    fs::write(&changed, "other").unwrap();
    let fourth = site.take();
    let manifest = fourth.manifest.unwrap();
    assert_eq!((fourth.counts.files_read, fourth.counts.read_bytes), (1, 5));
    assert_eq!(fourth.counts.borrowed_bytes, 80_000 - 4);
    let own: u64 = manifest.parts.iter().filter(|part| !part.borrowed).map(|part| part.size).sum();
    assert!(own * 20 < manifest.stored_size(), "{own} of {}", manifest.stored_size());
    site.compare();
}

#[test]
fn a_file_that_was_written_within_a_tick_of_the_capture_is_read_again() {
    let mut site = Site::new();
    site.write("a", "content");
    let just_now = site.take_with(Timestamp::now(), Terms::default(), &Silent).unwrap();
    assert!(just_now.stamps.is_empty());
    let again = site.take();
    assert!(again.manifest.is_none() && again.counts.files_read == 1);
    assert_eq!(site.take().counts.files_read, 0);
}

#[test]
fn what_was_touched_renamed_or_moved_is_compared_and_borrowed_and_a_copy_is_stored() {
    let mut site = Site::new();
    for number in 0..8 {
        site.write(&format!("d/{number}"), noise(number, 3000 + number as usize));
    }
    site.take();
    let at = |name: &str| site.path("srv/d").join(name);
    fs::File::open(at("1")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::rename(at("2"), at("renamed")).unwrap();
    fs::copy(at("3"), at("0 copy of 3")).unwrap();
    change(&at("3"));
    fs::write(at("4"), noise(99, 3004)).unwrap();
    let taken = site.take();
    let manifest = taken.manifest.unwrap();
    let own: Vec<String> = manifest
        .entries
        .iter()
        .filter(|entry| entry.size() > 0 && !entry.is_borrowed())
        .map(|entry| entry.path.to_string())
        .collect();
    assert_eq!(own, ["srv/d/0 copy of 3", "srv/d/4"]);
    assert_eq!(taken.counts.files_read, 5, "the touched, the renamed, the copy and its origin, the changed");
    site.compare();
}

#[test]
fn what_is_borrowed_again_comes_from_the_part_itself_and_outlives_the_snapshots_between() {
    let mut site = Site::of_large_parts();
    rich_tree(&site.path("srv"));
    let mut ids = Vec::new();
    for round in 0..4 {
        site.write(&format!("round {round}"), noise(round, 50_000));
        ids.push(site.take().manifest.unwrap().id());
        site.compare();
    }
    let last = site.last.as_ref().unwrap().0.clone();
    assert!(!last.is_full() && last.parts.len() == 4);
    for id in &ids[..3] {
        site.store.delete(id).unwrap();
    }
    site.compare();
    let parts: Vec<_> = fs::read_dir(site.path("store/parts")).unwrap().collect();
    assert_eq!(parts.len(), last.parts.len(), "parts that only the deleted ones named are gone");
}

#[test]
fn a_part_that_is_mostly_dead_or_gone_is_not_borrowed_from() {
    let mut site = Site::new();
    for number in 0..12 {
        site.write(&format!("{number:02}"), noise(number, 4000));
    }
    let first = site.take().manifest.unwrap();
    assert!(first.parts.len() >= 3, "{}", first.parts.len());
    let spans = first.spans();
    let in_part = |part: u32| {
        let held = |index: &usize| spans.at(*index).is_some_and(|at| at.0 == part);
        (0..first.entries.len())
            .filter(held)
            .map(|index| first.entries[index].path.as_path())
            .collect::<Vec<_>>()
    };
    let doomed = in_part(0);
    for path in &doomed[1..] {
        fs::remove_file(site.path("").join(path)).unwrap();
    }
    fs::remove_file(site.path("store/parts").join(first.parts[1].file_name())).unwrap();
    let second = site.take();
    let manifest = second.manifest.unwrap();
    let borrowed: Vec<_> =
        manifest.parts.iter().filter(|part| part.borrowed).map(|part| part.digest).collect();
    assert_eq!(borrowed, first.parts[2..].iter().map(|part| part.digest).collect::<Vec<_>>());
    assert_eq!(second.counts.files_read as usize, 1 + in_part(1).len(), "read and stored again");
    site.compare();
}

#[test]
fn no_more_than_64_parts_are_borrowed_from_and_the_smallest_are_left() {
    let mut site = Site::new();
    for number in 0..70u32 {
        site.write(&format!("{number:02}"), noise(number, 17_000 + number as usize * 100));
    }
    let first = site.take().manifest.unwrap();
    assert!(first.parts.len() >= 70);
    site.write("new", "new");
    let second = site.take();
    let manifest = second.manifest.unwrap();
    assert_eq!(manifest.parts.iter().filter(|part| part.borrowed).count(), MOST);
    let own: Vec<_> = manifest
        .entries
        .iter()
        .filter(|entry| !entry.is_borrowed() && entry.size() > 0)
        .map(|entry| entry.path.to_string())
        .collect();
    assert_eq!(own, ["srv/00", "srv/01", "srv/02", "srv/03", "srv/04", "srv/05", "srv/new"]);
    site.compare();
}

#[test]
fn a_change_of_attributes_alone_or_of_a_directory_makes_a_snapshot_that_borrows_all() {
    let mut site = Site::new();
    site.write("d/a", noise(1, 5000));
    site.write("d/b", noise(2, 5000));
    fs::hard_link(site.path("srv/d/b"), site.path("srv/d/c")).unwrap();
    site.take();
    fs::set_permissions(site.path("srv/d/a"), fs::Permissions::from_mode(0o600)).unwrap();
    let taken = site.take();
    assert_eq!((taken.counts.files_read, taken.counts.borrowed_bytes), (1, 10_000));
    site.compare();
    fs::set_permissions(site.path("srv/d"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(site.take().counts.files_read, 0);
    site.compare();
    fs::remove_file(site.path("srv/d/b")).unwrap();
    let taken = site.take();
    assert_eq!((taken.counts.files_read, taken.counts.borrowed_bytes), (1, 10_000), "its other name has it");
    site.compare();
}

#[test]
fn a_forced_capture_of_what_did_not_change_borrows_everything() {
    let mut site = Site::of_large_parts();
    rich_tree(&site.path("srv"));
    site.take();
    let forced = Terms { force: true, ..Terms::default() };
    let taken = site.take_with(Timestamp::now() + 1.hour(), forced, &Silent).unwrap();
    let manifest = taken.manifest.unwrap();
    assert_eq!((taken.counts.read_bytes, manifest.is_full()), (0, false));
    site.compare();
    let out = Directory::open(&site.path("out")).unwrap();
    let error = site.store.export(&manifest.id(), &out, &AtomicBool::new(false), &Silent).unwrap_err();
    let text =
        format!("snapshot {} borrows from earlier ones, so tar alone cannot restore it", manifest.id());
    tells(&error, "EOS-T120", &text);
}

#[test]
fn what_matches_a_pattern_is_left_out_with_all_beneath_it() {
    let mut site = Site::new();
    for path in ["cache/deep/x", "kept/cache.txt", "kept/a.tmp", "b.tmp"] {
        site.write(path, "content");
    }
    let _socket = std::os::unix::net::UnixListener::bind(site.path("srv/control.sock")).unwrap();
    let exclude = ["cache", "*.tmp", "*.sock"].map(|text| crate::model::glob::Glob::parse(text).unwrap());
    let terms = Terms { exclude: &exclude, ..Terms::default() };
    let taken = site.take_with(Timestamp::now(), terms, &Silent).unwrap().manifest.unwrap();
    let paths: Vec<_> = taken.entries.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(paths, ["srv", "srv/kept", "srv/kept/cache.txt"]);
}

/// Of each own part, what its last entry leaves of the budget, and how many entries are in it; asserts what holds of
/// all of them.
fn parts_of(manifest: &Manifest) -> Vec<(i64, usize)> {
    let (spans, budget) = (manifest.spans(), SMALL.part_bytes);
    let (end, mut seen) = (layout::END.len() as u64, 0);
    let mut parts = Vec::new();
    for part in 0..manifest.parts.len() {
        let range = spans.part(part);
        let inside = spans.entries_in(&range);
        let whole = |index: &usize| {
            range.contains(&spans.entry(*index).start) && spans.entry(*index).range().end <= range.end
        };
        assert!(inside.iter().all(whole), "no entry is in two parts");
        let used = spans.entry(*inside.last().unwrap()).range().end - range.start;
        assert!(used + end <= budget || inside.len() == 1, "part {part} has {used} bytes");
        if part + 1 < manifest.parts.len() {
            let next = spans.entries_in(&spans.part(part + 1))[0];
            let next = spans.entry(next).range();
            assert!(used + (next.end - next.start) + end > budget, "part {part} ended too soon");
        }
        seen += inside.len();
        parts.push((budget as i64 - (used + end) as i64, inside.len()));
    }
    assert_eq!(seen, manifest.entries.len(), "each is in one");
    parts
}

#[test]
fn no_part_has_more_than_its_budget_but_for_one_entry_that_is_larger_and_one_that_just_fits_is_in_it() {
    let mut site = Site::new();
    for number in 0..20 {
        site.write(&format!("small {number:02}"), noise(number, 1000));
    }
    site.write("large", noise(50, 100_000));
    site.write("z", noise(60, 1000));
    let parts = parts_of(&site.take().manifest.unwrap());
    assert!(parts.iter().any(|(left, count)| *left < -80_000 && *count == 1), "{parts:?}");
    site.compare();

    // With its header, its padding and the end it fills the last part to the last byte.
    let left = usize::try_from(parts.last().unwrap().0).unwrap();
    assert!(left >= 512 && left.is_multiple_of(512), "{parts:?}");
    for (more, count) in [(0, parts.len()), (1, parts.len() + 1)] {
        let mut site = site_like(&site);
        site.write("z", noise(60, 1024 + left + more));
        let parts = parts_of(&site.take().manifest.unwrap());
        assert_eq!(parts.len(), count, "{more} bytes more: {parts:?}");
        assert!(more > 0 || parts.last().unwrap().0 == 0, "{parts:?}");
        site.compare();
    }
}

/// A new site with the same tree.
fn site_like(other: &Site) -> Site {
    let site = Site::new();
    for entry in fs::read_dir(other.path("srv")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), site.path("srv").join(entry.file_name())).unwrap();
    }
    site
}

#[test]
fn holes_are_not_read() {
    let mut site = Site::new();
    let sparse = fs::File::create(site.path("srv/sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    sparse.write_all_at(b"an island", 32 << 20).unwrap();
    let taken = site.take();
    assert!(taken.counts.read_bytes <= 128 << 10, "{}", taken.counts.read_bytes);
    site.compare();
    let bytes = fs::metadata(site.path("srv/sparse")).unwrap();
    assert!(bytes.blocks() * 512 < 1 << 20);
}

#[derive(Default)]
struct Warnings(std::sync::Mutex<Vec<String>>);

impl Sink for Warnings {
    fn emit(&self, event: crate::model::progress::Event) {
        if let crate::model::progress::Event::Warning { text } = event {
            self.0.lock().unwrap().push(text);
        }
    }

    fn expect(&self, _wait: Option<crate::model::progress::Wait>) {}
}

#[test]
fn lists_and_attributes_that_grant_rights_are_left_out_and_told_once_with_their_number() {
    let mut site = Site::new();
    ["plain", "list", "trusted"].iter().for_each(|name| site.write(name, name));
    site.write("sub/x", "content");
    let set = |path: &str, name: &str, value: &[u8]| {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(site.path("srv").join(path), name, value, flags).unwrap();
    };
    // A list by which user 1000 may read: version 2, then tag, rights and number of each line.
    let line = |tag: u16, rights: u16, who: u32| {
        [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &who.to_le_bytes()].concat()
    };
    let nobody = u32::MAX;
    let lines =
        [line(1, 6, nobody), line(2, 4, 1000), line(4, 4, nobody), line(16, 4, nobody), line(32, 4, nobody)];
    set("list", "system.posix_acl_access", &[&2u32.to_le_bytes()[..], &lines.concat()].concat());
    set("trusted", "trusted.note", b"x");
    set("sub", "trusted.note", b"x");
    set("plain", "user.note", b"kept");
    let warnings = Warnings::default();
    let taken = site.take_with(Timestamp::now() + 1.hour(), Terms::default(), &warnings).unwrap();
    assert_eq!(taken.counts.stripped, 3);
    let [warning] = &warnings.0.into_inner().unwrap()[..] else { panic!("one warning") };
    assert!(warning.contains(" attributes of 3 entries, "), "{warning}");
    let manifest = taken.manifest.unwrap();
    let names = manifest.entries.iter().flat_map(|entry| entry.extended.keys().map(ToString::to_string));
    assert_eq!(names.collect::<Vec<_>>(), ["user.note"]);
    site.compare();
}
