//! Nodes whose states a real, installed Salt applies: the same files, the same failures, the same way back.

mod fleet;

use crate::salt::installed::environment;
use crate::support::{Machine, Run, assert_same, eventually, package};
use fleet::Fleet;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

const OPS: &str = "etc/eos/storage-ops.yaml";
const STATES: &str = "var/lib/eos/cluster/states";

fn with_salt<'a>(mut arguments: Vec<&'a str>, program: &'a str) -> Vec<&'a str> {
    arguments.extend(["--engine", "salt", "--salt-call", program]);
    arguments
}

fn joins(machine: &Machine, arguments: &[&str], token: &str) -> Run {
    machine.command(arguments).env("EOS_TOKEN", token).output().unwrap().into()
}

/// What a machine was configured to, without its own root.
fn configured(machine: &Machine) -> String {
    let text = fs::read_to_string(machine.path(OPS)).unwrap();
    text.replace(machine.path("").to_str().unwrap().trim_end_matches('/'), "ROOT")
}

fn converged(master: &Machine) -> bool {
    let run = master.eos(&["status", "--output", "json"]);
    let result = run.verdict()["result"].clone();
    let all = |nodes: &Vec<Value>| nodes.len() == 2 && nodes.iter().all(|node| node["converged"] == true);
    result["nodes"].as_array().is_some_and(all)
}

#[test]
fn a_first_node_and_a_joiner_end_with_the_files_that_eos_itself_would_have_written() {
    let salt_call = environment().join("bin/salt-call");
    let program = salt_call.to_str().unwrap();
    let mut files = Vec::new();
    for (net, engine) in [(1, "salt"), (2, "embedded")] {
        let master = Machine::empty(&format!("127.0.89.{net}1"), "m1");
        let second = Machine::used(&format!("127.0.89.{net}2"), "n2");
        let before = second.tree();
        let chosen = |arguments| if engine == "salt" { with_salt(arguments, program) } else { arguments };
        master.eos(&chosen(master.first_node())).ends_with(0);
        let token = master.token();
        joins(&second, &chosen(second.join(&master)), &token).ends_with(0);
        assert!(eventually(Duration::from_secs(120), || converged(&master)), "{:?}", master.eos(&["status"]));
        for machine in [&master, &second] {
            assert_eq!(machine.status()["local"]["engine"], *engine);
            files.push(configured(machine));
        }
        let config = fs::read_to_string(master.path("etc/eos/cluster.yaml")).unwrap();
        assert_eq!(config.contains("engine: salt"), engine == "salt", "{config}");
        let other = if engine == "salt" { "embedded" } else { "salt" };
        let again = second.eos(&[&second.join(&master)[..], &["--engine", other]].concat()).ends_with(0);
        let way = format!("bootstrap --join-cluster={}:4507", master.address);
        assert!(again.stderr.contains("has no effect") && again.stderr.contains(&way), "{again:?}");
        assert_eq!(second.status()["local"]["engine"], *engine);
        second.eos(&["reset", "--verify"]).ends_with(0);
        assert_same(&before, &second.tree(), engine);
    }
    assert_eq!(files[0], files[2], "the first node");
    assert_eq!(files[1], files[3], "the joiner");
    assert!(files[0].contains("role: edge") && files[1].contains("role: core"), "{files:?}");
}

#[test]
fn a_state_that_fails_under_salt_is_told_with_its_place_and_undone() {
    let salt_call = environment().join("bin/salt-call");
    let machine = Machine::empty("127.0.89.31", "node1");
    machine.eos(&with_salt(machine.first_node(), salt_call.to_str().unwrap())).ends_with(0);
    let path = format!("{STATES}/roles/monolith.sls");
    let shipped = fs::read_to_string(machine.path(&path)).unwrap();
    let state = "site_file:\n  file.managed:\n    - name: {{ (pillar['eos']['root'] ~ '/srv/site') | tojson }}\n    - contents: x\n\
        site_fails:\n  test.fail_without_changes:\n    - require:\n      - file: site_file\n";
    machine.put(&path, &format!("{shipped}\n{state}"), 0o644);
    let run = machine.eos(&["state", "apply"]).ends_with(1);
    let line = shipped.lines().count() + 7;
    assert!(run.stderr.contains("EOS-S030") && run.stderr.contains("site_fails"), "{run:?}");
    assert!(run.stderr.contains(&format!("roles/monolith.sls:{line}")), "{run:?}");
    assert!(!machine.path("srv/site").exists(), "what it had written is undone");
}

