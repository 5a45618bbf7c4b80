//! Places that others have, made or replaced, and what is told of a capture that waits.

use super::*;

#[test]
fn a_database_that_is_replaced_after_it_was_judged_is_not_captured_and_neither_is_the_other() {
    let site = Site::of("");
    let (path, other) = (site.path("srv/app.db"), site.path("srv/other.db"));
    for path in [&path, &other] {
        database(path, "wal").close().unwrap();
    }
    let before = fs::read(&other).unwrap();
    let into = Directory::open(&site.path("log")).unwrap();
    let judged = database::judge(&path).unwrap();
    let copy = |name: &str| {
        let patience = std::time::Duration::from_millis(1);
        database::copy(&judged, &into, OsStr::new(name), patience, &AtomicBool::new(false)).unwrap_err()
    };
    let shown = path.display();
    let text = format!("the database {shown} was replaced by another file or a link while it was captured");
    fs::rename(&path, site.path("srv/aside.db")).unwrap();
    std::os::unix::fs::symlink("other.db", &path).unwrap();
    tells(&copy("link"), "EOS-T130", &text);
    fs::remove_file(&path).unwrap();
    fs::rename(&other, &path).unwrap();
    tells(&copy("file"), "EOS-T130", &text);
    assert_eq!(fs::read(&path).unwrap(), before);
    for name in ["link", "file"] {
        assert_eq!(fs::metadata(site.path("log").join(name)).unwrap().len(), 0, "nothing was copied");
    }
    for side in ["srv/other.db-wal", "srv/other.db-shm", "srv/app.db-wal", "srv/app.db-shm"] {
        assert!(!site.path(side).exists(), "{side}");
    }
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("aside.db", &path).unwrap();
    let error = database::judge(&path).unwrap_err();
    assert_eq!(error.code().0, "H090", "a link is not judged at all");
}

#[test]
fn a_capture_and_a_restore_of_one_place_exclude_each_other_whatever_it_is_called() {
    use crate::snapshot::restore::{self, Restore, RestoreError};
    let site = Site::of("");
    site.write("a", "content");
    let into = site.path("srv/metrics");
    let order = |into, holder| {
        let (root, source) = (&site.root, &site.source);
        restore::Order { root, source, into, make_folder: false, holder }
    };
    let restoring = Restore::begin(order(None, "a restore"), &Silent).unwrap();
    let holder = format!("a restore (process {})", std::process::id());
    tells(
        &site.create().unwrap_err(),
        "EOS-T123",
        &format!("source metrics is in use by another operation: {holder}"),
    );
    let elsewhere = Restore::begin(order(into.to_str(), "another"), &Silent).unwrap_err();
    let text = format!("{} is in use by another operation: {holder}", into.display());
    tells(&elsewhere, "EOS-T208", &text);
    drop(restoring);
    // A capture under another name, and one that is frozen.
    let records = Records::open(&site.root).unwrap();
    let _held = records.hold_place("by-hand", &into, HOLDER).unwrap().unwrap();
    fs::create_dir_all(site.path("srv/.metrics.eos/freeze")).unwrap();
    for into in [None, into.to_str()] {
        let error = Restore::begin(order(into, "a restore"), &Silent).unwrap_err();
        assert!(matches!(error, RestoreError::Busy { .. }), "{error:?}");
        assert!(error.hints()[0].ends_with(&format!("ps -fp {}", std::process::id())));
    }
    assert!(site.path("srv/.metrics.eos/freeze").exists());
    assert!(matches!(site.create(), Err(CreateError::Busy { .. })));
}

#[test]
fn a_work_area_that_somebody_else_made_is_not_frozen_in() {
    let site = Site::of("");
    site.write("a", "content");
    // On a file system of its own, so that it cannot be frozen in the store.
    let srv = site.path("srv");
    rustix::mount::mount("tmpfs", &srv, "tmpfs", rustix::mount::MountFlags::empty(), None).unwrap();
    site.write("a", "content");
    let area = site.path("srv/.metrics.eos");
    fs::create_dir(&area).unwrap();
    std::os::unix::fs::chown(&area, Some(1000), None).unwrap();
    let foreign = site.create();
    fs::remove_dir(&area).unwrap();
    fs::create_dir(site.path("srv/elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &area).unwrap();
    let link = site.create();
    let touched = fs::read_dir(site.path("srv/elsewhere")).unwrap().count();
    fs::remove_file(&area).unwrap();
    let own = site.create();
    rustix::mount::unmount(&srv, rustix::mount::UnmountFlags::DETACH).unwrap();
    tells(
        &foreign.unwrap_err(),
        "EOS-T207",
        &format!("the work area {} belongs to user 1000", area.display()),
    );
    assert_eq!((link.unwrap_err().code().0, touched), ("H090", 0));
    own.unwrap();
}

#[test]
fn the_hooks_of_a_capture_and_a_database_that_is_waited_for_are_told() {
    #[derive(Default)]
    struct Heard(std::sync::Mutex<Vec<String>>);
    impl Sink for Heard {
        fn emit(&self, _event: Event) {}
        fn expect(&self, wait: Option<Wait>) {
            self.0.lock().unwrap().extend(wait.map(|wait| wait.cause));
        }
    }
    let mut site = Site::of("");
    site.source.engine = Engine::Sqlite;
    fs::remove_dir(site.path("srv/metrics")).unwrap();
    write(&database(&site.path("srv/metrics"), "wal"), 1);
    site.source.hooks.before_capture = Some(site.hook("before", "true"));
    site.source.hooks.after_capture = Some(site.hook("after", "true"));
    let heard = Heard::default();
    site.create_with(&heard).unwrap();
    let heard = heard.0.into_inner().unwrap();
    let begins = ["the hook before_capture of metrics", "the database ", "the hook after_capture of metrics"];
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(heard.iter().zip(begins).all(|(heard, begins)| heard.starts_with(begins)), "{heard:?}");
}
