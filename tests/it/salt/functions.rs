//! Every function and every requisite, on the trees of `tests/fixtures/states`.

use super::installed::{Job, Minion};
use super::{results, trees};
use crate::support::{EOS, Machine, package};
use eos::model::role::Role;
use eos::model::scale::Scale;
use eos::sls::Inputs;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const STATES: &str = "var/lib/eos/cluster/states";

/// Where the states of these trees work, below each root.
const CASE: &str = "srv/case";

/// What is there before: what states find, keep, correct and remove.
const BEFORE: &str = r#"
mkdir -p "$1" && cd "$1" && umask 022
echo old > present; echo old > kept; echo old > attributes; echo x > removed; echo there > there_file
mkdir -p removed_tree/a; echo x > removed_tree/a/b
mkdir -p many/a/b some/a linked_to; echo x > many/a/file; echo x > many/file; ln -s nowhere many/link; echo x > some/a/file
ln -s linked_to linked; ln -s old relinked; echo x > forced
mkdir -p cleaned/old/er cleaned/sub; echo x > cleaned/old/er/file; echo x > cleaned/plain; echo x > cleaned/sub/more
printf 'first\n two words\nlast' > appended; printf 'a\n# <\nold\n# >\nb\n' > block
printf 'a\n' > block_end; printf 'a\n' > block_begin
mkdir a_directory there; echo x > a_file
"#;

fn prepare(root: &Path) {
    let status = Command::new("sh").args(["-c", BEFORE, "before"]).arg(root.join(CASE)).status().unwrap();
    assert!(status.success());
}

/// The node with the trees of the tests as its states.
pub fn node(address: &str) -> Machine {
    let machine = Machine::empty(address, "node1");
    machine.found();
    fs::remove_dir_all(machine.path(STATES)).unwrap();
    let status =
        Command::new("cp").arg("-r").arg(package("tests/fixtures/states")).arg(machine.path(STATES)).status();
    assert!(status.unwrap().success());
    machine
}

/// Assigns a case to the node.
pub fn assign(machine: &Machine, case: &str) {
    fs::write(machine.path(&format!("{STATES}/top.sls")), format!("base:\n  '*':\n    - {case}\n")).unwrap();
}

/// The pillar of the node, below another root.
pub fn pillar(machine: &Machine, root: &Path) -> Value {
    let inputs = Inputs {
        root: root.to_str().unwrap().to_owned(),
        binary: EOS.to_owned(),
        ..Inputs::of(&machine.name, Role::Monolith, Scale::Single)
    };
    inputs.pillar()
}

/// Applies one case with both: a test run, the first time, another test run and the second time.
fn compare(machine: &Machine, minion: &Minion, case: &str) {
    let root = machine.path("");
    let root = root.to_str().unwrap().trim_end_matches('/');
    let work = machine.path(CASE);
    if work.exists() {
        fs::remove_dir_all(&work).unwrap();
    }
    prepare(Path::new(root));
    let salt_root = TempDir::with_prefix("eos-same-").unwrap();
    prepare(salt_root.path());
    assign(machine, case);
    let job = |test| Job { sls: vec![case.to_owned()], pillar: pillar(machine, salt_root.path()), test };
    let jobs = [job(true), job(false), job(true), job(false)];
    let answers = minion.apply_all(&jobs.iter().collect::<Vec<_>>());
    for (step, (job, answer)) in jobs.iter().zip(&answers).enumerate() {
        let mut arguments = vec!["state", "apply", "--output", "json"];
        arguments.extend(job.test.then_some("--test"));
        let verdict = machine.eos(&arguments).ends_with(0).verdict();
        let what = format!("{case}, run {}", step + 1);
        let salt = results::of_salt(answer, salt_root.path().to_str().unwrap());
        let salt = salt.unwrap_or_else(|errors| panic!("{what}: {errors}"));
        results::assert_same(&salt, &results::of_eos(&verdict["result"]["states"], root), job.test, &what);
    }
    let salt = trees::tree(&salt_root.path().join(CASE), &[]);
    trees::assert_same(&salt, &trees::tree(&work, &[]), case);
}

#[test]
fn every_function_of_files_and_every_requisite_is_applied_as_by_salt() {
    let machine = node("127.0.95.2");
    let minion = Minion::over(&package("tests/fixtures/states"), "node1");
    for case in ["files", "directories", "trees", "requisites", "conditions", "jinja", "aftermath"] {
        compare(&machine, &minion, case);
    }
}

#[test]
fn failures_are_the_same_as_in_salt_and_eos_takes_everything_back() {
    let machine = node("127.0.95.3");
    let minion = Minion::over(&package("tests/fixtures/states"), "node1");
    let root = machine.path("");
    let root = root.to_str().unwrap().trim_end_matches('/').to_owned();
    for case in ["failing", "aftermath_failing", "hard"] {
        let _ = fs::remove_dir_all(machine.path(CASE));
        prepare(Path::new(&root));
        let salt_root = TempDir::with_prefix("eos-same-").unwrap();
        prepare(salt_root.path());
        assign(&machine, case);
        let job = |test| Job { sls: vec![case.to_owned()], pillar: pillar(&machine, salt_root.path()), test };
        let jobs = [job(true), job(false)];
        let answers = minion.apply_all(&jobs.iter().collect::<Vec<_>>());
        let before = machine.tree();
        for (job, answer) in jobs.iter().zip(&answers) {
            let mut arguments = vec!["state", "apply", "--output", "json"];
            arguments.extend(job.test.then_some("--test"));
            let verdict = machine.eos(&arguments).ends_with(1).verdict();
            let salt = results::of_salt(answer, salt_root.path().to_str().unwrap()).unwrap();
            results::assert_same(
                &salt,
                &results::of_eos(&verdict["result"]["states"], &root),
                job.test,
                case,
            );
        }
        let differences = before.difference(&machine.tree());
        let own = |line: &&String| !line.contains("var/lib/eos/");
        assert_eq!(differences.iter().filter(own).collect::<Vec<_>>(), Vec::<&String>::new(), "{case}");
    }
    let run = machine.eos(&["state", "apply"]).ends_with(1);
    assert!(run.stderr.contains("hard.sls:3"), "file and line are named: {}", run.stderr);
}
