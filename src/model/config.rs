//! The configuration: what `/etc/eos/cluster.yaml` and its drop-ins may say.

use crate::model::digest::Fingerprint;
use crate::model::ids::{ClusterId, NodeName};
use crate::model::role::Role;
use crate::model::role_targets::{Minimums, Targets};
use crate::model::snapshots::SnapshotConfig;
pub use crate::model::storage_settings::{StorageConfig, StorageMode};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The port of the master's API when none is configured.
pub const DEFAULT_API_PORT: u16 = 4507;
/// The port of an agent's metrics when none is configured.
pub const DEFAULT_AGENT_PORT: u16 = 4506;
/// The UDP port of discovery when none is configured.
pub const DEFAULT_DISCOVERY_PORT: u16 = 4505;

/// The whole file. Every key may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The cluster this node belongs, or is to belong, to.
    pub cluster: ClusterConfig,
    /// This node.
    pub node: NodeConfig,
    /// How the master admits nodes.
    pub admission: AdmissionConfig,
    /// Storage operations that differ from the defaults of scale and role.
    pub storage: StorageConfig,
    /// What applies the states of this node.
    pub states: StatesConfig,
    /// What snapshots are taken of, and how they travel.
    pub snapshot: SnapshotConfig,
    /// Where traces go.
    pub telemetry: TelemetryConfig,
}

/// The cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterConfig {
    /// Its id; chosen at bootstrap when left out.
    pub id: Option<ClusterId>,
    /// The master's address, with its port when that is not the default.
    pub master: Option<String>,
    /// The port of the master's API (TCP).
    pub port: u16,
    /// The fingerprint of the cluster's certificate authority.
    pub ca_fingerprint: Option<Fingerprint>,
    /// How a cluster is found.
    pub discovery: DiscoveryConfig,
    /// How roles are given.
    pub roles: RolesConfig,
}

/// How a cluster is found on the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscoveryConfig {
    /// `multicast` or `none`.
    pub method: DiscoveryMethod,
    /// The UDP port.
    pub port: u16,
}

/// The ways of finding a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiscoveryMethod {
    /// Ask by multicast, and answer to those who do.
    #[default]
    Multicast,
    /// Neither ask nor answer.
    None,
}

/// How roles are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RolesConfig {
    /// `automatic` or `manual`.
    pub assignment: Assignment,
    /// Whether old nodes may change role when a node joins.
    pub rebalance_on_join: bool,
    /// How many nodes of each role are wanted; a table that is given replaces that scale's.
    pub targets: Targets,
    /// What a node of each role should have; relaxed with a warning when no node has it.
    pub minimum: Minimums,
}

/// Who gives roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assignment {
    /// The planner.
    #[default]
    Automatic,
    /// The operator, by `eos role set`.
    Manual,
}

/// This node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeConfig {
    /// Its name; the hostname when left out.
    pub name: Option<NodeName>,
    /// The address other nodes reach it at; chosen by the route to the master when left out.
    pub advertise_address: Option<IpAddr>,
    /// The role it asks for.
    pub preferred_role: Option<Role>,
    /// The port of the agent's metrics (TCP).
    pub agent_port: Option<u16>,
    /// A file that holds the join token.
    pub token_file: Option<String>,
}

/// Whom the master admits without a token and without asking a person: every condition that is
/// given must hold, and with none given nobody is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdmissionConfig {
    /// Address ranges, `10.0.0.0/16`.
    pub addresses: Vec<ipnet::IpNet>,
    /// Patterns of node names, `*` for any text: `rack1-*`.
    pub names: Vec<String>,
    /// For how many seconds a joining node may make no progress before it is forgotten.
    pub lease_seconds: Option<u32>,
    /// For how many seconds a node may be silent before a machine of its name and machine-id may take
    /// its place.
    pub silent_seconds: Option<u32>,
}

/// Stands for no Salt master.
pub const NO_SALT_MASTER: &str = "none";

/// What applies the states of this node; settled at its bootstrap.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatesConfig {
    /// `embedded` is eos itself, `salt` an installed Salt.
    pub engine: StatesEngine,
    /// The absolute path of `salt-call`; looked for where programs are when left out.
    pub salt_call: Option<String>,
    /// The directory with the configuration of the Salt master on the eos master's host, below the root; `none` for
    /// no Salt master, and `/etc/salt` where that has one when left out.
    pub salt_master: Option<String>,
}

impl StatesConfig {
    /// The program that applies states, when that is not eos itself.
    pub fn salt_call(&self) -> Option<String> {
        let named = || self.salt_call.clone().unwrap_or_else(|| "salt-call".to_owned());
        (self.engine == StatesEngine::Salt).then(named)
    }

    /// The directory of the Salt master's configuration that was named; none also where none shall be used.
    pub fn salt_master(&self) -> Option<&str> {
        let named = self.salt_master.as_deref().filter(|named| *named != NO_SALT_MASTER);
        named.filter(|_| self.engine == StatesEngine::Salt)
    }
}

/// What can apply states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatesEngine {
    /// eos itself.
    #[default]
    Embedded,
    /// An installed `salt-call`.
    Salt,
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// An OTLP endpoint (gRPC), `http://127.0.0.1:4317`.
    pub otlp_endpoint: Option<String>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            id: None,
            master: None,
            port: DEFAULT_API_PORT,
            ca_fingerprint: None,
            discovery: DiscoveryConfig::default(),
            roles: RolesConfig::default(),
        }
    }
}

impl Default for DiscoveryConfig {
    fn default() -> Self {
        Self { method: DiscoveryMethod::Multicast, port: DEFAULT_DISCOVERY_PORT }
    }
}

impl Default for RolesConfig {
    fn default() -> Self {
        Self {
            assignment: Assignment::Automatic,
            rebalance_on_join: true,
            targets: Targets::default(),
            minimum: Minimums::default(),
        }
    }
}
