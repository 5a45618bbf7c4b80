//! How large a cluster is, as the storage thresholds and the role targets see it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The scale of a cluster, by its number of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// One node.
    Single,
    /// Two or three nodes.
    Small,
    /// Four to six nodes.
    Medium,
    /// Seven nodes and more.
    Distributed,
}

impl Scale {
    /// Every scale, smallest first.
    pub const ALL: [Self; 4] = [Self::Single, Self::Small, Self::Medium, Self::Distributed];

    /// The scale of a cluster of so many nodes (0 counts as 1).
    pub fn of(nodes: usize) -> Self {
        match nodes {
            0 | 1 => Self::Single,
            2 | 3 => Self::Small,
            4..=6 => Self::Medium,
            _ => Self::Distributed,
        }
    }

    /// The name used on disk and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Distributed => "distributed",
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
