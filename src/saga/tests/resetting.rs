//! Reset takes away what is eos's, and nothing else.

use super::*;
use crate::journal::reset::ResetReport;

fn reset(world: &mut World, faults: FaultPlan) -> Result<ResetReport, SagaError> {
    world.process(faults, |engine, steps, env| {
        engine.undo_effects(steps, env).expect("the toys can always be undone");
        engine.reset()
    })
}

#[test]
fn a_reset_leaves_the_machine_as_before_and_proves_it() {
    let mut world = World::new();
    world.run(FaultPlan::none()).expect("it is completed");
    put(&world.path("var/lib/eos/master/registry.db-wal"), "written while in use", 0o600).expect("a write");
    let report = reset(&mut world, FaultPlan::none()).expect("it is reset");
    assert_eq!(report.kept, []);
    assert_eq!(report.ledger.verify(&world.root).expect("readable"), Vec::<String>::new());
    world.assert_as_before("after the reset");
    let again = reset(&mut world, FaultPlan::none()).expect("a second reset finds nothing to do");
    assert_eq!((again.removed, again.restored), (vec![], vec![]));
    world.assert_as_before("after the second reset");
}

#[test]
fn several_sagas_are_reset_to_the_state_before_the_first() {
    let mut world = World::new();
    for _ in 0..9 {
        world.run(FaultPlan::none()).expect("it is completed");
    }
    reset(&mut world, FaultPlan::none()).expect("it is reset");
    world.assert_as_before("after nine sagas");
}

#[test]
fn what_somebody_else_changed_or_put_there_is_kept_and_listed() {
    let mut world = World::new();
    world.run(FaultPlan::none()).expect("it is completed");
    put(&world.path("etc/eos/cluster.yaml"), "edited", 0o600).expect("a write");
    put(&world.path("etc/systemd/system/toy.service"), "edited", 0o644).expect("a write");
    put(&world.path("etc/old.conf"), "new one", 0o644).expect("a write");
    put(&world.path("var/lib/eos/foreign/file"), "mine", 0o644).expect("a write");
    put(&world.path("srv/made/deep/file"), "mine", 0o644).expect("a write");
    let report = reset(&mut world, FaultPlan::none()).expect("it is reset");
    let kept: Vec<(&str, &str)> = report.kept.iter().map(|k| (k.path.as_str(), k.reason.as_str())).collect();
    let not_eos = "it is not eos's";
    let holds = "something that is not eos's is in it";
    assert_eq!(
        kept,
        [
            (
                "etc/systemd/system/toy.service",
                "it was changed since eos wrote it; the original is at etc/systemd/system/toy.service.before-eos"
            ),
            ("etc/old.conf", "it was changed since eos wrote it; the original is at etc/old.conf.before-eos"),
            ("etc/eos/cluster.yaml", "it was changed since eos wrote it"),
            ("srv/made/deep", holds),
            ("srv/made", holds),
            ("etc/eos", holds),
            ("var/lib/eos/foreign", not_eos),
            ("var/lib/eos/foreign/file", not_eos),
        ]
    );
    assert_eq!(fs::read_to_string(world.path("etc/eos/cluster.yaml")).expect("it is there"), "edited");
    let original = world.path("etc/systemd/system/toy.service.before-eos");
    assert_eq!(fs::read_to_string(original).expect("it is there"), "[Unit]\nDescription=older\n");
    assert_eq!(
        report.ledger.verify(&world.root).expect("readable"),
        [
            "added directory: etc/eos",
            "added file: etc/eos/cluster.yaml",
            "changed file: etc/old.conf (content)",
            "changed file: etc/systemd/system/toy.service (content)",
            "added file: etc/systemd/system/toy.service.before-eos",
            "added directory: srv/made/deep",
            "added file: srv/made/deep/file",
            "added directory: var/lib/eos",
            "added directory: var/lib/eos/foreign",
            "added file: var/lib/eos/foreign/file",
        ]
    );
}

#[test]
fn a_crash_while_resetting_is_finished_by_the_next_reset() {
    for removal in 1.. {
        let mut world = World::new();
        world.run(FaultPlan::none()).expect("it is completed");
        let faults = FaultPlan { crash_after_removal: Some(removal), ..FaultPlan::none() };
        let died = reset(&mut world, faults).is_err();
        reset(&mut world, FaultPlan::none()).expect("the rest is reset");
        world.assert_as_before(&format!("dead after removal {removal}"));
        if !died {
            assert!(removal > 3, "records are removed one by one");
            break;
        }
    }
}

#[test]
fn an_unfinished_saga_is_not_reset() {
    let mut world = World::new();
    assert!(world.run(FaultPlan { crash_after_record: Some(7), ..FaultPlan::none() }).is_err());
    let error = reset(&mut world, FaultPlan::none()).expect_err("it has to be finished first");
    assert_eq!(error.to_string(), "0001-bootstrap is not finished: it was stopped in its middle");
}

#[test]
fn what_others_put_into_or_changed_in_a_tree_of_eos_is_kept_and_listed() {
    let mut world = World::new();
    world.run(FaultPlan::none()).expect("it is completed");
    put(&world.path("var/lib/eos/master/notes"), "mine", 0o600).expect("a write");
    put(&world.path("var/lib/eos/master/registry.db"), "rows that the master wrote", 0o600).expect("a write");
    put(&world.path("var/lib/eos/cluster/a/b/c"), "edited", 0o644).expect("a write");
    put(&world.path("var/lib/eos/cluster/a/new"), "mine", 0o644).expect("a write");
    put(&world.path("srv/data/mine"), "mine", 0o644).expect("a write");
    put(&world.path("srv/data/one"), "another one", 0o600).expect("a write");
    let report = reset(&mut world, FaultPlan::none()).expect("it is reset");
    let changed = "somebody else put it there or changed it";
    let mut kept: Vec<&str> =
        report.kept.iter().filter(|kept| kept.reason == changed).map(|kept| kept.path.as_str()).collect();
    kept.sort();
    let expected = [
        "srv/data/mine",
        "srv/data/one",
        "var/lib/eos/cluster/a/b/c",
        "var/lib/eos/cluster/a/new",
        "var/lib/eos/master/notes",
    ];
    assert_eq!(kept, expected);
    let text = |path: &str| fs::read_to_string(world.path(path)).expect("it is there");
    assert_eq!(
        (text("srv/data/one").as_str(), text("srv/data/one.before-eos").as_str()),
        ("another one", "one")
    );
    assert_eq!(text("srv/data/sub/two"), "two".repeat(100_000), "the rest came back");
    assert!(!world.path("srv/data/new").exists() && !world.path("var/lib/eos/master/registry.db").exists());
    assert_eq!(text("var/lib/eos/cluster/a/b/c"), "edited");
}
