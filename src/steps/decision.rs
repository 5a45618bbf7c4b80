//! What a bootstrap decided to do: the part of a saga's plan that outlives the process, version 1.
//!
//! It holds no secret. The token is needed until the registration only and is never written down.

use crate::model::config::Config;
use crate::model::digest::Fingerprint;
use crate::model::ids::{ClusterId, NodeName};
use crate::model::role::Role;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// What kind of node this becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The first node of a new cluster, with its master.
    FirstNode,
    /// A member of a cluster that exists.
    Join,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The version of the format: 1.
    pub version: u32,
    /// What this becomes.
    pub kind: Kind,
    /// The cluster.
    pub cluster: ClusterId,
    /// The node's name.
    pub name: NodeName,
    /// The address at which others reach it.
    pub address: IpAddr,
    /// Where the master is, or will be.
    pub master: SocketAddr,
    /// The authority of the cluster that is joined, as the first look found and the pin confirmed it.
    pub authority: Option<TrustedAuthority>,
    /// The role that the node asks for.
    pub preferred: Option<Role>,
    /// The program that the units run.
    pub binary: String,
    /// Whether the master gets a user of its own.
    pub account: bool,
    /// The configuration, merged.
    pub config: Config,
}

/// An authority that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedAuthority {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its certificate, PEM.
    pub certificate: String,
}

/// The version of the format.
pub const VERSION: u32 = 1;

impl Decision {
    /// Whether another run of bootstrap means the same: then an unfinished one goes on.
    pub fn same_aim(&self, other: &Self) -> bool {
        let cluster = self.kind == Kind::FirstNode || self.master == other.master;
        self.kind == other.kind && self.name == other.name && self.address == other.address && cluster
    }
}
