//! Restores on a real file system with real hooks.

use super::*;
use crate::model::explain::{Explain, tells};
use crate::model::ids::SnapshotId;
use crate::model::progress::Silent;
use crate::model::snapshots::Hook;
use std::fs;
use std::os::unix::fs::MetadataExt;

mod crashes;
mod databases;
mod durable;
mod refusals;
mod traffic;
mod verified;

/// A root with a target, hooks that write down that they ran, and trees that say what they are.
pub(super) struct Site {
    folder: tempfile::TempDir,
    pub root: Root,
    pub source: SourceConfig,
}

impl Site {
    pub fn new() -> Self {
        // In memory, where it can be: a test of every crash syncs thousands of times.
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let root = Root::new(folder.path().canonicalize().unwrap()).unwrap();
        fs::create_dir_all(root.join("srv")).unwrap();
        let log = root.join("log");
        let hook = |what: &str| {
            let line = format!("echo {what} $EOS_SNAPSHOT >> {}", log.display());
            Some(Hook { command: vec!["/bin/sh".into(), "-c".into(), line], timeout_seconds: 20 })
        };
        let healthy = format!("echo healthy >> {}", log.display());
        let mut source: SourceConfig =
            serde_json::from_str(r#"{"name":"metrics","path":"/srv/metrics"}"#).unwrap();
        source.hooks.before_restore = hook("before");
        source.hooks.after_restore = hook("after");
        // When all is sick, whoever uses the tree starts with the old one only.
        let sick = format!("; test ! -e {0}/sick || ! grep -rqs new {0}$EOS_PATH", root.path().display());
        source.hooks.after_restore.as_mut().unwrap().command[2].push_str(&sick);
        source.hooks.healthy =
            Some(Hook { command: vec!["/bin/sh".into(), "-c".into(), healthy], timeout_seconds: 1 });
        Self { folder, root, source }
    }

    pub fn with_old() -> Self {
        let site = Self::new();
        tree(&site.root.join("srv/metrics"), "old");
        site
    }

    pub fn order(&self) -> Order<'_> {
        let (root, source) = (&self.root, &self.source);
        Order { root, source, into: None, make_folder: false, holder: "a test" }
    }

    pub fn begin(&self) -> Result<Restore<'_>, RestoreError> {
        Restore::begin(self.order(), &Silent)
    }

    /// Builds a tree in the work area, as whoever has the bytes would.
    pub fn stage(&self, what: &str) {
        let area = self.root.join("srv/.metrics.eos");
        fs::create_dir_all(&area).unwrap();
        let _ = fs::remove_dir_all(area.join(INCOMING));
        tree(&area.join(INCOMING), what);
    }

    pub fn restore(&self) -> Result<Activated, RestoreError> {
        self.begin()?.activate(Path::new(INCOMING), applied("aa", 10), &|| false, &Silent)
    }

    /// What stands at the target: `old`, `new`, `nothing`, or a mixture.
    pub fn which(&self) -> String {
        which(&self.root.join("srv/metrics"))
    }

    pub fn previous(&self) -> String {
        which(&self.root.join("srv/.metrics.eos/previous"))
    }

    pub fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.root.join("log")).unwrap_or_default();
        text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    }

    pub fn fall_sick(&self) {
        fs::write(self.root.join("sick"), "").unwrap();
    }

    /// The names in a directory below the root.
    pub fn names(&self, relative: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join(relative)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The journals that have not ended.
    pub fn journals(&self) -> usize {
        self.names("var/lib/eos/restores").iter().filter(|name| name.ends_with(".json")).count()
    }

    pub fn inode(&self, relative: &str) -> u64 {
        fs::symlink_metadata(self.root.join(relative)).unwrap().ino()
    }
}

pub(super) fn tree(path: &Path, what: &str) {
    fs::create_dir_all(path.join("sub")).unwrap();
    fs::write(path.join("which"), what).unwrap();
    fs::write(path.join("sub/which"), what).unwrap();
}

fn which(path: &Path) -> String {
    let read = |name: &str| fs::read_to_string(path.join(name)).unwrap_or_else(|_| "nothing".to_owned());
    let (one, other) = (read("which"), read("sub/which"));
    if one == other { one } else { format!("a mixture of {one} and {other}") }
}

pub(in crate::snapshot) fn applied(id: &str, seconds: i64) -> Applied {
    Applied {
        id: SnapshotId::parse(id).unwrap(),
        created_at: Timestamp::from_second(seconds).unwrap(),
        generation: 1,
        restored_at: Timestamp::from_second(seconds + 100).unwrap(),
        from: vec!["node2".to_owned()],
        received_bytes: 7,
        restored_bytes: 9,
    }
}

