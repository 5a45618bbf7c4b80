//! Both bootstrap sagas under every fault: each step fails, the process dies after each record, each
//! undo is repeated. The steps are those of the library, so a new step is covered when it is added.
//!
//! A planned death happens in this process, which then forgets everything it knew; what goes on or
//! goes back afterwards is the real command line. Services are real processes throughout, and go on
//! running when the bootstrap dies, as they would.

mod trial;

use crate::support::{Machine, assert_same};
use eos::saga::error::SagaError;
use eos::saga::faults::FaultPlan;
use trial::{Trial, shape};

/// How many threads share the records to die after; each has machines of its own.
const SHARDS: usize = 2;

/// Dies after each record that this shard has, until the bootstrap outlives it; what is done then
/// must lead somewhere.
fn each_death(trial: &Trial, shard: usize, plan: impl Fn(usize) -> FaultPlan, then: impl Fn(usize)) {
    let mut record = shard + 1;
    loop {
        match trial.attempt(plan(record)) {
            Err(SagaError::Died { .. }) => then(record),
            Ok(_) | Err(SagaError::Failed { .. }) => break,
            Err(error) => panic!("record {record}: {error}: {error:?}"),
        }
        record += SHARDS;
    }
    assert!(record > 2 * trial.steps().len(), "each step has its records, but it ended at {record}");
}

fn dies_after(record: usize) -> FaultPlan {
    FaultPlan { crash_after_record: Some(record), ..FaultPlan::none() }
}

fn each_step_fails(trial: &Trial) {
    let before = trial.machine.tree();
    for repeat_undo in [false, true] {
        for step in trial.steps() {
            let plan = FaultPlan { fail_at: Some(step.clone()), repeat_undo, ..FaultPlan::none() };
            match trial.attempt(plan) {
                Err(SagaError::Failed { step: failed, .. }) => assert_eq!(failed, step),
                other => panic!("{step}: {other:?}"),
            }
            trial.assert_undone(&before, &format!("{step} failed (undone twice: {repeat_undo})"));
        }
    }
}

fn the_next_run_completes(trial: &Trial, shard: usize) {
    let before = trial.machine.tree();
    trial.attempt(FaultPlan::none()).unwrap();
    let undisturbed = shape(trial.machine);
    trial.assert_healthy("undisturbed");
    trial.roll_back();
    trial.assert_undone(&before, "undisturbed, then rolled back");
    each_death(trial, shard, dies_after, |record| {
        let what = format!("died after record {record}, run again");
        trial.run_again().ends_with(0);
        trial.assert_healthy(&what);
        assert_eq!(shape(trial.machine), undisturbed, "{what}");
        trial.roll_back();
        trial.assert_undone(&before, &format!("{what}, rolled back"));
    });
}

fn rollback_restores(trial: &Trial, shard: usize) {
    let before = trial.machine.tree();
    each_death(trial, shard, dies_after, |record| {
        trial.roll_back();
        trial.assert_undone(&before, &format!("died after record {record}, rolled back"));
    });
}

/// The last step fails, and the process dies on the way back; the next run goes on with that way.
fn death_on_the_way_back(trial: &Trial, shard: usize) {
    let before = trial.machine.tree();
    let last = trial.steps().pop();
    let forward = 2 * trial.steps().len();
    let plan = |record| FaultPlan { fail_at: last.clone(), ..dies_after(forward + record) };
    each_death(trial, shard, plan, |record| {
        let what = format!("died after record {record} of the way back");
        let run = trial.run_again();
        assert!(matches!(run.status, Some(0 | 1)), "{what}: {run:?}");
        if run.status == Some(0) {
            trial.roll_back();
        }
        trial.assert_undone(&before, &what);
    });
}

