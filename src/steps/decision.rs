//! What a bootstrap decided to do: the part of a saga's plan that outlives the process, version 1.
//!
//! It holds no secret. The token is needed until the registration only and is never written down.

use crate::model::config::Config;
use crate::model::digest::Fingerprint;
use crate::model::ids::{ClusterId, NodeName};
use crate::model::role::Role;
use crate::steps::error::StepFailure;
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
    /// The decision in a saga's plan.
    ///
    /// # Errors
    /// When a later eos wrote it, or it is damaged.
    pub fn from_plan(plan: &serde_json::Value) -> Result<Self, StepFailure> {
        let found = plan.get("version").and_then(serde_json::Value::as_u64);
        if let Some(found) = found.filter(|found| *found > u64::from(VERSION)) {
            return Err(StepFailure::PlanNewer { found, known: VERSION });
        }
        serde_json::from_value(plan.clone())
            .map_err(|error| StepFailure::PlanDamaged { what: "bootstrap", why: error.to_string() })
    }

    /// Whether another run of bootstrap means the same: then an unfinished one goes on.
    pub fn same_aim(&self, other: &Self) -> bool {
        let cluster = self.kind == Kind::FirstNode || self.master == other.master;
        self.kind == other.kind && self.name == other.name && self.address == other.address && cluster
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::Explain;

    #[test]
    fn a_plan_of_a_later_eos_is_named_as_such_and_a_damaged_one_as_damaged() {
        let later = serde_json::json!({"version": 2, "kind": "orbit"});
        let error = Decision::from_plan(&later).expect_err("it is refused");
        assert_eq!(
            (error.code().to_string().as_str(), error.to_string().as_str()),
            (
                "EOS-G051",
                "the plan of the unfinished operation has format 2, and this eos knows formats up to 1"
            )
        );
        let damaged = serde_json::json!({"version": 1});
        let error = Decision::from_plan(&damaged).expect_err("it is refused");
        assert_eq!(error.code().to_string(), "EOS-G052");
    }
}
