//! Activation on a real file system, stopped after each of its steps.

use super::*;
use crate::model::explain::tells;
use std::fs;

struct Site(tempfile::TempDir);

impl Site {
    fn new(with_old: bool) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(site.path("state")).unwrap();
        fs::create_dir_all(site.path("staging/data")).unwrap();
        fs::write(site.path("staging/data/which"), "new").unwrap();
        if with_old {
            fs::create_dir_all(site.path("srv/data")).unwrap();
            fs::write(site.path("srv/data/which"), "old").unwrap();
        } else {
            fs::create_dir_all(site.path("srv")).unwrap();
        }
        site
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    fn root(&self) -> Directory {
        Directory::open(self.0.path()).unwrap()
    }

    fn which(&self, tree: &str) -> Option<String> {
        fs::read_to_string(self.path(tree).join("which")).ok()
    }

    fn intents(&self) -> usize {
        fs::read_dir(self.path("state")).unwrap().count()
    }
}

fn activation() -> Activation {
    Activation {
        staged: "staging/data".into(),
        target: "srv/data".into(),
        previous: "srv/data.previous".into(),
    }
}

const INTENT: &str = "state/activation.json";

#[test]
fn the_new_tree_replaces_the_old_one_which_is_kept_and_can_return() {
    let site = Site::new(true);
    let done = activate(&site.root(), Path::new(INTENT), &activation()).unwrap();
    assert_eq!(done, Activated { had_previous: true });
    assert_eq!(site.which("srv/data").as_deref(), Some("new"));
    assert_eq!(site.which("srv/data.previous").as_deref(), Some("old"));
    assert!(!site.path("staging/data").exists());
    let back = Activation {
        staged: "srv/data.previous".into(),
        target: "srv/data".into(),
        previous: "srv/bad".into(),
    };
    activate(&site.root(), Path::new(INTENT), &back).unwrap();
    assert_eq!(site.which("srv/data").as_deref(), Some("old"));
    assert_eq!(site.which("srv/bad").as_deref(), Some("new"));
    assert_eq!(site.intents(), 0);
}

#[test]
fn a_target_that_is_absent_is_simply_made() {
    let site = Site::new(false);
    let done = activate(&site.root(), Path::new(INTENT), &activation()).unwrap();
    assert_eq!(done, Activated { had_previous: false });
    assert_eq!(site.which("srv/data").as_deref(), Some("new"));
    assert!(!site.path("srv/data.previous").exists());
}

#[test]
fn a_crash_after_any_step_leaves_one_whole_tree_and_is_recovered() {
    for with_old in [true, false] {
        for steps in 0..=ORDER.len() {
            let site = Site::new(with_old);
            let plan = plan(&site.root(), Path::new(INTENT), &activation()).unwrap();
            for step in &ORDER[..steps] {
                take(&site.root(), Path::new(INTENT), &plan, *step).unwrap();
            }
            let moved = steps > ORDER.iter().position(|step| *step == Step::Exchange).unwrap();
            let expected = if moved { Some("new") } else { with_old.then_some("old") };
            assert_eq!(site.which("srv/data").as_deref(), expected, "before recovery, {steps} steps");
            let recovered = recover(&site.root(), Path::new(INTENT)).unwrap();
            match recovered {
                Recovered::Nothing => assert!(steps < 2 || steps == ORDER.len(), "{steps}"),
                Recovered::Undone(_) => assert_eq!(steps, 2),
                Recovered::Finished(_) => assert!(moved && steps < ORDER.len(), "{steps}"),
            }
            assert_eq!(site.which("srv/data").as_deref(), expected, "after recovery, {steps} steps");
            assert_eq!(site.which("srv/data.previous").as_deref(), (moved && with_old).then_some("old"));
            assert_eq!(site.which("staging/data").as_deref(), (!moved).then_some("new"));
            assert_eq!(site.intents(), 0);
            assert_eq!(recover(&site.root(), Path::new(INTENT)).unwrap(), Recovered::Nothing);
        }
    }
}

#[test]
fn a_death_at_any_change_on_disk_or_one_that_fails_leaves_one_whole_tree() {
    use crate::host::directory::cut;
    type World = fn(usize, &Site) -> (Result<Activated, ActivateError>, bool);
    let dies: World = |n, site| cut::after(n, || activate(&site.root(), Path::new(INTENT), &activation()));
    let fails: World = |n, site| cut::failing(n, || activate(&site.root(), Path::new(INTENT), &activation()));
    for (with_old, world) in [(true, dies), (false, dies), (true, fails), (false, fails)] {
        let mut changes = 0;
        loop {
            let site = Site::new(with_old);
            let (done, came_so_far) = world(changes, &site);
            let standing = site.which("srv/data");
            let old = with_old.then_some("old");
            assert!(standing.as_deref() == Some("new") || standing.as_deref() == old, "change {changes}");
            recover(&site.root(), Path::new(INTENT)).unwrap();
            assert_eq!(site.which("srv/data"), standing, "change {changes}: recovery moves no tree in use");
            assert_eq!(site.intents(), 0, "change {changes}");
            let moved = standing.as_deref() == Some("new");
            assert_eq!(site.which("srv/data.previous").as_deref(), old.filter(|_| moved), "change {changes}");
            assert_eq!(site.which("staging/data").as_deref(), (!moved).then_some("new"), "change {changes}");
            if !came_so_far {
                assert!(done.is_ok() && moved);
                break;
            }
            changes += 1;
        }
        assert!(changes > 8, "{changes}");
    }
}

