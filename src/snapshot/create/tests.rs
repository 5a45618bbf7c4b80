//! Sources as a configuration has them: captured with hooks, frozen, backed up, remembered, and after a crash.

use super::*;
use crate::model::explain::{Explain, tells};
use crate::model::progress::Silent;
use crate::model::snapshots::{Hook, sources};
use crate::model::yaml;
use crate::snapshot::capture::tests::shape;
use crate::snapshot::manifest::tests::TestSeal;
use crate::snapshot::unpack::{Policy, unpack};
use jiff::ToSpan;
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

mod live;
mod pausing;
mod places;

const SEAL: TestSeal = TestSeal("ours");

/// A root with a source `/srv/metrics` and a store.
struct Site {
    folder: tempfile::TempDir,
    root: Root,
    source: SourceConfig,
    store: DiskStore,
    full: bool,
}

impl Site {
    fn of(extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for path in ["srv/metrics", "var/lib/eos/snapshots", "log"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let text = format!("- {{name: metrics, path: /srv/metrics{extra}}}");
        let source = sources(&yaml::value("t", text.as_bytes()).unwrap()).unwrap().remove(0);
        let root = Root::new(folder.path()).unwrap();
        let store = Directory::open(&folder.path().join("var/lib/eos/snapshots")).unwrap();
        Self { root, source, store: DiskStore::open(store).unwrap(), folder, full: false }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn write(&self, relative: &str, content: &str) {
        let path = self.path("srv/metrics").join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn create(&self) -> Result<Made, CreateError> {
        self.create_with(&Silent)
    }

    fn create_with(&self, sink: &dyn Sink) -> Result<Made, CreateError> {
        self.create_measuring(sink, &Cell::new(None))
    }

    fn create_measuring(
        &self,
        sink: &dyn Sink,
        paused: &Cell<Option<Duration>>,
    ) -> Result<Made, CreateError> {
        let order = Order {
            root: &self.root,
            source: &self.source,
            cluster: &ClusterId::parse("c-1").unwrap(),
            signer: &SEAL,
            eos_version: "0.1.0",
            now: Timestamp::now() + 1.hour(),
            force: self.full,
            full: self.full,
        };
        create(&order, &self.store, (&AtomicBool::new(false), sink), paused)
    }

    fn manifest(&self, id: &SnapshotId) -> Manifest {
        self.store.manifest(id).unwrap().verify(id, &SEAL, &Limits::default()).unwrap()
    }

    /// What a restore of the snapshot puts in place, below `out`.
    fn restored(&self, id: &SnapshotId) -> PathBuf {
        let here = Directory::open(self.folder.path()).unwrap();
        here.remove_tree(OsStr::new("out")).unwrap();
        let manifest = self.manifest(id);
        unpack(&manifest, &self.store, &here, OsStr::new("out"), &Policy::default(), &Silent).unwrap();
        self.path("out")
    }

    /// A hook that writes a line with its environment, and then does this.
    fn hook(&self, name: &str, then: &str) -> Hook {
        let log = self.path("log/hooks");
        let line = format!(
            "echo {name} $EOS_SOURCE $EOS_PATH $EOS_SNAPSHOT_GENERATION >> {}; {then}",
            log.display()
        );
        Hook { command: vec!["/bin/sh".into(), "-c".into(), line], timeout_seconds: 30 }
    }

    fn heard(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("log/hooks")).unwrap_or_default();
        text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    }

    fn is_clear(&self) {
        let left: Vec<_> = fs::read_dir(self.path("var/lib/eos/snapshots/captures"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(fs::read_dir(self.path("var/lib/eos/snapshots/incoming")).unwrap().count(), 0);
        assert!(!self.path("srv/.metrics.eos").exists());
    }
}

#[test]
fn a_source_is_captured_under_its_last_name_and_generations_count_upwards() {
    let site = Site::of("");
    site.write("d/a", &"content".repeat(1000));
    fs::set_permissions(site.path("srv/metrics"), fs::Permissions::from_mode(0o711)).unwrap();
    let first = site.create().unwrap();
    assert_eq!((first.generation, first.unchanged, first.counts.files), (1, false, 1));
    assert!(first.stored_bytes > 0);
    assert_eq!(shape(&site.restored(&first.id).join("metrics")), shape(&site.path("srv/metrics")));
    assert_eq!(fs::metadata(site.path("out/metrics")).unwrap().mode() & 0o777, 0o711);

    let second = site.create().unwrap();
    assert_eq!((&second.id, second.generation, second.unchanged), (&first.id, 1, true));
    assert_eq!((second.counts.read_bytes, second.stored_bytes), (0, 0));

    site.write("d/b", "more");
    let third = site.create().unwrap();
    assert_eq!((third.generation, third.counts.borrowed_bytes, third.counts.read_bytes), (2, 7000, 4));
    assert_eq!(shape(&site.restored(&third.id).join("metrics")), shape(&site.path("srv/metrics")));
    site.is_clear();
}

#[test]
fn a_snapshot_that_lost_a_part_is_not_taken_for_the_state_of_its_source() {
    let site = Site::of("");
    site.write("a", "content");
    let first = site.create().unwrap();
    let part = site.manifest(&first.id).parts[0].file_name();
    fs::remove_file(site.path("var/lib/eos/snapshots/parts").join(part)).unwrap();
    let second = site.create().unwrap();
    assert!(!second.unchanged && site.store.verify(&second.id).unwrap().damage.is_empty());
    assert_eq!(second.counts.files_read, 1);
}

#[test]
fn a_full_snapshot_borrows_nothing() {
    let mut site = Site::of("");
    site.write("a", "content");
    site.create().unwrap();
    site.full = true;
    let made = site.create().unwrap();
    assert!(!made.unchanged && site.manifest(&made.id).is_full());
    assert_eq!((made.generation, made.counts.read_bytes), (2, 7));
}

#[test]
fn without_its_memory_a_source_is_compared_with_its_newest_snapshot() {
    let site = Site::of("");
    site.write("a", "content");
    let first = site.create().unwrap();
    fs::remove_dir_all(site.path("var/lib/eos/snapshots/memory")).unwrap();
    fs::create_dir(site.path("var/lib/eos/snapshots/memory")).unwrap();
    let site = Site { store: DiskStore::open(Directory::open(site.store.path()).unwrap()).unwrap(), ..site };
    let again = site.create().unwrap();
    assert_eq!((again.id, again.unchanged, again.counts.files_read), (first.id, true, 1));
    assert_eq!(site.create().unwrap().counts.files_read, 0, "now it is remembered");
}

#[test]
fn hooks_run_around_a_capture_and_the_first_may_name_another_place() {
    let mut site = Site::of(", write_once: ['*']");
    site.write("a", "live");
    let elsewhere = site.path("frozen");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("a"), "still").unwrap();
    let say = format!("echo other; echo EOS_CAPTURE_PATH={}", elsewhere.display());
    site.source.hooks.before_capture = Some(site.hook("before", &say));
    site.source.hooks.after_capture = Some(site.hook("after", "true"));
    let made = site.create().unwrap();
    assert_eq!(fs::read_to_string(site.restored(&made.id).join("metrics/a")).unwrap(), "still");
    let metrics = site.path("srv/metrics");
    let expected =
        ["before", "after"].map(|name| format!("{name} metrics {} 1\n", metrics.display())).concat();
    assert_eq!(fs::read_to_string(site.path("log/hooks")).unwrap(), expected);
    site.is_clear();
}

#[test]
fn the_hook_after_a_capture_runs_whatever_failed_and_nothing_is_published_when_one_fails() {
    let mut site = Site::of("");
    site.write("a", "content");
    site.source.hooks.after_capture = Some(site.hook("after", "true"));
    site.source.hooks.before_capture = Some(site.hook("before", "exit 3"));
    let error = site.create().unwrap_err();
    tells(&error, "EOS-T124", "the hook before_capture of source metrics failed");
    site.source.hooks.before_capture = Some(site.hook("before", "echo EOS_CAPTURE_PATH=relative"));
    let text = "the hook before_capture of source metrics said \"EOS_CAPTURE_PATH=relative\", which is no absolute path";
    tells(&site.create().unwrap_err(), "EOS-T125", text);
    site.source.hooks.before_capture = None;
    let _socket = std::os::unix::net::UnixListener::bind(site.path("srv/metrics/socket")).unwrap();
    assert!(matches!(site.create(), Err(CreateError::Capture(_))));
    assert_eq!(site.heard(), ["before", "after", "before", "after", "after"]);
    site.is_clear();

    fs::remove_file(site.path("srv/metrics/socket")).unwrap();
    site.source.hooks.after_capture =
        Some(site.hook("after", &format!("test -e {}", site.path("free").display())));
    tells(&site.create().unwrap_err(), "EOS-T124", "the hook after_capture of source metrics failed");
    assert_eq!(site.store.ids().unwrap().len(), 0);
    assert!(site.path("var/lib/eos/snapshots/captures/metrics.json").exists(), "it is still to be run");
    let [(source, Some(error))] = &recover(&site.root).unwrap()[..] else { panic!("it fails again") };
    assert_eq!((source.as_str(), error.code().0), ("metrics", "T124"));
    fs::write(site.path("free"), "").unwrap();
    assert!(matches!(&recover(&site.root).unwrap()[..], [(_, None)]));
    site.is_clear();
}

#[test]
fn what_a_capture_that_died_left_is_ended_by_a_recovery_and_by_the_next_capture() {
    let mut site = Site::of("");
    site.write("a", "content");
    let area = site.path("srv/.metrics.eos");
    let die = || {
        // What a capture has on disk when it is killed in its middle.
        fs::create_dir_all(area.join("freeze")).unwrap();
        fs::write(area.join("freeze/0"), "frozen").unwrap();
        let after = Some((&site.hook("after", "true")).into());
        let record = Record::new("metrics", &site.path("srv/metrics"), 1);
        let records = Records::open(&site.root).unwrap();
        records.save(&Record { after, area: Some(area.clone()), ..record }).unwrap();
    };
    die();
    assert_eq!(abandoned(&site.root).unwrap(), ["metrics"]);
    let held = Records::open(&site.root).unwrap().hold("metrics", HOLDER).unwrap();
    assert!(abandoned(&site.root).unwrap().is_empty(), "its holder lives");
    drop(held);
    assert!(matches!(&recover(&site.root).unwrap()[..], [(source, None)] if source == "metrics"));
    site.is_clear();
    assert!(recover(&site.root).unwrap().is_empty() && abandoned(&site.root).unwrap().is_empty());
    die();
    fs::write(area.join("incoming"), "of a restore").unwrap();
    site.source.hooks.before_capture = Some(site.hook("before", "true"));
    site.create().unwrap();
    assert_eq!(site.heard(), ["after", "after", "before"], "first what was left is ended");
    assert!(area.join("incoming").exists() && !area.join("freeze").exists(), "others use the area too");
}

#[test]
fn a_source_that_another_process_captures_is_left_to_it() {
    let site = Site::of("");
    let records = Records::open(&site.root).unwrap();
    let held = records.hold("metrics", HOLDER).unwrap();
    let error = site.create().unwrap_err();
    let holder = format!("eos snapshot create (process {})", std::process::id());
    tells(&error, "EOS-T123", &format!("source metrics is in use by another operation: {holder}"));
    assert!(error.hints()[0].ends_with(&format!("ps -fp {}", std::process::id())));
    let record = Record { area: Some(site.path("srv/.x")), ..Record::new("metrics", Path::new("/srv/x"), 1) };
    records.save(&record).unwrap();
    assert!(recover(&site.root).unwrap().is_empty(), "whoever holds it ends it");
    drop(held);
    fs::write(site.path("var/lib/eos/snapshots/captures/metrics.json"), "{").unwrap();
    let path = site.path("var/lib/eos/snapshots/captures/metrics.json");
    let text = format!("{}, the record of a capture that was interrupted, cannot be read", path.display());
    tells(&site.create().unwrap_err(), "EOS-T129", &text);
}

#[test]
fn a_path_where_nothing_or_something_else_lies_is_told() {
    let mut site = Site::of("");
    fs::remove_dir(site.path("srv/metrics")).unwrap();
    let path = site.path("srv/metrics");
    let text = format!("there is nothing at {}, the path of source metrics", path.display());
    tells(&site.create().unwrap_err(), "EOS-T121", &text);
    fs::write(&path, "no directory, and no database").unwrap();
    let text = format!("{} is no directory, as source metrics says", path.display());
    tells(&site.create().unwrap_err(), "EOS-T122", &text);
    site.source.engine = Engine::Sqlite;
    let text = format!("the database {} could not be backed up", path.display());
    tells(&site.create().unwrap_err(), "EOS-T126", &text);
    site.is_clear();
}

/// A database in which both tables always have the same number of rows.
fn database(path: &Path, mode: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    let text =
        format!("PRAGMA journal_mode={mode}; PRAGMA synchronous=OFF; CREATE TABLE a(x); CREATE TABLE b(x)");
    connection.execute_batch(&text).unwrap();
    connection
}

fn write(connection: &Connection, rows: usize) {
    let mut text = "BEGIN IMMEDIATE;".to_owned();
    for _ in 0..rows {
        text.push_str(
            "INSERT INTO a VALUES (hex(randomblob(400))); INSERT INTO b VALUES (hex(randomblob(400)));",
        );
    }
    connection.execute_batch(&(text + "COMMIT")).unwrap();
}

#[test]
fn a_database_is_consistent_while_a_writer_commits() {
    for mode in ["wal", "delete"] {
        let mut site = Site::of("");
        site.source.engine = Engine::Sqlite;
        fs::remove_dir(site.path("srv/metrics")).unwrap();
        let path = site.path("srv/metrics");
        let writer = database(&path, mode);
        write(&writer, 3000);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::chown(&path, Some(1234), Some(55)).unwrap();
        let done = AtomicBool::new(false);
        let made = std::thread::scope(|scope| {
            let (first, waits) = std::sync::mpsc::channel();
            let (done, writer) = (&done, writer);
            scope.spawn(move || {
                while !done.load(std::sync::atomic::Ordering::SeqCst) {
                    write(&writer, 5);
                    first.send(()).unwrap_or_default();
                }
            });
            waits.recv().unwrap();
            let made = site.create();
            done.store(true, std::sync::atomic::Ordering::SeqCst);
            made.unwrap()
        });
        let copy = site.restored(&made.id).join("metrics");
        let found = fs::metadata(&copy).unwrap();
        assert_eq!((found.mode() & 0o777, found.uid(), found.gid()), (0o640, 1234, 55));
        let copy = Connection::open(&copy).unwrap();
        let count = |table: &str| -> i64 {
            copy.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap()
        };
        assert!(count("a") >= 3000 && count("a") == count("b"), "{mode}");
        site.is_clear();
    }
}

#[test]
fn a_database_that_did_not_change_has_no_new_snapshot() {
    let mut site = Site::of("");
    site.source.engine = Engine::Sqlite;
    fs::remove_dir(site.path("srv/metrics")).unwrap();
    let writer = database(&site.path("srv/metrics"), "wal");
    write(&writer, 10);
    let first = site.create().unwrap();
    let again = site.create().unwrap();
    assert!(again.unchanged && again.id == first.id);
    write(&writer, 1);
    assert!(!site.create().unwrap().unchanged);
}

#[test]
fn a_database_that_is_damaged_is_not_captured() {
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
    let error = site.create().unwrap_err();
    let CreateError::Unsound { found, .. } = &error else { panic!("{error:?}") };
    tells(&error, "EOS-T128", &format!("the database {} is damaged: {found}", path.display()));
    assert_eq!(site.store.ids().unwrap().len(), 0);
    site.is_clear();
}

#[test]
fn a_database_that_others_lock_is_not_waited_for_without_end() {
    let site = Site::of("");
    let path = site.path("srv/app.db");
    let writer = database(&path, "delete");
    write(&writer, 10);
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let into = Directory::open(&site.path("log")).unwrap();
    let judged = database::judge(&path).unwrap();
    let (patience, never) = (std::time::Duration::from_millis(1), AtomicBool::new(false));
    let error = database::copy(&judged, &into, OsStr::new("copy"), patience, &never).unwrap_err();
    tells(&error, "EOS-T127", &format!("the database {} was locked by others for 0 s", path.display()));
    writer.execute_batch("COMMIT").unwrap();
    let stopped = AtomicBool::new(true);
    let error = database::copy(&judged, &into, OsStr::new("second"), patience, &stopped).unwrap_err();
    tells(&error, "EOS-T036", &format!("interrupted while {} was captured", path.display()));
}

#[test]
fn who_gives_up_waits_neither_for_a_locked_database_nor_for_the_check_of_a_copy() {
    let site = Site::of("");
    let path = site.path("srv/app.db");
    let writer = database(&path, "delete");
    write(&writer, 2000);
    writer.execute_batch("CREATE INDEX i ON a(x); BEGIN EXCLUSIVE").unwrap();
    let into = Directory::open(&site.path("log")).unwrap();
    let judged = database::judge(&path).unwrap();
    let (name, stop, began) = (OsStr::new("copy"), AtomicBool::new(false), std::time::Instant::now());
    let error = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| database::copy(&judged, &into, name, database::PATIENCE, &stop));
        // It has begun to wait, and nothing but this flag ends that within the minute.
        while !site.path("log/copy").exists() {
            std::thread::yield_now();
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        waiting.join().unwrap().unwrap_err()
    });
    tells(&error, "EOS-T036", &format!("interrupted while {} was captured", path.display()));
    assert!(began.elapsed() < database::PATIENCE / 2);

    writer.execute_batch("COMMIT").unwrap();
    let name = OsStr::new("whole");
    database::copy(&judged, &into, name, database::PATIENCE, &AtomicBool::new(false)).unwrap();
    let copy = Connection::open(site.path("log/whole")).unwrap();
    // Without an end, unless somebody ends it.
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT count(*) FROM n";
    let ended = database::interruptibly(&copy, &stop, || copy.query_row(endless, (), |_| Ok(())));
    let code = ended.unwrap_err().sqlite_error_code();
    assert_eq!(code, Some(rusqlite::ErrorCode::OperationInterrupted));
    database::check(&judged, &into, name, &AtomicBool::new(false)).unwrap();
}

#[test]
fn a_database_in_another_mode_that_is_always_written_to_is_copied_to_its_end() {
    let site = Site::of("");
    let path = site.path("srv/app.db");
    let writer = database(&path, "delete");
    writer.busy_timeout(database::PATIENCE).unwrap();
    // Several steps long, and it changes between any two of them.
    writer.execute_batch("CREATE TABLE big(x); INSERT INTO big VALUES (zeroblob(40 << 20))").unwrap();
    let into = Directory::open(&site.path("log")).unwrap();
    let judged = database::judge(&path).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writes = scope.spawn(|| {
            let writer = writer;
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                write(&writer, 1);
            }
        });
        let never = AtomicBool::new(false);
        let copied = database::copy(&judged, &into, OsStr::new("copy"), database::PATIENCE, &never);
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        writes.join().unwrap();
        copied.unwrap();
    });
    database::check(&judged, &into, OsStr::new("copy"), &AtomicBool::new(false)).unwrap();
}

#[test]
fn a_death_at_any_change_of_a_capture_is_ended_by_the_next() {
    let site = Site::of(", write_once: ['*.sst']");
    site.write("a.sst", "content");
    site.write("b", "content");
    site.create().unwrap();
    let mut deaths = 0;
    loop {
        site.write("b", &format!("after death {deaths}"));
        let before = site.store.ids().unwrap().len();
        let (made, died) = crate::host::directory::cut::after(deaths, || site.create());
        let store = DiskStore::open(Directory::open(site.store.path()).unwrap()).unwrap();
        assert!(recover(&site.root).unwrap().iter().all(|(_, error)| error.is_none()));
        let after = store.ids().unwrap();
        assert!(after.len() == before || after.len() == before + 1);
        for id in &after {
            assert!(store.verify(id).unwrap().damage.is_empty(), "change {deaths}");
        }
        if !died {
            assert!(!made.unwrap().unchanged);
            break;
        }
        let made = site.create().unwrap();
        assert_eq!(shape(&site.restored(&made.id).join("metrics")), shape(&site.path("srv/metrics")));
        site.is_clear();
        deaths += 1;
    }
    assert!(deaths > 20, "{deaths}");
}
