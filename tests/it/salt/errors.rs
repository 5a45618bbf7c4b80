//! What Salt refuses, eos refuses too, and names file and line.

use super::functions::{assign, node, pillar};
use super::installed::{Job, Minion};
use crate::support::package;
use serde_json::Value;
use std::fs;

/// Whether Salt applied anything: it answers with a list of errors, or with a state that failed.
fn refused(answer: &Value) -> bool {
    match answer.as_object() {
        Some(states) => states.values().any(|state| state["result"] == Value::Bool(false)),
        None => answer.as_array().is_some_and(|errors| !errors.is_empty()),
    }
}

#[test]
fn what_salt_refuses_is_refused_with_file_and_line() {
    let machine = node("127.0.95.4");
    let minion = Minion::over(&package("tests/fixtures/states"), "node1");
    let mut names: Vec<String> = fs::read_dir(package("tests/fixtures/states/errors"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() > 8, "{names:?}");
    let sls = |name: &str| format!("errors.{}", name.trim_end_matches(".sls"));
    let root = machine.path("");
    let job = |name: &String| Job { sls: vec![sls(name)], pillar: pillar(&machine, &root), test: false };
    let jobs: Vec<Job> = names.iter().map(job).collect();
    let answers = minion.apply_all(&jobs.iter().collect::<Vec<_>>());
    for (name, answer) in names.iter().zip(&answers) {
        assert!(refused(answer), "Salt takes {name}: {answer}");
        assign(&machine, &sls(name));
        let run = machine.eos(&["state", "apply"]).ends_with(2);
        assert!(run.stderr.contains(&format!("errors/{name}:")), "{name}: {}", run.stderr);
    }
}
