//! How long writers are held off: until all that will be read is frozen, or else until it is read.

use super::*;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// Does something once, when the first byte is about to be packed, and keeps the warnings.
pub(super) struct AtFirstByte<'a> {
    action: &'a (dyn Fn() + Sync),
    done: AtomicBool,
    warnings: Mutex<Vec<String>>,
}

impl<'a> AtFirstByte<'a> {
    pub(super) fn new(action: &'a (dyn Fn() + Sync)) -> Self {
        Self { action, done: AtomicBool::new(false), warnings: Mutex::default() }
    }
}

impl Sink for AtFirstByte<'_> {
    fn emit(&self, event: Event) {
        match event {
            Event::Transfer { .. } if !self.done.swap(true, Ordering::SeqCst) => (self.action)(),
            Event::Warning { text } => self.warnings.lock().unwrap().push(text),
            _ => {}
        }
    }

    fn expect(&self, _wait: Option<Wait>) {}
}

/// A source with files, and hooks of which the second does this.
fn site(extra: &str, then: &str) -> Site {
    let mut site = Site::of(extra);
    (0..100).for_each(|number| site.write(&format!("{number}.sst"), &format!("content {number}")));
    site.source.hooks.before_capture = Some(site.hook("before", "true"));
    site.source.hooks.after_capture = Some(site.hook("after", then));
    site
}

#[test]
fn writers_go_on_before_a_byte_is_read_once_all_is_frozen_and_no_change_reaches_the_snapshot() {
    let mut site = site(", write_once: ['*.sst']", "true");
    let remove = format!("rm -rf {}/*", site.path("srv/metrics").display());
    site.source.hooks.after_capture = Some(site.hook("after", &remove));
    let heard = || assert_eq!(site.heard(), ["before", "after"]);
    let sink = AtFirstByte::new(&heard);
    let made = site.create_with(&sink).unwrap();
    assert!(sink.done.load(Ordering::SeqCst) && made.paused.is_some());
    let restored = site.restored(&made.id).join("metrics");
    for number in 0..100 {
        let content = fs::read_to_string(restored.join(format!("{number}.sst"))).unwrap();
        assert_eq!(content, format!("content {number}"));
    }
    heard();
    site.is_clear();
}

#[test]
fn what_is_remembered_of_a_part_that_is_hardly_alive_is_frozen_before_writers_go_on() {
    let mut site = site(", write_once: ['*.sst']", "true");
    assert!(!site.create().unwrap().unchanged);
    fs::write(site.path("log/hooks"), "").unwrap();
    (0..80).for_each(|number| fs::remove_file(site.path(&format!("srv/metrics/{number}.sst"))).unwrap());
    let remove = format!("rm -rf {}/*", site.path("srv/metrics").display());
    site.source.hooks.after_capture = Some(site.hook("after", &remove));
    let heard = || assert_eq!(site.heard(), ["before", "after"]);
    let sink = AtFirstByte::new(&heard);
    let made = site.create_with(&sink).unwrap();
    assert!(sink.done.load(Ordering::SeqCst), "the part is not borrowed from, so its files are read");
    assert_eq!((made.counts.files, made.counts.borrowed_bytes), (20, 0));
    let restored = site.restored(&made.id).join("metrics");
    for number in 80..100 {
        let content = fs::read_to_string(restored.join(format!("{number}.sst"))).unwrap();
        assert_eq!(content, format!("content {number}"));
    }
    site.is_clear();
}

#[test]
fn what_is_read_in_place_or_in_another_place_holds_writers_off_until_its_last_byte() {
    let plain = site("", "true");
    let here = Directory::open(&plain.path("srv/metrics")).unwrap();
    let clones = here.clone_file(OsStr::new("0.sst"), &here, OsStr::new("clone")).unwrap();
    let expected: &[&str] = if clones { &["before", "after"] } else { &["before"] };
    let heard = || assert_eq!(plain.heard(), expected);
    assert!(plain.create_with(&AtFirstByte::new(&heard)).unwrap().paused.is_some());
    assert_eq!(plain.heard(), ["before", "after"]);

    let mut other = site(", write_once: ['*']", "true");
    let elsewhere = other.path("srv/metrics").display().to_string();
    let redirect = format!("echo EOS_CAPTURE_PATH={elsewhere}");
    other.source.hooks.before_capture = Some(other.hook("before", &redirect));
    let heard = || assert_eq!(other.heard(), ["before"]);
    other.create_with(&AtFirstByte::new(&heard)).unwrap();
    assert_eq!(other.heard(), ["before", "after"]);

    let without = Site::of("");
    without.write("a", "content");
    assert_eq!(without.create().unwrap().paused, None);
}

#[test]
fn for_how_long_writers_were_held_off_is_told_of_a_capture_that_fails_too() {
    let mut site = site("", "true");
    let paused = Cell::new(None);
    site.source.hooks.before_capture = Some(site.hook("before", "false"));
    site.create_measuring(&Silent, &paused).unwrap_err();
    assert!(paused.get().is_some_and(|paused| paused > Duration::ZERO), "{paused:?}");
    (site.source.hooks.before_capture, site.source.hooks.after_capture) = (None, None);
    fs::remove_dir_all(site.path("srv/metrics")).unwrap();
    site.create_measuring(&Silent, &paused).unwrap_err();
    assert_eq!(paused.get(), None, "nobody was held off");
}

