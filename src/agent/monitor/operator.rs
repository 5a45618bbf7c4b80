//! What an operator asks of storage operations: a report, and a cleanup by hand.

use crate::agent::monitor::actions::{self, Manner};
use crate::agent::monitor::{Loaded, MonitorError, load};
use crate::host::root::Root;
use crate::host::sweep::{Budget, Report};
use crate::host::{clock, mounts};
use crate::model::explain::Failure;
use crate::steps::report;
use crate::storage::config::Action;
use crate::storage::level::Level;
use crate::storage::status::MonitorStatus;
use crate::storage::{Health, StorageOps, plan};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// By hand, nothing is left for a next pass: only the names that are listed are bounded.
const WHOLE: Budget = Budget { bytes: u64::MAX, time: Duration::MAX, listed: 100_000 };

/// How storage stands on this node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StorageReport {
    /// The configuration on disk.
    pub config: StorageOps,
    /// Whether the monitor is alive and runs with it.
    pub health: Health,
    /// What the monitor found last; missing when it has not run, or its status cannot be read.
    pub monitor: Option<MonitorStatus>,
    /// The mounts as they are now.
    pub mounts: Vec<MountNow>,
    /// Mounts that could not be sampled.
    pub problems: Vec<Failure>,
}

/// A mount as it is now, without the monitor's memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MountNow {
    /// As the configuration names it.
    pub path: PathBuf,
    /// The level that its usage reaches.
    pub level: Level,
    /// Percent used: the larger of bytes and inodes.
    pub percent: f64,
    /// Bytes that it holds.
    pub total: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes that an unprivileged process may still write.
    pub available: u64,
}

/// What a cleanup did, or would do, in one directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// The action.
    pub action: Action,
    /// The directory.
    pub directory: PathBuf,
    /// What came of it; missing when the directory could not be swept.
    pub report: Option<Report>,
    /// Why it could not be swept.
    pub failure: Option<Failure>,
}

/// Reports on storage.
///
/// # Errors
/// When the configuration is missing or invalid, or a file cannot be read.
pub fn status(root: &Root) -> Result<StorageReport, MonitorError> {
    let Loaded { ops, .. } = load(root)?;
    let report::Monitor { health, status } = report::monitor(root, clock::timestamp())?;
    let (mut now, mut problems) = (Vec::new(), Vec::new());
    for path in &ops.mounts {
        match mounts::sample(&root.join(path)) {
            Ok(sample) => now.push(MountNow {
                path: path.clone(),
                level: Level::of(sample.percent(), &ops.thresholds),
                percent: sample.percent(),
                total: sample.total,
                used: sample.used,
                available: sample.available,
            }),
            Err(error) => problems.push(Failure::of(&error)),
        }
    }
    Ok(StorageReport { health, monitor: status, config: ops, mounts: now, problems })
}

/// Does by hand, in whatever mode the monitor is, what the level asks for on every watched mount:
/// compresses and deletes, or only tells what it would.
///
/// # Errors
/// When the configuration is missing or invalid, or a mount cannot be sampled; nothing was done then.
pub fn cleanup(root: &Root, level: Level, dry_run: bool) -> Result<Vec<Cleaned>, MonitorError> {
    let Loaded { ops, .. } = load(root)?;
    let devices =
        ops.mounts.iter().map(|path| mounts::device_of(&root.join(path))).collect::<Result<Vec<_>, _>>()?;
    let stop = AtomicBool::new(false);
    let mut cleaned = Vec::new();
    for action in plan::up_to(&ops.actions, level) {
        let manner = Manner { budget: WHOLE, dry_run, stop: &stop };
        for (directory, result) in actions::sweep(root, &ops, action, &devices, manner) {
            let (report, failure) = match result {
                Ok(report) => (Some(report), None),
                Err(error) => (None, Some(Failure::of(&error))),
            };
            cleaned.push(Cleaned { action, directory, report, failure });
        }
    }
    Ok(cleaned)
}
