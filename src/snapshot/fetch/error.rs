//! Why a download fails.

use crate::host::directory::DirectoryError;
use crate::model::digest::Digest;
use crate::model::explain::{Code, Exit, Explain};
use crate::snapshot::manifest::ManifestError;
use std::path::PathBuf;
use std::time::Duration;

/// What a source says when it does not deliver.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct SourceError {
    /// One line, lower case: `connection refused`.
    pub what: String,
    /// Whether asking again can help.
    pub retry: bool,
    /// When it may be asked again, if it only has no place at this moment.
    pub again: Option<Duration>,
    /// The cause, if there is one.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

impl SourceError {
    /// A failure that may pass: a cut connection, a timeout, a busy server.
    pub fn passing(what: impl Into<String>) -> Self {
        Self { what: what.into(), retry: true, again: None, source: None }
    }

    /// A refusal that repeating does not change: not found, not allowed.
    pub fn lasting(what: impl Into<String>) -> Self {
        Self { what: what.into(), retry: false, again: None, source: None }
    }

    /// It is there and serves others at this moment: no failure, and a reason to come again.
    pub fn busy(what: impl Into<String>, again: Duration) -> Self {
        Self { again: Some(again), ..Self::passing(what) }
    }

    pub(super) fn cut() -> Self {
        Self::passing("the answer ended early")
    }
}

/// A failed download; what was verified stays for the next try.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The disk refused.
    #[error("the download cannot be written")]
    Disk {
        /// What the disk said.
        #[from]
        source: DirectoryError,
    },
    /// There is no room.
    #[error("{} has {free} bytes free, and the snapshot needs {needed}", path.display())]
    Space {
        /// Where it was to go.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The source sent a manifest that is not to be trusted.
    #[error("{name} sent a manifest that is refused")]
    Manifest {
        /// The source.
        name: String,
        /// Why it is refused.
        #[source]
        source: ManifestError,
    },
    /// The source refused.
    #[error("{name} does not deliver the snapshot")]
    Refused {
        /// The source.
        name: String,
        /// What it said.
        #[source]
        source: SourceError,
    },
    /// The source did not answer.
    #[error("{name} failed {failures} times in a row without delivering anything")]
    Unreachable {
        /// The source.
        name: String,
        /// How often it was asked.
        failures: u32,
        /// The last failure.
        #[source]
        source: SourceError,
    },
    /// The source delivers wrong bytes.
    #[error("{name} delivers wrong bytes for frame {frame} of part {part}, twice")]
    Corrupt {
        /// The source.
        name: String,
        /// The part.
        part: Digest,
        /// Index of the frame in the manifest.
        frame: usize,
    },
    /// All frames are right, and the part is not.
    #[error("part {part} has another digest than the manifest says, although each of its frames is right")]
    PartDigest {
        /// The part.
        part: Digest,
    },
    /// The caller gave up.
    #[error("the download from {name} was interrupted")]
    Interrupted {
        /// The source.
        name: String,
    },
}

impl Explain for FetchError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Disk { .. } => "T040",
            Self::Space { .. } => "T041",
            Self::Manifest { .. } => "T042",
            Self::Refused { .. } => "T043",
            Self::Unreachable { .. } => "T044",
            Self::Corrupt { .. } => "T045",
            Self::PartDigest { .. } => "T046",
            Self::Interrupted { .. } => "T047",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Manifest { source, .. } => source.exit(),
            Self::Unreachable { .. } => Exit::NoAnswer,
            Self::Interrupted { .. } => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Disk { source } => source.hints(),
            Self::Space { path, .. } => vec![format!("make room: df -h {}", path.display())],
            Self::Manifest { source, .. } => source.hints(),
            Self::Refused { .. } => {
                vec!["on the master, see who holds what: eos snapshot list --cluster".to_owned()]
            }
            Self::Unreachable { .. } => {
                vec!["see whether it is up, then run the same command: eos status".to_owned()]
            }
            Self::Corrupt { name, .. } => {
                vec![format!("on {name}, find out what is damaged: eos snapshot verify")]
            }
            Self::PartDigest { .. } => {
                let another = "make another one where its source is: eos snapshot create SOURCE --full";
                let cluster = "of the source cluster, on the master: systemctl restart eos-master";
                vec![another.to_owned(), cluster.to_owned()]
            }
            Self::Interrupted { .. } => vec!["run the same command to go on where it stopped".to_owned()],
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Interrupted { .. })
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<FetchError> {
    let name = || "10.0.1.10:4507".to_owned();
    let part = Digest::from_bytes([0xab; 32]);
    vec![
        FetchError::Disk { source: crate::host::directory::samples().remove(2) },
        FetchError::Space { path: "/var/lib/eos".into(), needed: 10, free: 9 },
        FetchError::Manifest { name: name(), source: ManifestError::NotCanonical },
        FetchError::Refused { name: name(), source: SourceError::lasting("404 Not Found") },
        FetchError::Unreachable {
            name: name(),
            failures: 8,
            source: SourceError::passing("connection refused"),
        },
        FetchError::Corrupt { name: name(), part, frame: 7 },
        FetchError::PartDigest { part },
        FetchError::Interrupted { name: name() },
    ]
}

#[cfg(test)]
#[test]
fn every_text_is_one_plain_line() {
    let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
    let part = "ab".repeat(32);
    assert_eq!(
        texts,
        [
            "the download cannot be written".to_owned(),
            "/var/lib/eos has 9 bytes free, and the snapshot needs 10".to_owned(),
            "10.0.1.10:4507 sent a manifest that is refused".to_owned(),
            "10.0.1.10:4507 does not deliver the snapshot".to_owned(),
            "10.0.1.10:4507 failed 8 times in a row without delivering anything".to_owned(),
            format!("10.0.1.10:4507 delivers wrong bytes for frame 7 of part {part}, twice"),
            format!(
                "part {part} has another digest than the manifest says, although each of its frames is right"
            ),
            "the download from 10.0.1.10:4507 was interrupted".to_owned(),
        ]
    );
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
}
