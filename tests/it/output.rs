//! What the commands promise to people and programs: JSON that always parses, texts for pipes, runs
//! that may be repeated, and a way back that leaves nothing.

mod machine_readable;

use crate::support::{EOS, Machine, assert_same};
use eos::host::inventory::Inventory;
use std::fs;
use std::process::Command;

/// The tree without what the daemons write as they go.
fn settled(machine: &Machine) -> Inventory {
    let mut tree = machine.tree();
    let passing: Vec<String> = tree.nodes().keys().filter(|path| passes(path)).cloned().collect();
    passing.iter().for_each(|path| tree.remove(path));
    tree
}

fn passes(path: &str) -> bool {
    ["run/", "var/lib/eos/log/", "var/lib/eos/master/registry.db"].iter().any(|own| path.starts_with(own))
}

#[test]
fn the_version_is_one_line() {
    let output = Command::new(EOS).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "eos 0.1.0\n");
    assert!(output.status.success() && output.stderr.is_empty());
}

#[test]
fn a_member_that_bootstraps_again_changes_nothing() {
    let master = Machine::used("127.0.52.1", "node1");
    master.found();
    let member = Machine::used("127.0.52.2", "node2");
    let token = master.token();
    let join = |expected: i32| {
        let mut command = member.command(&member.join(&master));
        crate::support::Run::from(command.env("EOS_TOKEN", &token).output().unwrap()).ends_with(expected)
    };
    join(0);
    let before = settled(&member);
    let again = join(0);
    assert!(again.stdout.starts_with("no change: node2 is already a member"), "{}", again.stdout);
    assert_same(&before, &settled(&member), "bootstrapped again");

    let id = token.split('.').nth(2).unwrap();
    master.eos(&["token", "revoke", id]).ends_with(0);
    assert!(join(0).stdout.starts_with("no change: "), "a void token does not matter to a member");
    assert_same(&before, &settled(&member), "bootstrapped again with a void token");
}

#[test]
fn reset_leaves_an_empty_root_empty() {
    let machine = Machine::empty("127.0.52.3", "node1");
    let before = machine.tree();
    machine.found();
    let run = machine.eos(&["reset", "--verify", "--output", "json"]).ends_with(0);
    let result = &run.verdict()["result"];
    assert_eq!(result["difference"], serde_json::json!([]));
    assert_eq!(result["kept"], serde_json::json!([]));
    assert_same(&before, &machine.tree(), "reset");
    assert_eq!(fs::read_dir(machine.path("")).unwrap().count(), 0, "nothing at all");
    assert_eq!(machine.processes(), Vec::<i32>::new());
    let again = machine.eos(&["reset", "--verify"]).ends_with(0);
    assert!(again.stdout.contains("nothing") || again.stdout.contains("no change"), "{}", again.stdout);
    assert_same(&before, &machine.tree(), "reset again");
}

#[test]
fn reset_takes_a_member_out_of_its_cluster() {
    let master = Machine::empty("127.0.52.4", "node1");
    master.found();
    let member = Machine::used("127.0.52.5", "node2");
    let before = member.tree();
    let mut command = member.command(&member.join(&master));
    assert!(command.env("EOS_TOKEN", master.token()).output().unwrap().status.success());
    assert_eq!(master.status()["nodes"].as_array().unwrap().len(), 2);
    member.eos(&["reset", "--verify"]).ends_with(0);
    assert_same(&before, &member.tree(), "reset");
    let nodes = master.status()["nodes"].clone();
    let present = nodes.as_array().unwrap().iter().filter(|node| node["state"] == "active").count();
    assert_eq!(present, 1, "{nodes}");
}

#[test]
fn reset_keeps_and_lists_what_somebody_else_put_there() {
    let machine = Machine::empty("127.0.52.6", "node1");
    machine.found();
    machine.put("etc/eos/notes.txt", "mine\n", 0o600);
    machine.put("etc/eos/storage-ops.yaml", "changed: by me\n", 0o644);
    let run = machine.eos(&["reset"]).ends_with(0);
    for kept in ["etc/eos/notes.txt", "etc/eos/storage-ops.yaml"] {
        assert!(run.stdout.contains(kept), "{kept} is not listed:\n{}", run.stdout);
    }
    assert_eq!(fs::read_to_string(machine.path("etc/eos/notes.txt")).unwrap(), "mine\n");
    assert_eq!(fs::read_to_string(machine.path("etc/eos/storage-ops.yaml")).unwrap(), "changed: by me\n");
    assert!(!machine.path("var").exists() && !machine.path("etc/systemd").exists());
}

#[test]
fn reset_and_rollback_bring_back_the_configuration_that_was_there() {
    let machine = Machine::used("127.0.52.7", "node1");
    let text = "# mine\ncluster:\n  id: prod\nnode:\n  name: node1\n  advertise_address: 127.0.52.7\n";
    machine.put("etc/eos/cluster.yaml", text, 0o600);
    machine.put("etc/eos/storage-ops.yaml", "# old\n", 0o640);
    let before = machine.tree();
    for way_back in [&["reset", "--verify"][..], &["rollback"], &["rollback", "--to", "0001-bootstrap"]] {
        machine.eos(&["bootstrap"]).ends_with(0);
        assert_ne!(fs::read_to_string(machine.path("etc/eos/storage-ops.yaml")).unwrap(), "# old\n");
        assert_eq!(machine.status()["cluster"]["id"], "prod");
        machine.eos(way_back).ends_with(0);
        assert_same(&before, &machine.tree(), &way_back.join(" "));
        assert_eq!(machine.processes(), Vec::<i32>::new());
    }
}

