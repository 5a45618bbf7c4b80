//! One run of the real binary for each exit status, with what a person then reads.

use crate::support::waiting::{Stream, Waiting};
use crate::support::{Machine, Run, assert_same};
use eos::host::clock;
use eos::journal::lock::OperationLock;
use std::net::TcpListener;

/// The text of a failure: its code, and hints that name a command.
#[track_caller]
fn explained(run: &Run, code: &str, texts: &[&str]) {
    let said = &run.stderr;
    assert!(said.contains(&format!("error[EOS-{code}]: ")), "no error[EOS-{code}] in:\n{said}");
    assert!(said.lines().any(|line| line.starts_with("hint: ")), "no hint in:\n{said}");
    for text in texts {
        assert!(said.contains(text), "no {text:?} in:\n{said}");
    }
    assert_eq!(run.stdout, "", "a failure has no result");
}

#[test]
fn status_0_done_and_no_change() {
    let machine = Machine::empty("127.0.51.1", "node1");
    let done = machine.eos(&machine.first_node()).ends_with(0);
    assert!(done.stdout.starts_with("node1 is the first node of cluster eos-"), "{}", done.stdout);
    let last = done.stdout.lines().last().unwrap();
    assert!(last.starts_with("eos bootstrap --join-cluster=127.0.51.1:4507 --token eos1."), "{last}");
    let again = machine.eos(&machine.first_node()).ends_with(0);
    assert!(again.stdout.starts_with("no change: node1 is already a member"), "{}", again.stdout);
}

#[test]
fn status_1_a_step_fails_and_everything_is_undone() {
    let machine = Machine::used("127.0.51.2", "node1");
    std::fs::remove_file(machine.path("etc/eos/storage-ops.yaml")).unwrap();
    std::fs::create_dir(machine.path("etc/eos/storage-ops.yaml")).unwrap();
    let before = machine.tree();
    let run = machine.eos(&machine.first_node()).ends_with(1);
    explained(&run, "S030", &["storage-ops.yaml", "step apply-states failed, and everything was undone"]);
    assert_same(&before, &machine.tree(), "the bootstrap failed");
    assert_eq!(machine.processes(), Vec::<i32>::new());
}

#[test]
fn status_2_the_command_line_is_wrong() {
    let machine = Machine::empty("127.0.51.3", "node1");
    let run = machine.eos(&["bootstrap", "--sinlge-node"]).ends_with(2);
    explained(&run, "U002", &["--sinlge-node", "--single-node", "Usage: eos bootstrap"]);
}

#[test]
fn status_2_the_configuration_is_wrong() {
    let machine = Machine::empty("127.0.51.4", "node1");
    machine.put("etc/eos/cluster.yaml", "cluster:\n  mastre: 10.0.1.10\n", 0o644);
    let before = machine.tree();
    let run = machine.eos(&machine.first_node()).ends_with(2);
    explained(&run, "C022", &["mastre", "master"]);
    assert_same(&before, &machine.tree(), "the configuration is wrong");
}

#[test]
fn status_3_a_preflight_check_fails_and_names_who_is_in_the_way() {
    let machine = Machine::used("127.0.51.5", "node1");
    let _listener = TcpListener::bind(("127.0.51.5", 4507)).unwrap();
    let before = machine.tree();
    let run = machine.eos(&machine.first_node()).ends_with(3);
    let me = std::process::id().to_string();
    explained(&run, "P020", &["4507", &me, "--skip-check"]);
    assert_same(&before, &machine.tree(), "preflight changes nothing");
}

#[test]
fn status_4_nobody_answers() {
    let machine = Machine::used("127.0.51.6", "node1");
    let before = machine.tree();
    let nobody = Machine::empty("127.0.51.7", "nobody");
    let mut arguments = machine.join(&nobody);
    arguments.extend(["--timeout", "2s"]);
    let run = machine.eos(&arguments).ends_with(4);
    explained(&run, "J021", &["127.0.51.7:4507"]);
    assert_same(&before, &machine.tree(), "nobody answered");
}

