//! The steps of a run: from the cluster's states tree, or from the one that eos carries when that cannot be used.

use crate::host::root::Root;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::model::explain::Failure;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::orchestration::step::Step;
use crate::orchestration::{RolesPlan, compile};
use crate::registry::record::NodeRecord;
use crate::sls::embedded::Embedded;
use crate::sls::{Context, Inputs};
use crate::steps::StepFailure;
use crate::steps::states_tree::DiskTree;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Steps, and why they are not those of the cluster's own file.
pub struct Prepared {
    /// The steps; none when not even eos's own file can be used.
    pub steps: Vec<Step>,
    /// What is wrong with the cluster's own file.
    pub trouble: Option<Failure>,
}

/// The plan of roles, as the cluster stands.
pub fn plan(app: &App, cluster: &Cluster, new_node: Option<&NodeName>) -> RolesPlan {
    let roles = cluster.members().filter_map(|node| node.role.map(|role| (node.name.clone(), role)));
    let roles: BTreeMap<_, _> = roles.collect();
    let scale = cluster.scale();
    let role = cluster.members().find(|node| node.master).and_then(|node| node.role);
    let inputs = Inputs::of(&master_name(cluster), role.unwrap_or(Role::Monolith), scale);
    let inputs = inputs.configured(&app.config.storage);
    let new_node = new_node.filter(|node| roles.contains_key(node)).cloned();
    RolesPlan { roles, scale, thresholds: inputs.thresholds, retention: inputs.retention, new_node }
}

fn master_name(cluster: &Cluster) -> String {
    cluster
        .members()
        .find(|node| node.master)
        .map_or_else(|| "master".to_owned(), |node| node.name.to_string())
}

/// What orchestration files are rendered with: the plan of roles, and what the nodes say of themselves.
pub fn context(app: &App, cluster: &Cluster, new_node: Option<&NodeName>) -> Context {
    let members: Vec<&NodeRecord> = cluster.members().collect();
    let mut context = Context::new(&master_name(cluster), plan(app, cluster, new_node).pillar());
    let info = members.iter().map(|node| (node.name.to_string(), json!({"node_info": info(node)})));
    context.mine = Value::Object(info.collect());
    context
}

fn info(node: &NodeRecord) -> Value {
    json!({
        "hostname": node.name,
        "ip": node.address,
        "role": node.role,
        "preferred_role": node.preferred,
        "order": node.order,
        "resources": node.resources,
    })
}

/// The steps of this SLS.
pub fn prepare(root: &Root, sls: &str, context: &Context) -> Prepared {
    let tree = DiskTree::of(root);
    let steps = compile(&tree, sls, context);
    // A file that is there and cannot be read counts as missing otherwise.
    let trouble = match (tree.all_read(), steps) {
        (Err(error), _) => Failure::from(StepFailure::from(error)),
        (Ok(()), Err(error)) => Failure::of(&error),
        (Ok(()), Ok(steps)) => return Prepared { steps, trouble: None },
    };
    // Roles have to go on: what the operator's file says is told, and eos's own is used.
    Prepared { steps: compile(&Embedded, sls, context).unwrap_or_default(), trouble: Some(trouble) }
}
