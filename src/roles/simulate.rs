//! What would happen if nodes came or went; nothing is changed.

use super::difference::{RoleDifference, difference};
use super::error::RoleError;
use super::input::{PlanNode, RoleRules};
use super::outcome::RolePlan;
use super::planner::plan;
use crate::model::ids::NodeName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A plan for a cluster that does not exist yet, and the way there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// The roles after the change.
    pub plan: RolePlan,
    /// What changes.
    pub difference: RoleDifference,
}

/// Plans the live cluster with some nodes added and others gone.
///
/// Added nodes join after the live ones, in the order of their own `joined_order` and name. A node may
/// be taken out and added anew under one name: that is a reinstallation.
///
/// Errors: a node to remove that is not there, a node to add that stays, and those of [`plan`].
pub fn simulate(
    live: &[PlanNode],
    add: &[PlanNode],
    remove: &[NodeName],
    rules: &RoleRules,
) -> Result<Simulation, RoleError> {
    let gone: BTreeSet<&NodeName> = remove.iter().collect();
    let there: BTreeSet<&NodeName> = live.iter().map(|node| &node.name).collect();
    if let Some(name) = gone.difference(&there).next() {
        return Err(RoleError::RemoveUnknown { name: (*name).clone() });
    }
    let mut nodes: Vec<PlanNode> = live.iter().filter(|node| !gone.contains(&node.name)).cloned().collect();
    let mut coming: Vec<&PlanNode> = add.iter().collect();
    coming.sort_by(|left, right| (left.joined_order, &left.name).cmp(&(right.joined_order, &right.name)));
    if let Some(node) = coming.iter().find(|node| there.contains(&node.name) && !gone.contains(&node.name)) {
        return Err(RoleError::AddExisting { name: node.name.clone() });
    }
    let last = live.iter().map(|node| node.joined_order).max().unwrap_or(0);
    for (node, place) in coming.into_iter().zip(1..) {
        nodes.push(PlanNode { joined_order: last.saturating_add(place), ..node.clone() });
    }
    let plan = plan(&nodes, rules)?;
    Ok(Simulation { difference: difference(live, &plan), plan })
}
