//! The storage monitor: samples mounts, acts on their levels, and tells what it found.
//!
//! It keeps no state on disk but its status, which it replaces whole; a restart begins with an empty
//! history, and goes on with the levels, counts and errands of that status.

mod actions;
mod cleanup;
mod clock;
pub mod errands;
mod error;
mod mount;
mod operator;
mod run;
#[cfg(test)]
mod tests;
mod watcher;

pub use cleanup::{Cleaned, Cleanup, cleanup};
pub use clock::{Accepted, accept_clock};
pub use error::MonitorError;
pub use operator::{MountNow, StorageReport, snapshots_refused, status};
pub use run::{Signals, run};

use crate::host::root::Root;
use crate::host::{files, paths};
use crate::model::digest::Digest;
use crate::storage::StorageOps;
use crate::storage::errand::Errands;

/// A configuration with the digest of the bytes it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration.
    pub ops: StorageOps,
    /// The digest of the file.
    pub digest: Digest,
}

/// Reads `etc/eos/storage-ops.yaml` under the root.
///
/// # Errors
/// When it is missing, cannot be read, or is invalid.
pub fn load(root: &Root) -> Result<Loaded, MonitorError> {
    let path = root.join(paths::STORAGE_OPS);
    let bytes = files::read_optional(&path)?.ok_or(MonitorError::Missing { path })?;
    let digest = Digest::of(&bytes);
    // What is not UTF-8 becomes characters that the reader of YAML refuses with their place.
    let ops = StorageOps::parse(&String::from_utf8_lossy(&bytes))?;
    Ok(Loaded { ops, digest })
}

/// Reads what the agent did for the monitor; nothing when it did nothing yet.
///
/// # Errors
/// When the record cannot be read, or not understood.
pub fn record(root: &Root) -> Result<Option<Errands>, MonitorError> {
    let bytes = files::read_optional(&root.join(paths::STORAGE_ERRANDS))?;
    Ok(bytes.map(|bytes| Errands::parse(&bytes)).transpose()?)
}
