//! Both bootstrap sagas under every fault: each step fails, the process dies after each record and in
//! each step, on the way there and on the way back, and each undo is repeated. The steps are those of
//! the library, so a new step is covered when it is added.
//!
//! A planned death happens in this process, which then forgets everything it knew; what goes on or
//! goes back afterwards is the real command line, or this process anew. Services are real processes
//! throughout, and go on running when the bootstrap dies, as they would.

mod drills;
mod result;
mod trial;

use crate::support::{Machine, assert_same};
use drills::SHARDS;
use eos::saga::error::SagaError;
use eos::saga::faults::FaultPlan;
use trial::Trial;

/// A machine before its bootstrap.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// With files of others, and of the operator where eos writes: what can be restored wrongly.
    Used,
    /// With nothing under its root: what is made must go, directories included.
    Empty,
}

impl Before {
    fn machine(self, address: &str, name: &str) -> Machine {
        match self {
            Self::Used => Machine::used(address, name),
            Self::Empty => Machine::empty(address, name),
        }
    }
}

const USED: &[Before] = &[Before::Used];
const EMPTY: &[Before] = &[Before::Empty];

/// The work on machines of each kind, shared by threads that have machines of their own.
fn first_nodes(subnet: u8, kinds: &[Before], work: impl Fn(&Trial, usize) + Sync) {
    std::thread::scope(|scope| {
        for (index, (kind, shard)) in shares(kinds).enumerate() {
            let work = &work;
            scope.spawn(move || {
                let machine = kind.machine(&format!("127.0.{subnet}.{}", index + 1), "node1");
                work(&Trial::first_node(&machine), shard);
            });
        }
    });
}

/// The same for joins, each to a master of its own.
fn joins(subnet: u8, kinds: &[Before], work: impl Fn(&Trial, usize) + Sync) {
    std::thread::scope(|scope| {
        for (index, (kind, shard)) in shares(kinds).enumerate() {
            let work = &work;
            scope.spawn(move || {
                let master = Machine::empty(&format!("127.0.{subnet}.{}", 10 * index + 1), "master");
                master.found();
                let machine = kind.machine(&format!("127.0.{subnet}.{}", 10 * index + 2), "joiner");
                work(&Trial::join(&machine, &master), shard);
            });
        }
    });
}

fn shares(kinds: &[Before]) -> impl Iterator<Item = (Before, usize)> {
    kinds.iter().flat_map(|kind| (0..SHARDS).map(|shard| (*kind, shard)))
}

/// One first node that was in use before.
fn first_node(address: &str, work: impl Fn(&Trial)) {
    work(&Trial::first_node(&Machine::used(address, "node1")));
}

/// One joiner that was in use before, and its master.
fn join(subnet: u8, work: impl Fn(&Trial)) {
    let master = Machine::empty(&format!("127.0.{subnet}.1"), "master");
    master.found();
    work(&Trial::join(&Machine::used(&format!("127.0.{subnet}.2"), "joiner"), &master));
}

#[test]
fn a_first_node_whose_step_fails_is_as_it_was_before() {
    first_node("127.0.41.1", |trial| drills::each_step_fails(trial, 0));
}

#[test]
fn a_first_node_whose_step_never_ran_is_as_it_was_before() {
    first_nodes(65, USED, drills::what_never_ran_is_undone);
}

#[test]
fn a_first_node_that_died_after_any_record_is_completed_by_the_next_run() {
    first_nodes(42, EMPTY, drills::the_next_run_completes);
}

#[test]
fn a_first_node_that_died_after_any_record_is_rolled_back_to_what_it_was() {
    first_nodes(43, USED, drills::rollback_restores);
}

#[test]
fn a_first_node_that_died_in_any_step_is_completed_or_rolled_back() {
    first_nodes(54, USED, drills::death_in_each_step);
}

#[test]
fn a_first_node_that_died_on_the_way_back_gets_there_the_next_time() {
    first_nodes(44, USED, drills::death_on_the_way_back);
}

#[test]
fn a_first_node_whose_step_failed_gets_back_though_it_dies_at_each_record() {
    first_nodes(55, USED, drills::each_way_back_dies_at_each_record);
}

#[test]
fn a_first_node_whose_rollback_died_after_any_record_is_rolled_back_by_the_next() {
    first_nodes(56, USED, drills::a_second_rollback_ends_the_first);
}

