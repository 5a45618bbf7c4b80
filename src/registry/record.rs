//! The records of the registry, version 1: what is stored, apart from what the wire carries.

use crate::lifecycle::NodeState;
use crate::model::digest::Fingerprint;
use crate::model::facts::Resources;
use crate::model::ids::{NodeId, NodeName, TokenId};
use crate::model::role::Role;
use crate::wire::salt::SaltMaster;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Its id, from its key.
    pub id: NodeId,
    /// Its name.
    pub name: NodeName,
    /// The address at which others reach it.
    pub address: IpAddr,
    /// Where it stands.
    pub state: NodeState,
    /// The fingerprint of its key.
    pub key: Fingerprint,
    /// The role it has, from its first plan on.
    pub role: Option<Role>,
    /// The role it asked for.
    pub preferred: Option<Role>,
    /// The role that the operator set.
    pub pinned: Option<Role>,
    /// What it has to offer.
    pub resources: Resources,
    /// Its machine-id.
    pub machine_id: Option<String>,
    /// Its DMI product UUID.
    pub hardware_id: Option<String>,
    /// Its boot id when last seen.
    pub boot_id: Option<String>,
    /// Its release.
    pub version: String,
    /// Its place in the order of joining.
    pub order: u64,
    /// When it was first seen, in milliseconds since 1970.
    pub registered_ms: u64,
    /// When its lease ends while it is joining, in milliseconds since 1970.
    pub lease_until_ms: u64,
    /// The stage of its join.
    pub stage: String,
    /// The generation that it has applied.
    pub applied: u64,
    /// Whether the master runs on it.
    pub master: bool,
    /// The token that admits it, until it is a member.
    pub token: Option<TokenId>,
    /// The member whose place it takes once it confirms.
    #[serde(default)]
    pub replaces: Option<NodeId>,
    /// The address from which it asked.
    #[serde(default)]
    pub asked_from: Option<IpAddr>,
    /// Whether it has signed what it asked for: then nobody asks in its name without.
    #[serde(default)]
    pub signs: bool,
    /// The fingerprint of its minion's key, where the cluster has a Salt master.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minion: Option<Fingerprint>,
}

/// What is remembered of the cluster's Salt master, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaltRecord {
    /// The version of the record: 1.
    pub version: u32,
    /// What minions have to know of it; none until the agent beside it has told.
    pub master: Option<SaltMaster>,
    /// The keys that eos had it accept, by the names of the minions.
    pub accepted: BTreeMap<NodeName, Fingerprint>,
}

impl SaltRecord {
    /// Of a Salt master of which nothing is known.
    pub fn new() -> Self {
        Self { version: 1, master: None, accepted: BTreeMap::new() }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it is damaged, or a later eos wrote it.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let record: Self = serde_json::from_str(text)?;
        match record.version {
            1 => Ok(record),
            found => {
                Err(serde::de::Error::custom(format!("it has version {found}, and this eos reads version 1")))
            }
        }
    }
}

impl Default for SaltRecord {
    fn default() -> Self {
        Self::new()
    }
}

/// A token; its secret is not here, only the key derived from it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Its public id.
    pub id: TokenId,
    /// The derived key.
    pub key: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: u64,
    /// How often it may be used.
    pub uses: Option<u32>,
    /// How often it was used.
    pub used: u32,
    /// The only role that it admits.
    pub role: Option<Role>,
    /// Whether it was revoked.
    pub revoked: bool,
}

impl std::fmt::Debug for TokenRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRecord").field("id", &self.id).field("used", &self.used).finish_non_exhaustive()
    }
}
