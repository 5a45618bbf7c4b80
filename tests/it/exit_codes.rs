//! One run of the real binary for each exit status, with what a person then reads.

use crate::support::waiting::{Stream, Waiting};
use crate::support::{Machine, Run, assert_same, in_the_foreground};
use eos::host::clock;
use eos::journal::lock::OperationLock;
use rustix::process::Signal;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
    let run = machine.eos(&["bootstrap", "--auto-discover", "--expect=3"]).ends_with(2);
    explained(&run, "U022", &["--expect needs a token", "token generate", "--expect=3"]);
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
    // Whoever is reached at loopback alone looks for nobody elsewhere.
    let run =
        machine.eos(&["bootstrap", "--auto-discover", "--advertise-address", "127.0.51.6"]).ends_with(4);
    explained(&run, "D001", &["the interface lo lacks the multicast flag", "--join-cluster"]);
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

/// The states of the nodes that the master knows besides itself.
fn others(master: &Machine) -> Vec<String> {
    let nodes = master.status()["nodes"].as_array().unwrap().clone();
    let others = nodes.iter().filter(|node| node["name"] != master.name.as_str());
    others.map(|node| format!("{} {}", node["name"], node["state"])).collect()
}

#[test]
fn status_130_a_termination_and_a_hang_up_undo_everything_as_an_interrupt_does() {
    let master = Machine::empty("127.0.51.18", "master");
    master.found();
    let machine = Machine::used("127.0.51.19", "node2");
    let before = machine.tree();
    let waiting = || {
        let mut command = in_the_foreground(&machine.command(&machine.join(&master)));
        command.args(["--output", "json"]);
        Waiting::until(&mut command, Stream::Output, "eos node accept node2")
    };
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let waiting = waiting();
        assert_eq!(others(&master), ["\"node2\" \"pending\""], "{signal:?}");
        let run = waiting.signalled(signal).ends_with(130);
        let verdict = run.verdict();
        assert_eq!(verdict["result"]["error"]["code"], "EOS-J032", "{signal:?}: {verdict}");
        assert_same(&before, &machine.tree(), "it was asked to end");
        assert_eq!(others(&master), Vec::<String>::new(), "the master was told: {signal:?}");
    }
    // Both come twice when `timeout` or a terminal sends them.
    for signal in [Signal::TERM, Signal::HUP] {
        let run = waiting().signalled_twice(signal).ends_with(130);
        assert_eq!(run.verdict()["result"]["error"]["code"], "EOS-J032", "{signal:?} twice");
        assert_same(&before, &machine.tree(), "it was asked to end twice");
    }
}

#[test]
fn a_hang_up_ends_nothing_that_was_started_to_outlive_its_terminal() {
    let master = Machine::empty("127.0.51.20", "master");
    master.found();
    let machine = Machine::empty("127.0.51.21", "node2");
    let joining = machine.command(&machine.join(&master));
    let mut command = Command::new("nohup");
    command.arg(joining.get_program()).args(joining.get_args()).env_remove("EOS_TOKEN").stdin(Stdio::null());
    let waiting = Waiting::until(&mut command, Stream::Error, "eos node accept node2");
    waiting.signal(Signal::HUP);
    master.eos(&["node", "accept", "node2"]).ends_with(0);
    let run = waiting.finished().ends_with(0);
    assert!(run.stdout.contains("node2 is a member of cluster"), "{}", run.stdout);
}

/// Something that accepts connections and never says a word.
fn mute(address: &str) -> TcpListener {
    TcpListener::bind((address, 4507)).unwrap()
}

#[test]
fn the_whole_command_ends_with_its_timeout_also_when_the_master_accepts_and_never_answers() {
    let nobody = Machine::empty("127.0.51.22", "nobody");
    let _listener = mute("127.0.51.22");
    let machine = Machine::used("127.0.51.23", "node2");
    let before = machine.tree();
    for command in ["bootstrap", "preflight"] {
        let mut arguments = machine.join(&nobody);
        arguments[0] = command;
        arguments.extend(["--timeout", "3s"]);
        let began = Instant::now();
        let run = machine.eos(&arguments);
        let took = began.elapsed();
        assert!(took <= Duration::from_secs(4), "{command} took {took:?}: {run:?}");
        if command == "bootstrap" {
            explained(&run.ends_with(4), "J020", &["127.0.51.22:4507"]);
        }
        assert_same(&before, &machine.tree(), "nobody answered");
    }
}

