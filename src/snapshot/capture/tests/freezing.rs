//! Captures of what is frozen first: names may go and clones be written to while they are read.

use super::incremental::Site;
use super::*;
use crate::model::glob::Glob;
use crate::model::progress::{Event, Wait};

/// Does something once, when the first byte is about to be packed.
struct Once<F: Fn()>(F, std::sync::atomic::AtomicBool);

impl<F: Fn()> Once<F> {
    fn new(action: F) -> Self {
        Self(action, AtomicBool::new(false))
    }
}

impl<F: Fn() + Send + Sync> Sink for Once<F> {
    fn emit(&self, event: Event) {
        if matches!(event, Event::Transfer { .. }) && !self.1.swap(true, std::sync::atomic::Ordering::SeqCst)
        {
            (self.0)();
        }
    }

    fn expect(&self, _wait: Option<Wait>) {}
}

thread_local! {
    /// What somebody does when all is found and nothing is frozen.
    static FOUND: std::cell::RefCell<Option<Box<dyn Fn()>>> = const { std::cell::RefCell::new(None) };
}

/// Called then.
pub(in crate::snapshot::capture) fn found() {
    if let Some(meddler) = FOUND.with_borrow_mut(Option::take) {
        meddler();
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn write_once() -> Vec<Glob> {
    vec![Glob::parse("*.sst").unwrap()]
}

#[test]
fn a_write_once_file_that_is_deleted_or_replaced_while_it_is_read_is_captured_as_it_was() {
    let mut site = Site::new();
    site.write("a.sst", "first");
    site.write("b.sst", "second");
    fs::hard_link(site.path("srv/b.sst"), site.path("srv/c.sst")).unwrap();
    let before = shape(&site.path("srv"));
    fs::create_dir(site.path("freeze")).unwrap();
    let (freeze, globs) = (Directory::open(&site.path("freeze")).unwrap(), write_once());
    let freezer = Freezer::new(&freeze, &globs);
    let srv = site.path("srv");
    let meddler = Once::new(|| {
        fs::remove_file(srv.join("a.sst")).unwrap();
        fs::rename(srv.join("b.sst"), srv.join("d.sst")).unwrap();
        fs::write(srv.join("e.sst"), "late").unwrap();
    });
    let terms = Terms { freezer: Some(&freezer), ..Terms::default() };
    let taken = site.take_with(now(), terms, &meddler).unwrap();
    assert!(meddler.1.into_inner(), "it meddled");
    let manifest = taken.manifest.unwrap();
    let names: Vec<_> = manifest.entries.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(names, ["srv", "srv/a.sst", "srv/b.sst", "srv/c.sst"], "the moment of the capture");
    assert_eq!(fs::read_dir(site.path("freeze")).unwrap().count(), 0, "nothing stays frozen");
    fs::remove_dir_all(&srv).unwrap();
    let here = Directory::open(&site.path("out")).unwrap();
    let store = DiskStore::open(Directory::open(&site.path("store")).unwrap()).unwrap();
    unpack(&manifest, &store, &here, OsStr::new("tree"), &Policy::default(), &Silent).unwrap();
    let after = shape(&site.path("out/tree/srv"));
    assert_eq!(after, before);
}

#[test]
fn a_write_once_file_is_remembered_though_freezing_changed_it() {
    let mut site = Site::new();
    site.write("a.sst", "first");
    fs::File::open(site.path("srv/a.sst")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::create_dir(site.path("freeze")).unwrap();
    let (freeze, globs) = (Directory::open(&site.path("freeze")).unwrap(), write_once());
    let freezer = Freezer::new(&freeze, &globs);
    let terms = Terms { freezer: Some(&freezer), ..Terms::default() };
    assert_eq!(site.take_with(now(), terms, &Silent).unwrap().counts.files_read, 1);
    let again = site.take_with(now(), terms, &Silent).unwrap();
    assert!(again.manifest.is_none() && again.counts.files_read == 0);
}

#[test]
fn beside_what_is_frozen_what_is_read_in_place_must_stand_still() {
    let mut site = Site::new();
    site.write("a.sst", "first");
    site.write("log", "line");
    fs::create_dir(site.path("freeze")).unwrap();
    let (freeze, globs) = (Directory::open(&site.path("freeze")).unwrap(), write_once());
    let freezer = Freezer::new(&freeze, &globs);
    let srv = site.path("srv");
    let can_clone =
        freeze.clone_file(OsStr::new("a.sst"), &freeze, OsStr::new("x")).is_ok_and(|cloned| cloned);
    assert!(!can_clone);
    let terms = Terms { freezer: Some(&freezer), ..Terms::default() };
    let meddler = Once::new(|| fs::write(srv.join("log"), "other").unwrap());
    let taken = site.take_with(now(), terms, &meddler).unwrap().manifest.unwrap();
    assert_eq!(taken.restore_size(), 10, "tried again, with what is there now");
}

#[test]
fn what_changes_between_the_walk_and_the_freeze_is_of_no_snapshot_or_has_it_begin_anew() {
    let mut site = Site::new();
    site.write("a.sst", "first");
    site.write("b.sst", "second");
    fs::create_dir(site.path("freeze")).unwrap();
    let (freeze, globs) = (Directory::open(&site.path("freeze")).unwrap(), write_once());
    let freezer = Freezer::new(&freeze, &globs);
    let terms = Terms { freezer: Some(&freezer), force: true, ..Terms::default() };
    let mut taken = |meddler: Box<dyn Fn()>| {
        FOUND.set(Some(meddler));
        let manifest = site.take_with(now(), terms, &Silent).unwrap().manifest.unwrap();
        assert!(FOUND.take().is_none(), "it meddled");
        assert_eq!(fs::read_dir(freeze.path()).unwrap().count(), 0);
        let names = manifest.entries.iter().map(|entry| entry.path.to_string()).collect::<Vec<_>>();
        names.join(" ")
    };
    let srv = freeze.path().with_file_name("srv");
    let late = srv.join("c.sst");
    let created = taken(Box::new(move || fs::write(&late, "late").unwrap()));
    let with_it = "srv srv/a.sst srv/b.sst srv/c.sst";
    assert!(["srv srv/a.sst srv/b.sst", with_it].contains(&created.as_str()), "{created}");
    // A rename brings a new name and takes an old one away: never one of them alone.
    let (from, to) = (srv.join("a.sst"), srv.join("d.sst"));
    let renamed = taken(Box::new(move || fs::rename(&from, &to).unwrap()));
    assert_eq!(renamed, "srv srv/b.sst srv/c.sst srv/d.sst", "it began anew");
}

#[test]
fn who_gives_up_while_files_are_found_or_frozen_is_heard_though_nothing_is_to_be_read() {
    let mut site = Site::new();
    (0..50).for_each(|number| site.write(&format!("{number}.sst"), "content"));
    fs::create_dir(site.path("freeze")).unwrap();
    let (freeze, globs) = (Directory::open(&site.path("freeze")).unwrap(), write_once());
    let freezer = Freezer::new(&freeze, &globs);
    let linked = std::cell::Cell::new(false);
    let release = || linked.set(true);
    let terms = Terms { freezer: Some(&freezer), release: Some(&release), ..Terms::default() };
    let set = |site: &Site| {
        let stop = site.stop.clone();
        move || stop.store(true, std::sync::atomic::Ordering::SeqCst)
    };

    // In the walk: it does not come to the end of it.
    set(&site)();
    let error = site.take_with(now(), terms, &Silent).unwrap_err();
    assert!(matches!(error, CaptureError::Interrupted { .. }), "{error:?}");
    // When all is found: nothing more is linked.
    site.stop.store(false, std::sync::atomic::Ordering::SeqCst);
    FOUND.set(Some(Box::new(set(&site))));
    let error = site.take_with(now(), terms, &Silent).unwrap_err();
    assert!(matches!(&error, CaptureError::Interrupted { path } if path.starts_with(site.path("srv"))));
    assert!(!linked.get() && FOUND.take().is_none());

    // When nothing changed and nothing is read.
    site.stop.store(false, std::sync::atomic::Ordering::SeqCst);
    site.take();
    assert!(site.take().manifest.is_none());
    FOUND.set(Some(Box::new(set(&site))));
    let error = site.take_with(now(), Terms::default(), &Silent).unwrap_err();
    assert!(matches!(error, CaptureError::Interrupted { .. }), "{error:?}");
}

/// A new XFS, mounted until this is dropped.
pub(crate) struct Mounted(std::path::PathBuf);

impl Mounted {
    pub(crate) fn at(place: &Path, image: &Path) -> Self {
        fs::File::create(image).unwrap().set_len(320 << 20).unwrap();
        let run = |program: &str, arguments: &[&OsStr]| {
            let done = Command::new(program).args(arguments).output().unwrap();
            assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
        };
        run("mkfs.xfs", &[OsStr::new("-q"), OsStr::new("-m"), OsStr::new("reflink=1"), image.as_os_str()]);
        run("mount", &[OsStr::new("-o"), OsStr::new("loop"), image.as_os_str(), place.as_os_str()]);
        Self(place.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().unwrap();
    }
}

#[test]
fn where_files_can_be_cloned_a_writer_in_place_does_not_disturb_a_capture() {
    let mut site = Site::new();
    let _mounted = Mounted::at(&site.path("srv"), &site.path("image"));
    site.write("tree/a", "first");
    site.write("tree/b", "second");
    site.write("freeze/none", "");
    fs::remove_file(site.path("srv/freeze/none")).unwrap();
    let freeze = Directory::open(&site.path("srv/freeze")).unwrap();
    let freezer = Freezer::new(&freeze, &[]);
    let tree = site.path("srv/tree");
    let meddler = Once::new(|| {
        fs::write(tree.join("a"), "overwritten in place").unwrap();
        fs::remove_file(tree.join("b")).unwrap();
    });
    let exclude = [Glob::parse("freeze").unwrap()];
    let terms = Terms { freezer: Some(&freezer), exclude: &exclude, ..Terms::default() };
    let manifest = site.take_with(now(), terms, &meddler).unwrap().manifest.unwrap();
    assert!(meddler.1.into_inner(), "it meddled");
    let here = Directory::open(&site.path("out")).unwrap();
    let store = DiskStore::open(Directory::open(&site.path("store")).unwrap()).unwrap();
    unpack(&manifest, &store, &here, OsStr::new("tree"), &Policy::default(), &Silent).unwrap();
    assert_eq!(fs::read_to_string(site.path("out/tree/srv/tree/a")).unwrap(), "first");
    assert_eq!(fs::read_to_string(site.path("out/tree/srv/tree/b")).unwrap(), "second");
    assert_eq!(fs::read_dir(site.path("srv/freeze")).unwrap().count(), 0);
}
