//! `eos state orchestration`: the steps by which the master hands out a generation, from the cluster's own files.

use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::model::explain::Failure;
use crate::model::role::Role;
use crate::orchestration::{RolesPlan, Step, compile};
use crate::sls::{self, Inputs};
use crate::steps::StepFailure;
use crate::steps::states_tree::DiskTree;
use crate::view;
use crate::wire::admin::{ClusterStatus, NodeStatus};
use serde_json::{Value, json};

/// The file that is shown unless another one is named.
pub const NODE_ADDITION: &str = "orchestration.node_addition";

/// Runs the command.
///
/// # Errors
/// When the file is wrong, with file and line, or the master does not answer.
pub fn run(context: &Context, sls: &str) -> Result<Done, Failure> {
    let status = context.ask(async |master| master.status().await)?;
    let config = context.resolve(Vec::new())?.config;
    let rendering = sls::Context::new("master", plan(&status, &config.storage).pillar());
    let tree = DiskTree::of(&context.root);
    let steps = compile(&tree, sls, &rendering);
    tree.all_read().map_err(|error| Failure::from(StepFailure::from(error)))?;
    let steps = steps.map_err(failure)?;
    let listed: Vec<Value> = steps.iter().map(|step| described(&steps, step)).collect();
    Ok(Done::new(json!({ "steps": listed }), view::orchestration::steps(&context.output, &steps)))
}

/// The plan as it is now, with the node that came last as the new one.
fn plan(status: &ClusterStatus, storage: &crate::model::config::StorageConfig) -> RolesPlan {
    let members: Vec<&NodeStatus> = status.nodes.iter().filter(|node| node.state == "active").collect();
    let inputs = Inputs::of("master", Role::Monolith, status.scale).configured(storage);
    let roles = members.iter().filter_map(|node| node.role.map(|role| (node.name.clone(), role)));
    RolesPlan {
        roles: roles.collect(),
        scale: status.scale,
        thresholds: inputs.thresholds,
        retention: inputs.retention,
        new_node: members.iter().max_by_key(|node| node.order).map(|node| node.name.clone()),
    }
}

fn described(steps: &[Step], step: &Step) -> Value {
    let after: Vec<&str> = step.needs.all().map(|other| steps[other].id.as_str()).collect();
    json!({
        "id": step.id, "function": step.function, "file": step.file, "line": step.line,
        "after": after, "parallel": step.parallel, "timeout_seconds": step.timeout_seconds,
    })
}