#[test]
fn checkpoints_are_listed_shown_and_gone_after_rollback() {
    let machine = Machine::empty("127.0.52.8", "node1");
    machine.found();
    let list = machine.eos(&["checkpoint", "list"]).ends_with(0);
    assert!(list.stdout.contains("0001-bootstrap"), "{}", list.stdout);
    let shown = machine.eos(&["checkpoint", "show", "0001-bootstrap", "--output", "json"]).ends_with(0);
    let checkpoint = &shown.verdict()["result"]["checkpoint"];
    assert_eq!(checkpoint["id"], "0001-bootstrap");
    assert_eq!(checkpoint["stage"], "confirm");
    assert_eq!(checkpoint["can_rollback"], true);
    let steps = shown.verdict()["result"]["steps"].to_string();
    assert!(steps.contains(r#"["etc/eos/cluster.yaml","nothing"]"#), "{steps}");
    for key in ["timestamp", "node_states"] {
        assert!(checkpoint.get(key).is_some(), "{key}: {checkpoint}");
    }
    let none = machine.eos(&["checkpoint", "show", "0009-bootstrap"]).ends_with(2);
    assert!(none.stderr.contains(" checkpoint list"), "{}", none.stderr);
    machine.eos(&["rollback"]).ends_with(0);
    let list = machine.eos(&["checkpoint", "list", "--output", "json"]).ends_with(0);
    assert_eq!(list.verdict()["result"]["checkpoints"], serde_json::json!([]));
}

#[test]
fn a_dry_run_lists_the_steps_and_changes_nothing() {
    let machine = Machine::used("127.0.52.9", "node1");
    let before = machine.tree();
    let mut arguments = machine.first_node();
    arguments.extend(["--cluster-id", "prod", "--dry-run"]);
    let text = machine.eos(&arguments).ends_with(0).stdout;
    arguments.extend(["--output", "json"]);
    let verdict = machine.eos(&arguments).ends_with(0).verdict();
    assert_eq!(verdict["outcome"], "planned");
    let steps = verdict["result"]["steps"].as_array().unwrap();
    assert!(steps.len() >= 10, "{verdict}");
    for step in steps {
        for key in ["stage", "name", "description"] {
            let value = step[key].as_str().unwrap();
            assert!(key == "stage" || text.contains(value), "{value} is not in:\n{text}");
        }
    }
    assert_same(&before, &machine.tree(), "a dry run");
    assert_eq!(machine.processes(), Vec::<i32>::new());
}

#[test]
fn no_escape_sequence_reaches_a_pipe_or_no_color() {
    let machine = Machine::empty("127.0.52.10", "node1");
    machine.found();
    let commands: [&[&str]; 8] = [
        &["--help"],
        &["bootstrap", "--help"],
        &["--nonsense"],
        &["status"],
        &["node", "list"],
        &["preflight"],
        &["checkpoint", "show", "none"],
        &["storage", "status"],
    ];
    for command in commands {
        for no_color in [None, Some("1")] {
            let mut command = machine.command(command);
            command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "0");
            command.envs(no_color.map(|value| ("NO_COLOR", value)));
            let output = command.output().unwrap();
            assert!(!output.stdout.contains(&0x1b), "{command:?}");
            assert!(!output.stderr.contains(&0x1b), "{command:?}");
        }
    }
}

#[test]
fn a_second_bootstrap_brings_units_up_to_date_and_a_rollback_returns_what_stood_there() {
    let machine = Machine::empty("127.0.54.40", "node1");
    machine.found();
    let unit = |name: &str| machine.path(&format!("etc/systemd/system/{name}.service"));
    let [agent, apply, recovery] = ["eos-agent", "eos-apply", "eos-recovery"].map(unit);
    let (of_agent, of_recovery) = (fs::read_to_string(&agent).unwrap(), fs::read(&recovery).unwrap());
    let of_apply = fs::read(&apply).unwrap();
    let older = of_agent.replace("Wants=eos-recovery.service\n", "");
    assert_ne!(older, of_agent);
    fs::write(&agent, &older).unwrap();
    fs::remove_file(&recovery).unwrap();
    fs::remove_file(&apply).unwrap();

    let run = machine.eos(&["bootstrap", "--dry-run"]).ends_with(0);
    let told = "not as this eos writes them: eos-agent.service, eos-apply.service, eos-recovery.service";
    assert!(run.stderr.contains(&format!("{told}; they would be brought up to date")), "{}", run.stderr);
    assert!(!recovery.exists());

    let again = || machine.eos(&["bootstrap", "--single-node", "--output", "json"]).ends_with(0).verdict();
    let verdict = again();
    assert_eq!(verdict["outcome"], "done");
    let units = serde_json::json!(["eos-agent.service", "eos-apply.service", "eos-recovery.service"]);
    assert_eq!(verdict["result"]["units"], units);
    assert_eq!(fs::read(&apply).unwrap(), of_apply);
    assert_eq!(fs::read_to_string(&agent).unwrap(), of_agent);
    assert_eq!(fs::read(&recovery).unwrap(), of_recovery);
    let verdict = again();
    assert_eq!(verdict["outcome"], "no-change");
    assert_eq!(verdict["result"]["units"], serde_json::json!([]));

    machine.eos(&["rollback"]).ends_with(0);
    assert_eq!(fs::read_to_string(&agent).unwrap(), older);
    assert!(!recovery.exists() && !apply.exists());
    assert_eq!(machine.status()["nodes"][0]["state"], "active", "nothing else went back");
    assert_eq!(again()["outcome"], "done");
    let run = machine.eos(&["reset", "--verify", "--output", "json"]).ends_with(0);
    assert_eq!(run.verdict()["result"]["difference"], serde_json::json!([]));
    assert!(!agent.exists() && !apply.exists() && !recovery.exists());
}
