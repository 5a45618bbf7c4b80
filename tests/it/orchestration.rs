//! The master hands a generation out as the cluster's orchestration files say: in their order, past nodes that are
//! dead, over its own death, and with states of a site's own.

mod reported;

use crate::pulls::{joins, restart, service};
use crate::support::{Machine, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
const STATES: &str = "var/lib/eos/cluster/states";
const ADDITION: &str = "var/lib/eos/cluster/states/orchestration/node_addition.sls";

/// The status, as soon as the master answers.
fn status(master: &Machine) -> Option<Value> {
    let run = master.eos(&["status", "--output", "json"]);
    let result = run.verdict()["result"].clone();
    result["cluster"].is_object().then_some(result)
}

fn generation(status: &Value, node: &str) -> u64 {
    let nodes = status["nodes"].as_array().unwrap();
    let found = nodes.iter().find(|one| one["name"] == node).unwrap_or_else(|| panic!("no {node}: {status}"));
    found["generation"].as_u64().unwrap()
}

fn converged(status: &Value, nodes: &[&str]) -> bool {
    let newest = status["cluster"]["generation"].as_u64();
    nodes.iter().all(|node| Some(generation(status, node)) == newest)
}

#[track_caller]
fn becomes(master: &Machine, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let became = eventually(SOON, || {
        last = status(master).unwrap_or(Value::Null);
        last.is_object() && is(&last)
    });
    assert!(became, "{what}: {last:#}");
    last
}

fn run_is(status: &Value, state: &str) -> bool {
    status["orchestration"]["state"] == state
}

fn step<'a>(status: &'a Value, id: &str) -> &'a Value {
    let steps = status["orchestration"]["steps"].as_array().unwrap();
    steps.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("no step {id}: {status:#}"))
}

