//! A bootstrap that cloud-init runs: what it leaves for others to wait for, and its exit status.

use crate::support::{Machine, assert_same};
use eos::model::bootstrap_status::{BootstrapStatus, State};
use std::fs;

fn status(machine: &Machine) -> Option<BootstrapStatus> {
    let bytes = fs::read(machine.path("run/eos/status.json")).ok()?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

#[test]
fn the_file_says_what_the_machine_became_also_when_it_is_run_again_and_goes_with_a_reset() {
    let machine = Machine::used("127.0.74.1", "first");
    let mut line = machine.first_node();
    line.push("--cloud-init");
    machine.eos(&line).ends_with(0);
    let first = status(&machine).unwrap();
    let node = first.node.clone().unwrap();
    assert_eq!((first.state, node.name.as_str(), node.role.as_str()), (State::Ready, "first", "monolith"));
    assert_eq!(node.cluster, machine.status()["cluster"]["id"].as_str().unwrap());
    let text = fs::read_to_string(machine.path("run/eos/status.json")).unwrap();
    assert!(!text.contains("eos1."), "the token is nobody's: {text}");

    // As a machine with a new instance-id does at its next boot.
    let again = machine.eos(&line).ends_with(0);
    assert!(again.stdout.starts_with("no change: "), "{}", again.stdout);
    let second = status(&machine).unwrap();
    assert!(second.began > first.began && second.node == first.node, "{second:?}");

    machine.eos(&["reset", "--verify"]).ends_with(0);
    assert_eq!(status(&machine), None);
}

#[test]
fn a_failure_has_the_statuses_of_cloud_init_and_the_file_its_cause() {
    let machine = Machine::used("127.0.74.2", "node2");
    let before = machine.tree();
    // Nobody is there: nothing changed, and later it may succeed.
    let line = ["bootstrap", "--join-cluster=127.0.74.9", "--advertise-address=127.0.74.2", "--cloud-init"];
    let waiting = [&line[..], &["--timeout=1s"]].concat();
    let run = machine.eos(&[&waiting[..], &["--output", "json"]].concat()).ends_with(2);
    assert_eq!(run.verdict()["result"]["error"]["exit"], 2);
    let failed = status(&machine).unwrap();
    let error = failed.error.unwrap();
    assert_eq!((failed.state, failed.exit, failed.node), (State::Failed, 4, None));
    assert_eq!(run.verdict()["result"]["error"]["code"], error.code);
    assert!(!error.hints.is_empty());
    fs::remove_file(machine.path("run/eos/status.json")).unwrap();
    assert_same(&before, &machine.tree(), "nothing else is left of it");

    // A wrong option needs a person.
    machine.eos(&[&line[..], &["--node-name=not a name"]].concat()).ends_with(1);
    assert_eq!(status(&machine).unwrap().exit, 2);
}

#[test]
fn a_run_that_finds_another_one_leaves_its_file_alone() {
    let machine = Machine::used("127.0.74.3", "first");
    let mut line = machine.first_node();
    line.push("--cloud-init");
    machine.eos(&line).ends_with(0);
    let ready = status(&machine);
    let root = machine.root();
    let held = eos::journal::lock::OperationLock::acquire(&root, "a test", jiff::Timestamp::now()).unwrap();
    line.push("--timeout=1s");
    machine.eos(&line).ends_with(1);
    drop(held);
    assert_eq!(status(&machine), ready);
}
