//! What ends the monitor, or is wrong with it while it goes on.

use crate::host::files::FileError;
use crate::host::sweep::SweepError;
use crate::model::explain::{Code, Exit, Explain};
use crate::storage::ConfigError;
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
            Self::Config(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Sweep(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } => Exit::Usage,
            Self::ClockJumped { .. } => Exit::Failed,
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
                "if it is, let the monitor accept it: systemctl restart eos-storage-monitor".to_owned(),
            ],
            Self::Config(error) => error.hints(),
            Self::File(error) => error.hints(),
            Self::Sweep(error) => error.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::File(error) => error.retry_helps(),
            Self::Sweep(error) => error.retry_helps(),
            Self::Missing { .. } | Self::ClockJumped { .. } | Self::Config(_) => false,
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
                "EOS-V005 storage-ops.yaml names no mounts",
                "EOS-H001 could not read /etc/eos/storage-ops.yaml",
                "EOS-V011 /var/cache/eos is not swept: a symbolic link stands in its path",
            ]
        );
        assert!(MonitorError::samples().iter().all(|error| !error.hints().is_empty()));
    }
}