#[test]
fn writers_of_a_database_go_on_once_it_is_copied() {
    let mut site = Site::of("");
    site.source.engine = Engine::Sqlite;
    fs::remove_dir(site.path("srv/metrics")).unwrap();
    write(&database(&site.path("srv/metrics"), "wal"), 1);
    site.source.hooks.after_capture = Some(site.hook("after", "true"));
    let heard = || assert_eq!(site.heard(), ["after"]);
    let sink = AtFirstByte::new(&heard);
    site.create_with(&sink).unwrap();
    assert!(sink.done.load(Ordering::SeqCst));
    heard();
    site.is_clear();
}

#[test]
fn a_hook_that_could_not_let_writers_go_on_is_told_and_run_again_at_the_end() {
    let mut site = site(", write_once: ['*']", "true");
    let free = site.path("free");
    site.source.hooks.after_capture = Some(site.hook("after", &format!("test -e {}", free.display())));
    let open = || fs::write(&free, "").unwrap();
    let sink = AtFirstByte::new(&open);
    site.create_with(&sink).unwrap();
    assert_eq!(site.heard(), ["before", "after", "after"]);
    let [warning] = &sink.warnings.into_inner().unwrap()[..] else { panic!("one warning") };
    let expected = "the hook after_capture of source metrics failed; it is run once more when all is read";
    assert_eq!(warning, expected);
    site.is_clear();
}

#[test]
fn a_death_at_any_change_leaves_no_writer_held_off_once_it_is_recovered() {
    let site = site(", write_once: ['*']", "true");
    let mut deaths = 0;
    loop {
        site.write("more.sst", &format!("after death {deaths}"));
        let (made, died) = crate::host::directory::cut::after(deaths, || site.create());
        assert!(recover(&site.root).unwrap().iter().all(|(_, error)| error.is_none()));
        assert!(site.heard().last().is_none_or(|last| last == "after"), "change {deaths}");
        // Whoever opens the store next clears what was on its way into it.
        DiskStore::open(Directory::open(site.store.path()).unwrap()).unwrap();
        site.is_clear();
        if !died {
            made.unwrap();
            break;
        }
        fs::write(site.path("log/hooks"), "").unwrap();
        deaths += 1;
    }
    assert!(deaths > 10, "{deaths}");
}

/// Waits until the time that a capture may hold writers off is over, and its watch has seen that.
fn outlast() {
    let (_never, end) = std::sync::mpsc::channel::<()>();
    end.recv_timeout(Duration::from_millis(1500)).unwrap_err();
}

#[test]
fn writers_that_were_held_off_for_too_long_go_on_and_there_is_no_snapshot() {
    // In the hook, and in the middle of the capture: there is still something to be read when the time is over.
    for (before, at_first_byte) in [("sleep 1.1", false), ("true", true)] {
        let mut site = site("", "true");
        site.source.hooks.before_capture = Some(site.hook("before", before));
        site.source.hooks.longest_pause_seconds = Some(1);
        let reads_in_place = || {
            if at_first_byte {
                outlast();
            }
        };
        let sink = AtFirstByte::new(&reads_in_place);
        let error = site.create_with(&sink).unwrap_err();
        assert!(matches!(&error, CreateError::Paused { seconds: 1, .. }), "{error:?}");
        assert_eq!(sink.done.load(Ordering::SeqCst), at_first_byte, "what ends it");
        assert_eq!(site.heard(), ["before", "after"]);
        assert!(site.store.ids().unwrap().is_empty());
        site.is_clear();

        site.source.hooks.longest_pause_seconds = None;
        site.create().unwrap();
    }
}

#[test]
fn writers_that_go_on_in_time_let_the_capture_take_its_time() {
    let mut site = site(", write_once: ['*']", "true");
    site.source.hooks.longest_pause_seconds = Some(1);
    let sink = AtFirstByte::new(&outlast);
    site.create_with(&sink).unwrap();
    assert!(sink.done.load(Ordering::SeqCst));
}

#[test]
fn a_capture_that_has_nothing_to_read_holds_writers_off_no_longer_than_it_may() {
    let mut site = site("", "true");
    site.create().unwrap();
    site.source.hooks.before_capture = Some(site.hook("before", "sleep 1.1"));
    site.source.hooks.longest_pause_seconds = Some(1);
    let error = site.create().unwrap_err();
    assert!(matches!(&error, CreateError::Paused { seconds: 1, .. }), "{error:?}");
    assert_eq!(site.store.ids().unwrap().len(), 1);
}

#[test]
fn writers_of_a_database_are_not_held_off_by_the_check_of_its_copy() {
    let mut site = Site::of("");
    site.source.engine = Engine::Sqlite;
    fs::remove_dir(site.path("srv/metrics")).unwrap();
    let path = site.path("srv/metrics");
    let writer = database(&path, "delete");
    write(&writer, 500);
    writer.execute_batch("CREATE INDEX i ON a(x)").unwrap();
    writer.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let page = bytes.len() - 4096 * 3;
    bytes[page..page + 64].fill(0xff);
    fs::write(&path, bytes).unwrap();
    // What the hook removes is not missed by the check, which comes after it.
    site.source.hooks.after_capture = Some(site.hook("after", &format!("rm {}", path.display())));
    let error = site.create().unwrap_err();
    assert!(matches!(&error, CreateError::Unsound { .. }), "{error:?}");
    assert_eq!(site.heard(), ["after"]);
}
