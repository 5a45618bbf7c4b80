//! Why a manifest is refused.

use super::{Name, SealError};
use crate::model::explain::{Code, Exit, Explain};

/// A refused manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is larger than allowed.
    #[error("the snapshot manifest has {bytes} bytes, and at most {limit} are allowed")]
    TooLarge {
        /// Its length in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// It lists too much.
    #[error("the snapshot manifest lists {entries} entries, and at most {limit} are allowed")]
    TooMany {
        /// How many.
        entries: usize,
        /// The limit.
        limit: usize,
    },
    /// It is not JSON of the known form.
    #[error("the snapshot manifest cannot be read")]
    Unreadable {
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// It is of another version.
    #[error("the snapshot manifest has version {found}, and this eos reads version {known}")]
    Version {
        /// Its version.
        found: u32,
        /// The version that is read.
        known: u32,
    },
    /// Its bytes are not the canonical ones.
    #[error("the snapshot manifest is not in canonical form")]
    NotCanonical,
    /// A text of its metadata is out of bounds.
    #[error(
        "the {field} of the snapshot manifest is empty, has control characters or more than {limit} bytes"
    )]
    Metadata {
        /// The field.
        field: &'static str,
        /// The longest allowed text in bytes.
        limit: usize,
    },
    /// An entry breaks a rule.
    #[error("the snapshot manifest lists \"{path}\", which is refused: {reason}")]
    Entry {
        /// Its path.
        path: Name,
        /// The rule.
        reason: &'static str,
    },
    /// A frame breaks a rule.
    #[error("frame {frame} of the snapshot manifest is refused: {reason}")]
    Frame {
        /// Its index.
        frame: usize,
        /// The rule.
        reason: &'static str,
    },
    /// A part breaks a rule.
    #[error("part {part} of the snapshot manifest is refused: {reason}")]
    Part {
        /// Its index.
        part: usize,
        /// The rule.
        reason: &'static str,
    },
    /// Entries and frames contradict each other.
    #[error("the frames of the snapshot manifest hold {framed} bytes, but its entries need {listed}")]
    Length {
        /// Bytes that the frames hold.
        framed: u64,
        /// Bytes that the entries need.
        listed: u64,
    },
    /// The signature is not a good one.
    #[error("the signature of the snapshot manifest was refused")]
    Signature {
        /// Why.
        #[source]
        source: SealError,
    },
    /// The manifest could not be signed.
    #[error("the snapshot manifest could not be signed")]
    Signing {
        /// Why.
        #[source]
        source: SealError,
    },
    /// The digest is not the id that was asked for.
    #[error("the snapshot manifest has the id {found}, not {wanted}")]
    Id {
        /// The id of these bytes.
        found: String,
        /// The id that was asked for.
        wanted: String,
    },
}

impl Explain for ManifestError {
    fn code(&self) -> Code {
        Code(match self {
            Self::TooLarge { .. } => "T001",
            Self::TooMany { .. } => "T002",
            Self::Unreadable { .. } => "T003",
            Self::Version { .. } => "T004",
            Self::NotCanonical => "T005",
            Self::Metadata { .. } => "T006",
            Self::Entry { .. } => "T007",
            Self::Frame { .. } => "T008",
            Self::Part { .. } => "T009",
            Self::Length { .. } => "T010",
            Self::Signature { .. } => "T011",
            Self::Signing { .. } => "T012",
            Self::Id { .. } => "T013",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Version { .. } | Self::Signature { .. } | Self::Id { .. } => Exit::Refused,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Version { .. } => "install the eos version that wrote it; compare: eos --version",
            Self::Signature { .. } => {
                "it was not signed by this cluster; see which snapshots are: eos snapshot list"
            }
            Self::Signing { .. } => "look at this node's certificate: eos status",
            Self::TooLarge { .. } | Self::TooMany { .. } => {
                "remove the records of nodes that are gone, on the master: eos node list"
            }
            _ => {
                "make another one where its source is: eos snapshot create SOURCE; of the source cluster, on the \
                 master: systemctl restart eos-master"
            }
        };
        vec![hint.to_owned()]
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<ManifestError> {
    let seal = || SealError::from("the certificate has expired");
    let json = serde_json::from_str::<u8>("x").unwrap_err();
    vec![
        ManifestError::TooLarge { bytes: 11, limit: 10 },
        ManifestError::TooMany { entries: 3, limit: 2 },
        ManifestError::Unreadable { source: json },
        ManifestError::Version { found: 2, known: 1 },
        ManifestError::NotCanonical,
        ManifestError::Metadata { field: "source", limit: 255 },
        ManifestError::Entry { path: Name::new("../x"), reason: "it climbs with '..'" },
        ManifestError::Frame { frame: 4, reason: "its part is not the one in order" },
        ManifestError::Part { part: 1, reason: "it has no frames" },
        ManifestError::Length { framed: 1024, listed: 1536 },
        ManifestError::Signature { source: seal() },
        ManifestError::Signing { source: seal() },
        ManifestError::Id { found: "ab".into(), wanted: "cd".into() },
    ]
}

#[cfg(test)]
#[test]
fn every_text_is_one_plain_line() {
    let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the snapshot manifest has 11 bytes, and at most 10 are allowed",
            "the snapshot manifest lists 3 entries, and at most 2 are allowed",
            "the snapshot manifest cannot be read",
            "the snapshot manifest has version 2, and this eos reads version 1",
            "the snapshot manifest is not in canonical form",
            "the source of the snapshot manifest is empty, has control characters or more than 255 bytes",
            "the snapshot manifest lists \"../x\", which is refused: it climbs with '..'",
            "frame 4 of the snapshot manifest is refused: its part is not the one in order",
            "part 1 of the snapshot manifest is refused: it has no frames",
            "the frames of the snapshot manifest hold 1024 bytes, but its entries need 1536",
            "the signature of the snapshot manifest was refused",
            "the snapshot manifest could not be signed",
            "the snapshot manifest has the id ab, not cd",
        ]
    );
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
}
