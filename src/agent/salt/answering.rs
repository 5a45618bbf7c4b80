//! Which minions answer Salt: an orchestration waits for none that is dead, and says whose it is.

use crate::agent::salt::tools::beside;
use crate::agent::salt::{SaltError, Tools};
use crate::model::explain::Failure;
use crate::model::ids::NodeName;
use crate::wire::salt::SaltStep;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Seconds for an answer, and seconds more in which whoever is late may say that it is at it.
const PATIENCE: u64 = 5;

/// How often a silent minion is asked: it may be connecting anew.
const ASKED: u32 = 2;

/// The same of the minion of a node that has just joined: its key has just been accepted, and it asks the Salt master
/// for that every ten seconds only.
const NEW_ONE_ASKED: u32 = 4;

/// How many bytes of names one question has: an argument of a program may have 128 KiB.
const LONGEST: usize = 64 << 10;

/// Leaves those out of the plan whose minions do not answer; the step that says so. They keep their roles in it, and are
/// given their generation when the run is over.
///
/// # Errors
/// When Salt cannot be asked.
pub fn leave_out(tools: &Tools, sls: &str, plan: &mut Value) -> Result<Option<SaltStep>, SaltError> {
    let plan = &mut plan["eos"]["plan"];
    let new = plan["new_node"].as_str().map(str::to_owned);
    let mut silent = named(plan);
    for time in 0..NEW_ONE_ASKED {
        let asked: BTreeSet<String> =
            silent.iter().filter(|name| time < ASKED || new.as_ref() == Some(name)).cloned().collect();
        for name in answering(tools, &asked)? {
            silent.remove(&name);
        }
    }
    let names: Vec<NodeName> = silent.iter().filter_map(|name| NodeName::parse(name).ok()).collect();
    if names.is_empty() {
        return Ok(None);
    }
    remove(plan, &silent);
    let failure = Failure::of(&SaltError::Silent { names: names.clone() });
    tracing::warn!(code = failure.code, "{}", failure.message);
    Ok(Some(SaltStep {
        id: "minions_that_are_silent".to_owned(),
        function: "salt.runner".to_owned(),
        sls: sls.to_owned(),
        job: None,
        succeeded: true,
        comment: format!("{}: {}; {}", failure.code, failure.message, failure.hints.join("; ")),
        away: names,
    }))
}

/// The nodes that a run is to reach.
fn named(plan: &Value) -> BTreeSet<String> {
    let nodes = plan["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let nodes = nodes.filter_map(Value::as_array).flatten();
    nodes.chain(plan.get("new_node")).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn remove(plan: &mut Value, silent: &BTreeSet<String>) {
    let is_silent = |name: &Value| name.as_str().is_some_and(|name| silent.contains(name));
    if let Some(nodes) = plan["nodes"].as_object_mut() {
        for names in nodes.values_mut().filter_map(Value::as_array_mut) {
            names.retain(|name| !is_silent(name));
        }
        nodes.retain(|_, names| names.as_array().is_some_and(|names| !names.is_empty()));
    }
    if let Some(plan) = plan.as_object_mut().filter(|plan| plan.get("new_node").is_some_and(is_silent)) {
        plan.remove("new_node");
    }
}

/// Those of them that answer.
fn answering(tools: &Tools, names: &BTreeSet<String>) -> Result<BTreeSet<String>, SaltError> {
    let mut up = BTreeSet::new();
    for portion in portions(names) {
        let target = format!("tgt={}", json!(portion));
        let (patience, late) = (format!("timeout={PATIENCE}"), format!("gather_job_timeout={PATIENCE}"));
        let arguments = ["--log-level=error", "manage.up", &target, "tgt_type=list", &patience, &late];
        let (program, output) = tools.question(&arguments)?;
        let answer: Result<BTreeSet<String>, _> = serde_json::from_str(&output.stdout);
        up.extend(answer.map_err(|error| SaltError::Answer {
            program,
            why: format!("it does not say which minions answer: {error}{}", beside(&output)),
        })?);
    }
    Ok(up)
}

/// The names in lists that fit into one argument each.
fn portions(names: &BTreeSet<String>) -> Vec<Vec<&str>> {
    let mut portions: Vec<Vec<&str>> = Vec::new();
    let mut room = 0;
    for name in names {
        // With its quotes and comma.
        let length = name.len() + 3;
        if length > room {
            portions.push(Vec::new());
            room = LONGEST;
        }
        room -= length;
        portions.last_mut().expect("there was no room, or there is one").push(name);
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_thousands_fit_into_arguments_and_none_is_lost() {
        let names: BTreeSet<String> = (0..1000).map(|number| format!("{number:0>255}")).collect();
        let portions = portions(&names);
        assert!(portions.iter().all(|portion| json!(portion).to_string().len() <= LONGEST + 2));
        assert_eq!(portions.concat().len(), 1000);
        assert_eq!(portions.len(), 4);
    }
}
