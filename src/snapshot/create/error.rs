//! Why no snapshot of a source is made.

use crate::host::command::CommandError;
use crate::host::directory::DirectoryError;
use crate::host::files::FileError;
use crate::model::explain::{Code, Exit, Explain};
use crate::snapshot::area::{self, AreaError};
use crate::snapshot::capture::CaptureError;
use crate::snapshot::store::StoreError;
use std::path::PathBuf;

/// A snapshot that was not made; the store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is nothing to capture.
    #[error("there is nothing at {}, the path of source {name}", path.display())]
    Missing {
        /// The source.
        name: String,
        /// Its path.
        path: PathBuf,
    },
    /// Something else lies there than the engine captures.
    #[error("{} is no {wanted}, as source {name} says", path.display())]
    Kind {
        /// The source.
        name: String,
        /// Its path.
        path: PathBuf,
        /// What was expected, `directory`.
        wanted: &'static str,
    },
    /// Another process captures the source, or restores it.
    #[error("source {name} is in use by another operation: {holder}")]
    Busy {
        /// The source.
        name: String,
        /// Whose it is, with its process.
        holder: String,
    },
    /// The work area cannot be used.
    #[error(transparent)]
    Area(AreaError),
    /// A hook did not end well.
    #[error("the hook {hook} of source {name} failed")]
    Hook {
        /// The source.
        name: String,
        /// Which one, `before_capture`.
        hook: &'static str,
        /// What became of it.
        #[source]
        source: CommandError,
    },
    /// A hook named a place that is none.
    #[error("the hook before_capture of source {name} said {line:?}, which is no absolute path")]
    Redirect {
        /// The source.
        name: String,
        /// The line.
        line: String,
    },
    /// Writers were held off for too long.
    #[error(
        "writers of source {name} were held off for {seconds} s, and not all that must not change was read"
    )]
    Paused {
        /// The source.
        name: String,
        /// For how long they may be held off.
        seconds: u32,
    },
    /// A database could not be copied.
    #[error("the database {} could not be backed up", path.display())]
    Backup {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// Another file stands where the database was judged.
    #[error("the database {} was replaced by another file or a link while it was captured", path.display())]
    Swapped {
        /// The database.
        path: PathBuf,
    },
    /// A database was never free.
    #[error("the database {} was locked by others for {seconds} s", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
        /// For how long it was waited.
        seconds: u64,
    },
    /// The copy of a database is damaged, and so is the database.
    #[error("the database {} is damaged: {found}", path.display())]
    Unsound {
        /// The database.
        path: PathBuf,
        /// What the check found first.
        found: String,
    },
    /// The record of an interrupted capture is damaged.
    #[error("{}, the record of a capture that was interrupted, cannot be read", path.display())]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The capture itself failed.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DirectoryError),
    /// A file of eos could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<AreaError> for CreateError {
    fn from(error: AreaError) -> Self {
        match error {
            AreaError::Disk(error) => error.into(),
            AreaError::File(error) => error.into(),
            foreign @ AreaError::Foreign { .. } => Self::Area(foreign),
        }
    }
}

impl Explain for CreateError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Missing { .. } => "T121",
            Self::Kind { .. } => "T122",
            Self::Busy { .. } => "T123",
            Self::Hook { .. } => "T124",
            Self::Redirect { .. } => "T125",
            Self::Backup { .. } => "T126",
            Self::Locked { .. } => "T127",
            Self::Unsound { .. } => "T128",
            Self::Record { .. } => "T129",
            Self::Swapped { .. } => "T130",
            Self::Paused { .. } => "T131",
            Self::Area(error) => return error.code(),
            Self::Capture(error) => return error.code(),
            Self::Store(error) => return error.code(),
            Self::Disk(error) => return error.code(),
            Self::File(error) => return error.code(),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } | Self::Kind { .. } => Exit::Usage,
            Self::Busy { .. } | Self::Swapped { .. } => Exit::Conflict,
            Self::Area(error) => error.exit(),
            Self::Capture(error) => error.exit(),
            Self::Store(error) => error.exit(),
            Self::Disk(error) => error.exit(),
            Self::File(error) => error.exit(),
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing { .. } | Self::Kind { .. } => {
                vec!["see what the configuration says of it: eos config show".to_owned()]
            }
            Self::Busy { holder, .. } => vec![area::hint(holder)],
            Self::Area(error) => error.hints(),
            Self::Swapped { path } => {
                vec![format!("see what it is, and who put it there: stat {}", path.display())]
            }
            Self::Paused { .. } => vec![
                "have less read meanwhile: write_once, XFS or btrfs, or a hook that names a snapshot of the volume"
                    .to_owned(),
                "or allow more, by hooks.longest_pause_seconds of the source: eos config show --origin"
                    .to_owned(),
            ],
            Self::Hook { source, .. } => source.hints(),
            Self::Redirect { .. } => {
                vec!["have it print one line EOS_CAPTURE_PATH=/path; see it: eos config show".to_owned()]
            }
            Self::Backup { path, .. } | Self::Unsound { path, .. } => {
                vec![format!(
                    "see what is wrong with it: sqlite3 {} 'PRAGMA integrity_check'",
                    path.display()
                )]
            }
            Self::Locked { path, .. } => vec![format!("see who holds it: fuser -v {}", path.display())],
            Self::Record { path, .. } => {
                vec![format!("run what its hook after_capture would, then: rm {}", path.display())]
            }
            Self::Capture(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Disk(error) => error.hints(),
            Self::File(error) => error.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Locked { .. } => true,
            Self::Capture(error) => error.retry_helps(),
            Self::Store(error) => error.retry_helps(),
            _ => false,
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<CreateError> {
    let (name, path) = (|| "metrics".to_owned(), || PathBuf::from("/srv/metrics"));
    let json = serde_json::from_str::<u8>("x").unwrap_err();
    vec![
        CreateError::Missing { name: name(), path: path() },
        CreateError::Kind { name: name(), path: path(), wanted: "directory" },
        CreateError::Busy { name: name(), holder: "eos snapshot restore (process 7)".to_owned() },
        CreateError::Hook {
            name: name(),
            hook: "before_capture",
            source: CommandError::TooSlow { program: "systemctl".into(), seconds: 30 },
        },
        CreateError::Redirect { name: name(), line: "EOS_CAPTURE_PATH=snap".into() },
        CreateError::Backup { path: path(), source: rusqlite::Error::InvalidQuery },
        CreateError::Locked { path: path(), seconds: 60 },
        CreateError::Unsound { path: path(), found: "row 3 missing from index a".into() },
        CreateError::Record { path: path(), source: json },
        CreateError::Swapped { path: path() },
        CreateError::Paused { name: name(), seconds: 600 },
    ]
}

#[cfg(test)]
#[test]
fn every_text_is_one_plain_line() {
    let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "there is nothing at /srv/metrics, the path of source metrics",
            "/srv/metrics is no directory, as source metrics says",
            "source metrics is in use by another operation: eos snapshot restore (process 7)",
            "the hook before_capture of source metrics failed",
            "the hook before_capture of source metrics said \"EOS_CAPTURE_PATH=snap\", which is no absolute path",
            "the database /srv/metrics could not be backed up",
            "the database /srv/metrics was locked by others for 60 s",
            "the database /srv/metrics is damaged: row 3 missing from index a",
            "/srv/metrics, the record of a capture that was interrupted, cannot be read",
            "the database /srv/metrics was replaced by another file or a link while it was captured",
            "writers of source metrics were held off for 600 s, and not all that must not change was read",
        ]
    );
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
}
