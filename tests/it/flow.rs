//! What a bootstrap asks before it begins, how it is taken up again, and whether its hints hold.

use crate::support::waiting::{Stream, Waiting};
use crate::support::{Machine, Run, assert_same, eventually};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

/// Runs the command after the colon of the hint that has these words, as a person types it.
#[track_caller]
fn typed(run: &Run, words: &str) -> Command {
    let hint = run.stderr.lines().find(|line| line.starts_with("hint: ") && line.contains(words));
    let hint = hint.unwrap_or_else(|| panic!("no hint with {words:?} in:\n{}", run.stderr));
    let command = &hint[hint.find("eos ").unwrap()..];
    let mut shell = Command::new("sh");
    let eos = format!("eos() {{ \"{}\" \"$@\"; }}; {command}", crate::support::EOS);
    shell.args(["-c", &eos]).env_remove("EOS_TOKEN");
    shell
}

fn status_node(master: &Machine, name: &str) -> Option<Value> {
    let status = master.status();
    status["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).cloned()
}

fn cluster(machine: &Machine) -> String {
    machine.status()["cluster"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_join_of_a_cluster_by_its_id_joins_no_other() {
    let master = Machine::empty("127.0.73.1", "master");
    master.found();
    let token = master.token();
    let machine = Machine::used("127.0.73.2", "node2");
    let before = machine.tree();
    let mut arguments = machine.join(&master);
    arguments.extend(["--cluster-id", "bogus"]);
    let mut command = machine.command(&arguments);
    let run = Run::from(command.env("EOS_TOKEN", &token).output().unwrap()).ends_with(7);
    for text in ["EOS-J040", "bogus", &cluster(&master)] {
        assert!(run.stderr.contains(text), "{text} is not in {}", run.stderr);
    }
    assert_same(&before, &machine.tree(), "another cluster was named");

    let text = "cluster:\n  id: prod-cluster-001\n";
    machine.put("etc/eos/cluster.yaml", text, 0o644);
    let mut command = machine.command(&machine.join(&master));
    let run = Run::from(command.env("EOS_TOKEN", &token).output().unwrap()).ends_with(7);
    assert!(run.stderr.contains("prod-cluster-001"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(machine.path("etc/eos/cluster.yaml")).unwrap(), text);
    assert_eq!(status_node(&master, "node2"), None);
}

#[test]
fn a_hint_typed_as_it_stands_joins_the_cluster_that_was_meant() {
    let master = Machine::empty("127.0.73.3", "master");
    master.found();
    let made = master.eos(&["token", "create", "--role", "core", "--output", "json"]).ends_with(0);
    let machine = Machine::used("127.0.73.4", "node2");
    let mut arguments = machine.join(&master);
    arguments.extend(["--preferred-role", "data"]);
    let mut command = machine.command(&arguments);
    let token = made.verdict()["result"]["token"].as_str().unwrap().to_owned();
    let run = Run::from(command.env("EOS_TOKEN", &token).output().unwrap()).ends_with(5);
    assert!(run.stderr.contains("EOS-J006"), "{}", run.stderr);
    assert!(!run.stderr.contains(&token), "the token is not told");
    Run::from(typed(&run, "--preferred-role").env("EOS_TOKEN", &token).output().unwrap()).ends_with(0);
    assert_eq!(cluster(&machine), cluster(&master));
}

#[test]
fn a_plain_bootstrap_says_that_it_founds_a_cluster() {
    let machine = Machine::empty("127.0.73.5", "node1");
    let arguments = ["bootstrap", "--advertise-address", "127.0.73.5", "--node-name", "node1"];
    let run = machine.eos(&arguments).ends_with(0);
    assert!(
        run.stderr
            .contains("no cluster was named, and none could be looked for: no interface carries multicast"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_join_that_is_given_up_leaves_nothing_with_the_master_and_says_how_to_do_it() {
    let master = Machine::empty("127.0.73.6", "master");
    master.found();
    let machine = Machine::used("127.0.73.7", "node2");
    let before = machine.tree();
    let mut arguments = machine.join(&master);
    arguments.extend(["--timeout", "3s"]);
    let run = machine.eos(&arguments).ends_with(4);
    assert!(run.stderr.contains("run it again, and accept it while it waits"), "{}", run.stderr);
    assert_same(&before, &machine.tree(), "nobody accepted it");
    assert_eq!(status_node(&master, "node2"), None, "the registration is withdrawn");

    let mut command = machine.command(&machine.join(&master));
    Waiting::until(&mut command, Stream::Error, "eos node accept node2").interrupted().ends_with(130);
    assert_eq!(status_node(&master, "node2"), None, "the registration is withdrawn");
}

#[test]
fn a_member_that_was_removed_or_forgotten_is_told_so() {
    let master = Machine::empty("127.0.73.8", "master");
    master.found();
    let machine = Machine::empty("127.0.73.9", "node2");
    let join = machine.join(&master);
    let mut command = machine.command(&join);
    Run::from(command.env("EOS_TOKEN", master.token()).output().unwrap()).ends_with(0);
    machine.eos(&["bootstrap"]).ends_with(0);
    let planned = machine.eos(&["bootstrap", "--dry-run"]).ends_with(0);
    assert!(planned.stdout.starts_with("no change: "), "{}", planned.stdout);
    let planned = master.eos(&["bootstrap", "--dry-run"]).ends_with(0);
    assert!(planned.stdout.starts_with("no change: "), "{}", planned.stdout);

    master.eos(&["node", "remove", "node2"]).ends_with(0);
    let run = machine.eos(&["bootstrap"]).ends_with(5);
    let address = format!("--join-cluster={}", master.address);
    for text in ["EOS-J010", " reset && eos --root ", &address] {
        assert!(run.stderr.contains(text), "{text} is not in {}", run.stderr);
    }
    master.eos(&["reset"]).ends_with(0);
    let run = machine.eos(&["bootstrap"]).ends_with(0);
    assert!(run.stdout.starts_with("no change: "), "{}", run.stdout);
    assert!(run.stderr.contains("did not say whether node2 still is a member"), "{}", run.stderr);
}

#[test]
fn a_member_that_the_master_does_not_know_joins_again_as_the_hint_says() {
    let master = Machine::empty("127.0.73.16", "master");
    master.found();
    let machine = Machine::empty("127.0.73.17", "node2");
    let join = |machine: &Machine| {
        let mut command = machine.command(&machine.join(&master));
        Run::from(command.env("EOS_TOKEN", master.token()).output().unwrap()).ends_with(0);
    };
    join(&machine);
    let (kept, state) = (tempfile::tempdir().unwrap(), machine.path("var/lib/eos"));
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    copy(&state, kept.path());
    machine.eos(&["reset"]).ends_with(0);
    std::fs::create_dir_all(machine.path("var/lib")).unwrap();
    copy(&kept.path().join("eos"), &machine.path("var/lib"));

    let run = machine.eos(&["bootstrap"]).ends_with(5);
    for text in ["EOS-J041", "node2", "--join-cluster=127.0.73.16:4507"] {
        assert!(run.stderr.contains(text), "{text} is not in {}", run.stderr);
    }
    for command in [&["node", "list"][..], &["node", "show", "node2"], &["role", "plan"]] {
        let run = machine.eos(command).ends_with(5);
        assert!(run.stderr.contains("EOS-J041"), "{command:?}: {}", run.stderr);
    }
    let seen = machine.eos(&["status"]).ends_with(0).stdout;
    assert!(seen.contains("does not know this node, node2") && seen.contains("[EOS-J041]"), "{seen}");
    assert!(seen.contains(" reset && eos --root "), "{seen}");
}

#[test]
fn what_a_variable_says_counts_when_a_killed_join_goes_on() {
    let master = Machine::empty("127.0.73.19", "master");
    master.found();
    let machine = Machine::empty("127.0.73.20", "j8");
    Waiting::until(&mut machine.command(&machine.join(&master)), Stream::Error, "eos node accept j8")
        .killed();
    let mut command = machine.command(&["bootstrap"]);
    command.env("EOS_NODE_NAME", "other").env("EOS_NODE_PREFERRED_ROLE", "data");
    Run::from(command.env("EOS_TOKEN", master.token()).output().unwrap()).ends_with(0);
    let node = status_node(&master, "other").expect("it joined under the name that the variable says");
    assert_eq!((node["address"].as_str(), node["preferred"].as_str()), (Some("127.0.73.20"), Some("data")));
}

#[test]
fn settings_that_only_the_master_reads_are_told_on_a_member_and_the_log_says_who_did_what() {
    let master = Machine::empty("127.0.73.21", "master");
    master.found();
    let machine = Machine::empty("127.0.73.22", "node2");
    machine.put("etc/eos/cluster.yaml", "storage:\n  interval_seconds: 77\n", 0o644);
    let mut command = machine.command(&machine.join(&master));
    let run = Run::from(command.env("EOS_TOKEN", master.token()).output().unwrap()).ends_with(0);
    let told = "storage: on this node has no effect; set it in the master's cluster.yaml";
    assert!(run.stderr.contains(&format!("warning: {told}")), "{}", run.stderr);
    let valid = machine.eos(&["config", "validate"]).ends_with(0).stdout;
    assert!(valid.contains(&format!("the configuration is valid\nwarning: {told}")), "{valid}");
    assert_eq!(valid.lines().count(), 2, "what eos wrote itself is no reason to warn: {valid}");
    assert_eq!(master.eos(&["config", "validate"]).ends_with(0).stdout, "the configuration is valid\n");

    // What the confirmation brings about is told after it, as soon as it has happened.
    let told = |word: &str| master.eos(&["audit", "list"]).ends_with(0).stdout.contains(word);
    assert!(eventually(Duration::from_secs(30), || told(" orchestrated ")));
    let listed = master.eos(&["audit", "list", "--count", "3"]).ends_with(0).stdout;
    let rows: Vec<&str> = listed.lines().collect();
    assert!(rows[0].starts_with("TIME ") && rows.len() == 4, "{listed}");
    for (row, action) in rows[1..].iter().zip([" confirm ", " orchestrate ", " orchestrated "]) {
        assert!(row.contains(action), "{listed}");
    }
    let verdict = master.eos(&["audit", "list", "--output", "json"]).ends_with(0).verdict();
    assert_eq!(verdict["command"], "audit list");
    assert_eq!(verdict["result"]["lines"].as_array().unwrap().last().unwrap()["action"], "orchestrated");
    assert!(machine.eos(&["audit", "list"]).ends_with(5).stderr.contains("EOS-U006"));
}

#[test]
fn a_join_that_was_killed_with_its_membership_has_the_status_of_one_that_was_killed_before() {
    let master = Machine::empty("127.0.73.17", "master");
    master.found();
    let machine = Machine::empty("127.0.73.18", "j7");
    let mut command = machine.command(&machine.join(&master));
    command.env("EOS_TOKEN", master.token());
    Waiting::until(&mut command, Stream::Error, "[5/12]").killed();
    assert!(machine.path("var/lib/eos/membership.json").exists());
    let verdict = machine.eos(&["status", "--output", "json"]).ends_with(7).verdict();
    assert_eq!(verdict["outcome"], "unfinished");
    assert_eq!(verdict["result"]["unfinished"]["operation"], "0001-bootstrap");
    let seen = machine.eos(&["status"]).ends_with(7).stdout;
    assert!(
        seen.starts_with("bootstrap 0001-bootstrap is unfinished") && seen.contains("this node  j7"),
        "{seen}"
    );
}

#[test]
fn a_killed_join_is_seen_and_goes_on_as_what_it_was() {
    let master = Machine::empty("127.0.73.10", "master");
    master.found();
    let machine = Machine::empty("127.0.73.11", "j6");
    let mut arguments = machine.join(&master);
    arguments.extend(["--preferred-role", "core"]);
    Waiting::until(&mut machine.command(&arguments), Stream::Error, "eos node accept j6").killed();

    let seen = machine.eos(&["status"]).ends_with(7);
    let root = machine.path("");
    let here =
        |command: &str| format!("eos --root {} {command}", root.display().to_string().trim_end_matches('/'));
    let (resume, undo) = (here("bootstrap"), here("rollback"));
    for text in ["0001-bootstrap is unfinished", "stage register", &resume, &undo, "begun 20"] {
        assert!(seen.stdout.contains(text), "{text} is not in {}", seen.stdout);
    }
    let verdict = machine.eos(&["status", "--output", "json"]).ends_with(7).verdict();
    assert_eq!(verdict["result"]["unfinished"]["operation"], "0001-bootstrap");
    assert_eq!(verdict["result"]["unfinished"]["stage"], "register");
    assert_eq!(verdict["result"]["unfinished"]["resume"], resume);
    assert_eq!(verdict["result"]["unfinished"]["undo"], undo);

    let planned = machine.eos(&["bootstrap", "--dry-run", "--output", "json"]).ends_with(0).verdict();
    let steps: Vec<&str> =
        planned["result"]["steps"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(steps[0], "register", "{steps:?}");

    let mut command = machine.command(&["bootstrap"]);
    Run::from(command.env("EOS_TOKEN", master.token()).output().unwrap()).ends_with(0);
    let node = status_node(&master, "j6").expect("it joined under its name");
    assert_eq!((node["address"].as_str(), node["preferred"].as_str()), (Some("127.0.73.11"), Some("core")));
}

#[test]
fn preflight_of_a_join_asks_the_master_all_that_bootstrap_asks() {
    let master = Machine::empty("127.0.73.12", "master");
    master.found();
    let machine = Machine::empty("127.0.73.13", "master");
    let before = machine.tree();
    let mut join = machine.join(&master);
    join[0] = "preflight";
    join.extend(["--output", "json"]);
    let mut command = machine.command(&join);
    let unknown = machine.eos(&["token", "generate"]).stdout.trim().to_owned();
    let run = Run::from(command.env("EOS_TOKEN", &unknown).output().unwrap()).ends_with(3);
    let error = run.verdict()["result"]["error"].to_string();
    for text in
        ["hostname-unique", "--skip-check hostname-unique", "token-shape", "is not valid for this cluster"]
    {
        assert!(error.contains(text), "{text} is not in {error}");
    }

    join[6] = "node2";
    let mut command = machine.command(&join);
    let run = Run::from(command.env("EOS_TOKEN", master.token()).output().unwrap()).ends_with(0);
    let verdict = run.verdict();
    let results = verdict["result"]["results"].as_array().unwrap();
    // Whether something keeps the clock right is the host's own affair.
    let asked = results.iter().filter(|result| result["name"] != "time-synced");
    let unmeasured: Vec<&Value> = asked.filter(|result| result["verdict"] == "not-measured").collect();
    assert!(unmeasured.is_empty(), "{unmeasured:?}");
    assert_eq!(status_node(&master, "node2"), None, "nothing was entered");
    assert_same(&before, &machine.tree(), "preflight changes nothing");
}

#[test]
fn a_time_of_nothing_is_no_time_and_a_short_one_holds() {
    let machine = Machine::empty("127.0.73.14", "node1");
    let mut arguments = machine.first_node();
    arguments.extend(["--timeout", "0s"]);
    let run = machine.eos(&arguments).ends_with(2);
    assert!(run.stderr.contains("above 0"), "{}", run.stderr);
    *arguments.last_mut().unwrap() = "18446744073709551615h";
    machine.eos(&arguments).ends_with(2);
}

#[test]
fn an_operation_that_has_not_said_yet_who_it_is_is_waited_for() {
    let machine = Machine::used("127.0.74.4", "first");
    // Between taking the lock and writing into it.
    machine.put("var/lib/eos/operation.lock", "", 0o644);
    let held = std::fs::File::open(machine.path("var/lib/eos/operation.lock")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let waiting = Waiting::until(
        &mut machine.command(&machine.first_node()),
        Stream::Error,
        "eos, which has only just begun",
    );
    drop(held);
    waiting.finished().ends_with(0);
}
