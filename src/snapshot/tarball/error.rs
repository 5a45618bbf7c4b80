//! Why an archive is not made, or refused as a whole.

use crate::host::directory::DirectoryError;
use crate::model::explain::{Code, Exit, Explain};
use crate::snapshot::capture::CaptureError;
use crate::snapshot::manifest::Name;
use crate::snapshot::unpack::UnpackError;
use std::path::PathBuf;

/// An archive that is not made or not unpacked; nothing of it is left, unless it is `NotRemoved`.
#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    /// The disk failed.
    #[error("the archive cannot be made or unpacked")]
    Disk {
        /// What it said.
        #[from]
        source: DirectoryError,
    },
    /// An entry could not be put in its place.
    #[error("an entry of the archive cannot be put in its place")]
    Place {
        /// Why.
        #[from]
        source: UnpackError,
    },
    /// The directory could not be captured.
    #[error("the directory cannot be packed")]
    Capture {
        /// Why.
        #[from]
        source: CaptureError,
    },
    /// The archive could not be read or decompressed.
    #[error("the archive cannot be read after byte {offset} of its tar stream")]
    Input {
        /// Bytes of the tar stream that were read.
        offset: u64,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// It is something else.
    #[error("this is no archive that eos reads: it is {what}")]
    Foreign {
        /// What it is.
        what: &'static str,
    },
    /// It breaks the rules of tar.
    #[error("the archive is refused at byte {offset} of its tar stream: {reason}")]
    Malformed {
        /// Where, in bytes of the tar stream.
        offset: u64,
        /// How.
        reason: &'static str,
    },
    /// It ends early.
    #[error("the archive is cut off after byte {offset} of its tar stream")]
    Short {
        /// How many bytes there are.
        offset: u64,
    },
    /// It goes on after its end.
    #[error("the archive goes on after its end, at byte {offset} of its tar stream")]
    Extra {
        /// Where.
        offset: u64,
    },
    /// An entry is refused.
    #[error("the archive's entry \"{path}\" is refused: {reason}")]
    Refused {
        /// The entry.
        path: Name,
        /// Why.
        reason: &'static str,
    },
    /// It is larger than allowed.
    #[error(
        "the archive has at least {bytes} bytes in {entries} entries, and at most {} in {max_entries} are allowed",
        max_bytes.map_or("any number".to_owned(), |bytes| bytes.to_string())
    )]
    Limit {
        /// Bytes of file content so far.
        bytes: u64,
        /// Entries so far.
        entries: usize,
        /// The limit of bytes.
        max_bytes: Option<u64>,
        /// The limit of entries.
        max_entries: usize,
    },
    /// There is no room for it.
    #[error("{} has {free} bytes free, and the archive needs at least {needed}", path.display())]
    Space {
        /// Where it was to go.
        path: PathBuf,
        /// Bytes needed so far.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The target is not empty.
    #[error("{} exists and is no empty directory", path.display())]
    Occupied {
        /// The target.
        path: PathBuf,
    },
    /// Another file system is mounted on the target.
    #[error("{} is a mount point, and a rename cannot put a directory in its place", path.display())]
    MountPoint {
        /// The target.
        path: PathBuf,
    },
    /// The output exists already.
    #[error("{} exists already", path.display())]
    Present {
        /// The output.
        path: PathBuf,
    },
    /// Somebody put another directory in the place of the one that was being filled.
    #[error("{} was exchanged for something else while it was filled", path.display())]
    Exchanged {
        /// The staging directory.
        path: PathBuf,
    },
    /// The operator interrupted it.
    #[error("interrupted while the archive was unpacked; nothing of it is left")]
    Interrupted,
    /// It failed, and what it left could not be removed.
    #[error("{} could not be removed after the archive was refused ({cause})", path.display())]
    NotRemoved {
        /// The staging directory.
        path: PathBuf,
        /// Why it failed.
        cause: String,
        /// Why it could not be removed.
        #[source]
        source: DirectoryError,
    },
}

