//! What is done to a saga over and over: it fails, dies, goes on and is taken back, at every place of it.

use super::result::{assert_equal, result};
use super::trial::Trial;
use eos::saga::engine::Finished;
use eos::saga::error::SagaError;
use eos::saga::faults::FaultPlan;

/// How many threads share the records to die after, for each kind of machine.
pub const SHARDS: usize = 2;

/// The process dies after this record, counted from 1.
fn dies_after(record: usize) -> FaultPlan {
    FaultPlan { crash_after_record: Some(record), ..FaultPlan::none() }
}

fn fails_at(step: &str) -> FaultPlan {
    FaultPlan { fail_at: Some(step.to_owned()), ..FaultPlan::none() }
}

/// The record that says that this step has started, and the one that says how it ended.
fn started(index: usize) -> usize {
    2 * index + 2
}

#[track_caller]
fn assert_died<T: std::fmt::Debug>(result: Result<T, SagaError>, what: &str) {
    assert!(matches!(result, Err(SagaError::Died { .. })), "{what}: {result:?}");
}

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

/// Every step fails, and what is undone then is undone once or twice.
pub fn each_step_fails(trial: &Trial, _shard: usize) {
    let before = trial.machine.tree();
    for repeat_undo in [false, true] {
        for step in trial.steps() {
            match trial.attempt(FaultPlan { repeat_undo, ..fails_at(&step) }) {
                Err(SagaError::Failed { step: failed, .. }) => assert_eq!(failed, step),
                other => panic!("{step}: {other:?}"),
            }
            trial.assert_undone(&before, &format!("{step} failed (undone twice: {repeat_undo})"));
        }
    }
}

/// Every step is undone, twice, that was about to run and never did; those before it have run.
pub fn what_never_ran_is_undone(trial: &Trial, shard: usize) {
    let before = trial.machine.tree();
    for (index, step) in trial.steps().iter().enumerate().filter(|(index, _)| index % SHARDS == shard) {
        let what = format!("{step} never ran");
        assert_died(trial.attempt(dies_after(started(index))), &what);
        let undone = trial.take_back(FaultPlan { repeat_undo: true, ..FaultPlan::none() });
        assert!(matches!(undone, Ok(Some(_))), "{what}: {undone:?}");
        trial.assert_undone(&before, &what);
    }
}

/// The process dies after every record; the next run completes, and what it completed goes away again.
pub fn the_next_run_completes(trial: &Trial, shard: usize) {
    let before = trial.machine.tree();
    trial.attempt(FaultPlan::none()).unwrap();
    let undisturbed = result(trial.machine);
    trial.roll_back();
    trial.assert_undone(&before, "undisturbed, then rolled back");
    each_death(trial, shard, dies_after, |record| {
        let what = format!("died after record {record}, run again");
        trial.run_again().ends_with(0);
        assert_equal(&undisturbed, &result(trial.machine), &what);
        trial.roll_back();
        trial.assert_undone(&before, &format!("{what}, rolled back"));
    });
}

/// The process dies after every record, and what it did is rolled back.
pub fn rollback_restores(trial: &Trial, shard: usize) {
    let before = trial.machine.tree();
    each_death(trial, shard, dies_after, |record| {
        trial.roll_back();
        trial.assert_undone(&before, &format!("died after record {record}, rolled back"));
    });
}

/// The process dies when a step has done its work and nobody has recorded that.
pub fn death_in_each_step(trial: &Trial, shard: usize) {
    let before = trial.machine.tree();
    trial.attempt(FaultPlan::none()).unwrap();
    let undisturbed = result(trial.machine);
    trial.roll_back();
    for (_, step) in trial.steps().iter().enumerate().filter(|(index, _)| index % SHARDS == shard) {
        let what = format!("died in {step}");
        let plan = FaultPlan { crash_in_step: Some(step.clone()), ..FaultPlan::none() };
        assert_died(trial.attempt(plan.clone()), &what);
        trial.run_again().ends_with(0);
        assert_equal(&undisturbed, &result(trial.machine), &what);
        trial.roll_back();
        trial.assert_undone(&before, &format!("{what}, run again, rolled back"));
        assert_died(trial.attempt(plan), &what);
        trial.roll_back();
        trial.assert_undone(&before, &format!("{what}, rolled back"));
    }
}

/// The last step fails, and the process dies on the way back; the next run goes on with that way.
pub fn death_on_the_way_back(trial: &Trial, shard: usize) {
    let before = trial.machine.tree();
    let last = trial.steps().pop().unwrap();
    let forward = 2 * trial.steps().len();
    let plan = |record| FaultPlan { fail_at: Some(last.clone()), ..dies_after(forward + record) };
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

/// Every step fails, and every process that goes back from there dies after one record more.
pub fn each_way_back_dies_at_each_record(trial: &Trial, shard: usize) {
    let before = trial.machine.tree();
    for (index, step) in trial.steps().iter().enumerate().filter(|(index, _)| index % SHARDS == shard) {
        let what = format!("{step} failed");
        let failed = started(index) + 1;
        assert_died(trial.attempt(FaultPlan { crash_after_record: Some(failed), ..fails_at(step) }), &what);
        let deaths = die_at_each_record(trial, &what, |plan| trial.go_on(plan));
        assert_eq!(deaths, 2 * (index + 1) + 1, "{what}: each undo begins and ends, then all of it");
        trial.assert_undone(&before, &what);
    }
}

/// A completed saga is rolled back, and every process that does so dies after one record more.
pub fn a_rollback_dies_at_each_record(trial: &Trial) {
    let before = trial.machine.tree();
    trial.attempt(FaultPlan::none()).unwrap();
    let what = "rolled back";
    assert_died(trial.take_back(dies_after(trial.records() + 1)), what);
    let deaths = die_at_each_record(trial, what, |plan| trial.take_back(plan));
    assert_eq!(deaths, 2 * trial.steps().len() + 1, "each undo begins and ends, then all of it");
    trial.assert_undone(&before, what);
}

/// Processes that die in turn when an undo begins and when it has ended; how many there were.
///
/// The one after a death at the beginning repeats that record, so it may add two.
fn die_at_each_record(
    trial: &Trial,
    what: &str,
    work: impl Fn(FaultPlan) -> Result<Option<Finished>, SagaError>,
) -> usize {
    for deaths in 0.. {
        match work(dies_after(trial.records() + 1 + deaths % 2)) {
            Err(SagaError::Died { .. }) => {}
            Ok(_) | Err(SagaError::Failed { .. }) => return deaths,
            Err(error) => panic!("{what}, death {deaths}: {error}: {error:?}"),
        }
    }
    unreachable!("it ends at the latest when no record is left to write")
}

/// The process dies after a record of the rollback of a completed saga; the second rollback ends it.
pub fn a_second_rollback_ends_the_first(trial: &Trial, shard: usize) {
    let before = trial.machine.tree();
    let way_back = 2 * trial.steps().len() + 2;
    for record in (1..=way_back).skip(shard).step_by(SHARDS) {
        let what = format!("died after record {record} of the rollback");
        trial.attempt(FaultPlan::none()).unwrap();
        assert_died(trial.take_back(dies_after(trial.records() + record)), &what);
        trial.roll_back();
        trial.assert_undone(&before, &what);
    }
}

/// The process dies while eos's own records are removed after everything was undone.
pub fn death_at_the_very_end(trial: &Trial) {
    let before = trial.machine.tree();
    let step = trial.steps()[0].clone();
    for removal in 1.. {
        match trial.attempt(FaultPlan { crash_after_removal: Some(removal), ..fails_at(&step) }) {
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
