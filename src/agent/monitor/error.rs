//! What ends the monitor, or is wrong with it while it goes on.

use crate::host::files::FileError;
use crate::host::sweep::SweepError;
use crate::model::explain::{Code, Exit, Explain};
use crate::storage::errand::ErrandsError;
use crate::storage::{ConfigError, Level};
use std::path::PathBuf;

/// An error of the storage monitor.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The configuration is missing.
    #[error("there is no {}", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The wall clock went another way than time did.
    #[error("the wall clock jumped by {seconds} s: nothing is removed by its age")]
    ClockJumped {
        /// By how much, forward when positive.
        seconds: i64,
    },
    /// The agent did not do what it was asked.
    #[error("the agent did not carry out {action} within {seconds} s")]
    NotCarriedOut {
        /// The action.
        action: &'static str,
        /// For how long it was waited for.
        seconds: i64,
    },
    /// A mount is so full that nothing may be added.
    #[error("no new snapshot is made: {} is at level {level} ({percent:.1} % of its {resource})", mount.display())]
    SnapshotsRefused {
        /// The mount.
        mount: PathBuf,
        /// Its level.
        level: Level,
        /// How full it is.
        percent: f64,
        /// What there is least of.
        resource: &'static str,
    },
    /// The record that the agent keeps cannot be read.
    #[error(transparent)]
    Errands(#[from] ErrandsError),
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system refused something.
    #[error(transparent)]
    File(#[from] FileError),
    /// A directory could not be swept.
    #[error(transparent)]
    Sweep(#[from] SweepError),
}

impl MonitorError {
    /// One value of every variant.
    #[cfg(test)]
    pub(crate) fn samples() -> Vec<Self> {
        let denied = || std::io::ErrorKind::PermissionDenied.into();
        vec![
            Self::Missing { path: PathBuf::from("/etc/eos/storage-ops.yaml") },
            Self::ClockJumped { seconds: -86_400 },
            Self::NotCarriedOut { action: "notify", seconds: 3600 },
            Self::SnapshotsRefused {
                mount: PathBuf::from("/srv"),
                level: Level::Emergency,
                percent: 86.4,
                resource: "bytes",
            },
            Self::Errands(ErrandsError::Version { found: 2 }),
            Self::Config(ConfigError::NoMounts),
            Self::File(FileError::new("read", "/etc/eos/storage-ops.yaml", denied())),
            Self::Sweep(SweepError::Link { directory: PathBuf::from("/var/cache/eos") }),
        ]
    }
}

impl Explain for MonitorError {
    fn code(&self) -> Code {
        match self {
            Self::Missing { .. } => Code("V020"),
            Self::ClockJumped { .. } => Code("V021"),
            Self::SnapshotsRefused { .. } => Code("V022"),
            Self::NotCarriedOut { .. } => Code("V023"),
            Self::Errands(error) => error.code(),
            Self::Config(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Sweep(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } => Exit::Usage,
            Self::ClockJumped { .. } | Self::NotCarriedOut { .. } => Exit::Failed,
            Self::SnapshotsRefused { .. } => Exit::Preflight,
            Self::Errands(error) => error.exit(),
            Self::Config(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::Sweep(error) => error.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing { .. } => vec![
                "on a member, render it: eos state apply".to_owned(),
                "on a fresh machine, make it a member: eos bootstrap".to_owned(),
            ],
            Self::ClockJumped { .. } => vec![
                "see whether the time is right: timedatectl".to_owned(),
                "if it is, take it for right: eos storage accept-clock".to_owned(),
            ],
            Self::NotCarriedOut { .. } => vec!["see whether the agent runs: eos status".to_owned()],
            Self::SnapshotsRefused { .. } => vec![
                "see what is full and what was done about it: eos storage status".to_owned(),
                "make room at once: eos storage cleanup --level emergency".to_owned(),
                "remove old snapshots: eos snapshot prune --keep 3".to_owned(),
            ],
            Self::Errands(error) => error.hints(),
            Self::Config(error) => error.hints(),
            Self::File(error) => error.hints(),
            Self::Sweep(error) => error.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::File(error) => error.retry_helps(),
            Self::Sweep(error) => error.retry_helps(),
            Self::Errands(error) => error.retry_helps(),
            Self::Missing { .. }
            | Self::ClockJumped { .. }
            | Self::NotCarriedOut { .. }
            | Self::SnapshotsRefused { .. }
            | Self::Config(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_and_what_helps() {
        let texts: Vec<String> =
            MonitorError::samples().iter().map(|error| format!("{} {error}", error.code())).collect();
        assert_eq!(
            texts,
            [
                "EOS-V020 there is no /etc/eos/storage-ops.yaml",
                "EOS-V021 the wall clock jumped by -86400 s: nothing is removed by its age",
                "EOS-V023 the agent did not carry out notify within 3600 s",
                "EOS-V022 no new snapshot is made: /srv is at level emergency (86.4 % of its bytes)",
                "EOS-V043 the record of stopped services has version 2: 1 expected",
                "EOS-V005 storage-ops.yaml names no mounts",
                "EOS-H001 could not read /etc/eos/storage-ops.yaml",
                "EOS-V011 /var/cache/eos is not swept: a symbolic link stands in its path",
            ]
        );
        assert!(MonitorError::samples().iter().all(|error| !error.hints().is_empty()));
    }
}