/// The process dies while eos's own records are removed after everything was undone.
fn death_at_the_very_end(trial: &Trial) {
    let before = trial.machine.tree();
    let step = trial.steps()[0].clone();
    for removal in 1.. {
        let plan = FaultPlan {
            fail_at: Some(step.clone()),
            crash_after_removal: Some(removal),
            ..FaultPlan::none()
        };
        match trial.attempt(plan) {
            Err(SagaError::Died { .. }) => trial.roll_back(),
            Err(SagaError::Failed { .. }) => {
                assert!(removal > 2, "there are records to remove");
                break;
            }
            other => panic!("removal {removal}: {other:?}"),
        }
        trial.assert_undone(&before, &format!("died after removal {removal}"));
    }
}

fn first_nodes(subnet: u8, work: impl Fn(&Trial, usize) + Sync) {
    std::thread::scope(|scope| {
        for shard in 0..SHARDS {
            let work = &work;
            scope.spawn(move || {
                let address = format!("127.0.{subnet}.{}", shard + 1);
                let machine = match shard {
                    0 => Machine::used(&address, "node1"),
                    _ => Machine::empty(&address, "node1"),
                };
                work(&Trial::first_node(&machine), shard);
            });
        }
    });
}

fn joins(subnet: u8, work: impl Fn(&Trial, usize) + Sync) {
    std::thread::scope(|scope| {
        for shard in 0..SHARDS {
            let work = &work;
            scope.spawn(move || {
                let master = Machine::empty(&format!("127.0.{subnet}.{}", 10 * shard + 1), "master");
                master.found();
                let address = format!("127.0.{subnet}.{}", 10 * shard + 2);
                let machine = match shard {
                    0 => Machine::used(&address, "joiner"),
                    _ => Machine::empty(&address, "joiner"),
                };
                work(&Trial::join(&machine, &master), shard);
            });
        }
    });
}

#[test]
fn a_first_node_whose_step_fails_is_as_it_was_before() {
    let machine = Machine::used("127.0.41.1", "node1");
    each_step_fails(&Trial::first_node(&machine));
}

#[test]
fn a_first_node_that_died_after_any_record_is_completed_by_the_next_run() {
    first_nodes(42, the_next_run_completes);
}

#[test]
fn a_first_node_that_died_after_any_record_is_rolled_back_to_what_it_was() {
    first_nodes(43, rollback_restores);
}

#[test]
fn a_first_node_that_died_on_the_way_back_gets_there_the_next_time() {
    first_nodes(44, death_on_the_way_back);
}

#[test]
fn a_first_node_that_died_while_its_records_went_is_as_it_was_before() {
    death_at_the_very_end(&Trial::first_node(&Machine::used("127.0.45.1", "node1")));
}

#[test]
fn a_join_whose_step_fails_leaves_the_machine_as_it_was_before() {
    let master = Machine::empty("127.0.46.1", "master");
    master.found();
    let machine = Machine::used("127.0.46.2", "joiner");
    each_step_fails(&Trial::join(&machine, &master));
}

#[test]
fn a_join_that_died_after_any_record_is_completed_by_the_next_run() {
    joins(47, the_next_run_completes);
}

#[test]
fn a_join_that_died_after_any_record_is_rolled_back_to_what_was() {
    joins(48, rollback_restores);
}

#[test]
fn a_join_that_died_on_the_way_back_gets_there_the_next_time() {
    joins(49, death_on_the_way_back);
}

#[test]
fn a_join_that_fails_after_the_master_accepted_it_is_forgotten_by_the_master() {
    let master = Machine::empty("127.0.50.1", "master");
    master.found();
    let machine = Machine::empty("127.0.50.2", "joiner");
    let trial = Trial::join(&machine, &master);
    let before = machine.tree();
    let plan = FaultPlan { fail_at: Some("verify-health".to_owned()), ..FaultPlan::none() };
    assert!(matches!(trial.attempt(plan), Err(SagaError::Failed { .. })));
    assert_same(&before, &machine.tree(), "the step failed");
    let names: Vec<String> = trial.names_at_master();
    assert_eq!(names, ["master"]);
}
