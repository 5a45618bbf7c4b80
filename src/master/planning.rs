//! From the cluster's records to the planner and back.

use crate::lifecycle::NodeState;
use crate::master::cluster::{Cluster, GENERATION};
use crate::master::error::MasterError;
use crate::model::ids::{NodeId, NodeName};
use crate::model::role::Role;
use crate::registry::Change;
use crate::registry::record::NodeRecord;
use crate::roles::{self, PlanNode, RoleDifference, RolePlan, RoleRules};
use crate::wire::admin::{PlannedRole, PlannedRoles};

/// A record as the planner sees it.
pub fn plan_node(record: &NodeRecord) -> PlanNode {
    PlanNode {
        id: Some(record.id.clone()),
        resources: record.resources,
        preferred: record.preferred.filter(|role| *role != Role::Monolith),
        current: if record.state == NodeState::Active { record.role } else { None },
        pinned: record.pinned,
        ..PlanNode::new(record.name.clone(), record.order)
    }
}

/// The plan for the members, with `joining` among them.
///
/// # Errors
/// When the planner refuses.
pub fn plan_with(
    cluster: &Cluster,
    rules: &RoleRules,
    joining: Option<&NodeId>,
) -> Result<RolePlan, MasterError> {
    roles::plan(&plan_nodes(cluster, joining), rules).map_err(MasterError::Roles)
}

/// What letting `joining` in, or taking `leaving` out, would change.
///
/// # Errors
/// When the planner refuses.
pub fn preview(
    cluster: &Cluster,
    rules: &RoleRules,
    joining: Option<&NodeRecord>,
    leaving: Option<&NodeName>,
) -> Result<PlannedRoles, MasterError> {
    let live = plan_nodes(cluster, None);
    let add: Vec<PlanNode> = joining.map(plan_node).into_iter().collect();
    let remove: Vec<NodeName> = leaving.cloned().into_iter().collect();
    roles::simulate(&live, &add, &remove, rules)
        .map(|simulation| to_wire(&simulation.difference))
        .map_err(MasterError::Roles)
}

/// The changes that give every member its role in a new generation.
///
/// `change` is what made the new plan necessary; it is part of the same transaction. The cluster
/// is only read: the caller commits.
///
/// # Errors
/// When the planner refuses.
pub fn replan(
    cluster: &Cluster,
    rules: &RoleRules,
    members: Vec<NodeRecord>,
) -> Result<(Vec<Change>, PlannedRoles), MasterError> {
    let mut changes = vec![Change::Value(GENERATION, (cluster.generation + 1).to_string())];
    let nodes: Vec<PlanNode> = members.iter().map(plan_node).collect();
    let plan = roles::plan(&nodes, rules).map_err(MasterError::Roles)?;
    let before = plan_nodes(cluster, None);
    for mut member in members {
        let role = plan.role_of(&member.name);
        if role != member.role || cluster.nodes.get(&member.id) != Some(&member) {
            member.role = role;
            changes.push(Change::PutNode(Box::new(member)));
        }
    }
    Ok((changes, to_wire(&roles::difference(&before, &plan))))
}

fn plan_nodes(cluster: &Cluster, joining: Option<&NodeId>) -> Vec<PlanNode> {
    let extra = joining.and_then(|id| cluster.nodes.get(id));
    cluster.members().chain(extra).map(plan_node).collect()
}

fn to_wire(difference: &RoleDifference) -> PlannedRoles {
    PlannedRoles {
        changes: difference
            .changes
            .iter()
            .map(|change| PlannedRole {
                node: change.node.clone(),
                from: change.from,
                to: change.to,
                reason: change.reason.as_ref().map_or_else(|| "it leaves".to_owned(), ToString::to_string),
            })
            .collect(),
        warnings: difference.warnings.iter().map(ToString::to_string).collect(),
        scale: difference.scale_after,
    }
}
