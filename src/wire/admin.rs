//! What the operator asks of the master, and what it answers.

use crate::model::explain::Failure;
use crate::model::facts::Resources;
use crate::model::ids::{ClusterId, NodeId, NodeName, SnapshotId, TokenId};
use crate::model::role::Role;
use crate::model::scale::Scale;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// The cluster.
    pub cluster: ClusterId,
    /// Where its master listens.
    pub master: SocketAddr,
    /// The fingerprint of its authority.
    pub authority: String,
    /// The master's release.
    pub version: String,
    /// The newest generation.
    pub generation: u64,
    /// The scale that the members make.
    pub scale: Scale,
    /// Every node that the master knows.
    pub nodes: Vec<NodeStatus>,
    /// What is going on.
    pub operations: Vec<Operation>,
    /// How the newest generation is handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orchestration: Option<RunStatus>,
    /// The newest snapshots of the cluster's own state.
    pub snapshots: Vec<SnapshotStatus>,
    /// What of the master's own state needs a look: a snapshot that cannot be read.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Rivals of this cluster on the master's networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<Neighbour>,
    /// The master's `cluster.roles`, by which it plans; one before it told them has none here. It is read
    /// only by whoever plans, since a later master may have more in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<serde_json::Value>,
}

/// Why another master on the network is one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rivalry {
    /// It is of another cluster of the same name: one id, two authorities.
    SameName,
    /// It is of this cluster, whose master is another one.
    SecondMaster,
}

/// A rival on the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Why it is one.
    pub rivalry: Rivalry,
    /// The cluster that it is of.
    pub cluster: String,
    /// The fingerprint of its authority.
    pub authority: String,
    /// The name of its node.
    pub node: String,
    /// Where its API is.
    pub address: SocketAddr,
    /// Since when it is heard, in milliseconds since 1970.
    pub since_ms: u64,
}

/// A node in the status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its id.
    pub id: NodeId,
    /// Its name.
    pub name: NodeName,
    /// Its address.
    pub address: IpAddr,
    /// `pending`, `joining`, `active`, `removed`, `rejected`.
    pub state: String,
    /// Its role, once it has one.
    pub role: Option<Role>,
    /// The role it asked for.
    pub preferred: Option<Role>,
    /// The role that the operator set.
    pub pinned: Option<Role>,
    /// Its place in the order of joining.
    pub order: u64,
    /// The cluster's scale, as the states see it.
    pub scale: Scale,
    /// The generation it has applied.
    pub generation: u64,
    /// Whether that is the newest one.
    pub converged: bool,
    /// Milliseconds since it was last heard of; none since the master started.
    pub last_seen_ms: Option<u64>,
    /// Its release.
    pub version: String,
    /// What it has to offer.
    pub resources: Resources,
    /// The fingerprint of its key.
    pub key: String,
    /// Its storage monitor's complaint.
    pub monitor: Option<String>,
    /// The storage level of its fullest mount.
    pub storage_level: Option<String>,
    /// Why it has not converged.
    pub failure: Option<Failure>,
    /// Whether it is the master's own node.
    pub master: bool,
    /// The member whose place it takes once it confirms.
    #[serde(default)]
    pub replaces: Option<NodeId>,
    /// Other machines that speak as this node now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<CopyStatus>,
    /// Other nodes of its name, when it was asked for by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namesakes: Vec<NodeId>,
}

/// A machine that speaks as a node that another one is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyStatus {
    /// From where it speaks.
    pub address: IpAddr,
    /// The boot of that machine.
    pub boot_id: Option<String>,
    /// Milliseconds since it was last heard.
    pub last_seen_ms: u64,
}

/// Something that is going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// `join of node2`, ...
    pub what: String,
    /// Who carries it out: a node, with the process when that is known.
    #[serde(default)]
    pub holder: String,
    /// Its stage.
    pub stage: String,
    /// For how long, in milliseconds.
    pub age_ms: u64,
    /// When it is given up, in milliseconds from now.
    pub remaining_ms: u64,
}

