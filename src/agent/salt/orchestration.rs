//! Runs an orchestration file of the cluster's tree by `salt-run state.orchestrate`.
//!
//! With a configuration of its own, which includes the Salt master's: tree and pillar are environments named `eos`
//! there, so that neither the files nor the pillar of the fleet are changed, and none of them is taken for eos's.

use crate::agent::salt::tools::{beside, said};
use crate::agent::salt::{SaltError, Tools, answering, pillar};
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::orchestration::Cause;
use crate::salt::orchestrated;
use crate::wire::salt::SaltStep;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// How long a run may take: each node its generation, all of them together.
const LIMIT: Duration = Duration::from_secs(600);

/// The environment.
const ENVIRONMENT: &str = "eos";

/// What follows when a node has joined.
const NODE_ADDITION: &str = "orchestration.node_addition";

/// What a plan says; anything else would be words of somebody else for a file that root's Salt renders.
const KEYS: [&str; 7] = ["roles", "nodes", "scale", "thresholds", "retention", "new_node", "generation"];

/// Runs the file for those whose minions answer; what came of its steps, after the one that says whose do not.
///
/// # Errors
/// When Salt cannot be run, refuses the file, or is not done in time. That a step fails is no error here.
pub fn run(tools: &Tools, sls: &str, plan: &Value) -> Result<Vec<SaltStep>, SaltError> {
    believable(sls, plan).map_err(|why| SaltError::Answer { program: "eos master".to_owned(), why })?;
    pillar::keep(&tools.root, &tools.cluster, plan)?;
    let mut plan = plan.clone();
    let silent = answering::leave_out(tools, sls, &mut plan)?;
    if plan["eos"]["plan"]["nodes"].as_object().is_none_or(serde_json::Map::is_empty) {
        return Ok(silent.into_iter().collect());
    }
    let directory = prepare(tools, &plan)?;
    let (saltenv, pillarenv) = (format!("saltenv={ENVIRONMENT}"), format!("pillarenv={ENVIRONMENT}"));
    let arguments = ["--log-level=error", "state.orchestrate", sls, saltenv.as_str(), pillarenv.as_str()];
    let ran = tools.orchestrate(&directory, &arguments, LIMIT);
    files::remove_tree(&directory)?;
    let (program, output) = ran?;
    if output.stdout.trim().is_empty() {
        return Err(SaltError::Answer { program, why: said(&output) });
    }
    let steps = orchestrated::parse(&output.stdout)
        .map_err(|why| SaltError::Answer { program, why: why + &beside(&output) })?;
    Ok(silent.into_iter().chain(steps).collect())
}

/// Whether it is what a master asks for: names become paths here, and words of a file that Salt renders.
fn believable(sls: &str, plan: &Value) -> Result<(), String> {
    if ![Cause::Changed.sls(), NODE_ADDITION].contains(&sls) {
        return Err(format!("it asks for {sls:?}, which is no orchestration of a generation"));
    }
    known(plan, &["eos"])?;
    known(&plan["eos"], &["plan"])?;
    let plan = &plan["eos"]["plan"];
    known(plan, &KEYS)?;
    let name = |text: &str| NodeName::parse(text).map(drop).map_err(|error| error.to_string());
    let role = |text: &str| Role::parse(text).map(drop).map_err(|error| error.to_string());
    for (node, given) in plan["roles"].as_object().into_iter().flatten() {
        name(node)?;
        role(given.as_str().unwrap_or_default())?;
    }
    for (given, nodes) in plan["nodes"].as_object().into_iter().flatten() {
        role(given)?;
        let nodes = nodes.as_array().ok_or("the nodes of a role are no list")?;
        nodes.iter().try_for_each(|node| name(node.as_str().unwrap_or_default()))?;
    }
    if let Some(node) = plan.get("new_node") {
        name(node.as_str().unwrap_or_default())?;
    }
    // The files take a plan without a generation for one of a fleet, whose keys are accepted by name; none is 0.
    let generation = plan["generation"].as_u64().is_some_and(|generation| generation > 0);
    match (generation, Scale::deserialize(&plan["scale"])) {
        (true, Ok(_)) => Ok(()),
        _ => Err("its plan has no generation or no scale".to_owned()),
    }
}

/// That an object has no keys but these.
fn known(object: &Value, keys: &[&str]) -> Result<(), String> {
    match object.as_object().into_iter().flatten().find(|(key, _)| !keys.contains(&key.as_str())) {
        Some((key, _)) => Err(format!("it says {key:?}, which is no part of a plan")),
        None => Ok(()),
    }
}

/// Writes what the run reads; the directory. The Salt master's user reads it too, and nothing in it is secret.
fn prepare(tools: &Tools, plan: &Value) -> Result<PathBuf, SaltError> {
    let directory = tools.root.join(paths::SALT_RUN);
    files::remove_tree(&directory)?;
    let open = Attributes { mode: 0o755, owner: None };
    files::create_directory(&directory, open)?;
    let pillar = directory.join("pillar");
    files::create_directory(&pillar, open)?;
    let of = |name: &str| tools.directory().join(name).display().to_string();
    let own = directory.join("eos");
    // What comes later is laid over what came before, and lists are joined.
    let include = [of("master"), of("master.d/*.conf"), own.display().to_string()];
    let states = tools.root.join(paths::CLUSTER_STATES).display().to_string();
    let environments = json!({
        "file_roots": {ENVIRONMENT: [states]},
        "pillar_roots": {ENVIRONMENT: [pillar.display().to_string()]},
    });
    // JSON is YAML; and of the pillar, Salt must render nothing.
    for (path, text) in [
        (own, format!("{environments:#}\n")),
        (pillar.join("top.sls"), format!("#!json\n{}\n", json!({ENVIRONMENT: {"*": ["plan"]}}))),
        (pillar.join("plan.sls"), format!("#!json\n{plan}\n")),
        (directory.join("master"), format!("{:#}\n", json!({"include": include}))),
    ] {
        files::write_atomic(&path, text.as_bytes(), Attributes::PUBLIC)?;
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_plan_of_names_and_roles_is_believed() {
        let plan = || {
            json!({"eos": {"plan": {"roles": {"n1": "edge"}, "nodes": {"edge": ["n1"]}, "scale": "small",
                "generation": 3, "new_node": "n1"}}})
        };
        assert_eq!(believable(NODE_ADDITION, &plan()), Ok(()));
        assert!(believable("cmd.run", &plan()).is_err());
        for (key, value) in [
            ("roles", json!({"../../../etc": "edge"})),
            ("roles", json!({"n1": "edge\n- cmd.run"})),
            ("roles", json!({"n1": 1})),
            ("nodes", json!({"edge": ["n1: {{ x }}"]})),
            ("nodes", json!({"edge": "n1"})),
            ("nodes", json!({"other": ["n1"]})),
            ("new_node", json!("*")),
            ("generation", json!("3; x")),
            ("generation", json!(0)),
            ("other", json!("x")),
            ("scale", json!("{{ x }}")),
        ] {
            let mut plan = plan();
            plan["eos"]["plan"][key] = value.clone();
            assert!(believable(NODE_ADDITION, &plan).is_err(), "{key} {value}");
        }
    }
}
