//! A cleanup by hand: what a level says, done at once and without the budget of a pass, or only listed.

use crate::agent::monitor::actions::{self, Manner};
use crate::agent::monitor::errands::engines::{self, Pruned};
use crate::agent::monitor::{Loaded, MonitorError, clock, load, operator};
use crate::host::mounts;
use crate::host::root::Root;
use crate::host::sweep::{Budget, Report};
use crate::host::time_sync::is_synchronised;
use crate::model::explain::Failure;
use crate::storage::config::Action;
use crate::storage::level::Level;
use crate::storage::{StorageOps, plan};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

/// By hand, nothing is left for a next pass.
const WHOLE: Budget =
    Budget { files: u64::MAX, bytes: u64::MAX, time: Duration::MAX, listed: usize::MAX, held: usize::MAX };

/// What a cleanup did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Cleanup {
    /// Directory by directory.
    pub actions: Vec<Cleaned>,
    /// Container engine by container engine.
    pub engines: Vec<Pruned>,
    /// Mounts that cannot be looked at, and on which nothing was done.
    pub problems: Vec<Failure>,
    /// What the level asks for as well and only the monitor does, for as long as the level lasts.
    pub left_to_monitor: Vec<Action>,
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

/// Does by hand, in whatever mode the monitor is, what the level asks for on every watched mount: frees
/// space, or only tells what it would free.
///
/// # Errors
/// When the configuration is missing or invalid, no mount can be looked at, or the clock jumped; nothing was done then.
pub fn cleanup(root: &Root, level: Level, dry_run: bool) -> Result<Cleanup, MonitorError> {
    let Loaded { ops, .. } = load(root)?;
    let now = clock::now();
    clock::known(root, operator::last_status(root).as_ref())
        .check(&now, is_synchronised)
        .map_err(|seconds| MonitorError::ClockJumped { seconds })?;
    let (mut devices, mut done) = (Vec::new(), Cleanup::default());
    for path in &ops.mounts {
        match mounts::device_of(&root.join(path)) {
            Ok(device) => devices.push(device),
            // The others are freed all the same, unless there is none.
            Err(error) if ops.mounts.len() == done.problems.len() + 1 => return Err(error.into()),
            Err(error) => done.problems.push(Failure::of(&error)),
        }
    }
    for action in plan::up_to(&ops.actions, level) {
        match action {
            action if action.sweeps() => done.actions.extend(swept(root, &ops, action, &devices, dry_run)),
            Action::PruneContainers => {
                done.engines.extend(engines::prune(root, ops.retention.cache, dry_run));
            }
            action => done.left_to_monitor.push(action),
        }
    }
    Ok(done)
}

fn swept(root: &Root, ops: &StorageOps, action: Action, devices: &[u64], dry_run: bool) -> Vec<Cleaned> {
    let stop = AtomicBool::new(false);
    let manner = Manner { budget: WHOLE, dry_run, now: SystemTime::now(), stop: &stop };
    let mut left = WHOLE;
    let swept = actions::sweep(root, ops, action, devices, manner, &mut left);
    let cleaned = |(directory, result)| {
        let (report, failure) = match result {
            Ok(report) => (Some(report), None),
            Err(error) => (None, Some(Failure::of(&error))),
        };
        Cleaned { action, directory, report, failure }
    };
    swept.into_iter().map(cleaned).collect()
}
