//! What the monitor found last: `run/eos/storage-monitor.json`, version 1.

use crate::model::digest::Digest;
use crate::model::explain::{Code, Explain, Failure};
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::storage::clock::Reading;
use crate::storage::config::{Action, Mode};
use crate::storage::errand::Errand;
use crate::storage::growth::Resource;
use crate::storage::level::Level;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of the file that this eos reads and writes.
pub const VERSION: u32 = 1;

/// The whole file, written after every pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorStatus {
    /// The version of the format: 1.
    pub version: u32,
    /// The process of the monitor.
    pub pid: u32,
    /// When the pass ended.
    pub at: Timestamp,
    /// Seconds between two passes.
    pub interval_seconds: u32,
    /// The digest of the `storage-ops.yaml` that is in force.
    pub config_digest: Digest,
    /// The scale that it names.
    pub scale: Scale,
    /// The role that it names.
    pub role: Role,
    /// Whether the monitor acts.
    pub mode: Mode,
    /// The mounts, in the order of the configuration; one that could not be sampled is in `problems`.
    pub mounts: Vec<MountStatus>,
    /// The last actions, oldest first.
    pub actions: Vec<ActionRecord>,
    /// Whether new snapshots are to be refused.
    pub snapshots_refused: bool,
    /// Whether the services that the configuration names are to be stopped.
    #[serde(default)]
    pub services_stopped: bool,
    /// What the agent is to do, oldest first; what it did is taken out.
    #[serde(default)]
    pub errands: Vec<Errand>,
    /// The number of the agent's last result that is among the actions.
    #[serde(default)]
    pub heard: u64,
    /// By how much the wall clock is away from where it should be, when it jumped.
    #[serde(default)]
    pub clock_jumped_seconds: Option<i64>,
    /// When the wall clock was taken for right in this boot.
    #[serde(default)]
    pub clock: Option<Reading>,
    /// What was done since this node came up, by action.
    #[serde(default)]
    pub totals: BTreeMap<Action, Total>,
    /// What is wrong with the monitoring itself: a configuration that was not taken over, a mount that
    /// could not be sampled, a clock that jumped.
    pub problems: Vec<Failure>,
}

/// What came of all orders of one action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// How often it was executed to its end, or to the budget of a pass.
    pub done: u64,
    /// How often it failed.
    pub failed: u64,
    /// How often it was due and not executed.
    pub planned: u64,
    /// Files compressed or deleted.
    pub files: u64,
    /// Bytes freed.
    pub bytes: u64,
}

impl Total {
    /// Counts one order more.
    pub fn add(&mut self, record: &ActionRecord) {
        let count = match record.outcome {
            Outcome::Planned => &mut self.planned,
            Outcome::Done | Outcome::Unfinished => &mut self.done,
            Outcome::Failed => &mut self.failed,
        };
        *count += 1;
        self.files += record.files;
        self.bytes += record.bytes;
    }
}

/// One mount.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MountStatus {
    /// As the configuration names it.
    pub path: PathBuf,
    /// How full it is.
    pub level: Level,
    /// Since when it has this level.
    pub level_since: Timestamp,
    /// The larger one of the next two; what the level goes by.
    pub percent: f64,
    /// Which of the two is larger.
    #[serde(default)]
    pub decided_by: Resource,
    /// Percent of the bytes that are used.
    pub bytes_percent: f64,
    /// Percent of the inodes that are used; 0 where the file system has no fixed number of them.
    pub inodes_percent: f64,
    /// Bytes that the mount holds.
    pub total: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes that an unprivileged process may still write.
    pub available: u64,
    /// Inodes that it holds; 0 where their number is not fixed.
    #[serde(default)]
    pub inodes_total: u64,
    /// Inodes in use.
    #[serde(default)]
    pub inodes_used: u64,
    /// Bytes per second; missing until there are three samples.
    pub growth: Option<f64>,
    /// Inodes per second; missing until there are three samples.
    #[serde(default)]
    pub inodes_growth: Option<f64>,
    /// Seconds until it is out of bytes or of inodes at this growth; missing when it does not grow.
    pub time_to_full_seconds: Option<u64>,
    /// Which of the two it will be out of first.
    #[serde(default)]
    pub full_by: Resource,
    /// What was told of it last; missing when nobody was told since it was well.
    #[serde(default)]
    pub notified: Option<Notified>,
}

