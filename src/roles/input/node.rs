//! A node as the planner sees it.

use crate::model::facts::Resources;
use crate::model::ids::{NodeId, NodeName};
use crate::model::role::Role;
use crate::roles::error::RoleError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A node of the cluster, or one that may become one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanNode {
    /// Its name, unique in the cluster.
    pub name: NodeName,
    /// Its id; a node that does not exist yet has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<NodeId>,
    /// What the machine has to offer.
    #[serde(default)]
    pub resources: Resources,
    /// The role it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred: Option<Role>,
    /// The role it has; none before its first plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Role>,
    /// When it joined, as a number that grows with each join; equal ones are ordered by name.
    #[serde(default)]
    pub joined_order: u64,
    /// Whether it can be counted on.
    #[serde(default)]
    pub availability: Availability,
    /// The role that an operator gave it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Role>,
}

/// Whether a node can be counted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// It is there.
    #[default]
    Available,
    /// It is being removed: it keeps its role until it is gone, and the targets are met without it.
    Leaving,
    /// It does not answer: it keeps its role, and a node stands in if nobody else has that role.
    Failing,
}

impl PlanNode {
    /// An available node without role, preference or resources.
    pub fn new(name: NodeName, joined_order: u64) -> Self {
        Self {
            name,
            id: None,
            resources: Resources::default(),
            preferred: None,
            current: None,
            joined_order,
            availability: Availability::Available,
            pinned: None,
        }
    }
}

/// Refuses a set of nodes that cannot be planned: none, a name or an id twice, `monolith` asked for.
pub fn validate(nodes: &[PlanNode]) -> Result<(), RoleError> {
    if nodes.is_empty() {
        return Err(RoleError::NoNodes);
    }
    let mut names = BTreeMap::new();
    let mut ids: BTreeMap<&NodeId, &NodeName> = BTreeMap::new();
    for node in nodes {
        if names.insert(&node.name, ()).is_some() {
            return Err(RoleError::DuplicateName { name: node.name.clone() });
        }
        for (field, role) in [("preferred", node.preferred), ("pinned", node.pinned)] {
            if role == Some(Role::Monolith) {
                return Err(RoleError::MonolithRequested { node: node.name.clone(), field });
            }
        }
        if let Some(id) = &node.id
            && let Some(other) = ids.insert(id, &node.name)
        {
            let (first, second) = if *other < node.name { (other, &node.name) } else { (&node.name, other) };
            return Err(RoleError::DuplicateId {
                id: id.clone(),
                first: first.clone(),
                second: second.clone(),
            });
        }
    }
    Ok(())
}
