//! `--output json`: every command, in success and in failure, ends with one verdict object.

use crate::support::waiting::{Stream, Waiting};
use crate::support::{Machine, Run, package};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Read;
use std::process::Stdio;

/// Every command with arguments for a member that is the master's host, and its exit status there.
/// `MACHINE` and `TOKEN` stand for the machine's name and the id of a token.
const COMMANDS: &[(&str, &str, i32)] = &[
    ("agent", "agent", 1),
    ("audit-verify", "audit verify", 0),
    ("bootstrap", "bootstrap --single-node", 0),
    ("checkpoint-list", "checkpoint list", 0),
    ("checkpoint-show", "checkpoint show 0001-bootstrap", 0),
    ("completions", "completions fish", 0),
    ("config-show", "config show --origin", 0),
    ("audit-list", "audit list", 0),
    ("config-validate", "config validate", 0),
    ("cloud-init-render", "cloud-init render --single-node", 0),
    ("discover", "discover", 4),
    ("explain", "explain EOS-G010", 0),
    ("identity-keep", "identity keep", 0),
    ("identity-new", "identity new", 7),
    ("identity-show", "identity show", 0),
    ("man", "man /proc/none", 2),
    ("master", "master", 1),
    ("node-accept", "node accept nobody", 2),
    ("node-list", "node list", 0),
    ("node-reject", "node reject nobody", 2),
    ("node-remove", "node remove nobody", 2),
    ("node-show", "node show MACHINE", 0),
    ("preflight", "preflight", 0),
    ("role-plan", "role plan", 0),
    ("role-set", "role set MACHINE core", 0),
    ("snapshot-create", "snapshot create", 2),
    ("snapshot-export", "snapshot export nosuchid /nope/a", 1),
    ("snapshot-list", "snapshot list", 0),
    ("snapshot-pack", "snapshot pack /nope -o /nope/a.tar.zst", 1),
    ("snapshot-prune", "snapshot prune --keep 1 --dry-run", 0),
    ("snapshot-pull", "snapshot pull cluster --from nobody", 2),
    ("snapshot-recover", "snapshot recover", 0),
    ("snapshot-restore", "snapshot restore nosuchid", 2),
    ("snapshot-show", "snapshot show nosuchid", 1),
    ("snapshot-unpack", "snapshot unpack /nope --into /a", 1),
    ("snapshot-verify", "snapshot verify", 0),
    ("state-carry-out", "state carry-out", 0),
    ("state-apply", "state apply --test", 0),
    ("state-orchestration", "state orchestration", 0),
    ("state-show", "state show", 0),
    ("status", "status", 0),
    ("storage-accept-clock", "storage accept-clock", 0),
    ("storage-cleanup", "storage cleanup --level warning --dry-run", 0),
    ("storage-status", "storage status", 0),
    ("token-create", "token create --uses 1", 0),
    ("token-generate", "token generate", 0),
    ("token-list", "token list", 0),
    ("token-revoke", "token revoke TOKEN", 0),
    ("rollback", "rollback --to 0009-nothing", 2),
    ("reset", "reset --verify", 0),
];

/// The commands that have a manual page and no commands below them.
fn documented() -> BTreeSet<String> {
    let entries = std::fs::read_dir(package("docs/man")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> =
        names.filter_map(|name| Some(name.strip_prefix("eos-")?.strip_suffix(".1")?.to_owned())).collect();
    let group = |name: &String| names.iter().any(|other| other.starts_with(&format!("{name}-")));
    names.iter().filter(|name| !group(name)).cloned().collect()
}

fn arguments<'a>(line: &'a str, machine: &'a Machine, token: &'a str) -> Vec<&'a str> {
    let word = |word| match word {
        "MACHINE" => machine.name.as_str(),
        "TOKEN" => token,
        word => word,
    };
    line.split(' ').map(word).chain(["--output", "json"]).collect()
}

#[track_caller]
fn check(run: &Run, name: &str) -> Value {
    let verdict = run.verdict();
    assert_eq!(verdict["schema"], 1, "{verdict}");
    let command = verdict["command"].as_str().map(|command| command.replace(' ', "-"));
    assert_eq!(command, Some(name.replace(' ', "-")), "{verdict}");
    assert!(verdict["result"].is_object(), "{verdict}");
    if run.status != Some(0) {
        let error = &verdict["result"]["error"];
        assert_eq!(verdict["outcome"], "failed");
        assert_eq!(error["exit"], run.status.unwrap(), "{verdict}");
        assert!(error["code"].as_str().unwrap().starts_with("EOS-"), "{verdict}");
        assert!(!error["hints"].as_array().unwrap().is_empty(), "{verdict}");
    }
    verdict
}