impl Explain for TarballError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Disk { .. } => "T100",
            Self::Place { .. } => "T101",
            Self::Capture { .. } => "T102",
            Self::Input { .. } => "T103",
            Self::Foreign { .. } => "T104",
            Self::Malformed { .. } => "T105",
            Self::Short { .. } => "T106",
            Self::Extra { .. } => "T107",
            Self::Refused { .. } => "T108",
            Self::Limit { .. } => "T109",
            Self::Space { .. } => "T110",
            Self::Occupied { .. } => "T111",
            Self::Present { .. } => "T112",
            Self::Exchanged { .. } => "T113",
            Self::NotRemoved { .. } => "T114",
            Self::Interrupted => "T115",
            Self::MountPoint { .. } => "T116",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotRemoved { .. } => Exit::Stuck,
            Self::Interrupted => Exit::Interrupted,
            Self::Capture { source } => source.exit(),
            Self::Foreign { .. }
            | Self::Malformed { .. }
            | Self::Short { .. }
            | Self::Extra { .. }
            | Self::Refused { .. }
            | Self::Limit { .. } => Exit::Refused,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let look = "see what it holds, without unpacking it: zstd -dc FILE | tar -tv";
        match self {
            Self::Disk { source } => source.hints(),
            Self::Place { source } => source.hints(),
            Self::Capture { source } => source.hints(),
            Self::Input { .. } | Self::Short { .. } => {
                vec!["get the archive again, and test it: zstd -t FILE".to_owned()]
            }
            Self::Foreign { what: "compressed with gzip" } => {
                vec!["decompress it first: gzip -dc FILE | eos snapshot unpack - --into DIR".to_owned()]
            }
            Self::Foreign { .. } => vec!["see what it is: file FILE".to_owned()],
            Self::Refused { reason, .. } => refused(reason).into_iter().chain([look.to_owned()]).collect(),
            Self::Malformed { .. } | Self::Extra { .. } => vec![look.to_owned()],
            Self::Limit { .. } => vec![
                look.to_owned(),
                "allow more, if it is to be trusted: eos snapshot unpack FILE --into DIR --max-bytes 1000000000"
                    .to_owned(),
            ],
            Self::Space { path, .. } => vec![format!("make room: df -h {}", path.display())],
            Self::Occupied { path } | Self::Present { path } => {
                vec![format!("look at it, and name another place or remove it: ls -la {}", path.display())]
            }
            Self::MountPoint { path } => {
                vec![format!("name a directory within it: eos snapshot unpack FILE --into {}/DIR", path.display())]
            }
            Self::Exchanged { path } => {
                vec![format!("unpack into a directory that nobody else writes to: ls -ld {}", path.display())]
            }
            Self::Interrupted => vec!["run the same command again".to_owned()],
            Self::NotRemoved { path, .. } => vec![format!("remove it: rm -r {}", path.display())],
        }
    }
}

/// What allows an entry that is refused for this reason.
fn refused(reason: &str) -> Option<String> {
    let flag = match reason {
        "it is setuid or setgid" => "--allow-setuid",
        "it links out of the archive" => "--allow-outside-links",
        _ => return None,
    };
    Some(format!("allow it, if the archive is to be trusted: eos snapshot unpack FILE --into DIR {flag}"))
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<TarballError> {
    let (path, entry) = (|| PathBuf::from("/srv/data"), || Name::new("etc/a"));
    let disk = || crate::host::directory::samples().remove(2);
    vec![
        TarballError::Disk { source: disk() },
        TarballError::Place { source: crate::snapshot::unpack::samples().remove(0) },
        TarballError::Capture { source: crate::snapshot::capture::samples().remove(1) },
        TarballError::Input { offset: 1536, source: std::io::ErrorKind::InvalidData.into() },
        TarballError::Foreign { what: "compressed with gzip" },
        TarballError::Malformed { offset: 512, reason: "the checksum of a header is wrong" },
        TarballError::Short { offset: 700 },
        TarballError::Extra { offset: 2048 },
        TarballError::Refused { path: entry(), reason: "it is a device" },
        TarballError::Limit { bytes: 9, entries: 2, max_bytes: Some(8), max_entries: 3 },
        TarballError::Space { path: path(), needed: 10, free: 9 },
        TarballError::Occupied { path: path() },
        TarballError::Present { path: path() },
        TarballError::Exchanged { path: path() },
        TarballError::NotRemoved { path: path(), cause: "it is cut off".into(), source: disk() },
        TarballError::Interrupted,
        TarballError::MountPoint { path: path() },
    ]
}

#[cfg(test)]
#[test]
fn every_text_is_one_plain_line() {
    let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the archive cannot be made or unpacked",
            "an entry of the archive cannot be put in its place",
            "the directory cannot be packed",
            "the archive cannot be read after byte 1536 of its tar stream",
            "this is no archive that eos reads: it is compressed with gzip",
            "the archive is refused at byte 512 of its tar stream: the checksum of a header is wrong",
            "the archive is cut off after byte 700 of its tar stream",
            "the archive goes on after its end, at byte 2048 of its tar stream",
            "the archive's entry \"etc/a\" is refused: it is a device",
            "the archive has at least 9 bytes in 2 entries, and at most 8 in 3 are allowed",
            "/srv/data has 9 bytes free, and the archive needs at least 10",
            "/srv/data exists and is no empty directory",
            "/srv/data exists already",
            "/srv/data was exchanged for something else while it was filled",
            "/srv/data could not be removed after the archive was refused (it is cut off)",
            "interrupted while the archive was unpacked; nothing of it is left",
            "/srv/data is a mount point, and a rename cannot put a directory in its place",
        ]
    );
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
}
