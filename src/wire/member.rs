//! The conversation of an accepted node, over mutual TLS.

use crate::model::explain::Failure;
use crate::model::ids::{ClusterId, NodeId, NodeName, SnapshotId};
use crate::model::role::Role;
use crate::model::scale::Scale;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// What a node shall be: one generation of the cluster's plan, as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// The generation; rises with every change of membership or roles.
    pub generation: u64,
    /// The cluster.
    pub cluster: ClusterId,
    /// This node.
    pub node: NodeId,
    /// Its name.
    pub name: NodeName,
    /// Its role.
    pub role: Role,
    /// The cluster's scale.
    pub scale: Scale,
    /// Where the master is.
    pub master: SocketAddr,
    /// Values for the states, on top of what role and scale give.
    pub pillar: serde_json::Value,
}

/// `POST /v1/member/lease`: a joining node made progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The stage it is in.
    pub stage: String,
}

/// `POST /v1/member/poll`: reports, and waits for a newer generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// The generation that the node has applied.
    pub applied: u64,
    /// The role that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The scale that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// For how many milliseconds the master may keep the answer back.
    pub wait_ms: u64,
    /// Whether the node takes tasks besides generations.
    #[serde(default)]
    pub tasks: bool,
    /// The task that it has done since it last asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<TaskDone>,
    /// How the node is.
    pub report: Report,
}

/// How a node is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Its release.
    pub version: String,
    /// Whether its storage monitor is healthy; why not, otherwise.
    pub monitor: Option<String>,
    /// The level of its fullest mount, and how full it is in percent.
    pub storage_level: Option<String>,
    /// Why the newest generation could not be applied.
    pub failure: Option<Failure>,
    /// Which generation that is.
    pub failed_generation: Option<u64>,
    /// Its boot id.
    pub boot_id: Option<String>,
    /// What its agent drew when it started: two of them under one identity are two machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub life: Option<String>,
    /// The address at which others reach it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Free bytes where its state lives.
    pub disk_free_bytes: Option<u64>,
    /// How many nodes pull snapshots from it.
    pub snapshot_pullers: Option<u32>,
}

/// The answer to [`Poll`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollReply {
    /// What the node shall be.
    pub desired: Desired,
    /// Whether its certificate should be renewed now.
    pub renew: bool,
    /// Whether the master waits for this node to confirm: it is joining, or was removed and accepted again.
    #[serde(default)]
    pub confirm: bool,
    /// The trace in which the generation came about, as `traceparent` (W3C Trace Context).
    #[serde(default)]
    pub trace: Option<String>,
    /// Whether the master does not know which snapshots the node holds.
    #[serde(default)]
    pub holdings: bool,
    /// What the node shall do besides, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
}

/// States of the node's own tree that an orchestration has it apply, besides those of its role.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its id; the same as long as it is the same.
    pub id: String,
    /// The SLS.
    pub sls: Vec<String>,
    /// The pillar on top of the node's own.
    pub pillar: serde_json::Value,
    /// Whether to say only what would change.
    pub test: bool,
}

// By hand, because a pillar may hold secrets.
impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").field("id", &self.id).field("sls", &self.sls).finish_non_exhaustive()
    }
}

/// What came of a [`Task`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDone {
    /// Its id.
    pub id: String,
    /// Whether something changed, or would.
    pub changed: bool,
    /// Why it failed; everything was undone then.
    pub failure: Option<Failure>,
}

/// `POST /v1/member/confirm`: the joiner runs and is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// The generation that it applied.
    pub applied: u64,
    /// How it is.
    pub report: Report,
}

/// The answer to [`Confirm`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// What the node is from now on.
    pub desired: Desired,
}

/// `POST /v1/member/renew`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renew {
    /// A request for the same key.
    pub csr: String,
}

/// The answer to [`Renew`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// The new certificate, PEM.
    pub certificate: String,
}

/// `GET /v1/snapshots/latest`: the cluster's own snapshot, made anew when something changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatestSnapshot {
    /// Its id: the digest of its manifest.
    pub id: SnapshotId,
}