#[test]
fn status_5_a_token_of_another_cluster_and_one_that_nobody_knows_are_refused() {
    let master = Machine::empty("127.0.51.8", "master");
    master.found();
    let other = Machine::empty("127.0.51.9", "other");
    other.found();
    let machine = Machine::used("127.0.51.10", "node2");
    let before = machine.tree();
    let unknown = machine.eos(&["token", "generate"]).ends_with(0).stdout.trim().to_owned();
    for token in [other.token(), unknown] {
        let mut command = machine.command(&machine.join(&master));
        let run = Run::from(command.env("EOS_TOKEN", &token).output().unwrap()).ends_with(5);
        let code = run.stderr.split("error[EOS-").nth(1).unwrap()[..4].to_owned();
        explained(&run, &code, &["token"]);
        assert!(!run.stderr.contains(&token), "the token is not told");
        assert_same(&before, &machine.tree(), "it was refused");
    }
}

#[test]
fn status_6_what_cannot_be_undone_is_told_and_can_be_undone_later() {
    let master = Machine::empty("127.0.51.11", "master");
    master.found();
    let machine = Machine::used("127.0.51.12", "node2");
    let before = machine.tree();
    let mut command = machine.command(&machine.join(&master));
    let waiting = Waiting::until(&mut command, Stream::Error, "eos node accept node2");
    // What stood there before can no longer be known.
    let checkpoint = machine.path("var/lib/eos/checkpoints/0001-bootstrap/02-create-identity/entries.json");
    let original = std::fs::read(&checkpoint).unwrap();
    std::fs::write(&checkpoint, "damaged").unwrap();
    let run = waiting.interrupted().ends_with(6);
    explained(&run, "G022", &["create-identity", "or by hand: ", " rollback --to 0001-bootstrap"]);

    let run = machine.eos(&["rollback"]).ends_with(6);
    // All that a way back needs is looked at before anything changes.
    explained(&run, "G003", &["02-create-identity/entries.json is damaged"]);
    std::fs::write(&checkpoint, original).unwrap();
    machine.eos(&["rollback"]).ends_with(0);
    assert_same(&before, &machine.tree(), "undone in the end");
}

#[test]
fn status_7_a_member_of_another_cluster_and_an_operation_in_progress() {
    let machine = Machine::empty("127.0.51.13", "node1");
    machine.found();
    let other = Machine::empty("127.0.51.14", "other");
    other.found();
    let run = machine.eos(&machine.join(&other)).ends_with(7);
    explained(&run, "U005", &["127.0.51.14:4507", " reset"]);

    let idle = Machine::empty("127.0.51.15", "idle");
    let lock = OperationLock::acquire(&idle.root(), "something long", clock::timestamp()).unwrap();
    let run = idle.eos(&idle.first_node()).ends_with(7);
    explained(&run, "G010", &["something long", &std::process::id().to_string()]);
    drop(lock);
}

#[test]
fn status_130_an_interrupt_while_approval_is_awaited() {
    let master = Machine::empty("127.0.51.16", "master");
    master.found();
    let machine = Machine::used("127.0.51.17", "node2");
    let before = machine.tree();
    let mut command = machine.command(&machine.join(&master));
    let run =
        Waiting::until(&mut command, Stream::Error, "eos node accept node2").interrupted().ends_with(130);
    explained(&run, "J032", &["run the same command again", "everything was undone"]);
    assert_same(&before, &machine.tree(), "interrupted");

    let mut command = machine.command(&machine.join(&master));
    command.args(["--output", "json"]);
    let run =
        Waiting::until(&mut command, Stream::Output, "eos node accept node2").interrupted().ends_with(130);
    assert_eq!(run.verdict()["result"]["error"]["code"], "EOS-J032");
    assert_same(&before, &machine.tree(), "interrupted in JSON");
}