#[test]
fn what_cannot_be_activated_is_refused_before_anything_moves() {
    let site = Site::new(true);
    let root = site.root();
    let with = |change: fn(&mut Activation)| {
        let mut activation = activation();
        change(&mut activation);
        activate(&root, Path::new(INTENT), &activation).unwrap_err()
    };
    assert!(matches!(with(|a| a.staged = "staging/none".into()), ActivateError::NotStaged { .. }));
    assert!(matches!(with(|a| a.previous = "srv/data".into()), ActivateError::Occupied { .. }));
    assert!(matches!(with(|a| a.target = "..".into()), ActivateError::NoName { .. }));
    assert!(matches!(with(|a| a.target = "../data".into()), ActivateError::Disk { .. }));
    std::os::unix::fs::symlink("srv", site.path("link")).unwrap();
    let through = with(|a| a.target = "link/data".into());
    assert!(matches!(through, ActivateError::Disk { source: DirectoryError::Escape { .. } }), "{through:?}");
    assert_eq!(site.which("srv/data").as_deref(), Some("old"));
    assert_eq!(site.intents(), 0);
}

#[test]
fn an_interrupted_activation_blocks_the_next_until_it_is_recovered() {
    let site = Site::new(true);
    let plan = plan(&site.root(), Path::new(INTENT), &activation()).unwrap();
    for step in &ORDER[..3] {
        take(&site.root(), Path::new(INTENT), &plan, *step).unwrap();
    }
    let refused = activate(&site.root(), Path::new(INTENT), &activation()).unwrap_err();
    assert!(matches!(refused, ActivateError::Interrupted { .. }));
    fs::rename(site.path("srv/data"), site.path("srv/elsewhere")).unwrap();
    assert!(matches!(recover(&site.root(), Path::new(INTENT)), Err(ActivateError::Unclear { .. })));
}

#[test]
fn the_intent_of_version_1_stays_readable() {
    let fixture = include_str!("../../../tests/fixtures/v1/snapshot/activation.json");
    let site = Site::new(true);
    fs::write(site.path(INTENT), fixture).unwrap();
    let intent = read_intent(&site.root(), Path::new(INTENT)).unwrap().unwrap();
    assert_eq!(intent.target, Path::new("srv/data"));
    assert_eq!(serde_json::to_string(&intent).unwrap(), fixture);
    fs::write(site.path(INTENT), fixture.replace(":1,", ":2,")).unwrap();
    assert!(matches!(recover(&site.root(), Path::new(INTENT)), Err(ActivateError::Version { found: 2, .. })));
    fs::write(site.path(INTENT), "{").unwrap();
    assert!(matches!(recover(&site.root(), Path::new(INTENT)), Err(ActivateError::Intent { .. })));
}

/// A mount, until it is dropped.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH).expect("the mount is ours");
    }
}

#[test]
fn a_tree_that_is_a_mount_is_not_exchanged() {
    let site = Site::new(true);
    let target = site.path("srv/data");
    rustix::mount::mount_bind(&target, &target).unwrap();
    let mounted = Mounted(target.clone());
    let error = activate(&site.root(), Path::new(INTENT), &activation()).unwrap_err();
    let text = format!("{} cannot be exchanged with the staged tree in one step", target.display());
    tells(&error, "EOS-T081", &text);
    assert_eq!(site.which("srv/data").as_deref(), Some("old"));
    assert_eq!(site.intents(), 0, "nothing has moved");
    drop(mounted);
}

#[test]
fn a_staged_tree_of_another_file_system_is_refused() {
    let site = Site::new(true);
    let staging = site.path("staging");
    rustix::mount::mount("tmpfs", &staging, "tmpfs", rustix::mount::MountFlags::empty(), None).unwrap();
    let _mounted = Mounted(staging.clone());
    fs::create_dir(staging.join("data")).unwrap();
    let error = activate(&site.root(), Path::new(INTENT), &activation()).unwrap_err();
    let (staged, target) = (staging.join("data"), site.path("srv/data"));
    let text = format!("{} and {} are on different file systems", staged.display(), target.display());
    tells(&error, "EOS-T084", &text);
}
