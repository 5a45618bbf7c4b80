//! What the rules say about one node alone.

use crate::model::role::Role;
use crate::roles::input::{Assignment, Availability, PlanNode, RoleRules};

/// Whether a node may be moved.
pub(super) enum Duty {
    /// It must have this role, for this reason.
    Must(Role, &'static str),
    /// Any role but monolith.
    Free,
}

/// Whether a node counts for the targets.
pub(super) fn counts(node: &PlanNode) -> bool {
    node.availability != Availability::Leaving
}

/// What a node must be in a cluster of `size` nodes that stay.
pub(super) fn duty(node: &PlanNode, size: usize, rules: &RoleRules) -> Duty {
    if !counts(node) {
        return match node.current {
            Some(role) => Duty::Must(role, "it is leaving and keeps its role"),
            None => Duty::Free,
        };
    }
    if size == 1 {
        return Duty::Must(Role::Monolith, "it is the only node");
    }
    if let Some(pinned) = node.pinned {
        return Duty::Must(pinned, "it was given that role by hand");
    }
    if let Some(current) = node.current
        && current != Role::Monolith
    {
        if node.availability == Availability::Failing {
            return Duty::Must(current, "it does not answer and keeps its role");
        }
        if rules.assignment == Assignment::Manual {
            return Duty::Must(current, "roles are assigned by hand");
        }
        if !rules.rebalance_on_join {
            return Duty::Must(current, "rebalance_on_join is off");
        }
        return Duty::Free;
    }
    match (rules.assignment, node.preferred) {
        (Assignment::Manual, Some(preferred)) => {
            Duty::Must(preferred, "it asks for it and roles are assigned by hand")
        }
        _ => Duty::Free,
    }
}

/// Whether a node serves the role it has: it answers, or its role is to be told anyway.
pub(super) fn serves(node: &PlanNode, size: usize, rules: &RoleRules) -> bool {
    node.availability != Availability::Failing || matches!(duty(node, size, rules), Duty::Free)
}
