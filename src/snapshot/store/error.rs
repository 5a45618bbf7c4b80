//! What can go wrong in a snapshot store.

use crate::host::directory::DirectoryError;
use crate::model::digest::Digest;
use crate::model::explain::{Code, Exit, Explain};
use crate::snapshot::manifest::ManifestError;
use std::path::PathBuf;

/// A failed operation of a snapshot store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk refused.
    #[error("the snapshot store cannot use its disk")]
    Disk {
        /// What the disk said.
        #[from]
        source: DirectoryError,
    },
    /// Somebody else changes the store at this moment.
    #[error("another process is changing the snapshot store {}", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
    /// There is no such snapshot.
    #[error("there is no snapshot {id} in this store")]
    Unknown {
        /// The id that was asked for.
        id: String,
    },
    /// Several snapshots begin like this.
    #[error("{} snapshots begin with {prefix}: {}", ids.len(), ids.join(", "))]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// The snapshots; at least two.
        ids: Vec<String>,
    },
    /// Somebody reads the snapshot.
    #[error("snapshot {id} is being read by {}", holders.join(", "))]
    Leased {
        /// The snapshot.
        id: String,
        /// Who reads it, and since when; at least one.
        holders: Vec<String>,
    },
    /// A manifest in the store is damaged.
    #[error("the stored manifest of snapshot {id} is damaged")]
    Manifest {
        /// The snapshot.
        id: String,
        /// What is wrong with it.
        #[source]
        source: ManifestError,
    },
    /// A file in the store is not the store's.
    #[error("{name:?} in the store's manifests is not named like a manifest")]
    Stray {
        /// The file's name.
        name: String,
    },
    /// It cannot be restored without eos.
    #[error("snapshot {id} borrows from earlier ones, so tar alone cannot restore it")]
    Incremental {
        /// The snapshot.
        id: String,
    },
    /// The operator interrupted it.
    #[error("interrupted while a snapshot was exported; nothing of it is left in {}", path.display())]
    Interrupted {
        /// Into what it was exported.
        path: PathBuf,
    },
    /// A part is not there.
    #[error("part {part} is not in the snapshot store")]
    PartMissing {
        /// The part.
        part: Digest,
    },
    /// A part has another length than its manifest says.
    #[error("part {part} has {found} bytes, and its manifest says {listed}")]
    PartSize {
        /// The part.
        part: Digest,
        /// Its length in bytes.
        found: u64,
        /// The length in its manifest.
        listed: u64,
    },
    /// Bytes of stored snapshots are not what their manifests say.
    #[error("{}", damaged(damage))]
    Damaged {
        /// Each damaged snapshot with one thing that is wrong with it, `ID: what`; at least one.
        damage: Vec<String>,
    },
    /// The bytes that were asked for lie outside the part.
    #[error("bytes {offset}+{length} lie outside part {part}, which has {size} bytes")]
    Range {
        /// The part.
        part: Digest,
        /// First byte asked for.
        offset: u64,
        /// How many bytes were asked for.
        length: u64,
        /// Its length in bytes.
        size: u64,
    },
}

