//! Executes what a mount's level asks for.
//!
//! A crash leaves every file whole; what was not reached is found again by the next pass.

use crate::agent::monitor::MonitorError;
use crate::host::files::FileError;
use crate::host::mounts;
use crate::host::root::Root;
use crate::host::sweep::{Budget, Report, Sweep, Work};
use crate::model::explain::Failure;
use crate::storage::StorageOps;
use crate::storage::config::Action;
use crate::storage::level::Level;
use crate::storage::status::{ActionRecord, Outcome};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);
/// What the monitor takes from one directory in one pass; the rest waits for the next sample.
const PASS: Budget = Budget { bytes: 8 << 30, time: Duration::from_secs(20), listed: 0 };

/// An action that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) mount: PathBuf,
    /// The device of that mount: only directories on it are swept.
    pub(super) device: u64,
    pub(super) level: Level,
    pub(super) action: Action,
}

/// How one directory is swept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner<'a> {
    pub(super) budget: Budget,
    pub(super) dry_run: bool,
    pub(super) stop: &'a AtomicBool,
}

/// Whether the action removes files by their age.
pub(super) fn goes_by_age(action: Action) -> bool {
    work_of(action).is_some()
}

fn work_of(action: Action) -> Option<Work> {
    match action {
        Action::CompressLogs => Some(Work::Compress),
        Action::DeleteExpendable => Some(Work::Delete),
        _ => None,
    }
}

impl Order {
    /// A record of this order with nothing done yet.
    pub(super) fn record(&self, outcome: Outcome, at: Timestamp) -> ActionRecord {
        ActionRecord {
            at,
            mount: self.mount.clone(),
            level: self.level,
            action: self.action,
            outcome,
            files: 0,
            bytes: 0,
            kept: 0,
            failure: None,
        }
    }

    /// Executes the order; blocks for as long as its sweeps last.
    pub(super) fn execute(&self, root: &Root, ops: &StorageOps, stop: &AtomicBool) -> ActionRecord {
        let (mount, level) = (self.mount.display(), self.level);
        match self.action {
            Action::Notify => tracing::warn!(%mount, %level, "a mount is nearly full: a person is needed"),
            Action::RefuseSnapshots => tracing::warn!(%mount, %level, "new snapshots are refused"),
            _ => {}
        }
        let manner = Manner { budget: PASS, dry_run: false, stop };
        let swept = sweep(root, ops, self.action, &[self.device], manner);
        let mut record = self.record(Outcome::Done, Timestamp::now());
        for (_, result) in swept {
            match result {
                Ok(report) => add(&mut record, &report),
                Err(error) => {
                    tracing::error!(%mount, %error, action = self.action.name(), "a directory was not swept");
                    record.outcome = Outcome::Failed;
                    record.failure.get_or_insert(Failure::of(&error));
                }
            }
        }
        record
    }
}

fn add(record: &mut ActionRecord, report: &Report) {
    record.files += report.files;
    record.bytes += report.bytes;
    record.kept += report.kept_count();
    if report.unfinished && record.outcome == Outcome::Done {
        record.outcome = Outcome::Unfinished;
    }
}

/// Sweeps every directory of the action's class that lies on one of the devices.
pub(super) fn sweep(
    root: &Root,
    ops: &StorageOps,
    action: Action,
    devices: &[u64],
    manner: Manner<'_>,
) -> Vec<(PathBuf, Result<Report, MonitorError>)> {
    let Some(work) = work_of(action) else { return Vec::new() };
    let (directories, days) = match work {
        Work::Compress => (&ops.classes.standard, ops.retention.logs),
        Work::Delete => (&ops.classes.expendable, ops.retention.cache),
    };
    let one = |directory: &Path| -> Result<Option<Report>, MonitorError> {
        if !device_of(&root.join(directory))?.is_some_and(|device| devices.contains(&device)) {
            return Ok(None);
        }
        let sweep = Sweep {
            root,
            directory,
            protected: &ops.classes.protected_from(directory),
            work,
            older_than: DAY * days,
            now: SystemTime::now(),
            budget: manner.budget,
            dry_run: manner.dry_run,
            stop: manner.stop,
        };
        Ok(Some(sweep.run()?))
    };
    directories
        .iter()
        .filter_map(|directory| one(directory).transpose().map(|result| (directory.clone(), result)))
        .collect()
}

/// The device of a directory; nothing when there is none.
fn device_of(path: &Path) -> Result<Option<u64>, FileError> {
    match mounts::device_of(path) {
        Ok(device) => Ok(Some(device)),
        Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
