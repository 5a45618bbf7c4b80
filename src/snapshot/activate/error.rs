//! Why a staged tree is not put in place.

use crate::host::directory::DirectoryError;
use crate::model::explain::{Code, Exit, Explain};
use std::path::PathBuf;

/// A refused or failed activation.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// The disk refused.
    #[error("the staged tree cannot be put in place")]
    Disk {
        /// What the disk said.
        #[from]
        source: DirectoryError,
    },
    /// The file system cannot exchange two trees in one step.
    #[error("{} cannot be exchanged with the staged tree in one step", target.display())]
    Exchange {
        /// The tree in use.
        target: PathBuf,
        /// What the file system said.
        #[source]
        source: DirectoryError,
    },
    /// There is no staged tree.
    #[error("there is no staged tree at {}", path.display())]
    NotStaged {
        /// Where it should be.
        path: PathBuf,
    },
    /// The name for the old tree is taken.
    #[error("{} is taken, so the old tree cannot be kept there", path.display())]
    Occupied {
        /// The name.
        path: PathBuf,
    },
    /// The trees are on different file systems.
    #[error("{} and {} are on different file systems", staged.display(), target.display())]
    OtherFileSystem {
        /// The staged tree.
        staged: PathBuf,
        /// The tree in use.
        target: PathBuf,
    },
    /// An earlier activation was interrupted.
    #[error("an earlier activation was interrupted, as {} says", intent.display())]
    Interrupted {
        /// Its intent file.
        intent: PathBuf,
    },
    /// The intent file is damaged.
    #[error("the intent file {} cannot be read", path.display())]
    Intent {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// The intent file is of another version.
    #[error("the intent file {} has version {found}, and this eos reads version 1", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Somebody moved the trees meanwhile.
    #[error("{} is neither the old tree nor the new one that {} names", target.display(), intent.display())]
    Unclear {
        /// The intent file.
        intent: PathBuf,
        /// The tree in use.
        target: PathBuf,
    },
    /// A path ends in no name.
    #[error("{:?} does not end in a name", path.as_os_str())]
    NoName {
        /// The path.
        path: PathBuf,
    },
}

impl Explain for ActivateError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Disk { .. } => "T080",
            Self::Exchange { .. } => "T081",
            Self::NotStaged { .. } => "T082",
            Self::Occupied { .. } => "T083",
            Self::OtherFileSystem { .. } => "T084",
            Self::Interrupted { .. } => "T085",
            Self::Intent { .. } => "T086",
            Self::Version { .. } => "T087",
            Self::Unclear { .. } => "T088",
            Self::NoName { .. } => "T089",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unclear { .. } | Self::Intent { .. } | Self::Version { .. } => Exit::Stuck,
            Self::Interrupted { .. } => Exit::Conflict,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Disk { source } => source.hints(),
            Self::Exchange { target, .. } => {
                vec![format!(
                    "see which file system it is on (ext4, xfs and btrfs can): df -T {}",
                    target.display()
                )]
            }
            Self::NotStaged { .. } => {
                vec!["run the same command again, which unpacks it anew: eos bootstrap".to_owned()]
            }
            Self::Occupied { path } => {
                vec![format!("move it elsewhere if nobody needs it: ls -la {}", path.display())]
            }
            Self::OtherFileSystem { staged, target } => {
                vec![format!("see where they are mounted: df {} {}", staged.display(), target.display())]
            }
            Self::Interrupted { .. } => vec!["let eos complete it: eos bootstrap".to_owned()],
            Self::Intent { path, .. } | Self::Version { path, .. } => {
                vec![format!("see what it says: cat {}", path.display())]
            }
            Self::Unclear { intent, target } => vec![format!(
                "compare them, put the right tree in place, then remove the intent file: cat {}; ls -lid {}",
                intent.display(),
                target.display()
            )],
            Self::NoName { .. } => {
                vec!["name a directory below the root: ls -ld /var/lib/eos".to_owned()]
            }
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<ActivateError> {
    let path = || PathBuf::from("/srv/data");
    let intent = || PathBuf::from("/srv/intent");
    let disk = || crate::host::directory::samples().remove(2);
    vec![
        ActivateError::Disk { source: disk() },
        ActivateError::Exchange { target: path(), source: disk() },
        ActivateError::NotStaged { path: path() },
        ActivateError::Occupied { path: path() },
        ActivateError::OtherFileSystem { staged: "/tmp/s".into(), target: path() },
        ActivateError::Interrupted { intent: intent() },
        ActivateError::Intent { path: intent(), source: serde_json::from_str::<u8>("x").unwrap_err() },
        ActivateError::Version { path: intent(), found: 2 },
        ActivateError::Unclear { intent: intent(), target: path() },
        ActivateError::NoName { path: "..".into() },
    ]
}

#[cfg(test)]
#[test]
fn every_text_is_one_plain_line() {
    let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the staged tree cannot be put in place",
            "/srv/data cannot be exchanged with the staged tree in one step",
            "there is no staged tree at /srv/data",
            "/srv/data is taken, so the old tree cannot be kept there",
            "/tmp/s and /srv/data are on different file systems",
            "an earlier activation was interrupted, as /srv/intent says",
            "the intent file /srv/intent cannot be read",
            "the intent file /srv/intent has version 2, and this eos reads version 1",
            "/srv/data is neither the old tree nor the new one that /srv/intent names",
            "\"..\" does not end in a name",
        ]
    );
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
}
