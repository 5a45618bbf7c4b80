//! `eos status`: how the cluster is, what is at risk, and what goes on.

mod document;
mod judge;
mod layout;
#[cfg(test)]
mod tests;

pub use document::json;
pub use layout::text;

use crate::model::explain::Failure;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::snapshot::restore::Told;
use crate::steps::contact::Lost;
use crate::storage::growth::Resource;
use crate::storage::level::Level;
use crate::storage::status::MountStatus;
use crate::view::Output;
use crate::wire::admin::ClusterStatus;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// The state of a service that is not ready yet.
pub const STARTING: &str = "starting";

/// What this node knows of itself, without the master.
#[derive(Debug, Clone, PartialEq)]
pub struct Local {
    /// Its name.
    pub name: String,
    /// The role it has applied, once it has one.
    pub role: Option<Role>,
    /// The scale it has applied.
    pub scale: Option<Scale>,
    /// The generation it has applied.
    pub generation: Option<u64>,
    /// Whether the master confirmed it as a member.
    pub confirmed: bool,
    /// Its services: name, state, and whether that is healthy.
    pub services: Vec<(String, String, bool)>,
    /// The complaint of its storage monitor.
    pub monitor: Option<String>,
    /// Its mounts, as its storage monitor found them last.
    pub storage: Vec<Watched>,
    /// Its services that are stopped until there is room again.
    pub services_stopped: Vec<String>,
    /// Whether new snapshots are refused until there is room again.
    pub snapshots_refused: bool,
    /// What was restored to the paths of its sources, and how the last attempts ended.
    pub restores: Vec<Told>,
    /// Why this machine is not the one that the node should be on.
    pub identity: Option<Failure>,
    /// Why the master could not be asked.
    pub master_error: Option<Failure>,
    /// Since when its agent has been without the master, and for how long that is, in milliseconds.
    pub master_lost: Option<(Lost, u64)>,
    /// The operation that holds this node's lock now.
    pub operation: Option<Running>,
    /// The `salt-call` that applies its states; none when eos does.
    pub salt_call: Option<String>,
}

/// A mount that is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// Where it is.
    pub path: PathBuf,
    /// How full it is.
    pub level: Level,
    /// Percent used, of what there is least of.
    pub percent: f64,
    /// What there is least of.
    pub decided_by: Resource,
    /// When it will be full at its growth, in seconds.
    pub time_to_full_seconds: Option<u64>,
}

impl From<&MountStatus> for Watched {
    fn from(mount: &MountStatus) -> Self {
        Self {
            path: mount.path.clone(),
            level: mount.level,
            percent: mount.percent,
            decided_by: mount.decided_by,
            time_to_full_seconds: mount.time_to_full_seconds,
        }
    }
}

/// An operation on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What it does: `bootstrap`, `agent: generation 7`.
    pub what: String,
    /// The process that carries it out.
    pub process: u32,
    /// For how long, in milliseconds.
    pub age_ms: u64,
}

impl Running {
    /// Who carries it out.
    fn holder(&self, local: &Local) -> String {
        format!("{} (pid {})", local.name, self.process)
    }
}

/// How the cluster is; the worst of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Nothing is at risk.
    Ok,
    /// It works, and something is at risk.
    Warning,
    /// Something does not work.
    Error,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        })
    }
}

/// Something that is at risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// How bad it is; never [`Health::Ok`].
    pub level: Health,
    /// One line: the risk first, then the fact with its measured values.
    pub text: String,
    /// What helps.
    pub hints: Vec<String>,
}

/// The worst of everything that [`warnings`] finds.
pub fn health(output: &Output, cluster: Option<&ClusterStatus>, local: &Local) -> Health {
    worst(&warnings(output, cluster, local))
}

/// What is at risk, the worst first.
pub fn warnings(output: &Output, cluster: Option<&ClusterStatus>, local: &Local) -> Vec<Warning> {
    let mut found = judge::warnings(cluster, local);
    for warning in &mut found {
        warning.text = output.rooted(&warning.text);
        warning.hints = warning.hints.iter().map(|hint| output.rooted(hint)).collect();
    }
    found
}

fn worst(warnings: &[Warning]) -> Health {
    warnings.iter().map(|warning| warning.level).max().unwrap_or(Health::Ok)
}
