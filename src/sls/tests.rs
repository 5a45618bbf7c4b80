//! Tests of the engine: the shipped tree as a whole, and each rule on trees of a few lines.

mod engine;
mod functions;
mod refusals;
mod requisites;
mod roles;
mod shipped;

use crate::sls::{Context, SlsError, StatePlan, Wanted, render};
use serde_json::json;
use std::collections::BTreeMap;

/// A tree of these files.
fn tree(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

fn context() -> Context {
    Context {
        grains: json!({"os": "Debian", "ip": {"v4": "10.0.0.1"}}),
        mine: json!({"n1": {"info": {"cpus": 2}}, "n2": {"info": {"cpus": 4}}, "x": {"other": 1}}),
        ..Context::new("n1", json!({"role": "data", "secret": "hunter2hunter2", "deep": {"key": "value"}}))
    }
}

/// The plan of one file, `a.sls`, beside others.
fn plan_of(files: &[(&str, &str)]) -> Result<StatePlan, SlsError> {
    render(&tree(files), &Wanted::Named(vec!["a".to_owned()]), &context())
}

fn ids(plan: &StatePlan) -> Vec<&str> {
    plan.states.iter().map(|state| state.id.as_str()).collect()
}
