//! Why a snapshot is not unpacked.

use crate::host::directory::DirectoryError;
use crate::model::digest::Digest;
use crate::model::explain::{Code, Exit, Explain};
use crate::snapshot::manifest::Name;
use std::path::PathBuf;

/// A refused or failed unpacking; nothing of it is left, unless it is `NotRemoved`.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// A part could not be read, or the staging directory not be written.
    #[error("the snapshot cannot be unpacked")]
    Disk {
        /// What the disk said.
        #[from]
        source: DirectoryError,
    },
    /// It is larger than the policy allows.
    #[error(
        "the snapshot has {bytes} bytes in {entries} entries, and at most {max_bytes} in {max_entries} are allowed"
    )]
    Limit {
        /// Bytes of file content.
        bytes: u64,
        /// How many entries.
        entries: usize,
        /// The limit of bytes.
        max_bytes: u64,
        /// The limit of entries.
        max_entries: usize,
    },
    /// There is no room for it.
    #[error("{} has {free} bytes free, and the snapshot needs {needed}", path.display())]
    Space {
        /// Where it was to go.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The staging directory exists already.
    #[error("{} exists already", path.display())]
    Present {
        /// The staging directory.
        path: PathBuf,
    },
    /// The policy forbids an entry.
    #[error("the snapshot's entry \"{path}\" is refused: {reason}")]
    Forbidden {
        /// The entry.
        path: Name,
        /// What is forbidden.
        reason: &'static str,
    },
    /// A frame is not what the manifest says.
    #[error("frame {frame} at byte {offset} of part {part} is refused: {reason}")]
    Frame {
        /// The part.
        part: Digest,
        /// Index of the frame in the manifest.
        frame: usize,
        /// Where it begins in its part.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The archive has something else than the manifest lists.
    #[error("the archive has {found} where the manifest lists \"{path}\"")]
    Header {
        /// What is listed.
        path: Name,
        /// What is there.
        found: String,
    },
    /// The archive goes on after its last entry.
    #[error("the archive goes on after the last entry of the manifest, with {found}")]
    Extra {
        /// What is there.
        found: String,
    },
    /// The archive ends early.
    #[error("the archive ends before the last entry of the manifest")]
    Short,
    /// There is something between two entries.
    #[error("the archive hides bytes after the content of \"{path}\"")]
    Padding {
        /// The entry before them.
        path: Name,
    },
    /// The content of a file is not what the manifest says.
    #[error("the content of \"{path}\" has another digest than the manifest says")]
    Digest {
        /// The file.
        path: Name,
    },
    /// It failed, and what it left could not be removed.
    #[error("{} could not be removed after the snapshot failed to unpack ({cause})", path.display())]
    NotRemoved {
        /// The staging directory.
        path: PathBuf,
        /// Why unpacking failed.
        cause: String,
        /// Why it could not be removed.
        #[source]
        source: DirectoryError,
    },
}

impl Explain for UnpackError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Disk { .. } => "T060",
            Self::Limit { .. } => "T062",
            Self::Space { .. } => "T063",
            Self::Present { .. } => "T064",
            Self::Forbidden { .. } => "T065",
            Self::Frame { .. } => "T066",
            Self::Header { .. } => "T067",
            Self::Extra { .. } => "T068",
            Self::Short => "T069",
            Self::Padding { .. } => "T070",
            Self::Digest { .. } => "T071",
            Self::NotRemoved { .. } => "T072",
        })
    }

    fn exit(&self) -> Exit {
        if matches!(self, Self::NotRemoved { .. }) { Exit::Stuck } else { Exit::Failed }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Disk { source } => source.hints(),
            Self::Limit { .. } => {
                vec!["on the master, find out what it holds: eos snapshot list".to_owned()]
            }
            Self::Space { path, .. } => vec![format!("make room: df -h {}", path.display())],
            Self::Present { path } | Self::NotRemoved { path, .. } => {
                vec![format!("remove it if nobody needs it: rm -r {}", path.display())]
            }
            Self::Forbidden { .. } => {
                vec!["on the master, find out whether it made it: eos audit verify".to_owned()]
            }
            _ => vec!["find out what is damaged: eos snapshot verify".to_owned()],
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<UnpackError> {
    let (path, entry) = (|| PathBuf::from("/srv/.staging"), || Name::new("etc/a"));
    let disk = || crate::host::directory::samples().remove(2);
    let part = Digest::from_bytes([0xab; 32]);
    vec![
        UnpackError::Disk { source: disk() },
        UnpackError::Limit { bytes: 9, entries: 2, max_bytes: 8, max_entries: 3 },
        UnpackError::Space { path: path(), needed: 10, free: 9 },
        UnpackError::Present { path: path() },
        UnpackError::Forbidden { path: entry(), reason: "it is setuid or setgid" },
        UnpackError::Frame { part, frame: 3, offset: 99, reason: "it is cut off" },
        UnpackError::Header { path: entry(), found: "no tar header".into() },
        UnpackError::Extra { found: "no tar header".into() },
        UnpackError::Short,
        UnpackError::Padding { path: entry() },
        UnpackError::Digest { path: entry() },
        UnpackError::NotRemoved { path: path(), cause: "it is cut off".into(), source: disk() },
    ]
}

#[cfg(test)]
#[test]
fn every_text_is_one_plain_line() {
    let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the snapshot cannot be unpacked".to_owned(),
            "the snapshot has 9 bytes in 2 entries, and at most 8 in 3 are allowed".to_owned(),
            "/srv/.staging has 9 bytes free, and the snapshot needs 10".to_owned(),
            "/srv/.staging exists already".to_owned(),
            "the snapshot's entry \"etc/a\" is refused: it is setuid or setgid".to_owned(),
            format!("frame 3 at byte 99 of part {} is refused: it is cut off", "ab".repeat(32)),
            "the archive has no tar header where the manifest lists \"etc/a\"".to_owned(),
            "the archive goes on after the last entry of the manifest, with no tar header".to_owned(),
            "the archive ends before the last entry of the manifest".to_owned(),
            "the archive hides bytes after the content of \"etc/a\"".to_owned(),
            "the content of \"etc/a\" has another digest than the manifest says".to_owned(),
            "/srv/.staging could not be removed after the snapshot failed to unpack (it is cut off)"
                .to_owned(),
        ]
    );
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
}