#[test]
fn a_salt_that_is_missing_or_does_nothing_is_told_and_leaves_nothing() {
    let machine = Machine::used("127.0.89.41", "node1");
    let before = machine.tree();
    let missing = machine.eos(&with_salt(machine.first_node(), "/nonexistent/salt-call")).ends_with(3);
    assert!(missing.stderr.contains("could not start /nonexistent/salt-call"), "{missing:?}");
    assert!(missing.stderr.contains("--skip-check salt"), "{missing:?}");
    let mut silent = with_salt(machine.first_node(), "/bin/true");
    silent.extend(["--skip-check", "salt"]);
    let silent = machine.eos(&silent).ends_with(1);
    assert!(silent.stderr.contains("EOS-S085"), "{silent:?}");
    assert_same(&before, &machine.tree(), "undone");
}

/// The plan of this cluster, as orchestration files read it.
fn plan() -> Value {
    let levels = ["warning", "compress", "cleanup", "degraded", "emergency", "critical"];
    let thresholds: serde_json::Map<_, _> = levels
        .iter()
        .zip([65, 75, 80, 85, 90, 95])
        .map(|(level, percent)| ((*level).to_owned(), json!(percent)))
        .collect();
    json!({"eos": {"plan": {
        "roles": {"m1": "edge", "node2": "core"}, "nodes": {"edge": ["m1"], "core": ["node2"]}, "scale": "small",
        "thresholds": thresholds, "retention": {"logs": 14, "backups": 7, "cache": 3}, "new_node": "node2",
    }}})
}

/// The commands of a section of docs/salt.md.
fn documented(section: &str) -> String {
    let text = fs::read_to_string(package("docs/salt.md")).unwrap();
    let (_, from) = text.split_once(&format!("\n## {section}\n")).unwrap();
    let section = from.split("\n## ").next().unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split("```").next().unwrap().lines().map(|line| format!("{}\n", line.trim_start())).collect()
}

/// What the module of the tree makes the pillar of, on the master's host.
fn by_module(master: &Machine, new_node: &Value) -> Value {
    let eos =
        format!("#!/bin/sh\nexec {} --root {} \"$@\"\n", crate::support::EOS, master.path("").display());
    master.put("path/eos", &eos, 0o755);
    let line =
        format!("import eos_roles, json; print(json.dumps(eos_roles.pillar(json.loads('{new_node}'))))");
    let mut python = std::process::Command::new("python3");
    python.args(["-c", &line]).env("PYTHONPATH", master.path(&format!("{STATES}/_modules")));
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python.env("PATH", format!("{}:/usr/bin:/bin", master.path("path").display()));
    let told = python.output().unwrap();
    assert!(told.status.success(), "{told:?}");
    serde_json::from_slice(&told.stdout).unwrap()
}

