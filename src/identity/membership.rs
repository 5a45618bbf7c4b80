//! What a node knows of its own membership: `var/lib/eos/membership.json`, version 1.
//!
//! It is replaced atomically, so a crash leaves the membership before a change or after it.

use crate::host::files::{self, Attributes, FileError};
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::IdentityError;
use crate::model::digest::Fingerprint;
use crate::model::ids::{ClusterId, NodeId, NodeName};
use crate::model::role::Role;
use crate::model::scale::Scale;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// The version of the file that this eos reads and writes.
pub const VERSION: u32 = 1;

/// A node's membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The version of the format: 1.
    pub version: u32,
    /// The cluster.
    pub cluster: ClusterId,
    /// This node.
    pub node: NodeId,
    /// Its name.
    pub name: NodeName,
    /// The address at which others reach it.
    pub address: IpAddr,
    /// Where the master is.
    pub master: SocketAddr,
    /// The cluster's authority.
    pub authority: Fingerprint,
    /// Whether the master runs here.
    pub runs_master: bool,
    /// Whether the master confirmed the member; before that it is joining.
    pub confirmed: bool,
    /// What was applied last.
    pub applied: Option<Applied>,
    /// The `salt-call` that applies the states of this node; none when eos does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt_call: Option<String>,
    /// The directory, below the root, with the configuration of the Salt master beside which the eos master is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt_master: Option<String>,
    /// How the minion's service was before eos told it its master; none when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minion: Option<ServiceBefore>,
}

/// How a service was that is not eos's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceBefore {
    /// Whether it ran.
    pub ran: bool,
}

/// What was applied last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// The generation.
    pub generation: u64,
    /// The role.
    pub role: Role,
    /// The scale.
    pub scale: Scale,
    /// The master's values for the states.
    pub pillar: serde_json::Value,
}

impl Membership {
    /// This node's state as a checkpoint records it: its name with role, scale and generation.
    pub fn states(&self) -> BTreeMap<String, String> {
        let state = match &self.applied {
            Some(applied) => {
                format!("{}, scale {}, generation {}", applied.role, applied.scale, applied.generation)
            }
            None => "no role yet".to_owned(),
        };
        BTreeMap::from([(self.name.to_string(), state)])
    }

    /// Insists that this machine still has the address at which others reach the node.
    ///
    /// # Errors
    /// When it has not.
    pub fn address_is_here(&self) -> Result<(), IdentityError> {
        match UdpSocket::bind((self.address, 0)) {
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                Err(IdentityError::AddressGone { address: self.address, master: self.runs_master })
            }
            // Whatever else is in the way says nothing of the address.
            _ => Ok(()),
        }
    }

    /// Reads the membership; none on a host that is no member.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood.
    pub fn load(root: &Root) -> Result<Option<Self>, IdentityError> {
        let Some(bytes) = files::read_optional(&root.join(paths::MEMBERSHIP)).map_err(IdentityError::File)?
        else {
            return Ok(None);
        };
        let damaged = |error: serde_json::Error| IdentityError::Membership { why: error.to_string() };
        let text: serde_json::Value = serde_json::from_slice(&bytes).map_err(damaged)?;
        let found = text.get("version").and_then(serde_json::Value::as_u64);
        if let Some(found) = found.filter(|found| *found > u64::from(VERSION)) {
            return Err(IdentityError::MembershipNewer { found, known: VERSION });
        }
        serde_json::from_value(text).map(Some).map_err(damaged)
    }

    /// Writes the membership.
    ///
    /// # Errors
    /// When it cannot be written; the old one is then untouched.
    pub fn save(&self, root: &Root) -> Result<(), FileError> {
        let text = serde_json::to_vec_pretty(self).expect("a membership serialises");
        files::write_atomic(&root.join(paths::MEMBERSHIP), &text, Attributes::PUBLIC)
    }
}