#[test]
fn an_attempt_that_nobody_answers_is_told_with_the_time_that_it_took() {
    let nobody = Machine::empty("127.0.51.24", "nobody");
    let _listener = mute("127.0.51.24");
    let machine = Machine::empty("127.0.51.25", "node2");
    let mut arguments = machine.join(&nobody);
    arguments.extend(["--timeout", "2s"]);
    let run = machine.eos(&arguments).ends_with(4);
    let told =
        run.stderr.split("within ").nth(1).and_then(|rest| rest.split(" s").next()).unwrap().to_owned();
    let seconds: f64 = told.parse().unwrap();
    assert!((0.1..=2.1).contains(&seconds), "{told} s: {}", run.stderr);
}

#[test]
fn status_6_a_panic_in_a_step_leaves_a_journal_that_the_next_run_completes() {
    let machine = Machine::used("127.0.51.26", "node1");
    let token = machine.eos(&["token", "generate"]).ends_with(0).stdout.trim().to_owned();
    let mut line = machine.first_node();
    line.extend(["--output", "json"]);
    let mut command = machine.command(&line);
    let run = command.env("EOS_TEST_PANIC", "write-configuration").env("EOS_TOKEN", &token);
    let run = Run::from(run.output().unwrap()).ends_with(6);
    let error = run.verdict()["result"]["error"].clone();
    assert_eq!((&error["code"], &error["exit"]), (&"EOS-U001".into(), &6.into()), "{error}");
    for hint in [" status", " bootstrap", " rollback"] {
        assert!(error["hints"].to_string().contains(hint), "no {hint:?} in {error}");
    }
    assert!(run.stderr.contains("panicked") && run.stderr.contains("(token)"), "{}", run.stderr);
    let secret = token.split('.').nth(3).unwrap();
    assert!(!run.stderr.contains(secret) && !run.stdout.contains(secret), "the token is told");

    machine.eos(&machine.first_node()).ends_with(0);
    assert_eq!(machine.status()["nodes"][0]["state"], "active");
}

#[test]
fn status_1_a_panic_outside_of_a_step_has_left_nothing() {
    let machine = Machine::empty("127.0.51.27", "node1");
    let mut command = machine.command(&["preflight", "--output", "json"]);
    let run = Run::from(command.env("EOS_TEST_PANIC", "preflight").output().unwrap()).ends_with(1);
    assert_eq!(run.verdict()["result"]["error"]["code"], "EOS-U001");
}

#[test]
fn a_failed_check_is_passed_over_by_its_name_and_the_report_stands_in_the_verdict() {
    let machine = Machine::empty("127.0.51.28", "node1");
    let few_files = |arguments: &[&str]| {
        let eos = machine.command(arguments);
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 512; exec \"$@\"", "sh"]).arg(eos.get_program()).args(eos.get_args());
        Run::from(command.output().unwrap())
    };
    for command in ["preflight", "bootstrap"] {
        let mut line = machine.first_node();
        line[0] = command;
        line.extend(["--output", "json"]);
        let verdict = few_files(&line).ends_with(3).verdict();
        let result = &verdict["result"];
        assert_eq!(result["error"]["code"], "EOS-P020", "{verdict}");
        let results = result["results"].as_array().unwrap();
        assert_eq!(results.len(), eos::preflight::CHECKS.len(), "{verdict}");
        let failed: Vec<_> = results.iter().filter(|result| result["verdict"] == "failed").collect();
        assert_eq!(failed.len(), 1, "{verdict}");
        assert_eq!(failed[0]["name"], "file-descriptors");
        assert_eq!(failed[0]["measured"], "limit 512, 1024 needed");
        assert_eq!(failed[0]["skip_flag"], "--skip-check file-descriptors");
        assert!(failed[0]["fix"].as_str().unwrap().contains("ulimit"), "{verdict}");
    }
    let mut line = machine.first_node();
    line.extend(["--skip-check", "file-descriptors"]);
    let run = few_files(&line).ends_with(0);
    let told = "warning: file-descriptors: failed and skipped: limit 512, 1024 needed; what helps: ";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert_eq!(machine.status()["nodes"][0]["state"], "active");
}

/// What the kernel allows a process to leave of itself when it crashes.
fn core_size(pid: impl std::fmt::Display) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn no_process_of_eos_leaves_a_core_file() {
    let master = Machine::empty("127.0.51.29", "master");
    master.found();
    let running = master.processes();
    assert!(running.len() >= 3, "{running:?}");
    for pid in running {
        assert_eq!(core_size(pid), "0 0 bytes", "process {pid}");
    }
    let machine = Machine::empty("127.0.51.30", "node2");
    let mut command = machine.command(&machine.join(&master));
    let waiting = Waiting::until(&mut command, Stream::Error, "eos node accept node2");
    assert_eq!(core_size(waiting.pid()), "0 0 bytes");
    waiting.interrupted().ends_with(130);
}
