//! Storage operations: thresholds and retention by scale, as `storage-ops.yaml` states them.

use crate::model::scale::Scale;
use serde::{Deserialize, Serialize};

/// Percent of a mount used at which each level is entered; ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Report.
    pub warning: u8,
    /// Compress old logs.
    pub compress: u8,
    /// Delete expendable data.
    pub cleanup: u8,
    /// Stop named services.
    pub degraded: u8,
    /// Refuse new snapshots.
    pub emergency: u8,
    /// Call a person.
    pub critical: u8,
}

/// How long data is kept, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Logs.
    pub logs: u32,
    /// Compressed logs, since they were compressed; four times as long as `logs` when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed: Option<u32>,
    /// Backups.
    pub backups: u32,
    /// Caches.
    pub cache: u32,
}

impl Thresholds {
    /// The defaults for a scale.
    pub fn of(scale: Scale) -> Self {
        let [warning, compress, cleanup, degraded, emergency, critical] = match scale {
            Scale::Single => [60, 70, 75, 80, 85, 90],
            Scale::Small => [65, 75, 80, 85, 90, 95],
            Scale::Medium | Scale::Distributed => [70, 80, 85, 90, 93, 95],
        };
        Self { warning, compress, cleanup, degraded, emergency, critical }
    }

    /// The six values in ascending order of level.
    pub fn values(&self) -> [u8; 6] {
        [self.warning, self.compress, self.cleanup, self.degraded, self.emergency, self.critical]
    }
}

impl Retention {
    /// Days for which a log is kept once it is compressed, at least as many as one that is not.
    pub fn of_compressed(&self) -> u32 {
        self.compressed.unwrap_or(self.logs.saturating_mul(4)).max(self.logs)
    }

    /// The defaults for a scale.
    pub fn of(scale: Scale) -> Self {
        let [logs, backups, cache] = match scale {
            Scale::Single => [7, 3, 1],
            Scale::Small => [14, 7, 3],
            Scale::Medium | Scale::Distributed => [30, 30, 7],
        };
        Self { logs, compressed: None, backups, cache }
    }
}