impl Explain for StoreError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Disk { .. } => "T020",
            Self::Busy { .. } => "T021",
            Self::Unknown { .. } => "T022",
            Self::Manifest { .. } => "T023",
            Self::Stray { .. } => "T024",
            Self::PartMissing { .. } => "T025",
            Self::PartSize { .. } => "T026",
            Self::Range { .. } => "T027",
            Self::Damaged { .. } => "T028",
            Self::Leased { .. } => "T029",
            Self::Ambiguous { .. } => "T090",
            Self::Incremental { .. } => "T120",
            Self::Interrupted { .. } => "T132",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Busy { .. } | Self::Leased { .. } => Exit::Conflict,
            Self::Ambiguous { .. } => Exit::Usage,
            Self::Interrupted { .. } => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Disk { source } => source.hints(),
            Self::Busy { path } => vec![format!("see who it is: fuser -v {}", path.display())],
            Self::Unknown { .. } => {
                vec!["see which there are: eos snapshot list (8 or more characters of an id do)".to_owned()]
            }
            Self::Ambiguous { .. } => vec!["give more of it: eos snapshot list".to_owned()],
            Self::Leased { id, .. } => {
                vec![format!("see who reads it, and wait for the end: eos snapshot show {id}")]
            }
            Self::Manifest { .. } => {
                vec!["see which others are sound: eos snapshot verify".to_owned()]
            }
            Self::Damaged { damage } => vec![
                format!(
                    "when other nodes hold it too, have it mended: eos snapshot pull {} --repair",
                    damage.first().and_then(|first| first.split_once(": ")).map_or("ID", |(id, _)| id)
                ),
                "if its source is here, make another one: eos snapshot create SOURCE --full".to_owned(),
                "of the source cluster, on the master: systemctl restart eos-master".to_owned(),
            ],
            Self::Incremental { .. } => {
                vec!["make one that is complete by itself: eos snapshot create --full".to_owned()]
            }
            Self::Interrupted { path } => {
                vec![format!("export it again: eos snapshot export ID {}", path.display())]
            }
            Self::Stray { .. } => vec!["move the file elsewhere, then: eos snapshot list".to_owned()],
            Self::PartMissing { .. } | Self::PartSize { .. } | Self::Range { .. } => {
                vec!["find the snapshots that are damaged: eos snapshot verify".to_owned()]
            }
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Leased { .. } | Self::Interrupted { .. })
    }
}

/// The first damage, and how much more there is.
fn damaged(damage: &[String]) -> String {
    let first = damage.first().map_or("", String::as_str);
    match damage.len() {
        0 | 1 => format!("a snapshot is damaged: {first}"),
        count => format!("snapshots are damaged in {count} places, the first: {first}"),
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<StoreError> {
    let part = Digest::from_bytes([0xab; 32]);
    let disk = crate::host::directory::samples().remove(2);
    vec![
        StoreError::Disk { source: disk },
        StoreError::Busy { path: "/var/lib/eos/snapshots".into() },
        StoreError::Unknown { id: "ab".into() },
        StoreError::Ambiguous {
            prefix: "abcdefgh".into(),
            ids: vec!["abcdefgh1".into(), "abcdefgh2".into()],
        },
        StoreError::Leased { id: "ab".into(), holders: vec!["node n-1 since 2026-01-02 03:04:05".into()] },
        StoreError::Manifest { id: "ab".into(), source: ManifestError::NotCanonical },
        StoreError::Damaged { damage: vec!["ab: part cd is missing".into()] },
        StoreError::Stray { name: "notes.txt".into() },
        StoreError::Incremental { id: "ab".into() },
        StoreError::Interrupted { path: "/mnt/usb".into() },
        StoreError::PartMissing { part },
        StoreError::PartSize { part, found: 9, listed: 10 },
        StoreError::Range { part, offset: 5, length: 6, size: 10 },
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
            "the snapshot store cannot use its disk".to_owned(),
            "another process is changing the snapshot store /var/lib/eos/snapshots".to_owned(),
            "there is no snapshot ab in this store".to_owned(),
            "2 snapshots begin with abcdefgh: abcdefgh1, abcdefgh2".to_owned(),
            "snapshot ab is being read by node n-1 since 2026-01-02 03:04:05".to_owned(),
            "the stored manifest of snapshot ab is damaged".to_owned(),
            "a snapshot is damaged: ab: part cd is missing".to_owned(),
            "\"notes.txt\" in the store's manifests is not named like a manifest".to_owned(),
            "snapshot ab borrows from earlier ones, so tar alone cannot restore it".to_owned(),
            "interrupted while a snapshot was exported; nothing of it is left in /mnt/usb".to_owned(),
            format!("part {part} is not in the snapshot store"),
            format!("part {part} has 9 bytes, and its manifest says 10"),
            format!("bytes 5+6 lie outside part {part}, which has 10 bytes"),
        ]
    );
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
}
