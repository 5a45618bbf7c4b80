//! For whom something is that an agent writes down: this node.
//!
//! The boot is no part of it: what is addressed lies where no reboot leaves it, and in a container each sandbox may see
//! another boot id.

use crate::agent::error::AgentError;
use crate::host::root::Root;
use crate::identity::membership::Membership;
use crate::model::ids::{ClusterId, NodeId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addressee {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub id: NodeId,
}

impl Addressee {
    /// The node of this root.
    ///
    /// # Errors
    /// When this is no member.
    pub fn own(root: &Root) -> Result<Self, AgentError> {
        let membership = Membership::load(root).map_err(AgentError::Identity)?;
        let Membership { cluster, node: id, .. } = membership.ok_or(AgentError::NotMember)?;
        Ok(Self { cluster, id })
    }
}

impl fmt::Display for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.id, self.cluster)
    }
}
