//! What `cluster.yaml` says of snapshots: what is captured, how it travels, how long it is kept.

mod source;

pub use source::{Engine, Hook, Hooks, SourceConfig, SourceFault, sources};

use serde::{Deserialize, Serialize};

/// Below so many bytes a snapshot is sent within the reply when none is configured.
pub const DEFAULT_EMBED_BYTES: u64 = 10 << 20;

/// Connections to all sources together when none is configured.
pub const DEFAULT_CONNECTIONS: u32 = 4;

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

/// How a snapshot travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferMode {
    /// Small ones within the reply, others by ranges.
    #[default]
    Auto,
    /// Within the reply, whatever their size.
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
