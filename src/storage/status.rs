//! What the monitor found last: `run/eos/storage-monitor.json`, version 1.

use crate::model::digest::Digest;
use crate::model::explain::{Code, Explain, Failure};
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::storage::config::{Action, Mode};
use crate::storage::level::Level;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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
    /// What is wrong with the monitoring itself: a configuration that was not taken over, a mount that
    /// could not be sampled, a clock that jumped.
    pub problems: Vec<Failure>,
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
    /// Bytes per second; missing until there are three samples.
    pub growth: Option<f64>,
    /// Seconds until it is full at this growth; missing when it does not grow.
    pub time_to_full_seconds: Option<u64>,
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
    /// What failed.
    pub failure: Option<Failure>,
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
