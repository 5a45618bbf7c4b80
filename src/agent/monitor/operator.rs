//! What is asked of storage operations by hand: a report, and whether there is room for a snapshot.

use crate::agent::monitor::{Loaded, MonitorError, load, record};
use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::host::{clock, mounts};
use crate::model::explain::Failure;
use crate::steps::report;
use crate::storage::config::{Action, Mode};
use crate::storage::errand::Halted;
use crate::storage::growth::Resource;
use crate::storage::level::{HYSTERESIS, Level};
use crate::storage::status::MonitorStatus;
use crate::storage::{Health, StorageOps, plan};
use serde::Serialize;
use std::path::PathBuf;

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
    /// The services that the agent stopped, to start them again.
    pub stopped: Vec<Halted>,
    /// Mounts that could not be sampled, and what else could not be read.
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
    /// Which of the two is larger.
    pub decided_by: Resource,
    /// Percent of the bytes that are used.
    pub bytes_percent: f64,
    /// Percent of the inodes that are used; 0 where the file system has no fixed number of them.
    pub inodes_percent: f64,
    /// Bytes that it holds.
    pub total: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes that an unprivileged process may still write.
    pub available: u64,
    /// Inodes that it holds; 0 where their number is not fixed.
    pub inodes_total: u64,
    /// Inodes in use.
    pub inodes_used: u64,
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
                decided_by: sample.decided_by(),
                bytes_percent: sample.bytes_percent(),
                inodes_percent: sample.inodes_percent(),
                total: sample.total,
                used: sample.used,
                available: sample.available,
                inodes_total: sample.inodes_total,
                inodes_used: sample.inodes_used,
            }),
            Err(error) => problems.push(Failure::of(&error)),
        }
    }
    let stopped = match record(root) {
        Ok(told) => told.unwrap_or_default().services.into_iter().filter(|service| service.ran).collect(),
        Err(error) => {
            problems.push(Failure::of(&error));
            Vec::new()
        }
    };
    Ok(StorageReport { health, monitor: status, config: ops, mounts: now, stopped, problems })
}

/// What the monitor found last; nothing when it has not run, or what it wrote cannot be understood.
pub(super) fn last_status(root: &Root) -> Option<MonitorStatus> {
    let bytes = files::read_optional(&root.join(paths::MONITOR_STATUS));
    let status = bytes.map_err(|error| tracing::warn!(%error, "the last status cannot be read")).ok()??;
    let parsed = MonitorStatus::parse(&status);
    parsed.map_err(|error| tracing::warn!(%error, "the last status cannot be understood")).ok()
}

/// Refuses new snapshots while a mount is at a level that asks for it; on a node without storage operations,
/// or where they only observe, nothing is refused. A mount that cannot be looked at refuses nothing: the monitor
/// tells of it.
///
/// # Errors
/// [`MonitorError::SnapshotsRefused`], or when the configuration is invalid or no mount can be sampled.
pub fn snapshots_refused(root: &Root) -> Result<(), MonitorError> {
    let ops = match load(root) {
        Err(MonitorError::Missing { .. }) => return Ok(()),
        loaded => loaded?.ops,
    };
    if ops.mode == Mode::Observe {
        return Ok(());
    }
    let report::Monitor { health, status } = report::monitor(root, clock::timestamp())?;
    // A monitor that lives knows more than one look does: a level is left below its threshold only.
    let held = |path: &PathBuf| {
        let status = status.as_ref().filter(|_| health.is_healthy())?;
        status.mounts.iter().find(|mount| mount.path == *path).map(|mount| mount.level)
    };
    let mut problems = Vec::new();
    for path in &ops.mounts {
        let sample = match mounts::sample(&root.join(path)) {
            Ok(sample) => sample,
            Err(error) => {
                problems.push(error);
                continue;
            }
        };
        let before = held(path).unwrap_or(Level::Normal);
        let level = Level::next(before, sample.percent(), &ops.thresholds, HYSTERESIS);
        if plan::up_to(&ops.actions, level).contains(&Action::RefuseSnapshots) {
            let (mount, percent, resource) = (path.clone(), sample.percent(), sample.decided_by().name());
            return Err(MonitorError::SnapshotsRefused { mount, level, percent, resource });
        }
    }
    if problems.len() == ops.mounts.len()
        && let Some(error) = problems.pop()
    {
        return Err(error.into());
    }
    Ok(())
}
