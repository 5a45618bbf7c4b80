//! Who holds which snapshots, and who may have them.

use crate::model::ids::{NodeId, NodeName};
use crate::model::role::Role;
use serde::{Deserialize, Serialize};

/// `GET /v1/members/{id}`: what a node is that asks another one for snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: NodeName,
    /// Its state, as a listing of nodes names it.
    pub state: String,
    /// Whether it is a member, or accepted and joining.
    pub admitted: bool,
    /// Its role; of a node that is joining the one that it will have.
    #[serde(default)]
    pub role: Option<Role>,
}
