//! Why a tree is not assembled.

use crate::host::directory::DirectoryError;
use crate::model::explain::{Code, Exit, Explain};
use crate::snapshot::fetch::FetchError;
use crate::snapshot::unpack::UnpackError;
use std::io::ErrorKind;
use std::path::PathBuf;

/// A tree that did not become whole; what was verified stays for the next time, unless it is refused.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// What the snapshot holds is refused, or the disk refused.
    #[error(transparent)]
    Tree(UnpackError),
    /// No source delivers what is missing.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What is done so far could not be written down or read.
    #[error("the progress of the restore cannot be kept")]
    Record {
        /// What the disk said.
        #[source]
        source: DirectoryError,
    },
    /// The disk or the quota is full.
    #[error("there is no room left for {}", path.display())]
    Full {
        /// What was to be written.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: DirectoryError,
    },
    /// Nobody has the rest.
    #[error("{frames} frames of the snapshot are not on this machine, and no node is known that has them")]
    NoSource {
        /// How many are missing.
        frames: usize,
    },
    /// Somebody put something else in the place of the tree that was being filled.
    #[error("{} was exchanged for something else while it was filled", path.display())]
    Exchanged {
        /// The tree in the work area.
        path: PathBuf,
    },
    /// The caller gave up.
    #[error("the restore into {} was interrupted", path.display())]
    Interrupted {
        /// Where it was to go.
        path: PathBuf,
    },
}

impl AssembleError {
    /// Whether the snapshot itself is at fault, so that trying again cannot help.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Tree(error) if !matches!(error, UnpackError::Disk { .. } | UnpackError::Space { .. }))
    }
}

impl From<UnpackError> for AssembleError {
    fn from(error: UnpackError) -> Self {
        match error {
            UnpackError::Disk { source: DirectoryError::Io { action, path, source } }
                if matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
            {
                let full = path.clone();
                Self::Full { path: full, source: DirectoryError::Io { action, path, source } }
            }
            error => Self::Tree(error),
        }
    }
}

impl From<DirectoryError> for AssembleError {
    fn from(source: DirectoryError) -> Self {
        UnpackError::from(source).into()
    }
}

impl Explain for AssembleError {
    fn code(&self) -> Code {
        match self {
            Self::Tree(error) => error.code(),
            Self::Fetch(error) => error.code(),
            Self::Record { .. } => Code("T180"),
            Self::Full { .. } => Code("T181"),
            Self::NoSource { .. } => Code("T182"),
            Self::Interrupted { .. } => Code("T183"),
            Self::Exchanged { .. } => Code("T184"),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Tree(error) => error.exit(),
            Self::Fetch(error) => error.exit(),
            Self::Interrupted { .. } => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Tree(error) => error.hints(),
            Self::Fetch(error) => error.hints(),
            Self::Record { source } => source.hints(),
            Self::Full { path, .. } => vec![
                format!("make room: df -h -i {}", path.display()),
                "run the same command to go on where it stopped".to_owned(),
            ],
            Self::NoSource { .. } => vec!["see who has the snapshot: eos snapshot list".to_owned()],
            Self::Interrupted { .. } => vec!["run the same command to go on where it stopped".to_owned()],
            Self::Exchanged { path } => {
                vec![format!(
                    "see what lies there and who put it there, and remove it: ls -la {}",
                    path.display()
                )]
            }
        }
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::Tree(error) => error.retry_helps(),
            Self::Fetch(error) => error.retry_helps(),
            Self::Full { .. } | Self::Interrupted { .. } => true,
            Self::Record { .. } | Self::NoSource { .. } | Self::Exchanged { .. } => false,
        }
    }
}

/// One value of every variant that has a code of its own.
#[cfg(test)]
pub(crate) fn samples() -> Vec<AssembleError> {
    let disk = || crate::host::directory::samples().remove(3);
    let path = || PathBuf::from("/srv/.metrics.eos");
    vec![
        AssembleError::Record { source: disk() },
        AssembleError::Full { path: path(), source: disk() },
        AssembleError::NoSource { frames: 3 },
        AssembleError::Interrupted { path: path() },
        AssembleError::Exchanged { path: path().join("incoming") },
    ]
}

#[cfg(test)]
#[test]
fn every_text_is_one_plain_line() {
    let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the progress of the restore cannot be kept",
            "there is no room left for /srv/.metrics.eos",
            "3 frames of the snapshot are not on this machine, and no node is known that has them",
            "the restore into /srv/.metrics.eos was interrupted",
            "/srv/.metrics.eos/incoming was exchanged for something else while it was filled",
        ]
    );
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
}

#[cfg(test)]
#[test]
fn a_full_disk_and_a_used_up_quota_are_told_as_such_and_the_same_command_goes_on() {
    for errno in [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT] {
        let path = PathBuf::from("/srv/.metrics.eos/incoming/a");
        let error = AssembleError::from(DirectoryError::Io { action: "write", path, source: errno.into() });
        assert!(matches!(error, AssembleError::Full { .. }), "{error:?}");
        assert!(error.retry_helps() && !error.is_refusal());
    }
}
