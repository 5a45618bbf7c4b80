//! Executes what a mount's level asks for of its files.
//!
//! A crash leaves every file whole; what was not reached is found again by the next pass.

use crate::agent::monitor::MonitorError;
use crate::host::files::FileError;
use crate::host::inventory::decode;
use crate::host::mounts;
use crate::host::root::Root;
use crate::host::sweep::{Budget, Report, Sweep, Work};
use crate::journal::ledger::Ledger;
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
/// What one pass does at most when the configuration does not say.
const FILES: u64 = 100_000;
const BYTES: u64 = 8 << 30;
/// For how long a pass works in one directory; the rest waits for the next sample.
const TIME: Duration = Duration::from_secs(20);
/// Files that are put in order at once. Every so many of a directory it is walked again, and each takes about as many
/// bytes as two names.
const HELD: usize = 16_384;
/// Where the systemd journal is kept.
const JOURNALS: [&str; 1] = ["/var/log/journal"];
/// Where package managers keep what they downloaded.
pub(super) const PACKAGES: [&str; 7] = [
    "/var/cache/apt/archives",
    "/var/cache/dnf",
    "/var/cache/libdnf5",
    "/var/cache/yum",
    "/var/cache/zypp/packages",
    "/var/cache/pacman/pkg",
    "/var/cache/apk",
];

/// An action that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) mount: PathBuf,
    /// The device of that mount: only directories on it are swept.
    pub(super) device: u64,
    pub(super) level: Level,
    pub(super) action: Action,
    /// The time by which ages are counted: that of the pass, when the clock was last seen not to have jumped.
    pub(super) now: Timestamp,
}

/// How directories are swept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner<'a> {
    pub(super) budget: Budget,
    pub(super) dry_run: bool,
    pub(super) now: SystemTime,
    pub(super) stop: &'a AtomicBool,
}

/// What one directory came to.
pub(super) type Swept = (PathBuf, Result<Report, MonitorError>);

/// What one pass may do, in all its directories together.
pub(super) fn budget(ops: &StorageOps) -> Budget {
    let given = ops.budget.unwrap_or_default();
    let (files, bytes) = (given.files.unwrap_or(FILES), given.bytes.unwrap_or(BYTES));
    Budget { files, bytes, time: TIME, listed: 0, held: HELD }
}

/// What is done, where, and the age from which on.
fn work_of(action: Action, ops: &StorageOps) -> Option<(Work, Vec<PathBuf>, Duration)> {
    let (logs, cache) = (DAY * ops.retention.logs, DAY * ops.retention.cache);
    let classes = &ops.classes;
    // These directories are in no list of the configuration, so what it says of their surroundings holds.
    let known = |paths: &[&str]| {
        paths.iter().map(PathBuf::from).filter(|path| !classes.keeps(path)).collect::<Vec<_>>()
    };
    match action {
        Action::CompressLogs => Some((Work::Compress, classes.standard.clone(), logs)),
        Action::DeleteCompressedLogs => {
            let kept = DAY * ops.retention.of_compressed();
            Some((Work::Compressed, classes.standard.clone(), kept))
        }
        Action::DeleteExpendable => Some((Work::Delete, classes.expendable.clone(), cache)),
        Action::VacuumJournal => Some((Work::Vacuum, known(&JOURNALS), logs)),
        Action::CleanPackageCache => Some((Work::Packages, known(&PACKAGES), cache)),
        Action::PruneContainers | Action::StopServices | Action::RefuseSnapshots | Action::Notify => None,
    }
}

impl Order {
    /// Executes the order within what is left of the budget of a pass; blocks for as long as its sweeps last.
    pub(super) fn execute(
        &self,
        root: &Root,
        ops: &StorageOps,
        left: &mut Budget,
        stop: &AtomicBool,
    ) -> ActionRecord {
        let manner = Manner { budget: *left, dry_run: false, now: self.now.into(), stop };
        let swept = sweep(root, ops, self.action, &[self.device], manner, left);
        let key = (self.mount.as_path(), self.level, self.action);
        let mut record = ActionRecord::of(key, Outcome::Done, Timestamp::now());
        for (_, result) in swept {
            match result {
                Ok(report) => add(&mut record, &report),
                Err(error) => {
                    let mount = self.mount.display();
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

/// Sweeps every directory that the action is about and that lies on one of the devices, and takes what was
/// done from what is left of the budget.
pub(super) fn sweep(
    root: &Root,
    ops: &StorageOps,
    action: Action,
    devices: &[u64],
    manner: Manner<'_>,
    left: &mut Budget,
) -> Vec<Swept> {
    let Some((work, directories, older_than)) = work_of(action, ops) else { return Vec::new() };
    let lasting = if work == Work::Delete { made_by_eos(root) } else { None };
    let mut one = |directory: &Path| -> Result<Option<Report>, MonitorError> {
        if !device_of(&root.join(directory))?.is_some_and(|device| devices.contains(&device)) {
            return Ok(None);
        }
        let sweep = Sweep {
            root,
            directory,
            protected: &ops.classes.protected_from(directory),
            spared: &ops.classes.spared_from(directory),
            lasting: lasting.as_deref(),
            work,
            older_than,
            now: manner.now,
            budget: Budget { files: left.files, bytes: left.bytes, ..manner.budget },
            dry_run: manner.dry_run,
            stop: manner.stop,
        };
        let report = sweep.run()?;
        left.files = left.files.saturating_sub(report.files);
        left.bytes = left.bytes.saturating_sub(report.taken);
        Ok(Some(report))
    };
    directories
        .into_iter()
        .filter_map(|directory| one(&directory).transpose().map(|result| (directory, result)))
        .collect()
}

/// What eos made on this node: states count on a directory that they made, such as that for the scratch of jobs. When
/// that cannot be known, no directory is removed.
fn made_by_eos(root: &Root) -> Option<Vec<PathBuf>> {
    let ledger = Ledger::load(root);
    let ledger =
        ledger.map_err(|error| tracing::warn!(%error, "no directory is removed that is empty")).ok()?;
    let entries = ledger.map(|ledger| ledger.entries).unwrap_or_default();
    Some(entries.keys().map(|path| Path::new("/").join(decode(path))).collect())
}

/// The device of a directory; nothing when there is none.
fn device_of(path: &Path) -> Result<Option<u64>, FileError> {
    match mounts::device_of(path) {
        Ok(device) => Ok(Some(device)),
        Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
