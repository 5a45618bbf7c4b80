//! A directory of the root that became a link to somewhere else: nothing outside is touched.

use super::*;
use crate::host::directory::DirectoryError;
use crate::journal::error::JournalError;

/// Every place where a path of the toys, or eos's own records, can be made to lead out.
const LEVELS: [&str; 6] = ["etc", "etc/eos", "etc/systemd", "run", "srv", "var/lib/eos/cluster/a"];

struct Outside {
    folder: tempfile::TempDir,
    before: Inventory,
}

/// Moves the directory out of the root, a stranger's file with it, and leaves a link in its place.
fn lead_out(world: &World, level: &str) -> Outside {
    let folder = tempfile::tempdir().expect("a folder");
    let moved = folder.path().join("moved");
    fs::rename(world.path(level), &moved).expect("a move");
    put(&moved.join("stranger"), "mine", 0o644).expect("a write");
    symlink(&moved, world.path(level)).expect("a link");
    let before = look(&Root::new(folder.path()).expect("a root"));
    Outside { folder, before }
}

impl Outside {
    fn assert_untouched(&self, case: &str) {
        let now = look(&Root::new(self.folder.path()).expect("a root"));
        assert_eq!(self.before.difference(&now), Vec::<String>::new(), "{case}");
    }
}

fn assert_leads_out<T: std::fmt::Debug>(result: Result<T, SagaError>, link: &Path) {
    match result {
        Err(SagaError::Journal(JournalError::Directory(DirectoryError::LeadsOut {
            link: found, ..
        }))) => {
            assert_eq!(found, link)
        }
        other => panic!("{}: {other:?}", link.display()),
    }
}

#[test]
fn a_reset_removes_nothing_outside_of_the_root() {
    for level in &LEVELS[..5] {
        let mut world = World::new();
        world.run(FaultPlan::none()).expect("it is completed");
        let outside = lead_out(&world, level);
        let inside = world.now();
        assert_leads_out(world.process(FaultPlan::none(), |engine, _, _| engine.reset()), &world.path(level));
        outside.assert_untouched(level);
        assert_eq!(inside.difference(&world.now()), Vec::<String>::new(), "{level}");
    }
}

#[test]
fn a_link_in_a_tree_of_eos_is_not_followed() {
    let mut world = World::new();
    world.run(FaultPlan::none()).expect("it is completed");
    let outside = lead_out(&world, LEVELS[5]);
    world.process(FaultPlan::none(), |engine, _, _| engine.reset()).expect("it is reset");
    outside.assert_untouched(LEVELS[5]);
}

#[test]
fn a_rollback_changes_nothing_outside_of_the_root() {
    for level in &LEVELS[..5] {
        let mut world = World::new();
        world.run(FaultPlan::none()).expect("it is completed");
        let outside = lead_out(&world, level);
        let rolled =
            world.process(FaultPlan::none(), |engine, steps, env| engine.rollback(&first(), steps, env));
        assert_leads_out(rolled, &world.path(level));
        outside.assert_untouched(level);
    }
}

#[test]
fn a_resume_changes_nothing_outside_of_the_root() {
    for level in ["etc", "etc/eos", "etc/systemd"] {
        let mut world = World::new();
        let faults = FaultPlan { crash_after_record: Some(7), ..FaultPlan::none() };
        assert!(world.run(faults).is_err());
        let outside = lead_out(&world, level);
        let resumed =
            world.process(FaultPlan::none(), |engine, steps, env| engine.resume(&first(), steps, env));
        assert_leads_out(resumed, &world.path(level));
        outside.assert_untouched(level);
    }
}

#[test]
fn the_lock_is_not_made_outside_of_the_root() {
    let world = World::new();
    let outside = tempfile::tempdir().expect("a folder");
    symlink(outside.path(), world.path("var")).expect("a link");
    let error = OperationLock::acquire(&world.root, "eos test", Timestamp::UNIX_EPOCH).expect_err("refused");
    assert!(error.to_string().contains("leads out of the root"), "{error}");
    assert_eq!(fs::read_dir(outside.path()).expect("readable").count(), 0);
}

#[test]
fn links_within_the_root_are_followed() {
    let mut world = World::new();
    fs::rename(world.path("etc"), world.path("private-etc")).expect("a move");
    symlink("private-etc", world.path("etc")).expect("a link");
    world.before = world.now();
    world.run(FaultPlan::none()).expect("it is completed");
    world.undo(FaultPlan::none()).expect("it is undone");
    world.assert_as_before("rolled back through a link");
}
