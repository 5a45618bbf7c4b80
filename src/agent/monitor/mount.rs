//! One watched mount: its history, its level, and when it was last acted on.

use crate::host::mounts::MountSample;
use crate::storage::config::Action;
use crate::storage::growth::{History, Sample};
use crate::storage::level::{HYSTERESIS, Level};
use crate::storage::plan::Situation;
use crate::storage::status::MountStatus;
use crate::storage::{StorageOps, plan};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the monitor remembers of a mount.
#[derive(Debug)]
pub(super) struct Mount {
    path: PathBuf,
    history: History,
    level: Level,
    level_since: Timestamp,
    acted: Level,
    /// Time since boot at which actions were last started.
    last_acted: Option<Duration>,
    unfinished: bool,
}

impl Mount {
    pub(super) fn new(path: &Path, now: Timestamp) -> Self {
        Self {
            path: path.to_owned(),
            history: History::default(),
            level: Level::Normal,
            level_since: now,
            acted: Level::Normal,
            last_acted: None,
            unfinished: false,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// Takes in a sample; returns what is to be planned from.
    pub(super) fn take_in(
        &mut self,
        ops: &StorageOps,
        sample: &MountSample,
        now: Timestamp,
        since_boot: Duration,
    ) -> Situation {
        self.history.push(Sample { at: since_boot, used: sample.used });
        let previous = self.level;
        self.level = Level::next(previous, sample.percent(), &ops.thresholds, HYSTERESIS);
        if self.level != previous {
            self.level_since = now;
            self.log_change(previous, sample.percent());
        }
        self.acted = self.acted.min(self.level);
        Situation {
            acted: self.acted,
            level: self.level,
            since_last: self.last_acted.map(|last| since_boot.saturating_sub(last)),
            unfinished: self.unfinished,
            interval: ops.interval(),
        }
    }

    fn log_change(&self, previous: Level, percent: f64) {
        let (mount, level) = (self.path.display(), self.level);
        if level > previous {
            tracing::warn!(%mount, %level, %previous, percent, "a mount fills");
        } else {
            tracing::info!(%mount, %level, %previous, percent, "a mount has room again");
        }
    }

    /// The actions that are due; counted as started now.
    pub(super) fn plan(
        &mut self,
        ops: &StorageOps,
        situation: &Situation,
        since_boot: Duration,
    ) -> Vec<Action> {
        let actions = plan::due(&ops.actions, situation);
        if !actions.is_empty() {
            self.acted = self.level;
            self.last_acted = Some(since_boot);
            self.unfinished = false;
        }
        actions
    }

    /// Notes that the last pass left work for the next sample.
    pub(super) fn leave_unfinished(&mut self) {
        self.unfinished = true;
    }

    pub(super) fn status(&self, sample: &MountSample) -> MountStatus {
        MountStatus {
            path: self.path.clone(),
            level: self.level,
            level_since: self.level_since,
            percent: sample.percent(),
            bytes_percent: sample.bytes_percent(),
            inodes_percent: sample.inodes_percent(),
            total: sample.total,
            used: sample.used,
            available: sample.available,
            growth: self.history.growth(),
            time_to_full_seconds: self.history.time_to_full(sample.available).map(|left| left.as_secs()),
        }
    }
}