#[test]
fn a_first_node_whose_rollback_dies_at_each_record_gets_back() {
    first_node("127.0.57.1", drills::a_rollback_dies_at_each_record);
}

#[test]
fn a_first_node_that_died_while_its_records_went_is_as_it_was_before() {
    first_node("127.0.45.1", drills::death_at_the_very_end);
}

#[test]
fn a_join_whose_step_fails_leaves_the_machine_as_it_was_before() {
    join(46, |trial| drills::each_step_fails(trial, 0));
}

#[test]
fn a_join_whose_step_never_ran_leaves_the_machine_as_it_was_before() {
    joins(58, USED, drills::what_never_ran_is_undone);
}

#[test]
fn a_join_that_died_after_any_record_is_completed_by_the_next_run() {
    joins(47, EMPTY, drills::the_next_run_completes);
}

#[test]
fn a_join_that_died_after_any_record_is_rolled_back_to_what_was() {
    joins(48, USED, drills::rollback_restores);
}

#[test]
fn a_join_that_died_in_any_step_is_completed_or_rolled_back() {
    joins(59, USED, drills::death_in_each_step);
}

#[test]
fn a_join_that_died_on_the_way_back_gets_there_the_next_time() {
    joins(49, USED, drills::death_on_the_way_back);
}

#[test]
fn a_join_whose_step_failed_gets_back_though_it_dies_at_each_record() {
    joins(60, USED, drills::each_way_back_dies_at_each_record);
}

#[test]
fn a_join_whose_rollback_died_after_any_record_is_rolled_back_by_the_next() {
    joins(61, USED, drills::a_second_rollback_ends_the_first);
}

#[test]
fn a_join_whose_rollback_dies_at_each_record_gets_back() {
    join(62, drills::a_rollback_dies_at_each_record);
}

#[test]
fn a_join_that_died_while_its_records_went_leaves_the_machine_as_it_was_before() {
    join(63, drills::death_at_the_very_end);
}

#[test]
fn a_rollback_keeps_and_lists_what_somebody_put_there_since() {
    let theirs = [
        "run/eos/theirs",
        "var/lib/eos/cluster/states/roles/theirs.sls",
        "var/lib/eos/log/theirs.log",
        "var/lib/eos/master/theirs.bak",
    ];
    let machine = Machine::empty("127.0.66.1", "node1");
    let before = machine.tree();
    machine.found();
    for path in theirs {
        machine.put(path, "mine\n", 0o604);
    }
    let run = machine.eos(&["rollback", "--output", "json"]).ends_with(0);
    let kept = run.verdict()["result"]["kept"].clone();
    let now = machine.tree();
    for path in theirs {
        assert!(kept.as_array().unwrap().iter().any(|kept| kept == path), "{path} is not in {kept}");
        assert_eq!(std::fs::read_to_string(machine.path(path)).unwrap(), "mine\n");
    }
    let added = before.difference(&now).into_iter().filter(|line| line.starts_with("added file: "));
    let wanted: Vec<String> = theirs.iter().map(|path| format!("added file: {path}")).collect();
    assert_eq!(added.collect::<Vec<_>>(), wanted, "nothing of eos's stays");
    assert_eq!(machine.processes(), Vec::<i32>::new());
    let mut again = machine.first_node();
    // What was kept lies where a member's keys and data would be.
    again.extend(["--skip-check", "previous-state"]);
    machine.eos(&again).ends_with(0);
    machine.eos(&["rollback"]).ends_with(0);
    assert_same(&now, &machine.tree(), "a bootstrap beside what was kept, rolled back");
}

#[test]
fn undoing_what_nobody_did_changes_nothing() {
    let master = Machine::empty("127.0.64.1", "master");
    master.found();
    let (first, second) = (Machine::empty("127.0.64.2", "node1"), Machine::empty("127.0.64.3", "joiner"));
    for trial in [Trial::first_node(&first), Trial::join(&second, &master)] {
        let before = trial.machine.tree();
        trial.undo_each_twice().unwrap();
        assert_same(&before, &trial.machine.tree(), "each undo, twice");
    }
    assert_eq!(Trial::join(&second, &master).names_at_master(), ["master"]);
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
