//! What `cluster.yaml` says of snapshots: what is captured, how it travels, how long it is kept.

mod source;

pub use source::{Engine, Hook, Hooks, SourceConfig, SourceFault, sources};

use crate::model::role::Role;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Below so many bytes a snapshot is sent within the reply when none is configured.
pub const DEFAULT_EMBED_BYTES: u64 = 10 << 20;

/// No snapshot of more bytes is sent or taken within one reply, which is in memory as a whole.
pub const MOST_EMBEDDED_BYTES: u64 = 64 << 20;

/// Connections to all sources together when none is configured.
pub const DEFAULT_CONNECTIONS: u32 = 6;

/// How many nodes may pull from one at a time when none is configured.
pub const DEFAULT_PULLERS: u32 = 32;

/// Snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotConfig {
    /// How a snapshot travels.
    pub mode: TransferMode,
    /// In the mode `auto`, a snapshot of fewer bytes of parts is sent within the reply.
    pub embed_bytes: u64,
    /// Connections at a time, to all sources together.
    pub connections: u32,
    /// Bytes per second that this node receives at most, over all connections.
    pub bandwidth_bytes: Option<u64>,
    /// How many nodes may pull from this one at a time.
    pub pullers: u32,
    /// What is kept after a capture.
    pub retention: RetentionConfig,
    /// What is captured, and restored on the nodes that join.
    pub sources: Vec<SourceConfig>,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self {
            mode: TransferMode::Auto,
            embed_bytes: DEFAULT_EMBED_BYTES,
            connections: DEFAULT_CONNECTIONS,
            bandwidth_bytes: None,
            pullers: DEFAULT_PULLERS,
            retention: RetentionConfig::default(),
            sources: Vec::new(),
        }
    }
}

impl SnapshotConfig {
    /// For each source the roles that may have its snapshots; everybody if none is named.
    pub fn roles(&self) -> BTreeMap<String, BTreeSet<Role>> {
        self.sources.iter().map(|source| (source.name.to_string(), source.roles.clone())).collect()
    }

    /// How many bytes a snapshot may have that is asked for in one reply; none when none is.
    pub fn embed_limit(&self) -> Option<u64> {
        match self.mode {
            TransferMode::Auto => Some(self.embed_bytes.min(MOST_EMBEDDED_BYTES)),
            TransferMode::Embedded => Some(MOST_EMBEDDED_BYTES),
            TransferMode::Streaming => None,
        }
    }
}

/// How a snapshot travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferMode {
    /// Small ones within the reply, others by ranges.
    #[default]
    Auto,
    /// Within the reply, unless they have more than [`MOST_EMBEDDED_BYTES`]; then by ranges.
    Embedded,
    /// By ranges.
    Streaming,
}

/// What is kept of each source after a capture; the newest always is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// So many of the newest.
    pub count: Option<u64>,
    /// Those that are no older.
    pub age_seconds: Option<u64>,
    /// Those that take no more bytes together.
    pub bytes: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mode_takes_a_reply_that_memory_may_not_hold() {
        let of = |mode, embed_bytes| {
            SnapshotConfig { mode, embed_bytes, ..SnapshotConfig::default() }.embed_limit()
        };
        assert_eq!(of(TransferMode::Auto, 7), Some(7));
        assert_eq!(of(TransferMode::Auto, u64::MAX), Some(MOST_EMBEDDED_BYTES));
        assert_eq!(of(TransferMode::Embedded, 7), Some(MOST_EMBEDDED_BYTES));
        assert_eq!(of(TransferMode::Streaming, 7), None);
    }
}
