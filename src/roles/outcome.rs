//! A role plan: which role each node has, why, and what to be warned of.

use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The roles of a whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolePlan {
    /// The scale, by the nodes that stay (leaving ones do not count).
    pub scale: Scale,
    /// The wanted number of nodes of each role that is wanted.
    pub targets: BTreeMap<Role, u64>,
    /// One for each node, sorted by name.
    pub assignments: Vec<RoleAssignment>,
    /// What the plan could not do, or does at a risk; in a stable order.
    pub warnings: Vec<Warning>,
}

/// The role of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// The node.
    pub node: NodeName,
    /// The role it has by this plan.
    pub role: Role,
    /// The role it had before.
    pub previous: Option<Role>,
    /// Why.
    pub reason: Reason,
}

/// Why a node has its role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// A cluster of one.
    #[error("the only node of its cluster is everything at once")]
    OnlyNode,
    /// Given by hand.
    #[error("given this role by hand")]
    Pinned,
    /// It keeps its role until it is gone.
    #[error("is leaving and keeps its role until it is gone")]
    Leaving,
    /// It keeps its role until it is back.
    #[error("does not answer and keeps its role until it does")]
    Failing,
    /// `assignment: manual`.
    #[error("has this role, and roles are assigned by hand")]
    Manual,
    /// `assignment: manual`, a node without a role.
    #[error("asks for this role, and roles are assigned by hand")]
    ManualPreference,
    /// `rebalance_on_join: false`.
    #[error("has this role, and rebalance_on_join is off")]
    Held,
    /// It need not move.
    #[error("has this role already, and nothing is gained by moving it")]
    Kept,
    /// It asks for it and there is a place.
    #[error("asks for this role, and the targets have a place for it")]
    Preferred,
    /// Every node that had this role fails.
    #[error("stands in: no other node of this role answers")]
    StandsIn,
    /// Two or three nodes: the order of joining decides.
    #[error("is number {position} of {nodes} in the order of joining")]
    Order {
        /// From 1.
        position: usize,
        /// Nodes that stay.
        nodes: usize,
    },
    /// It had no role; this is where it helps most.
    #[error("had no role; {role} wants {target}, had {had}")]
    Fills {
        /// The role.
        role: Role,
        /// How many are wanted.
        target: u64,
        /// How many it had before this plan.
        had: u64,
    },
    /// Its new role has too few nodes.
    #[error("moves because {role} wants {target} and had {had}")]
    Target {
        /// The new role.
        role: Role,
        /// How many are wanted.
        target: u64,
        /// How many it had before this plan.
        had: u64,
    },
    /// It gives its place to another.
    #[error("makes room in {from} for a node that asks for it or fits it, {from} wants {target}")]
    MakesRoom {
        /// The role it leaves.
        from: Role,
        /// How many are wanted there.
        target: u64,
    },
}

/// What an operator should know before the plan is carried out: the risk first, then the fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "warning", rename_all = "kebab-case")]
pub enum Warning {
    /// Nobody is left.
    #[error("nothing serves this cluster any more: all its nodes are leaving")]
    NobodyStays,
    /// A wanted role that no answering node has.
    #[error("nobody serves {role}: no node that answers has this role")]
    Unserved {
        /// The role.
        role: Role,
    },
    /// A target that is not met.
    #[error("{role} is off its target: {have} nodes have this role, {target} are wanted")]
    TargetMissed {
        /// The role.
        role: Role,
        /// Nodes that stay and have it.
        have: u64,
        /// How many are wanted.
        target: u64,
    },
    /// The counts of the table are more than the nodes.
    #[error("{role} gets fewer nodes than its target states: {given} of {stated}, the cluster is too small")]
    CountCut {
        /// The role.
        role: Role,
        /// What the table says.
        stated: u64,
        /// What is possible.
        given: u64,
    },
    /// A `data` node changes its role.
    #[error("the data of {node} must be elsewhere before it moves: it leaves data for {to}")]
    DataMoves {
        /// The node.
        node: NodeName,
        /// Its new role.
        to: Role,
    },
    /// Nodes that have less than their role should have.
    #[error(
        "{role} may be slow or fill up: {nodes} of its nodes have less {resource} than its minimum of {minimum}, {example} has {have}"
    )]
    BelowMinimum {
        /// The role.
        role: Role,
        /// What there is too little of.
        resource: Resource,
        /// How many nodes.
        nodes: u64,
        /// The one of them that sorts first.
        example: NodeName,
        /// What it has, in the unit of the resource.
        have: Amount,
        /// What the role should have.
        minimum: Amount,
    },
    /// A preference that could not be honoured.
    #[error("{node} does not get the role it asks for: it is {role}, {preferred} has no place for it")]
    PreferenceMissed {
        /// The node.
        node: NodeName,
        /// What it asks for.
        preferred: Role,
        /// What it gets.
        role: Role,
    },
    /// A role given by hand that must wait.
    #[error("{node} is not {pinned} as given by hand: while it is alone it is the monolith")]
    PinWaits {
        /// The node.
        node: NodeName,
        /// Its role by hand.
        pinned: Role,
    },
    /// By hand, but no hand gave it.
    #[error(
        "{node} was given {role} by the targets, not by hand, because it had no role: eos role set {node} ROLE"
    )]
    Undecided {
        /// The node.
        node: NodeName,
        /// What it gets.
        role: Role,
    },
    /// A node that leaves before it ever had a role.
    #[error("{node} is left out of the plan: it is leaving and never had a role")]
    LeftOut {
        /// The node.
        node: NodeName,
    },
}

/// Something a machine has, in the order in which it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Logical processors.
    Processors,
    /// Physical memory.
    Memory,
    /// The file system that holds the state.
    Disk,
}

/// An amount of a resource: processors, or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amount {
    /// So many.
    Count(u64),
    /// So many bytes.
    Bytes(u64),
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Processors => "processors",
            Self::Memory => "memory",
            Self::Disk => "disk",
        })
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Bytes(bytes) => {
                let tenths = |unit: u64| (bytes / unit, bytes % unit * 10 / unit);
                let (name, (whole, tenth)) = match bytes {
                    0..1_048_576 => return write!(f, "{bytes} bytes"),
                    1_048_576..1_073_741_824 => ("MiB", tenths(1 << 20)),
                    _ => ("GiB", tenths(1 << 30)),
                };
                if tenth == 0 { write!(f, "{whole} {name}") } else { write!(f, "{whole}.{tenth} {name}") }
            }
        }
    }
}

impl RolePlan {
    /// The role of a node, if it is in the plan.
    pub fn role_of(&self, node: &NodeName) -> Option<Role> {
        let found = self.assignments.binary_search_by(|assignment| assignment.node.cmp(node)).ok()?;
        Some(self.assignments[found].role)
    }

    /// The nodes that had a role and get another.
    pub fn moves(&self) -> impl Iterator<Item = &RoleAssignment> {
        self.assignments
            .iter()
            .filter(|assignment| assignment.previous.is_some_and(|role| role != assignment.role))
    }
}
