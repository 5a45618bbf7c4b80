//! States of a site's own: what they write comes back, stays, or is refused, as with eos's own.

use crate::support::{Machine, Run, assert_same};
use std::fs;

const STATES: &str = "var/lib/eos/cluster/states";

/// Adds a state to the tree of a role on this machine.
fn add_state(machine: &Machine, role: &str, state: &str) {
    let path = format!("{STATES}/roles/{role}.sls");
    let before = fs::read_to_string(machine.path(&path)).unwrap();
    machine.put(&path, &format!("{before}\n{state}\n"), 0o644);
}

const MANAGED: &str = "site_file:
  file.managed:
    - name: {{ (pillar['eos']['root'] ~ '/srv/site-' ~ pillar['eos']['interval_seconds'] ~ '/motd') | tojson }}
    - contents: 'by a state'
    - makedirs: True";

#[test]
fn a_join_whose_tree_is_broken_for_other_roles_is_rolled_back_to_what_was() {
    let master = Machine::empty("127.0.51.1", "master");
    master.put("etc/eos/cluster.yaml", "storage:\n  interval_seconds: 61\n", 0o644);
    master.found();
    add_state(&master, "core", MANAGED);
    for role in ["edge", "data", "compute"] {
        add_state(&master, role, "broken: [");
    }
    let machine = Machine::used("127.0.51.2", "joiner");
    let before = machine.tree();
    let token = master.token();
    let mut join = machine.join(&master);
    join.extend(["--preferred-role", "core"]);
    let joined = machine.command(&join).env("EOS_TOKEN", &token).output().unwrap();
    Run::from(joined).ends_with(0);
    assert!(machine.path("srv/site-61/motd").exists(), "the pillar of the master counts");
    machine.eos(&["rollback"]).ends_with(0);
    assert_same(&before, &machine.tree(), "rolled back");
}

#[test]
fn a_join_whose_own_states_are_broken_writes_nothing_and_says_where() {
    let master = Machine::empty("127.0.51.11", "master");
    master.found();
    for role in ["edge", "core", "data", "compute"] {
        add_state(&master, role, "broken: [");
    }
    let machine = Machine::used("127.0.51.12", "joiner");
    let before = machine.tree();
    let token = master.token();
    let run = machine.command(&machine.join(&master)).env("EOS_TOKEN", &token).output().unwrap();
    let run = Run::from(run);
    assert!(format!("{run:?}").contains("roles/"), "file and line are named: {run:?}");
    run.ends_with(2);
    assert_same(&before, &machine.tree(), "the join failed");
}

#[test]
fn a_state_that_writes_outside_of_the_root_is_refused_before_anything_is_written() {
    let machine = Machine::empty("127.0.51.21", "node1");
    machine.found();
    let outside = tempfile::tempdir().unwrap();
    let path = outside.path().join("file");
    let state = format!("outside:\n  file.managed:\n    - name: {:?}\n    - contents: x", path.display());
    add_state(&machine, "monolith", &format!("{MANAGED}\n{state}"));
    let run = machine.eos(&["state", "apply"]);
    assert!(format!("{run:?}").contains("EOS-S032"), "{run:?}");
    assert!(!path.exists() && !machine.path("srv/site-300").exists());
}

#[test]
fn what_an_operator_changed_of_a_sites_file_survives_a_rollback_beside_it() {
    let machine = Machine::empty("127.0.51.31", "node1");
    machine.found();
    add_state(&machine, "monolith", MANAGED);
    machine.eos(&["state", "apply"]).ends_with(0);
    machine.put("srv/site-300/motd", "by the operator", 0o644);
    machine.eos(&["rollback"]).ends_with(0);
    let kept = fs::read_to_string(machine.path("srv/site-300/motd.changed")).unwrap();
    assert_eq!(kept, "by the operator");
    assert!(!machine.path("srv/site-300/motd").exists());
}

#[test]
fn a_reset_keeps_and_lists_what_others_put_among_the_files_of_eos() {
    let machine = Machine::empty("127.0.51.41", "node1");
    machine.found();
    let foreign = ["var/lib/eos/master/notes", "var/lib/eos/log/mine.txt", "run/eos/mine", "etc/eos/mine"];
    let states = [format!("{STATES}/storage/config.sls"), format!("{STATES}/mine.sls")];
    for path in foreign.into_iter().chain(states.iter().map(String::as_str)) {
        machine.put(path, "mine\n", 0o644);
    }
    let run = machine.eos(&["reset"]).ends_with(0);
    for path in foreign.into_iter().chain(states.iter().map(String::as_str)) {
        assert_eq!(fs::read_to_string(machine.path(path)).unwrap(), "mine\n", "{path}");
        assert!(format!("{run:?}").contains(path), "{path} is listed: {run:?}");
    }
    assert!(!machine.path("var/lib/eos/master/registry.db").exists());
    assert!(!machine.path(&format!("{STATES}/top.sls")).exists());
}
