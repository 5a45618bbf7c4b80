//! The steps of a run: from the cluster's states tree, or from the one that eos carries when that cannot be used.

use crate::host::root::Root;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::model::explain::Failure;
use crate::orchestration::step::Step;
use crate::orchestration::{RolesPlan, compile};
use crate::registry::record::NodeRecord;
use crate::sls::embedded::Embedded;
use crate::sls::{Context, Inputs};
use crate::steps::StepFailure;
use crate::steps::states_tree::DiskTree;
use serde_json::{Value, json};

/// Steps, and why they are not those of the cluster's own file.
pub struct Prepared {
    /// The steps; none when not even eos's own file can be used.
    pub steps: Vec<Step>,
    /// What is wrong with the cluster's own file.
    pub trouble: Option<Failure>,
}

/// What orchestration files are rendered with: the plan of roles, and what the nodes say of themselves.
pub fn context(app: &App, cluster: &Cluster, new_node: Option<&crate::model::ids::NodeName>) -> Context {
    let members: Vec<&NodeRecord> = cluster.members().collect();
    let scale = cluster.scale();
    let roles = members.iter().filter_map(|node| node.role.map(|role| (node.name.clone(), role)));
    let roles: std::collections::BTreeMap<_, _> = roles.collect();
    let master = members.iter().find(|node| node.master);
    let name = master.map_or("master", |node| node.name.as_str());
    let role = master.and_then(|node| node.role).unwrap_or(crate::model::role::Role::Monolith);
    let inputs = Inputs::of(name, role, scale).configured(&app.config.storage);
    let new_node = new_node.filter(|node| roles.contains_key(node)).cloned();
    let plan =
        RolesPlan { roles, scale, thresholds: inputs.thresholds, retention: inputs.retention, new_node };
    let mut context = Context::new(name, plan.pillar());
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
