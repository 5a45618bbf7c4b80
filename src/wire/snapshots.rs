//! Who holds which snapshots, and who may have them.

use crate::model::ids::{NodeId, NodeName, SnapshotId};
use crate::model::role::Role;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

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
    /// For each source of the cluster's configuration the roles that may have it at this moment, everybody if none
    /// is named.
    #[serde(default)]
    pub sources: Option<BTreeMap<String, BTreeSet<Role>>>,
}

/// The most holdings that a node tells; of more it tells the newest.
pub const MOST: usize = 4096;

/// The version of [`Holdings`] that is written here.
pub const HOLDINGS: u32 = 1;

/// `POST /v1/snapshots/holdings`: all snapshots that a node's store holds, in place of what it told before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    /// The version of the form: 1. Fields may be added to it.
    pub version: u32,
    /// The port at which its agent hands them out.
    pub port: u16,
    /// The snapshots, newest first.
    pub snapshots: Vec<Holding>,
}

/// One snapshot of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The snapshot.
    pub id: SnapshotId,
    /// Of what it is.
    pub source: String,
    /// The generation of the cluster in which it was made.
    pub generation: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Bytes of file content after a restore.
    pub restore_bytes: u64,
    /// Bytes of its parts.
    pub stored_bytes: u64,
}

/// Who has a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The node; none for the master itself.
    #[serde(default)]
    pub node: Option<NodeId>,
    /// Its name.
    pub name: String,
    /// Where it hands snapshots out.
    pub address: SocketAddr,
    /// Whether it was heard of lately.
    pub alive: bool,
    /// How many pull from it, as it said last; none if it did not say.
    #[serde(default)]
    pub pullers: Option<u32>,
}

/// A snapshot with all who have it, those to ask first before the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The snapshot.
    pub snapshot: Holding,
    /// Who has it.
    pub holders: Vec<Holder>,
    /// What may be taken when this one cannot be had: the next newest ones of the same source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Held>,
    /// Nodes that have not told what they hold since the master started, so that one may have a newer one of the
    /// source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<NodeName>,
}

/// A snapshot that was made so much later than now, in milliseconds, was made by a clock that is wrong: it counts
/// as older than all others, or it would stand before what is made from now on.
const AHEAD_MS: i64 = 5 * 60 * 1000;

/// By what snapshots are in order, the newest first; `now` is in milliseconds.
pub fn newest_first(one: &Holding, now: u64) -> impl Ord + use<> {
    let now = i64::try_from(now).unwrap_or(i64::MAX - AHEAD_MS);
    let ahead = one.created_at.as_millisecond() > now + AHEAD_MS;
    (ahead, Reverse((one.created_at, one.generation)))
}

/// `GET /v1/snapshots/holdings`: every snapshot that somebody in the cluster has, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterHoldings {
    /// The snapshots.
    pub snapshots: Vec<Held>,
    /// Nodes that have not told what they hold since the master started.
    #[serde(default)]
    pub untold: Vec<NodeName>,
}
