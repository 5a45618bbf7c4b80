//! The shipped tree, for every role and every scale.

use super::installed::{Job, Minion};
use super::{results, trees};
use crate::support::{Machine, package};
use eos::model::role::Role;
use eos::model::scale::Scale;
use eos::model::storage_settings::StorageConfig;
use eos::sls::Inputs;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// What is eos's own on a node and not of its states, and what a running service writes.
const NOT_OF_STATES: [&str; 3] = ["var/lib/eos", "run/eos/", "etc/systemd/system/multi-user.target.wants"];

/// What the states make, which is taken away before each pair.
const MADE: [&str; 6] =
    ["srv", "var/cache", "var/backups", "etc/eos/storage-ops.yaml", "etc/eos/mounts", "etc/systemd/system"];

const MEMBERSHIP: &str = "var/lib/eos/membership.json";

/// Gives the node another role and scale and the settings of its cluster, as its master would.
fn assign(machine: &Machine, (role, scale): (Role, Scale), storage: &StorageConfig) {
    let path = machine.path(MEMBERSHIP);
    let mut membership: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    membership["applied"]["role"] = json!(role);
    membership["applied"]["scale"] = json!(scale);
    membership["applied"]["pillar"] = json!({ "storage": storage });
    fs::write(path, membership.to_string()).unwrap();
}

/// The pillar that eos gives to the states of this node, below another root.
fn pillar(machine: &Machine, (role, scale): (Role, Scale), storage: &StorageConfig, root: &Path) -> Value {
    let inputs = Inputs {
        root: root.to_str().unwrap().to_owned(),
        binary: crate::support::EOS.to_owned(),
        ..Inputs::of(&machine.name, role, scale)
    };
    inputs.configured(storage).pillar()
}

/// A copy of the node's root as it is now, without eos's own records.
fn copied(machine: &Machine) -> TempDir {
    let copy = TempDir::with_prefix("eos-same-").unwrap();
    let script = "tar -C \"$1\" --exclude=./var/lib/eos --exclude='./run/eos/*' -c . | tar -C \"$2\" -x";
    let status =
        Command::new("sh").args(["-c", script, "copy"]).arg(machine.path("")).arg(copy.path()).status();
    assert!(status.unwrap().success());
    copy
}

fn clean(machine: &Machine) {
    for path in MADE {
        let path = machine.path(path);
        match fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() => fs::remove_dir_all(&path).unwrap(),
            Ok(_) => fs::remove_file(&path).unwrap(),
            Err(_) => {}
        }
    }
}

/// One role at one scale, by eos; Salt follows with all of them at once.
struct Pair {
    what: String,
    salt_root: TempDir,
    jobs: [Job; 3],
    eos: [Vec<results::Ended>; 3],
    tree: std::collections::BTreeMap<String, String>,
}

fn by_eos(machine: &Machine, node: (Role, Scale), storage: &StorageConfig) -> Pair {
    let root = machine.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    assign(machine, node, storage);
    clean(machine);
    let salt_root = copied(machine);
    let run = |arguments: &[&str]| {
        let verdict = machine.eos(arguments).ends_with(0).verdict();
        results::of_eos(&verdict["result"]["states"], &root)
    };
    let test = ["state", "apply", "--test", "--output", "json"];
    let apply = ["state", "apply", "--output", "json"];
    let eos = [run(&test), run(&apply), run(&test)];
    let job = |test| Job { sls: vec![], pillar: pillar(machine, node, storage, salt_root.path()), test };
    let tree = trees::tree(Path::new(&root), &NOT_OF_STATES);
    let jobs = [job(true), job(false), job(true)];
    Pair { what: format!("role {}, scale {}", node.0, node.1), jobs, salt_root, eos, tree }
}

#[test]
fn the_shipped_tree_is_applied_as_by_salt_for_every_role_and_scale() {
    let machine = Machine::empty("127.0.95.1", "node1");
    machine.found();
    let minion = Minion::over(&package("states"), "node1");
    let mut pairs = Vec::new();
    for role in Role::ALL {
        for scale in Scale::ALL {
            pairs.push(by_eos(&machine, (role, scale), &StorageConfig::default()));
        }
    }
    compare(&minion, &pairs);
    // One of them as a person does it.
    let pair = &pairs[0];
    let answer = minion.call(&pair.jobs[0]);
    let salt = results::of_salt(&answer, pair.salt_root.path().to_str().unwrap()).unwrap();
    results::assert_same(&without_service(&salt), &without_service(&pair.eos[2]), true, &pair.what);
}

