//! How many restores there were on this node, how long they took, and why others failed: counted by whichever
//! process restores, told by the agent.

use super::RestoreError;
use super::journal::Folder;
use crate::host::root::Root;
use crate::model::explain::Explain;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What was counted since the first restore of this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// The version of the format.
    pub version: u32,
    /// Restores that stayed.
    pub restored: u64,
    /// From their first hook to their commit, together, in milliseconds.
    pub milliseconds: u64,
    /// Bytes that came over the network for them.
    pub received_bytes: u64,
    /// Those that were refused, failed or were taken back, by the code of the error.
    pub failures: BTreeMap<String, u64>,
}

impl Default for Statistics {
    fn default() -> Self {
        let failures = BTreeMap::new();
        Self { version: 1, restored: 0, milliseconds: 0, received_bytes: 0, failures }
    }
}

/// Counts one. What cannot be counted changes nothing of the restore.
pub(super) fn count(folder: &Folder, took: Duration, received: u64, ended: Result<(), &RestoreError>) {
    let counted = folder.counting(|statistics: &mut Statistics| match ended {
        Ok(()) => {
            statistics.restored += 1;
            statistics.milliseconds += u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            statistics.received_bytes += received;
        }
        Err(error) => *statistics.failures.entry(error.code().to_string()).or_default() += 1,
    });
    if let Err(error) = counted {
        tracing::warn!(%error, "a restore is not counted");
    }
}

/// What was counted on this node.
pub fn statistics(root: &Root) -> Result<Statistics, RestoreError> {
    match Folder::existing(root)? {
        Some(folder) => folder.counted(),
        None => Ok(Statistics::default()),
    }
}
