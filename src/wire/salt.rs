//! What nodes and the master say of an installed Salt, over mutual TLS.

use crate::model::digest::Fingerprint;
use crate::model::explain::Failure;
use crate::model::ids::NodeName;
use serde::{Deserialize, Serialize};

/// What a minion has to know of the Salt master, which is on the host of the eos master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaltMaster {
    /// The TCP port at which minions listen for jobs.
    pub publish_port: u16,
    /// The TCP port to which they answer.
    pub return_port: u16,
    /// Its `master_finger`.
    pub finger: String,
}

/// `POST /v1/member/minion`: tells the key of the caller's minion, and asks what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinionKey {
    /// The fingerprint of its public key; none while it has none, and only asks.
    pub key: Option<Fingerprint>,
}

/// The answer to [`MinionKey`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinionStanding {
    /// Whether the cluster has a Salt master.
    pub salt: bool,
    /// What is known of it; none until the agent beside it has told.
    pub master: Option<SaltMaster>,
    /// Whether it has accepted this key.
    pub accepted: bool,
    /// Why it has not.
    pub problem: Option<String>,
}

/// What is asked of the agent beside the Salt master; keys do not wait for orchestrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The keys of minions.
    Keys,
    /// Orchestrations.
    Orchestrations,
}

/// `POST /v1/member/salt`: the agent beside the Salt master tells what it did and waits for what it shall do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaltReport {
    /// What it asks for.
    pub part: Part,
    /// What it knows of the Salt master.
    pub master: Option<SaltMaster>,
    /// What came of the last errand.
    pub done: Option<SaltDone>,
    /// For how many milliseconds the answer may be kept back.
    pub wait_ms: u64,
}

/// What came of a [`SaltErrand`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaltDone {
    /// Its id.
    pub id: String,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The steps of an orchestration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<SaltStep>,
}

/// A step of an orchestration that Salt ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaltStep {
    /// Its id.
    pub id: String,
    /// `salt.function`.
    pub function: String,
    /// The SLS that declares it.
    pub sls: String,
    /// The job that Salt made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// In Salt's words.
    pub comment: String,
    /// The nodes that were left out, since their minions are silent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub away: Vec<NodeName>,
}

/// The answer to [`SaltReport`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaltWork {
    /// What is to be done, if anything.
    pub errand: Option<SaltErrand>,
}

/// What the agent beside the Salt master does with it. There is no errand that runs a command.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaltErrand {
    /// Has this key accepted under this name, and no other.
    Accept {
        /// The minion.
        name: NodeName,
        /// The fingerprint of its key.
        key: Fingerprint,
    },
    /// Has this key forgotten under this name.
    Delete {
        /// The minion.
        name: NodeName,
        /// The fingerprint of its key.
        key: Fingerprint,
    },
    /// Runs an orchestration file of the cluster's tree.
    Orchestrate {
        /// Which run of the master it is: another one each time.
        run: String,
        /// The SLS.
        sls: String,
        /// The pillar.
        pillar: serde_json::Value,
    },
}

impl SaltErrand {
    /// Its id.
    pub fn id(&self) -> String {
        match self {
            Self::Accept { name, key } => format!("accept {name} {key}"),
            Self::Delete { name, key } => format!("delete {name} {key}"),
            Self::Orchestrate { run, .. } => format!("orchestrate {run}"),
        }
    }
}

// By hand, because a pillar may hold secrets.
impl std::fmt::Debug for SaltErrand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SaltErrand({})", self.id())
    }
}
