//! For whom something is that an agent writes down: this node, in this boot of its host.

use crate::agent::error::AgentError;
use crate::host::facts;
use crate::host::root::Root;
use crate::identity::membership::Membership;
use crate::model::ids::{ClusterId, NodeId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A node in one boot of its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addressee {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub id: NodeId,
    /// The boot, as the kernel names it: a disk that was copied is another node's only by this. None where the kernel
    /// does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
}

impl Addressee {
    /// The node of this root.
    ///
    /// # Errors
    /// When this is no member.
    pub fn own(root: &Root) -> Result<Self, AgentError> {
        let membership = Membership::load(root).map_err(AgentError::Identity)?;
        let Membership { cluster, node: id, .. } = membership.ok_or(AgentError::NotMember)?;
        Ok(Self { cluster, id, boot: facts::boot_id() })
    }

    /// Whether it is the same node, and not in different boots.
    pub fn is(&self, other: &Self) -> bool {
        let boots = self.boot.as_ref().zip(other.boot.as_ref());
        (&self.cluster, &self.id) == (&other.cluster, &other.id) && boots.is_none_or(|(one, two)| one == two)
    }
}

impl fmt::Display for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.id, self.cluster)?;
        self.boot.as_ref().map_or(Ok(()), |boot| write!(f, " since its boot {boot}"))
    }
}
