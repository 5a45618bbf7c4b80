//! Why a capture is refused.

use super::ATTEMPTS;
use crate::host::directory::DirectoryError;
use crate::model::explain::{Code, Exit, Explain};
use crate::snapshot::manifest::{ManifestError, Name};
use crate::snapshot::store::StoreError;
use std::path::PathBuf;

/// A refused capture; the store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A file or a directory could not be read, or a part not be written.
    #[error("the snapshot cannot be captured")]
    Disk {
        /// What the disk said.
        #[from]
        source: DirectoryError,
    },
    /// A writer did not stand still.
    #[error("{} changed while it was read, in each of {ATTEMPTS} attempts", path.display())]
    Changed {
        /// What changed.
        path: PathBuf,
    },
    /// A source holds what no snapshot carries.
    #[error("{} is a device, a pipe or a socket, which no snapshot carries", path.display())]
    Special {
        /// Where it is.
        path: PathBuf,
    },
    /// A path in the snapshot is not allowed.
    #[error("\"{path}\" cannot be a path in a snapshot: {reason}")]
    Path {
        /// The path.
        path: Name,
        /// Why.
        reason: &'static str,
    },
    /// The result breaks a rule of the format, or could not be signed.
    #[error("the captured snapshot has no valid manifest")]
    Manifest {
        /// The rule.
        #[from]
        source: ManifestError,
    },
    /// The operator interrupted it.
    #[error("interrupted while {} was captured", path.display())]
    Interrupted {
        /// What was being captured.
        path: PathBuf,
    },
    /// The store did not take it.
    #[error("the captured snapshot could not be stored")]
    Store {
        /// Why.
        #[from]
        source: StoreError,
    },
}

impl Explain for CaptureError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Disk { .. } => "T030",
            Self::Changed { .. } => "T031",
            Self::Special { .. } => "T032",
            Self::Path { .. } => "T033",
            Self::Manifest { .. } => "T034",
            Self::Store { .. } => "T035",
            Self::Interrupted { .. } => "T036",
        })
    }

    fn exit(&self) -> Exit {
        if matches!(self, Self::Interrupted { .. }) { Exit::Interrupted } else { Exit::Failed }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Disk { source } => source.hints(),
            Self::Changed { path } => {
                vec![format!("stop or pause its writer; see who it is: fuser -v {}", path.display())]
            }
            Self::Special { path } => {
                vec![format!("remove it if nobody needs it: rm {}", path.display())]
            }
            Self::Path { .. } => {
                vec!["rename it with mv, then run on the node that joins: eos bootstrap".to_owned()]
            }
            Self::Interrupted { .. } => vec!["run the same command again".to_owned()],
            Self::Manifest { source } => source.hints(),
            Self::Store { source } => source.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::Changed { .. } => true,
            Self::Store { source } => source.retry_helps(),
            _ => false,
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<CaptureError> {
    let path = || PathBuf::from("/srv/data/log");
    vec![
        CaptureError::Disk { source: crate::host::directory::samples().remove(2) },
        CaptureError::Changed { path: path() },
        CaptureError::Special { path: path() },
        CaptureError::Path { path: Name::new("a/../b"), reason: "it climbs with '..'" },
        CaptureError::Manifest { source: ManifestError::NotCanonical },
        CaptureError::Store { source: StoreError::Unknown { id: "ab".into() } },
        CaptureError::Interrupted { path: path() },
    ]
}

#[cfg(test)]
#[test]
fn every_text_is_one_plain_line() {
    let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the snapshot cannot be captured",
            "/srv/data/log changed while it was read, in each of 3 attempts",
            "/srv/data/log is a device, a pipe or a socket, which no snapshot carries",
            "\"a/../b\" cannot be a path in a snapshot: it climbs with '..'",
            "the captured snapshot has no valid manifest",
            "the captured snapshot could not be stored",
            "interrupted while /srv/data/log was captured",
        ]
    );
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
}