fn actions(master: &Machine) -> Vec<String> {
    let text = fs::read_to_string(master.path("var/lib/eos/master/audit.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| line["action"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn nodes_that_no_step_reached_keep_what_they_have_until_the_file_lets_them() {
    let master = Machine::empty("127.0.88.1", "m1");
    let (second, third) = (Machine::empty("127.0.88.2", "n2"), Machine::empty("127.0.88.3", "n3"));
    master.found();
    joins(&second, &master);
    becomes(&master, "both", |status| converged(status, &["m1", "n2"]) && run_is(status, "done"));
    let gated = |gate: &str| {
        format!(
            "gate:\n  test.{gate}: []\nupdate_all:\n  salt.state:\n    - tgt: '*'\n    - highstate: True\n    \
             - require:\n      - test: gate\n"
        )
    };
    master.put(ADDITION, &gated("fail_without_changes"), 0o644);
    joins(&third, &master);
    let told = becomes(&master, "the gate", |status| run_is(status, "failed"));
    let newest = told["cluster"]["generation"].as_u64().unwrap();
    assert!(converged(&told, &["n3"]), "it had applied its role before it confirmed: {told:#}");
    assert!(generation(&told, "m1") < newest && generation(&told, "n2") < newest, "{told:#}");
    assert_eq!(told["orchestration"]["held"], serde_json::json!(["m1", "n2"]));
    assert_eq!(step(&told, "gate")["place"], "orchestration/node_addition.sls:2");
    assert_eq!(step(&told, "update_all")["state"], "skipped");
    let warned = told["warnings"].to_string();
    assert!(warned.contains("is not handed on: gate (orchestration/node_addition.sls:2)"), "{warned}");
    let text = master.eos(&["status"]).ends_with(0).stdout;
    let text: Vec<&str> = text.split_whitespace().collect();
    assert!(text.join(" ").contains("not their turn yet: m1, n2"), "{text:?}");
    master.put(ADDITION, &gated("nop"), 0o644);
    let all = ["m1", "n2", "n3"];
    becomes(&master, "all", |status| run_is(status, "done") && converged(status, &all));
    let actions = actions(&master);
    for action in ["orchestrate", "orchestration-step-failed", "orchestration-failed", "orchestrated"] {
        assert!(actions.iter().any(|one| one == action), "{action}: {actions:?}");
    }
    master.eos(&["audit", "verify"]).ends_with(0);
}

#[test]
fn a_file_that_is_wrong_is_told_with_its_line_and_roles_go_on_by_eoss_own() {
    let master = Machine::empty("127.0.88.11", "m1");
    let second = Machine::empty("127.0.88.12", "n2");
    master.found();
    let shipped = fs::read_to_string(master.path(ADDITION)).unwrap();
    master.put(ADDITION, &format!("{shipped}\nbad:\n  salt.wheel:\n    - name: key.finger\n"), 0o644);
    joins(&second, &master);
    let told = becomes(&master, "both", |status| converged(status, &["m1", "n2"]) && run_is(status, "done"));
    let line = shipped.lines().count() + 3;
    let problem =
        format!("orchestration/node_addition.sls:{line}: the master has no function salt.wheel: key.finger");
    assert_eq!(told["orchestration"]["trouble"]["code"], "EOS-S080");
    assert_eq!(told["orchestration"]["trouble"]["message"], *problem);
    assert!(told["warnings"].to_string().contains(&problem), "{told:#}");
    let checked = master.eos(&["state", "orchestration"]).ends_with(2);
    assert!(checked.stderr.contains(&problem), "{checked:?}");
    for (step, code) in [
        ("    - tgt: 'n1 or'\n    - tgt_type: compound\n    - sls: site\n", "EOS-S081"),
        ("    - tgt: n1\n    - sls: site\n    - highstate: True\n", "EOS-S082"),
    ] {
        master.put(ADDITION, &format!("bad:\n  salt.state:\n{step}"), 0o644);
        let checked = master.eos(&["state", "orchestration"]).ends_with(2);
        assert!(checked.stderr.contains(code), "{checked:?}");
    }
    master.put(ADDITION, &shipped, 0o644);
    let checked = master.eos(&["state", "orchestration"]).ends_with(0);
    assert!(checked.stdout.contains("update_new_node"), "{checked:?}");
}

#[test]
fn states_of_a_site_are_applied_on_the_nodes_that_a_step_names_and_go_with_a_reset() {
    let master = Machine::empty("127.0.88.21", "m1");
    let second = Machine::empty("127.0.88.22", "n2");
    master.found();
    let motd = "motd:\n  file.managed:\n    - name: {{ (pillar['eos']['root'] ~ '/srv/motd') | tojson }}\n    \
        - contents: 'release {{ pillar['release'] }} on {{ grains['os_family'] }} of {{ grains['id'] }}{{ \
        ', configured' if salt['file.file_exists'](pillar['eos']['root'] ~ '/etc/eos/cluster.yaml') else '' }}'\n    \
        - makedirs: True\n";
    master.put(&format!("{STATES}/site/motd.sls"), motd, 0o644);
    let shipped = fs::read_to_string(master.path(ADDITION)).unwrap();
    let site = "greet:\n  salt.state:\n    - tgt: 'eos:role:core'\n    - tgt_type: grain\n    - sls: site.motd\n    \
        - pillar:\n        release: 3\n    - order: last\n\
        greet_broken:\n  salt.function:\n    - name: state.apply\n    - tgt: n2\n    - arg: [site.missing]\n    - order: last\n";
    master.put(ADDITION, &format!("{shipped}\n{site}"), 0o644);
    joins(&second, &master);
    let told = becomes(&master, "the last step", |status| run_is(status, "failed"));
    assert!(converged(&told, &["m1", "n2"]), "{told:#}");
    let motd = fs::read_to_string(second.path("srv/motd")).unwrap();
    assert!(motd.starts_with("release 3 on ") && motd.ends_with(" of n2, configured\n"), "{motd}");
    assert!(!master.path("srv/motd").exists(), "it is no core");
    assert_eq!(step(&told, "greet")["state"], "succeeded");
    assert_eq!(step(&told, "greet")["nodes"], serde_json::json!(["n2"]));
    let broken = step(&told, "greet_broken")["comment"].as_str().unwrap();
    assert!(broken.starts_with("n2: EOS-S001: ") && broken.contains("site.missing"), "{broken}");
    second.eos(&["reset", "--verify"]).ends_with(0);
    assert!(!second.path("srv/motd").exists());
}

#[test]
fn a_dead_member_is_told_and_keeps_nobody_from_the_generation_and_comes_to_it_when_it_is_back() {
    let master = Machine::empty("127.0.88.31", "m1");
    let nodes = [2, 3, 4].map(|n| Machine::empty(&format!("127.0.88.3{n}"), &format!("n{n}")));
    master.put("etc/eos/cluster.yaml", "admission: {silent_seconds: 2}\n", 0o644);
    master.found();
    joins(&nodes[0], &master);
    joins(&nodes[1], &master);
    becomes(&master, "three", |status| converged(status, &["m1", "n2", "n3"]));
    for pid in nodes[0].processes().into_iter().chain(nodes[0].processes()).filter_map(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
    joins(&nodes[2], &master);
    let told = becomes(&master, "the others", |status| {
        converged(status, &["m1", "n3", "n4"]) && run_is(status, "failed")
    });
    let steps = told["orchestration"]["steps"].as_array().unwrap();
    let away: Vec<&Value> = steps.iter().filter(|step| step["away"] == serde_json::json!(["n2"])).collect();
    assert!(away.iter().any(|step| step["id"].as_str().unwrap().starts_with("update_")), "{told:#}");
    assert!(told["warnings"].to_string().contains("away: n2"), "{told:#}");
    // The agent that it starts takes the generation at once, and may restart what the command waits for.
    assert!(eventually(SOON, || nodes[0].eos(&["bootstrap"]).status == Some(0)));
    becomes(&master, "all", |status| converged(status, &["m1", "n2", "n3", "n4"]) && run_is(status, "done"));
}

#[test]
fn a_master_that_dies_in_a_run_goes_on_with_the_step_at_which_it_was() {
    let master = Machine::empty("127.0.88.41", "m1");
    let (second, third) = (Machine::empty("127.0.88.42", "n2"), Machine::empty("127.0.88.43", "n3"));
    master.found();
    joins(&second, &master);
    becomes(&master, "both", |status| converged(status, &["m1", "n2"]) && run_is(status, "done"));
    let text = "first:\n  salt.state:\n    - tgt: n2\n    - highstate: True\n\
        then:\n  salt.state:\n    - tgt: m1\n    - highstate: True\n    - require:\n      - salt: first\n";
    master.put(ADDITION, text, 0o644);
    let agent = service(&second, "eos-agent").unwrap();
    kill_process(agent, Signal::STOP).unwrap();
    joins(&third, &master);
    let told = becomes(&master, "the first step", |status| {
        run_is(status, "running") && step(status, "first")["state"] == "running"
    });
    restart(&master, "eos-master");
    let again = becomes(&master, "the same step", |status| run_is(status, "running"));
    assert_eq!(again["orchestration"]["generation"], told["orchestration"]["generation"]);
    assert_eq!(step(&again, "first")["state"], "running");
    assert_eq!(step(&again, "then")["state"], "waiting");
    assert!(!converged(&again, &["m1"]), "it is not its turn");
    let age = |status: &Value| step(status, "first")["age_ms"].as_u64().unwrap();
    assert!(age(&again) >= age(&told), "it began once");
    kill_process(agent, Signal::CONT).unwrap();
    let done =
        becomes(&master, "all", |status| run_is(status, "done") && converged(status, &["m1", "n2", "n3"]));
    assert_eq!(done["orchestration"]["attempt"], 1);
    let begun = actions(&master).iter().filter(|action| *action == "orchestrate").count();
    assert_eq!(begun, 2, "one for each node that joined, and none for the restart");
}