/// What an operator may say below `storage:`, with what of it makes another text than the defaults do.
const OVERRIDES: [(&str, &[&str]); 3] = [
    (
        "
interval_seconds: 60
mounts: [/, /data]
thresholds: {warning: 41, compress: 52, cleanup: 63, degraded: 74, emergency: 85, critical: 96}
retention: {logs: 21, cache: 2}
classes: {expendable: [/scratch, '/a b/ü'], important: []}
actions: {warning: [notify], cleanup: [delete-expendable, vacuum-journal, clean-package-cache], critical: []}
services: [slurmd, nomad]
notify: {command: [/usr/local/bin/tell, '--it''s', 'a \"word\" # or: two']}
budget: {files: 10, bytes: 1000000}
sysctl: {vm.swappiness: 5, vm.dirty_ratio: null}
limits: ['* soft nofile 4096', '* hard nofile 8192']
",
        &[
            "warning: 41",
            "logs: 21",
            "* soft",
            "nomad",
            "local/bin/tell",
            "bytes: 1000000",
            "vm.swappiness = 5",
        ],
    ),
    (
        "
notify: {webhook: 'https://example.com/T0/B0?a=b'}
budget: {files: 3}
actions: {compress: [], degraded: [stop-services, prune-containers]}
limits: []
sysctl: {vm.dirty_background_ratio: null}
",
        &["webhook: ", "files: 3", "prune-containers"],
    ),
    (
        "
retention: {logs: 21}
roles:
  data: {retention: {logs: 60}, mounts: [/, /srv, /data], notify: {command: [/bin/true], webhook: 'http://a'}}
  compute: {budget: {bytes: 5}, sysctl: {kernel.pid_max: 100000}, limits: ['@work - nproc 10']}
",
        &["logs: 60", "webhook: ", "kernel.pid_max = 100000", "@work - nproc 10"],
    ),
];

#[test]
fn what_the_operator_wants_instead_is_applied_as_by_salt() {
    let machine = Machine::empty("127.0.95.6", "node1");
    machine.found();
    let minion = Minion::over(&package("states"), "node1");
    let mut pairs = Vec::new();
    for (text, told) in OVERRIDES {
        let storage: StorageConfig = serde_yaml::from_str(text).unwrap();
        let first = pairs.len();
        for role in [Role::Data, Role::Compute] {
            pairs.push(by_eos(&machine, (role, Scale::Medium), &storage));
        }
        for what in told {
            let mut trees = pairs[first..].iter().flat_map(|pair: &Pair| pair.tree.values());
            assert!(trees.any(|text| text.contains(what)), "no {what} of {text}");
        }
    }
    compare(&minion, &pairs);
}

/// Asserts that Salt ends as eos did, for all of them in one start of it.
#[track_caller]
fn compare(minion: &Minion, pairs: &[Pair]) {
    let jobs: Vec<&Job> = pairs.iter().flat_map(|pair| &pair.jobs).collect();
    let answers = minion.apply_all(&jobs);
    for (pair, answers) in pairs.iter().zip(answers.chunks(3)) {
        let root = pair.salt_root.path().to_str().unwrap();
        for ((job, answer), eos) in pair.jobs.iter().zip(answers).zip(&pair.eos) {
            let salt =
                results::of_salt(answer, root).unwrap_or_else(|errors| panic!("{}: {errors}", pair.what));
            results::assert_same(&without_service(&salt), &without_service(eos), job.test, &pair.what);
        }
        let salt = trees::tree(pair.salt_root.path(), &NOT_OF_STATES);
        trees::assert_same(&salt, &pair.tree, &pair.what);
    }
}

/// The monitor of eos runs on between two pairs, and the one of Salt was never started, so how that state ends says
/// nothing about either here. Where one systemd runs both, it is part of the comparison, for every role and scale:
/// `the_shipped_tree_runs_the_monitor_as_under_salt_for_every_role_and_scale` in `tests/systemd/services.rs`.
fn without_service(all: &[results::Ended]) -> Vec<results::Ended> {
    all.iter().filter(|ended| ended.id != "storage_monitor_service").cloned().collect()
}