#[test]
fn every_command_has_a_line_in_the_table() {
    // The monitor runs until it is told to end; that has a test of its own.
    let runs = ["storage-monitor"].into_iter();
    let listed: BTreeSet<String> =
        COMMANDS.iter().map(|(name, ..)| *name).chain(runs).map(str::to_owned).collect();
    assert_eq!(documented(), listed);
}

#[test]
fn every_command_ends_with_its_verdict_on_the_masters_host() {
    let machine = Machine::empty("127.0.53.1", "node1");
    machine.found();
    let id = machine.token().split('.').nth(2).unwrap().to_owned();
    for (name, line, status) in COMMANDS {
        let run = machine.eos(&arguments(line, &machine, &id));
        assert_eq!(run.status, Some(*status), "{line}: {run:?}");
        check(&run, name);
    }
}

#[test]
fn every_command_ends_with_its_verdict_on_a_machine_that_is_no_member() {
    let machine = Machine::empty("127.0.53.2", "node1");
    let others = COMMANDS.iter().filter(|(name, ..)| *name != "bootstrap");
    for (name, line, _) in others {
        // It is reached at loopback alone, so it looks for nobody on the networks of whoever runs the tests.
        let mut command = machine.command(&arguments(line, &machine, "0123456789ab"));
        let run = Run::from(command.env("EOS_NODE_ADVERTISE_ADDRESS", "127.0.53.2").output().unwrap());
        assert!(run.status.is_some(), "{line}: {run:?}");
        check(&run, name);
        assert_eq!(std::fs::read_dir(machine.path("")).unwrap().count(), 0, "{line} changed something");
    }
}

#[test]
fn a_wrong_command_line_is_told_as_json() {
    let machine = Machine::empty("127.0.53.3", "node1");
    for arguments in [
        &["--output", "json", "bootstrap", "--sinlge-node"][..],
        &["--output=json"],
        &["x", "--output", "json"],
        &["--output", "json", "storage", "cleanup"],
        &["--output", "json", "node"],
    ] {
        let run = machine.eos(arguments).ends_with(2);
        let error = &run.verdict()["result"]["error"];
        assert_eq!((&error["code"], &error["exit"]), (&"EOS-U002".into(), &2.into()), "{error}");
    }
    let told = |arguments: &[&str]| {
        let run = machine.eos(&[&["--output", "json"], arguments].concat()).ends_with(2);
        let error = &run.verdict()["result"]["error"];
        (error["message"].as_str().unwrap().to_owned(), error["hints"][0].as_str().unwrap().to_owned())
    };
    let (message, hint) = told(&["storage", "cleanup"]);
    assert_eq!(message, "the following required arguments were not provided: --level <LEVEL>");
    assert_eq!(hint, "see what can be said: eos storage cleanup --help");
    let (message, hint) = told(&["node"]);
    assert_eq!(message, "a command is missing: accept, list, reject, remove, show");
    assert_eq!(hint, "see what can be said: eos node --help");
}