/// That people were told of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// The level that was told.
    pub level: Level,
    /// When.
    pub at: Timestamp,
}

/// An action that was planned, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// When it ended.
    pub at: Timestamp,
    /// The mount whose level asked for it.
    pub mount: PathBuf,
    /// That level.
    pub level: Level,
    /// What was asked for.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
    /// Files compressed or deleted.
    pub files: u64,
    /// Bytes freed.
    pub bytes: u64,
    /// Files that were left alone.
    pub kept: u64,
    /// What else there is to say: the services that were stopped, what an engine said.
    #[serde(default)]
    pub detail: Option<String>,
    /// What failed.
    pub failure: Option<Failure>,
}

impl ActionRecord {
    /// A record of an action for a mount at a level, with nothing done yet.
    pub fn of((mount, level, action): (&Path, Level, Action), outcome: Outcome, at: Timestamp) -> Self {
        Self {
            at,
            mount: mount.to_owned(),
            level,
            action,
            outcome,
            files: 0,
            bytes: 0,
            kept: 0,
            detail: None,
            failure: None,
        }
    }
}

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Not executed: the mode is `observe`, or the clock cannot be trusted.
    Planned,
    /// Executed to the end.
    Done,
    /// Ended at the budget of a pass; goes on at the next one.
    Unfinished,
    /// Failed; `failure` says why.
    Failed,
}

/// A status that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Not JSON of this form.
    #[error("the status of the storage monitor is not of the expected form")]
    Form(#[source] serde_json::Error),
    /// Written by another eos.
    #[error("the status of the storage monitor has version {found}: 1 expected")]
    Version {
        /// The version it has.
        found: u32,
    },
}

impl StatusError {
    /// One value of every variant.
    #[cfg(test)]
    pub(crate) fn samples() -> Vec<Self> {
        let source = serde_json::from_str::<u32>("{").expect_err("half an object");
        vec![Self::Form(source), Self::Version { found: 2 }]
    }
}

impl Explain for StatusError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Form(_) => "V008",
            Self::Version { .. } => "V009",
        })
    }

    fn hints(&self) -> Vec<String> {
        vec!["let the monitor write it anew: systemctl restart eos-storage-monitor".to_owned()]
    }
}

impl MonitorStatus {
    /// Reads the file's content.
    ///
    /// # Errors
    /// When it is of another form or version.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatusError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_slice(bytes).map_err(StatusError::Form)?;
        if version != VERSION {
            return Err(StatusError::Version { found: version });
        }
        serde_json::from_slice(bytes).map_err(StatusError::Form)
    }

    /// The highest level of any mount.
    pub fn level(&self) -> Level {
        self.mounts.iter().map(|mount| mount.level).max().unwrap_or(Level::Normal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/v1/storage-ops/monitor-status.json");

    #[test]
    fn the_first_version_is_read_and_written_back() -> anyhow::Result<()> {
        let status = MonitorStatus::parse(FIXTURE)?;
        assert_eq!(status.level(), Level::Compress);
        assert_eq!(status.actions[0].outcome, Outcome::Planned);
        assert_eq!((status.errands.len(), status.totals.len(), status.services_stopped), (0, 0, false));
        assert_eq!((status.mounts[0].decided_by, status.mounts[0].notified), (Resource::Bytes, None));
        assert_eq!(MonitorStatus::parse(&serde_json::to_vec(&status)?)?, status);
        Ok(())
    }

    #[test]
    fn another_version_and_a_broken_file_are_told_apart() {
        let refused = |bytes| MonitorStatus::parse(bytes).expect_err("not a status").code();
        assert_eq!(refused(br#"{"version":2}"#), Code("V009"));
        assert_eq!(refused(b"{"), Code("V008"));
        assert_eq!(refused(br#"{"version":1}"#), Code("V008"));
    }

    #[test]
    fn every_error_says_what_and_what_helps() {
        let texts: Vec<String> = StatusError::samples().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "the status of the storage monitor is not of the expected form",
                "the status of the storage monitor has version 2: 1 expected",
            ]
        );
        for error in StatusError::samples() {
            assert_eq!(
                error.hints(),
                ["let the monitor write it anew: systemctl restart eos-storage-monitor"]
            );
        }
    }
}
