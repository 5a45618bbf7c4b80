//! What the captures of this node did, all together: kept on disk, since each is a process of its own.
//!
//! `captures/.counters.json`, replaced atomically. It serves graphs alone: one that is damaged begins anew.

use crate::host::directory::Directory;
use crate::host::files::{self, Attributes, FileError};
use crate::host::paths;
use crate::host::root::Root;
use crate::model::explain::Code;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

const VERSION: u32 = 1;

/// How long it is waited for another capture that counts.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sums over all captures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// Bytes of contents that were borrowed from earlier snapshots.
    pub borrowed_bytes: u64,
    /// Snapshots that were made.
    pub captures: u64,
    /// Captures that failed, by the code of the error.
    pub failures: BTreeMap<String, u64>,
    /// Bytes that were read from files.
    pub read_bytes: u64,
    /// Bytes of parts that were written.
    pub stored_bytes: u64,
    /// Captures that found nothing changed.
    pub unchanged: u64,
    version: u32,
}

impl Counters {
    /// What is on disk; zeros when nothing was captured yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn load(root: &Root) -> Result<Self, FileError> {
        let read = files::read_optional(&root.join(paths::CAPTURES).join(NAME))?;
        let parsed = read.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        Ok(parsed.filter(|found| found.version == VERSION).unwrap_or_default())
    }

    /// Counts a failure.
    pub(super) fn failed(&mut self, code: Code) {
        *self.failures.entry(code.to_string()).or_default() += 1;
    }
}

const NAME: &str = ".counters.json";

/// Changes what is on disk, one process at a time; counting never makes a capture fail.
pub(super) fn count(root: &Root, change: impl FnOnce(&mut Counters)) {
    let counted = || -> Result<(), Box<dyn std::error::Error>> {
        let folder = root.join(paths::CAPTURES);
        let held = Directory::open(&folder)?;
        if !held.lock_within(PATIENCE)? {
            return Ok(());
        }
        let mut counters = Counters { version: VERSION, ..Counters::load(root)? };
        change(&mut counters);
        let bytes = serde_json::to_vec(&counters)?;
        Ok(files::write_atomic(&folder.join(NAME), &bytes, Attributes { mode: 0o600, owner: None })?)
    };
    if let Err(error) = counted() {
        tracing::warn!(%error, "a capture is missing in the counters");
    }
}