#[test]
fn a_healthy_tree_stays_and_the_old_one_is_kept_with_a_record_of_what_was_restored() {
    let site = Site::with_old();
    let inode = site.inode("srv/metrics");
    site.stage("new");
    let activated = site.restore().unwrap();
    assert_eq!((site.which(), site.previous()), ("new".to_owned(), "old".to_owned()));
    assert_eq!(site.log(), ["before", "after", "healthy"]);
    assert_eq!(activated.previous.as_deref(), Some(&*site.root.join("srv/.metrics.eos/previous")));
    assert_eq!(site.inode("srv/.metrics.eos/previous"), inode);
    let last = last(&site.root, "metrics").unwrap().unwrap();
    assert_eq!((last.now, last.has_previous, last.previous), (Some(applied("aa", 10)), true, None));
}

#[test]
fn after_success_nothing_of_the_restore_is_left_but_the_previous_tree_and_the_record() {
    let site = Site::with_old();
    for what in ["new", "newer"] {
        site.stage(what);
        fs::write(site.root.join("srv/.metrics.eos/progress"), "").unwrap();
        site.restore().unwrap();
        assert_eq!(site.names("srv/.metrics.eos"), ["previous"]);
        assert_eq!(site.names("srv"), [".metrics.eos", "metrics"]);
        assert_eq!(site.names("var/lib/eos/restores"), ["history", "last", "locks"]);
        assert_eq!(site.names("var/lib/eos/restores/last"), ["metrics.json"]);
        assert_eq!(site.names("var/lib/eos/restores/locks"), [""; 0]);
    }
    assert_eq!((site.which(), site.previous()), ("newer".to_owned(), "new".to_owned()));
    let open =
        fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let ours: Vec<_> = open.filter(|path| path.starts_with(site.folder.path())).collect();
    assert!(ours.is_empty(), "descriptors stay open: {ours:?}");
}

#[test]
fn without_keep_previous_the_old_tree_goes_and_so_does_the_work_area() {
    let mut site = Site::with_old();
    site.source.keep_previous = false;
    site.stage("new");
    assert_eq!(site.restore().unwrap().previous, None);
    assert_eq!((site.which(), site.names("srv")), ("new".to_owned(), vec!["metrics".to_owned()]));
}

#[test]
fn an_unhealthy_tree_is_exchanged_back_with_the_last_line_of_the_health_command() {
    let mut site = Site::with_old();
    let line = "echo starting; echo no answer on port 9090 >&2; exit 3".to_owned();
    site.source.hooks.healthy.as_mut().unwrap().command[2] = line;
    let inode = site.inode("srv/metrics");
    site.stage("new");
    let error = site.restore().unwrap_err();
    let target = site.root.join("srv/metrics");
    let text = format!("{} is as it was before the restore: the restored one was not kept", target.display());
    tells(&error, "EOS-T216", &text);
    let RestoreError::Returned { cause, .. } = &error else { panic!("{error:?}") };
    tells(cause.as_ref(), "EOS-T214", "the health command did not succeed within 1 s");
    let causes = crate::model::explain::Failure::of(&error).causes;
    assert!(causes[1].ends_with("ended with status 3: no answer on port 9090"), "{causes:?}");
    assert_eq!((site.which(), site.inode("srv/metrics")), ("old".to_owned(), inode));
    assert_eq!(site.log(), ["before", "after", "before", "after"]);
    assert_eq!((site.journals(), site.names("srv")), (0, vec!["metrics".to_owned()]));
}

#[test]
fn a_target_that_the_restore_added_is_removed_on_the_way_back() {
    let site = Site::new();
    site.fall_sick();
    site.stage("new");
    assert!(matches!(site.restore(), Err(RestoreError::Returned { .. })));
    assert_eq!((site.names("srv"), site.journals()), (Vec::new(), 0));
    fs::remove_file(site.root.join("sick")).unwrap();
    site.stage("new");
    site.restore().unwrap();
    assert_eq!((site.which(), site.names("srv")), ("new".to_owned(), vec!["metrics".to_owned()]));
}

#[test]
fn a_failing_hook_before_leaves_all_as_it_is_and_has_its_counterpart_run() {
    let mut site = Site::with_old();
    site.source.hooks.before_restore.as_mut().unwrap().command[2] = "echo in use >&2; exit 1".to_owned();
    site.stage("new");
    let error = site.restore().unwrap_err();
    tells(&error, "EOS-T213", "the hook before_restore failed");
    assert_eq!((site.which(), site.log()), ("old".to_owned(), vec!["after".to_owned()]));
    assert_eq!(site.names("srv/.metrics.eos"), ["incoming"], "what was received can be used again");
    assert_eq!(site.journals(), 0);
}