/// The run of an orchestration, by which members come to a new generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStatus {
    /// The generation that it hands out.
    pub generation: u64,
    /// The SLS that says how, `orchestration.node_addition`.
    pub sls: String,
    /// Whether an installed Salt carries it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_salt: bool,
    /// `begun`, `running`, `failed` or `done`.
    pub state: String,
    /// For how long it has been that, in milliseconds.
    pub age_ms: u64,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// In how many milliseconds a run that failed is run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_in_ms: Option<u64>,
    /// Its steps, in their order.
    pub steps: Vec<StepStatus>,
    /// The members that keep what they have until it is their turn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<NodeName>,
    /// Why the cluster's own file could not be used, and the one that eos carries was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Failure>,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStatus {
    /// Its id.
    pub id: String,
    /// `salt.state`.
    pub function: String,
    /// Its file and line.
    pub place: String,
    /// `waiting`, `running`, `succeeded`, `failed` or `skipped`.
    pub state: String,
    /// For how long it has been that, in milliseconds.
    pub age_ms: u64,
    /// The nodes that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeName>,
    /// Those that were away, and get their generation when they are back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub away: Vec<NodeName>,
    /// Those that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<NodeName>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// A snapshot of the cluster's own state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotStatus {
    /// Its id.
    pub id: SnapshotId,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// Its size on disk in bytes.
    pub bytes: u64,
    /// Of what it is.
    #[serde(default)]
    pub source: String,
}

/// `POST /v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateToken {
    /// Seconds until it expires.
    pub expires_seconds: u64,
    /// How often it may be used; none for any number.
    pub uses: Option<u32>,
    /// The only role that it admits.
    pub role: Option<Role>,
}

/// The answer to [`CreateToken`]; the one place where a whole token travels, over mutual TLS to the operator.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedToken {
    /// Its public id.
    pub id: TokenId,
    /// The whole token.
    pub token: String,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: u64,
}

impl std::fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedToken").field("id", &self.id).field("expires_ms", &self.expires_ms).finish()
    }
}

/// A token in a list; never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenStatus {
    /// Its public id.
    pub id: TokenId,
    /// `valid`, `expired`, `used up` or `revoked`.
    pub state: String,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: u64,
    /// How often it was used.
    pub used: u32,
    /// How often it may be used.
    pub uses: Option<u32>,
    /// The only role that it admits.
    pub role: Option<Role>,
}

/// For what a node is named: which of several of one name is meant depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// `eos node accept`: one that waits comes first.
    Accept,
    /// `eos node reject`: likewise.
    Reject,
    /// `eos node remove`: a member comes first.
    Remove,
    /// `eos node show`: likewise.
    #[default]
    Show,
    /// `eos role set`: likewise.
    Role,
    /// `eos node accept --replace`: likewise.
    Replace,
}

impl Use {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Remove => "remove",
            Self::Show => "show",
            Self::Role => "role",
            Self::Replace => "replace",
        }
    }
}

/// `GET /v1/nodes/{name}`: for what the node is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NodeQuery {
    /// `show` unless told.
    #[serde(default)]
    pub wanted: Use,
}

/// `POST /v1/nodes/{name}/accept`; `{name}` is a name or an id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AcceptNode {
    /// The node whose place it takes: its name, machine-id or both are the same.
    pub replace: Option<NodeName>,
    /// Only say what would change.
    pub plan: bool,
}

/// The node that a name or an id meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeantNode {
    /// Its id.
    pub node: NodeId,
    /// Its name.
    pub name: NodeName,
    /// The fingerprint of its key, to be compared with the one that it shows.
    pub key: String,
    /// Other nodes of its name, which are left as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namesakes: Vec<NodeId>,
}

/// The answer to [`AcceptNode`], to [`SetRole`] and to `POST /v1/nodes/{name}/remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedNode {
    /// The node that it is about.
    #[serde(flatten)]
    pub meant: MeantNode,
    /// What changes by it: once it confirms, now, or if it were done.
    #[serde(flatten)]
    pub plan: PlannedRoles,
}

/// `POST /v1/roles/set`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRole {
    /// The node: its name or id.
    pub node: NodeName,
    /// Its role from now on; none gives it back to the planner.
    pub role: Option<Role>,
    /// Only say what would change.
    #[serde(default)]
    pub plan: bool,
}

/// A change of the cluster's roles, as data of the planner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRoles {
    /// One line for each node.
    pub changes: Vec<PlannedRole>,
    /// What the planner had to give up.
    pub warnings: Vec<String>,
    /// The scale after the change.
    pub scale: Scale,
}

/// One node in [`PlannedRoles`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRole {
    /// The node.
    pub node: NodeName,
    /// Its role before.
    pub from: Option<Role>,
    /// Its role after; none when it leaves.
    pub to: Option<Role>,
    /// Why.
    pub reason: String,
}

/// `GET /v1/audit`: which part of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditQuery {
    /// How many of the newest lines; 1000 unless told, and never more than 10000.
    pub newest: Option<usize>,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// When, RFC 3339.
    pub at: String,
    /// Who: a node's id, `operator`, `master`.
    pub actor: String,
    /// What: `accept`, `refuse`, `role`, `snapshot-read`, `remove`, ...
    pub action: String,
    /// Upon whom or what.
    pub subject: String,
    /// The facts.
    pub detail: String,
    /// The digest of the line before.
    pub previous: String,
}