#[test]
fn a_bootstrap_tells_every_step_and_a_token_as_json() {
    let machine = Machine::empty("127.0.53.4", "node1");
    let mut line = machine.first_node();
    line.extend(["--output", "json"]);
    let run = machine.eos(&line).ends_with(0);
    let result = &check(&run, "bootstrap")["result"];
    for key in
        ["cluster", "node", "role", "scale", "address", "master", "generation", "token", "join_command"]
    {
        assert!(!result[key].is_null(), "{key}: {result}");
    }
    let events = events(&run, &machine);
    for kind in ["step_started", "step_ended"] {
        let of_kind: Vec<&Value> = events.iter().filter(|event| event["event"] == kind).collect();
        let total = of_kind[0]["total"].as_u64().unwrap();
        assert!(total >= 10, "{total} steps");
        let numbers: Vec<u64> = of_kind.iter().map(|event| event["number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=total).collect::<Vec<_>>(), "{kind}");
        assert!(of_kind.iter().all(|event| event["total"] == total), "{kind}");
    }
    assert!(run.stdout.lines().all(|line| line.starts_with("{\"schema\":1,")), "{}", run.stdout);

    let created = machine.eos(&["token", "create", "--output", "json"]).ends_with(0);
    let token = check(&created, "token create")["result"]["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("eos1."), "{token}");

    let status = machine.status();
    let nodes = status["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1);
    let shown = ["name", "role", "scale", "state", "generation"].map(|key| nodes[0][key].clone());
    assert_eq!(
        shown,
        [Value::from("node1"), "monolith".into(), "single".into(), "active".into(), Value::from(1)]
    );
}

/// The events of a run, each with its schema and its time.
#[track_caller]
fn events(run: &Run, machine: &Machine) -> Vec<Value> {
    let mut lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.pop();
    for event in &lines {
        assert_eq!(event["schema"], 1, "{}: {event}", machine.name);
        assert!(event["time"].is_string() && event["event"].is_string(), "{}: {event}", machine.name);
    }
    lines
}

/// The names of what an event has.
fn keys(event: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_join_tells_its_transfer_and_its_waits_with_all_their_figures() {
    let master = Machine::empty("127.0.53.7", "master");
    master.found();
    let machine = Machine::empty("127.0.53.8", "node2");
    let mut command = machine.command(&machine.join(&master));
    command.args(["--output", "json"]);
    let waiting = Waiting::until(&mut command, Stream::Output, "eos node accept node2");
    master.eos(&["node", "accept", "node2"]).ends_with(0);
    let run = waiting.finished().ends_with(0);
    let events = events(&run, &machine);

    let wait = events.iter().find(|event| event["event"] == "waiting").unwrap();
    let wanted = ["cause", "deadline_ms", "elapsed_ms", "event", "next_retry_ms", "schema", "time"];
    assert_eq!(keys(wait), wanted, "{wait}");
    assert!(["deadline_ms", "elapsed_ms", "next_retry_ms"].iter().all(|key| wait[*key].is_u64()), "{wait}");
    assert!(wait["elapsed_ms"].as_u64() < wait["deadline_ms"].as_u64(), "{wait}");

    let moved: Vec<&Value> = events.iter().filter(|event| event["event"] == "transfer").collect();
    let wanted =
        ["done_bytes", "event", "files", "rate", "remaining_ms", "schema", "time", "total_bytes", "what"];
    // What comes from elsewhere says from whom, besides.
    let plain = |event: &&Value| keys(event).into_iter().filter(|key| *key != "sources").eq(wanted);
    assert!(moved.len() >= 2 && moved.iter().all(plain), "{moved:?}");
    assert!(moved[0]["sources"][0]["name"].is_string(), "{moved:?}");
    let (first, last) = (moved[0], moved[moved.len() - 1]);
    assert!(first["remaining_ms"].is_null() && first["rate"] == 0, "nothing has moved yet: {first}");
    assert_eq!(last["remaining_ms"], 0, "{last}");
    assert_eq!(last["done_bytes"], last["total_bytes"], "{last}");
    assert_eq!(last["files"]["done"], last["files"]["total"], "{last}");
}

#[test]
fn a_single_question_to_a_master_that_stands_still_is_told_while_it_lasts() {
    let machine = Machine::empty("127.0.53.9", "node1");
    machine.found();
    let pid: Value =
        serde_json::from_str(&std::fs::read_to_string(machine.path("run/eos/eos-master.pid")).unwrap())
            .unwrap();
    let pid = i32::try_from(pid["child"]["pid"].as_i64().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let mut command = machine.command(&["token", "list", "--output", "json"]);
    let waiting = Waiting::until(&mut command, Stream::Output, "\"event\":\"waiting\"");
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    let run = waiting.finished().ends_with(0);
    assert_eq!(run.verdict()["outcome"], "done");
    assert!(run.stdout.contains("to answer GET /v1/tokens"), "{}", run.stdout);
}

#[test]
fn what_runs_until_it_is_interrupted_ends_with_its_verdict() {
    let machine = Machine::empty("127.0.53.6", "node1");
    machine.found();
    let mut monitor = machine.command(&["storage", "monitor", "--output", "json"]);
    let run = Waiting::until(&mut monitor, Stream::Error, "watching storage").interrupted().ends_with(0);
    assert_eq!(check(&run, "storage monitor")["outcome"], "ended");

    let mut watch = machine.command(&["status", "--watch", "--output", "json"]);
    let run = Waiting::until(&mut watch, Stream::Output, "\n").interrupted().ends_with(130);
    let error = &check(&run, "status")["result"]["error"];
    assert_eq!(error["code"], "EOS-U013");
    let hint = error["hints"][0].as_str().unwrap();
    assert!(hint.starts_with("run the same command again: eos ") && hint.ends_with(" status"), "{hint}");
    let first: Value = serde_json::from_str(run.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((&first["schema"], first["health"].is_string()), (&1.into(), true), "{first}");
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let machine = Machine::empty("127.0.53.5", "node1");
    machine.found();
    for line in [&["status"][..], &["status", "--output", "json"], &["completions", "bash"], &["preflight"]] {
        let mut child = machine.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{line:?}: {said}");
        assert!(!said.contains("panicked"), "{line:?}: {said}");
    }
}
