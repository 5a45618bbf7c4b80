//! From the cluster's records to the planner and back.

use crate::host::clock;
use crate::lifecycle::NodeState;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::model::ids::NodeId;
use crate::model::role::Role;
use crate::orchestration::{Cause, Run};
use crate::registry::Change;
use crate::registry::record::NodeRecord;
use crate::roles::{self, Availability, PlanNode, RoleDifference, RolePlan, RoleRules};
use crate::wire::admin::{PlannedRole, PlannedRoles};
use std::collections::BTreeSet;

/// A record as the planner sees it at this time; a node that is away for long is not counted on.
pub fn plan_node(cluster: &Cluster, record: &NodeRecord, now: u64) -> PlanNode {
    let member = record.state == NodeState::Active;
    PlanNode {
        id: Some(record.id.clone()),
        resources: record.resources,
        preferred: record.preferred.filter(|role| *role != Role::Monolith),
        current: record.role.filter(|_| member),
        pinned: record.pinned,
        availability: match member && !record.master && cluster.failing(&record.id, now) {
            true => Availability::Failing,
            false => Availability::Available,
        },
        ..PlanNode::new(record.name.clone(), record.order)
    }
}

/// The plan for the members with those that join among them, each in the place of the one that it replaces.
///
/// # Errors
/// When the planner refuses.
pub fn plan_with(
    cluster: &Cluster,
    rules: &RoleRules,
    joining: &[&NodeRecord],
) -> Result<RolePlan, MasterError> {
    roles::plan(&plan_nodes(cluster, joining), rules).map_err(MasterError::Roles)
}

/// What letting `joining` in would change, the member whose place it takes taken out.
///
/// # Errors
/// When the planner refuses.
pub fn preview(
    cluster: &Cluster,
    rules: &RoleRules,
    joining: Option<&NodeRecord>,
) -> Result<PlannedRoles, MasterError> {
    let now = clock::now_ms();
    let replaced = joining.and_then(|node| node.replaces.as_ref()).and_then(|id| cluster.nodes.get(id));
    let (mut live, mut remove) = (plan_nodes(cluster, &[]), Vec::new());
    match replaced.filter(|replaced| replaced.state == NodeState::Active) {
        // The planner knows nodes by name: one that is only installed anew is no other node.
        Some(replaced) if joining.is_some_and(|node| node.name == replaced.name) => {
            live.retain(|node| node.name != replaced.name);
        }
        Some(replaced) => remove.push(replaced.name.clone()),
        None => {}
    }
    let add: Vec<PlanNode> = joining.map(|record| plan_node(cluster, record, now)).into_iter().collect();
    roles::simulate(&live, &add, &remove, rules)
        .map(|simulation| to_wire(&simulation.difference))
        .map_err(MasterError::Roles)
}

/// The changes that begin a generation, and the run that hands it out.
pub fn next_generation(generation: u64, cause: Cause, now: u64) -> Vec<Change> {
    vec![Change::Generation(generation), Change::PutRun(Box::new(Run::begin(generation, cause, now)))]
}

/// The changes that give every member its role in a new generation, which an orchestration hands out.
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
    cause: Cause,
) -> Result<(Vec<Change>, PlannedRoles), MasterError> {
    let now = clock::now_ms();
    let mut changes = next_generation(cluster.generation + 1, cause, now);
    let nodes: Vec<PlanNode> = members.iter().map(|member| plan_node(cluster, member, now)).collect();
    let plan = roles::plan(&nodes, rules).map_err(MasterError::Roles)?;
    let before = plan_nodes(cluster, &[]);
    for mut member in members {
        let role = plan.role_of(&member.name);
        if role != member.role || cluster.nodes.get(&member.id) != Some(&member) {
            member.role = role;
            changes.push(Change::PutNode(Box::new(member)));
        }
    }
    Ok((changes, to_wire(&roles::difference(&before, &plan))))
}

fn plan_nodes(cluster: &Cluster, joining: &[&NodeRecord]) -> Vec<PlanNode> {
    let replaced: BTreeSet<&NodeId> = joining.iter().filter_map(|node| node.replaces.as_ref()).collect();
    let now = clock::now_ms();
    let stay = cluster.members().filter(|member| !replaced.contains(&member.id));
    stay.chain(joining.iter().copied()).map(|record| plan_node(cluster, record, now)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::fixture::{self, MasterHost};
    use crate::master::leases::{Leases, Now};

    #[test]
    fn a_node_that_comes_and_goes_begins_no_generation() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let flapping = fixture::node("node2", NodeState::Active, 0);
        host.put(NodeRecord { master: true, ..fixture::node("node1", NodeState::Active, 0) })?;
        host.put(flapping.clone())?;
        let before = host.app.cluster().generation;
        let now = clock::now_ms();
        // Heard of just now, and last long ago: by turns.
        for heard in [now, now - 3_600_000].repeat(10) {
            host.app.cluster().live.entry(flapping.id.clone()).or_default().presence = Default::default();
            host.app.cluster().live[&flapping.id].presence.heard(heard);
            assert_eq!(host.app.cluster().failing(&flapping.id, now), heard != now);
            Leases::default().look(&host.app, Now::read());
        }
        assert_eq!(host.app.cluster().generation, before);
        Ok(())
    }
}
