//! What the master remembers: nodes, tokens and a few values, behind a trait that SQLite implements.
//!
//! The master keeps all of it in memory and writes every change through in one transaction
//! before it acts on it, so a crash leaves the state before a change or after it.

pub mod record;
pub mod sqlite;

use crate::host::files::FileError;
use crate::model::digest::Digest;
use crate::model::explain::{Code, Exit, Explain};
use crate::model::ids::{ClusterId, NodeId};
use crate::orchestration::Run;
use record::{NodeRecord, SaltRecord, TokenRecord};

/// The name of the value that holds the cluster's id.
pub const CLUSTER: &str = "cluster";

/// The name of the value that holds the newest generation.
pub const GENERATION: &str = "generation";

/// The name of the value that holds the digest of the settings which the newest generation brought.
pub const SETTINGS: &str = "settings";

/// The name of the value that holds the newest run of an orchestration.
pub const ORCHESTRATION: &str = "orchestration";

/// The name of the value that holds what is remembered of the cluster's Salt master.
pub const SALT: &str = "salt";

/// Everything that is remembered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Records {
    /// Values by name: `cluster`, `generation`, ...
    pub values: std::collections::BTreeMap<String, String>,
    /// Nodes by id.
    pub nodes: Vec<NodeRecord>,
    /// Tokens by id.
    pub tokens: Vec<TokenRecord>,
}

/// One change of what is remembered.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Sets the cluster's id.
    Cluster(ClusterId),
    /// Sets the newest generation.
    Generation(u64),
    /// Sets the digest of the settings that go out with the newest generation.
    Settings(Digest),
    /// Adds or replaces a node.
    PutNode(Box<NodeRecord>),
    /// Forgets a node.
    DropNode(NodeId),
    /// Adds or replaces a token.
    PutToken(TokenRecord),
    /// Replaces the run of an orchestration.
    PutRun(Box<Run>),
    /// Replaces what is remembered of the Salt master.
    PutSalt(Box<SaltRecord>),
}

/// Where the master's memory is kept.
pub trait Registry: Send {
    /// Reads everything.
    ///
    /// # Errors
    /// When the store cannot be read or holds something else.
    fn load(&mut self) -> Result<Records, RegistryError>;

    /// Makes all the changes durable, or none.
    ///
    /// # Errors
    /// When they could not be made; nothing has changed then.
    fn commit(&mut self, changes: &[Change]) -> Result<(), RegistryError>;

    /// What makes a copy without anything secret. It needs no access to this registry, so changes go on
    /// while it runs.
    fn exporter(&self) -> Exporter;
}

/// Makes a copy when it is called; fails when the copy cannot be made.
pub type Exporter = Box<dyn FnOnce() -> Result<Export, RegistryError> + Send>;

/// A consistent copy of a registry without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The bytes of its file.
    pub bytes: Vec<u8>,
    /// The values in it by name: `generation` tells which one it is of.
    pub values: std::collections::BTreeMap<String, String>,
}

/// What can go wrong with the master's memory.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The database refused.
    #[error("could not {action} the registry")]
    Database {
        /// `open`, `read`, `write`, `copy`.
        action: &'static str,
        /// What it said.
        #[source]
        source: rusqlite::Error,
    },
    /// A record is not what this version writes.
    #[error("the registry holds a damaged {kind} record")]
    Record {
        /// `node`, `token`, `orchestration` or `salt`.
        kind: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A newer eos wrote it.
    #[error("the registry has format {found}, and this eos reads up to {supported}")]
    Newer {
        /// Its format.
        found: i64,
        /// The newest format that is understood.
        supported: i64,
    },
    /// The file has no tables.
    #[error("{path} is no registry: it is damaged, or was cut off")]
    NotOne {
        /// The file.
        path: String,
    },
    /// A file beside it.
    #[error("a file of the registry could not be used")]
    File(#[source] FileError),
}

impl Explain for RegistryError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Database { .. } => "M001",
            Self::Record { .. } => "M002",
            Self::Newer { .. } => "M003",
            Self::File(_) => "M004",
            Self::NotOne { .. } => "M005",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Newer { .. } => Exit::Conflict,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Database { .. } => {
                "check the file: sqlite3 /var/lib/eos/master/registry.db 'pragma integrity_check'"
            }
            Self::NotOne { .. } => {
                "put back the registry of a backup or of the newest sound snapshot: eos snapshot verify"
            }
            Self::Record { .. } => "put back the registry of the newest snapshot: eos snapshot list",
            Self::Newer { .. } => "install the version of eos that wrote it, or a newer one: ./install.sh",
            Self::File(_) => "look at owner, mode and free space: ls -l /var/lib/eos/master; df /var/lib/eos",
        };
        vec![hint.to_owned()]
    }
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<RegistryError> {
    let json = || serde_json::from_str::<u8>("x").expect_err("no number");
    let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
    vec![
        RegistryError::Database { action: "open", source: rusqlite::Error::InvalidQuery },
        RegistryError::Record { kind: "node", source: json() },
        RegistryError::Newer { found: 2, supported: 1 },
        RegistryError::NotOne { path: "/var/lib/eos/master/registry.db".to_owned() },
        RegistryError::File(FileError::new("read", "/var/lib/eos/master/registry.db", missing)),
    ]
}