#[test]
fn a_failing_hook_after_has_the_old_tree_returned_and_is_told_when_it_fails_for_that_too() {
    let mut site = Site::with_old();
    site.source.hooks.after_restore.as_mut().unwrap().command[2] = "echo no such unit >&2; exit 5".to_owned();
    site.stage("new");
    let error = site.restore().unwrap_err();
    let target = site.root.join("srv/metrics");
    let text = error.to_string();
    let begins = format!(
        "{} is as it was before the restore, but the hook after_restore failed on the way back: ",
        target.display()
    );
    assert!(text.starts_with(&begins) && text.ends_with("no such unit"), "{text}");
    assert_eq!((error.code().to_string().as_str(), site.which().as_str()), ("EOS-T217", "old"));
}

#[test]
fn an_interrupt_before_the_exchange_keeps_what_was_received() {
    let site = Site::with_old();
    site.stage("new");
    let restore = site.begin().unwrap();
    let error = restore.activate(Path::new(INCOMING), applied("aa", 10), &|| true, &Silent).unwrap_err();
    assert!(matches!(error, RestoreError::Interrupted { .. }), "{error:?}");
    assert_eq!((site.which(), site.log()), ("old".to_owned(), vec!["before".to_owned(), "after".to_owned()]));
    assert_eq!(site.names("srv/.metrics.eos"), ["incoming"]);
}

#[test]
fn the_previous_tree_returns_on_demand_and_the_one_that_went_is_kept_instead() {
    let site = Site::with_old();
    site.stage("new");
    site.restore().unwrap();
    let back = || site.begin().unwrap().previous(&|| false, &Silent);
    assert_eq!(back().unwrap().applied, None);
    assert_eq!((site.which(), site.previous()), ("old".to_owned(), "new".to_owned()));
    site.fall_sick();
    assert!(matches!(back(), Err(RestoreError::Returned { .. })));
    assert_eq!((site.which(), site.previous()), ("old".to_owned(), "new".to_owned()));
    fs::remove_file(site.root.join("sick")).unwrap();
    assert_eq!(back().unwrap().applied, Some(applied("aa", 10)));
    assert_eq!((site.which(), site.previous()), ("new".to_owned(), "old".to_owned()));
}

#[test]
fn an_undone_restore_leaves_the_path_as_it_was_before() {
    for with_old in [true, false] {
        let site = if with_old { Site::with_old() } else { Site::new() };
        let before = with_old.then(|| site.inode("srv/metrics"));
        site.stage("new");
        site.restore().unwrap();
        for _ in 0..2 {
            site.begin().unwrap().undo(&Silent).unwrap();
            assert_eq!(site.which(), if with_old { "old" } else { "nothing" });
            assert_eq!(with_old.then(|| site.inode("srv/metrics")), before);
            assert!(!site.root.join("srv/.metrics.eos").exists());
            assert_eq!((site.journals(), last(&site.root, "metrics").unwrap()), (0, None));
        }
    }
}

#[test]
fn another_place_is_filled_without_hooks_and_without_a_record() {
    let site = Site::with_old();
    let into = site.root.join("srv/copy");
    for made in [false, true] {
        if made {
            fs::create_dir(&into).unwrap();
        }
        let order = || Order { into: into.to_str(), ..site.order() };
        let restore = Restore::begin(order(), &Silent).unwrap();
        let area = restore.area().unwrap();
        tree(&area.path().join(INCOMING), "new");
        restore.activate(Path::new(INCOMING), applied("aa", 10), &|| false, &Silent).unwrap();
        assert_eq!((which(&into), site.log().len()), ("new".to_owned(), 0));
        assert_eq!(site.names("srv"), ["copy", "metrics"]);
        let error = Restore::begin(order(), &Silent).unwrap_err();
        tells(&error, "EOS-T206", &format!("{} is not empty", into.display()));
        fs::remove_dir_all(&into).unwrap();
    }
    assert_eq!(last(&site.root, "metrics").unwrap(), None);
}

#[test]
fn an_undone_restore_that_was_only_begun_leaves_no_work_area() {
    let site = Site::with_old();
    site.stage("new");
    site.begin().unwrap().undo(&Silent).unwrap();
    assert_eq!((site.which(), site.names("srv")), ("old".to_owned(), vec!["metrics".to_owned()]));
    assert!(site.log().is_empty());
}

#[test]
fn readers_find_the_old_tree_or_the_new_one_at_any_instant_of_a_restore() {
    let site = Site::with_old();
    let target = site.root.join("srv/metrics/which");
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut read, mut ended) = (0, false);
            while !ended {
                ended = over.load(std::sync::atomic::Ordering::Relaxed);
                let text = fs::read_to_string(&target).expect("it is there");
                assert!(["old", "0", "1", "2", "3"].contains(&text.as_str()), "{text}");
                read += 1;
            }
            (read, fs::read_to_string(&target).unwrap())
        });
        for what in ["0", "1", "2", "3"] {
            site.stage(what);
            site.restore().unwrap();
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        let (read, last) = reader.join().unwrap();
        assert!(read > 4 && last == "3", "{read} reads, the last {last}");
    });
}
