//! What can be wrong with a plan.

use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;

/// A rule that a plan breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A node without a role.
    #[error("node {node} has no role")]
    NoRole {
        /// The node.
        node: NodeName,
    },
    /// A node that occurs more than once.
    #[error("node {node} has {times} roles")]
    SeveralRoles {
        /// The node.
        node: NodeName,
        /// How often it occurs.
        times: usize,
    },
    /// A node that nobody asked about.
    #[error("node {node} has a role and is not in the cluster")]
    UnknownNode {
        /// The node.
        node: NodeName,
    },
    /// The assignments are out of order.
    #[error("the assignments are not sorted by name")]
    Unsorted,
    /// The scale does not follow from the number of nodes.
    #[error("the scale is {stated}; {nodes} nodes make it {expected}")]
    WrongScale {
        /// What the plan says.
        stated: Scale,
        /// What it should say.
        expected: Scale,
        /// Nodes that stay.
        nodes: usize,
    },
    /// A target that does not follow from the rules.
    #[error("the target of {role} is {stated}, which the rules do not give for {nodes} nodes")]
    WrongTarget {
        /// The role.
        role: Role,
        /// What the plan says.
        stated: u64,
        /// Nodes that stay.
        nodes: usize,
    },
    /// A node has another role than the one nothing may change.
    #[error("node {node} is {role} and must be {must}: {why}")]
    Forbidden {
        /// The node.
        node: NodeName,
        /// What the plan says.
        role: Role,
        /// What it must be.
        must: Role,
        /// Why.
        why: &'static str,
    },
    /// A monolith in a cluster of several.
    #[error("node {node} is the monolith of a cluster of {nodes}")]
    MonolithAmongMany {
        /// The node.
        node: NodeName,
        /// Nodes that stay.
        nodes: usize,
    },
    /// The previous role is not the current one.
    #[error("node {node} is said to have had {}, it has {}", name_of(.stated), name_of(.current))]
    WrongPrevious {
        /// The node.
        node: NodeName,
        /// What the plan says.
        stated: Option<Role>,
        /// What it has.
        current: Option<Role>,
    },
    /// The reason contradicts the assignment.
    #[error("the reason for node {node} contradicts its role: {reason}")]
    WrongReason {
        /// The node.
        node: NodeName,
        /// The reason as text.
        reason: String,
    },
    /// A target is missed without a warning, or warned of though it is met.
    #[error("{role} has {have} of {wanted} nodes and the warnings say otherwise")]
    TargetNotTold {
        /// The role.
        role: Role,
        /// Nodes that stay and have it.
        have: u64,
        /// What is wanted.
        wanted: u64,
    },
    /// A preference is missed without a warning.
    #[error("node {node} does not get what it prefers and no warning says so")]
    PreferenceNotTold {
        /// The node.
        node: NodeName,
    },
    /// There is a better plan.
    #[error("a better plan exists: moving nodes along {} gains in {gain}", names_of(.along))]
    Improvable {
        /// The roles along which nodes would move.
        along: Vec<Role>,
        /// The first level in which the other plan is better.
        gain: &'static str,
    },
}

fn name_of(role: &Option<Role>) -> &'static str {
    role.map_or("no role", Role::name)
}

fn names_of(roles: &[Role]) -> String {
    roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" -> ")
}
