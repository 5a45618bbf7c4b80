//! The process dies after every record and in every step; the next one goes on or goes back.

use super::*;
use crate::journal::record::End;

/// Every place of an undisturbed run where the process can die.
fn deaths() -> Vec<FaultPlan> {
    let mut world = World::new();
    world.run(FaultPlan::none()).expect("nothing disturbs it");
    let records = file::entries(&world.root, &first()).expect("a journal").len();
    assert_eq!(records, 2 + 2 * steps().len(), "begin, start and outcome of each step, end");
    let after = (1..=records).map(|n| FaultPlan { crash_after_record: Some(n), ..FaultPlan::none() });
    let within = steps();
    let within =
        within.iter().map(|s| FaultPlan { crash_in_step: Some(s.name().to_owned()), ..FaultPlan::none() });
    after.chain(within).collect()
}

fn tear(world: &World) {
    use std::io::Write;
    let journal = file::path(&world.root, &first());
    let mut journal = fs::OpenOptions::new().append(true).open(journal).expect("a journal");
    journal.write_all(b"{\"chain\":\"0123\",\"sequ").expect("a torn line");
}

#[test]
fn going_on_after_a_crash_comes_to_the_same_as_no_crash() {
    let mut undisturbed = World::new();
    undisturbed.run(FaultPlan::none()).expect("nothing disturbs it");
    for faults in deaths() {
        for torn in [false, true] {
            let mut world = World::new();
            assert!(matches!(world.run(faults.clone()), Err(SagaError::Died { .. })), "{faults:?}");
            if torn {
                tear(&world);
            }
            let finished = world.restart().expect("it goes on");
            assert!(finished.is_none_or(|finished| finished.outcome == End::Completed), "{faults:?}");
            let (wanted, found) = (undisturbed.result(), world.result());
            assert_eq!(wanted.0.difference(&found.0), Vec::<String>::new(), "{faults:?}");
            assert_eq!(wanted.1, found.1, "{faults:?}");
            assert_eq!(world.restart().expect("nothing is left"), None);
        }
    }
}

#[test]
fn going_back_after_a_crash_leaves_everything_as_before() {
    for faults in deaths() {
        let mut world = World::new();
        assert!(matches!(world.run(faults.clone()), Err(SagaError::Died { .. })), "{faults:?}");
        let finished =
            world.undo(FaultPlan { repeat_undo: true, ..FaultPlan::none() }).expect("it goes back");
        assert_eq!(finished.map(|finished| finished.outcome), Some(End::RolledBack), "{faults:?}");
        world.assert_as_before(&format!("{faults:?}"));
    }
}

#[test]
fn a_crash_after_any_record_of_a_requested_rollback_is_finished() {
    let done = 2 + 2 * steps().len();
    for record in done + 1.. {
        let mut world = World::new();
        world.run(FaultPlan::none()).expect("nothing disturbs it");
        let faults = FaultPlan { crash_after_record: Some(record), ..FaultPlan::none() };
        let died = matches!(world.undo(faults), Err(SagaError::Died { .. }));
        world.restart().expect("the rest is undone");
        world.assert_as_before(&format!("dead after record {record}"));
        if !died {
            assert_eq!(record, done + 3 + 2 * steps().len(), "every record of the rollback was reached");
            break;
        }
    }
}

#[test]
fn a_crash_while_resuming_is_no_different() {
    let mut undisturbed = World::new();
    undisturbed.run(FaultPlan::none()).expect("nothing disturbs it");
    let mut world = World::new();
    let mut deaths = 0;
    assert!(world.run(FaultPlan { crash_after_record: Some(1), ..FaultPlan::none() }).is_err());
    for record in 2.. {
        let faults = FaultPlan { crash_after_record: Some(record), ..FaultPlan::none() };
        let result = world.process(faults, |engine, steps, env| engine.resume(&first(), steps, env));
        deaths += 1;
        if result.is_ok() {
            break;
        }
    }
    assert_eq!(deaths, 2 + 2 * steps().len());
    assert_eq!(undisturbed.result().0.difference(&world.result().0), Vec::<String>::new());
}

#[test]
fn other_steps_than_the_journals_are_refused() {
    let mut world = World::new();
    assert!(world.run(FaultPlan { crash_after_record: Some(4), ..FaultPlan::none() }).is_err());
    world.steps.pop();
    let error = world.restart().expect_err("a step is missing");
    assert!(matches!(error, SagaError::StepsChanged { .. }), "{error:?}");
}

#[test]
fn what_a_crash_leaves_of_unfinished_writes_goes_away() {
    for go_on in [true, false] {
        let mut world = World::new();
        let faults = FaultPlan { crash_in_step: Some("write-config".to_owned()), ..FaultPlan::none() };
        assert!(world.run(faults).is_err());
        let left = [".cluster.yaml.eos-77-0", ".manifest.json.eos-77-1"];
        let left = [world.path("etc/eos").join(left[0]), world.path("var/lib/eos").join(left[1])];
        for path in &left {
            put(path, "hal", 0o600).expect("a write");
        }
        if go_on {
            world.restart().expect("it goes on");
            assert!(left.iter().all(|path| !path.exists()));
        } else {
            world.undo(FaultPlan::none()).expect("it goes back");
            world.assert_as_before("with unfinished writes");
        }
    }
}