#[test]
fn a_fleets_own_master_runs_the_shipped_orchestration_and_changes_nothing_of_what_eos_wrote() {
    let salt_call = environment().join("bin/salt-call");
    let program = salt_call.to_str().unwrap();
    let (master, second) = (Machine::empty("127.0.89.51", "m1"), Machine::empty("127.0.89.52", "node2"));
    master.eos(&with_salt(master.first_node(), program)).ends_with(0);
    joins(&second, &with_salt(second.join(&master), program), &master.token()).ends_with(0);
    assert!(eventually(Duration::from_secs(120), || converged(&master)), "{:?}", master.eos(&["status"]));
    let before = [&master, &second].map(|machine| fs::read_to_string(machine.path(OPS)).unwrap());
    let pillar = format!(
        "eos:\n  root: {{{{ {{'m1': '{}', 'node2': '{}'}}.get(grains['id'], '') }}}}\n  binary: {}\n  mode: observe\n  \
         interval_seconds: 300\n  mounts: [/]\n  services: false\n",
        master.path("").display().to_string().trim_end_matches('/'),
        second.path("").display().to_string().trim_end_matches('/'),
        crate::support::EOS
    );
    let address = "127.0.89.59";
    let mut fleet = Fleet::new(address, &master.path(STATES), &pillar);
    for name in ["m1", "node2"] {
        fleet.minion(address, name);
    }
    assert!(fleet.run("salt-key", &["-y", "-a", "m1"]).status.success());
    assert_eq!(by_module(&master, &json!("node2")), plan());
    let script = documented("In a Salt fleet");
    assert!(script.contains("saltutil.sync_modules") && script.contains("state.orchestrate"), "{script}");
    let told = fleet.script(&script.replace("salt-run ", "salt-run --out=json "), &master.path(""));
    let text = String::from_utf8(told.stdout.clone()).unwrap();
    // What the first command prints comes before.
    let text = text.find("{\n    \"data\"").map_or_else(|| panic!("{told:?}"), |at| text[at..].to_owned());
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let of_master = answer["data"].as_object().and_then(|data| data.values().next());
    let steps = of_master.and_then(Value::as_object).unwrap_or_else(|| panic!("{text}"));
    let told_of =
        |id: &str| steps.values().find(|step| step["__id__"] == id).unwrap_or_else(|| panic!("{id}: {text}"));
    let order =
        ["accept_new_node", "new_node_answers", "update_new_node", "update_edge_nodes", "refresh_mine"];
    for id in order {
        assert_eq!(told_of(id)["result"], true, "{text}");
    }
    let turn = |id: &str| told_of(id)["__run_num__"].as_i64().unwrap();
    assert!(order[..4].windows(2).all(|pair| turn(pair[0]) < turn(pair[1])), "{text}");
    for (machine, before) in [&master, &second].iter().zip(before) {
        assert_eq!(fs::read_to_string(machine.path(OPS)).unwrap(), before, "{}", machine.name);
    }
}

#[test]
fn the_module_plans_as_eos_does_with_what_is_configured_whoever_joins() {
    let master = Machine::empty("127.0.89.61", "m1");
    let configured = "storage:\n  thresholds: {warning: 41, compress: 42, cleanup: 43, degraded: 44, emergency: 45, \
        critical: 46}\n  retention: {logs: 5, backups: 4, cache: 2}\n";
    master.put("etc/eos/cluster.yaml.d/storage.yaml", configured, 0o644);
    master.found();
    let roles = ["edge", "core", "data", "compute"];
    let asking = roles.map(|role| (json!({"hostname": "n2", "request_role": role}), format!("n2:{role}")));
    let plain = [(json!("n2"), "n2".to_owned()), (json!({"hostname": "n2"}), "n2".to_owned())];
    for (new_node, added) in plain.into_iter().chain(asking) {
        let run = master.eos(&["role", "plan", "--add", &added, "--output", "json"]).ends_with(0);
        let eos = run.verdict()["result"].clone();
        let made = by_module(&master, &new_node)["eos"]["plan"].clone();
        assert_eq!(made["new_node"], "n2");
        assert_eq!(made["scale"], eos["scale"], "{added}");
        let assigned = eos["assignments"].as_array().unwrap();
        assert_eq!(assigned.len(), made["roles"].as_object().unwrap().len(), "{added}");
        for assignment in assigned {
            let node = assignment["node"].as_str().unwrap();
            assert_eq!(made["roles"][node], assignment["role"], "{added} {node}");
            assert!(made["nodes"][assignment["role"].as_str().unwrap()].to_string().contains(node), "{made}");
        }
        assert_eq!(
            (&made["thresholds"]["warning"], &made["thresholds"]["critical"]),
            (&41.into(), &46.into())
        );
        assert_eq!(made["retention"], json!({"logs": 5, "backups": 4, "cache": 2}));
    }
    let now = by_module(&master, &Value::Null)["eos"]["plan"].clone();
    assert_eq!((&now["roles"], &now["scale"]), (&json!({"m1": "monolith"}), &"single".into()));
    assert!(now.get("new_node").is_none(), "{now}");
}
