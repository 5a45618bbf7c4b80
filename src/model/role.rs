//! What a node is for.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The role of a node in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The only node of a cluster: everything at once.
    Monolith,
    /// Entrance of the cluster: proxies, discovery.
    Edge,
    /// Core services: registry, queues, databases.
    Core,
    /// Bulk data.
    Data,
    /// Work that needs processors and memory, and keeps nothing.
    Compute,
}

impl Role {
    /// Every role, in the order in which tables list them.
    pub const ALL: [Self; 5] = [Self::Monolith, Self::Edge, Self::Core, Self::Data, Self::Compute];

    /// The roles a node may ask for: all but `monolith`.
    pub const REQUESTABLE: [Self; 4] = [Self::Edge, Self::Core, Self::Data, Self::Compute];

    /// The name used on the command line, on disk and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Monolith => "monolith",
            Self::Edge => "edge",
            Self::Core => "core",
            Self::Data => "data",
            Self::Compute => "compute",
        }
    }

    /// Parses a role's name.
    pub fn parse(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| UnknownRole { text: text.chars().take(40).collect() })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a role: edge, core, data or compute expected")]
pub struct UnknownRole {
    /// What was given.
    pub text: String,
}
