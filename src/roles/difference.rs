//! What a plan changes, node by node, in the order in which it is carried out.

use super::input::PlanNode;
use super::outcome::{Reason, RolePlan, Warning};
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The way from what a cluster is to what a plan makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDifference {
    /// The scale before.
    pub scale_before: Scale,
    /// The scale after.
    pub scale_after: Scale,
    /// What changes, in the order in which it is carried out.
    pub changes: Vec<RoleChange>,
    /// How many nodes keep their role.
    pub unchanged: usize,
    /// What to know before.
    pub warnings: Vec<Warning>,
}

/// What changes for one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChange {
    /// The node.
    pub node: NodeName,
    /// When it is carried out.
    pub wave: Wave,
    /// Its role before; none for a new node.
    pub from: Option<Role>,
    /// Its role after; none for a node that is gone.
    pub to: Option<Role>,
    /// Why; none for a node that is gone.
    pub reason: Option<Reason>,
}

/// The order in which changes are carried out: capacity comes before it is taken away, and data last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wave {
    /// A node gets its first role.
    New,
    /// A node that keeps no bulk data changes its role.
    Moved,
    /// A node leaves the role `data`.
    DataMoved,
    /// A node is gone.
    Gone,
}

/// Compares the cluster as it is with a plan for it, for more nodes or for fewer.
pub fn difference(live: &[PlanNode], plan: &RolePlan) -> RoleDifference {
    let before: BTreeMap<&NodeName, Option<Role>> =
        live.iter().map(|node| (&node.name, node.current)).collect();
    let mut changes = Vec::new();
    let mut unchanged = 0;
    for assignment in &plan.assignments {
        let from = before.get(&assignment.node).copied().flatten();
        if from == Some(assignment.role) {
            unchanged += 1;
            continue;
        }
        let wave = match from {
            None => Wave::New,
            Some(Role::Data) => Wave::DataMoved,
            Some(_) => Wave::Moved,
        };
        let (node, reason) = (assignment.node.clone(), Some(assignment.reason.clone()));
        changes.push(RoleChange { node, wave, from, to: Some(assignment.role), reason });
    }
    for (name, from) in before {
        if plan.role_of(name).is_none() {
            changes.push(RoleChange { node: name.clone(), wave: Wave::Gone, from, to: None, reason: None });
        }
    }
    changes.sort_by(|left, right| (left.wave, &left.node).cmp(&(right.wave, &right.node)));
    let staying = live.iter().filter(|node| node.availability != super::Availability::Leaving).count();
    RoleDifference {
        scale_before: Scale::of(staying),
        scale_after: plan.scale,
        changes,
        unchanged,
        warnings: plan.warnings.clone(),
    }
}

impl RoleDifference {
    /// Whether the plan changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many nodes that had a role get another.
    pub fn moved(&self) -> usize {
        self.changes.iter().filter(|change| matches!(change.wave, Wave::Moved | Wave::DataMoved)).count()
    }
}
