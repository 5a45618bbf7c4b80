//! The manifest of a snapshot, version 1: canonical JSON whose digest is the snapshot's id (pure).

mod check;
mod entry;
mod error;
mod name;
mod outline;
mod signed;
mod skim;
mod spans;
#[cfg(test)]
pub(crate) mod tests;
mod whole;

pub use entry::{At, Content, Contradiction, Entry, Time};
pub use error::ManifestError;
#[cfg(test)]
pub(crate) use error::samples;
pub use name::{InvalidName, Name};
pub use outline::Outline;
pub use signed::{Seal, SealError, SignedManifest, Signer, Verifier};
pub use skim::{Skimmed, skim};
pub use spans::{Span, Spans};
pub use whole::Whole;

use crate::model::digest::Digest;
use crate::model::ids::{ClusterId, SnapshotId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version that this module writes, and the only one it reads.
pub const VERSION: u32 = 1;

/// The most that a frame holds once decompressed, in bytes.
pub const FRAME_LIMIT: u32 = 4 << 20;

/// What a manifest from anywhere may ask of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of canonical JSON.
    pub manifest_bytes: usize,
    /// Entries.
    pub entries: usize,
    /// Bytes of one path.
    pub path_bytes: usize,
    /// Components of one path.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { manifest_bytes: 512 << 20, entries: 2_000_000, path_bytes: 4096, depth: 128 }
    }
}

impl Limits {
    /// Bytes of a manifest with its signature: quoting it as a JSON string at most doubles it.
    pub fn signed_bytes(&self) -> usize {
        self.manifest_bytes.saturating_mul(2).saturating_add(1 << 20)
    }
}

// The fields of every type below stand in alphabetical order: that is the canonical order of the keys.

/// Everything that a snapshot contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What it restores, in ascending order of the paths' bytes.
    pub entries: Vec<Entry>,
    /// The frames of all parts, in the order of the parts.
    pub frames: Vec<Frame>,
    /// Of what, when and by whom.
    pub metadata: Metadata,
    /// The parts: first those that are borrowed from earlier snapshots, then its own in the order of the
    /// tar stream.
    pub parts: Vec<Part>,
    /// `VERSION`.
    pub version: u32,
}

/// One zstd frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Compressed bytes.
    pub compressed: u32,
    /// BLAKE3 of the compressed bytes.
    pub digest: Digest,
    /// Where it begins in its part, in bytes.
    pub offset: u64,
    /// Index of its part.
    pub part: u32,
    /// Bytes of its part's stream that it holds.
    pub uncompressed: u32,
}

/// Of what, when and by whom a snapshot was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// When the capture began.
    pub created_at: Timestamp,
    /// The version of eos that wrote it.
    pub eos_version: String,
    /// Counts the captures of this source upwards.
    pub generation: u64,
    /// The source's name in the configuration, `cluster`.
    pub source: String,
}

/// One `.tar.zst` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Whether an earlier snapshot made it, and only the content of some files in it is used.
    #[serde(default, skip_serializing_if = "is_false")]
    pub borrowed: bool,
    /// BLAKE3 of the whole file, its seek table included; also its name.
    pub digest: Digest,
    /// Bytes of the whole file.
    pub size: u64,
}

// Serde asks by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Part {
    /// Its file name.
    pub fn file_name(&self) -> String {
        format!("{}.tar.zst", self.digest)
    }
}

impl Manifest {
    /// Puts a manifest together and checks it against its own rules.
    pub fn new(
        metadata: Metadata,
        entries: Vec<Entry>,
        parts: Vec<Part>,
        frames: Vec<Frame>,
    ) -> Result<Self, ManifestError> {
        let manifest = Self { entries, frames, metadata, parts, version: VERSION };
        check::check(&manifest, &Limits::default())?;
        Ok(manifest)
    }

    /// The canonical JSON: keys sorted, no white space, ASCII.
    pub fn canonical(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest has only string keys and finite numbers")
    }

    /// The snapshot's id: the digest of the canonical JSON.
    pub fn id(&self) -> SnapshotId {
        id_of(&self.canonical())
    }

    /// Reads hostile bytes: refuses what is not canonical, contradicts itself or exceeds the limits.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, ManifestError> {
        if bytes.len() > limits.manifest_bytes {
            return Err(ManifestError::TooLarge {
                bytes: bytes.len() as u64,
                limit: limits.manifest_bytes as u64,
            });
        }
        let manifest: Self = match serde_json::from_slice(bytes) {
            Ok(manifest) => manifest,
            Err(source) => return Err(unreadable(bytes, source)),
        };
        if manifest.version != VERSION {
            return Err(ManifestError::Version { found: manifest.version, known: VERSION });
        }
        if manifest.canonical() != bytes {
            return Err(ManifestError::NotCanonical);
        }
        check::check(&manifest, limits)?;
        Ok(manifest)
    }

    /// Bytes of file content after a restore; hard links count once.
    pub fn restore_size(&self) -> u64 {
        self.entries.iter().map(Entry::size).fold(0, u64::saturating_add)
    }

    /// Bytes of all parts, borrowed ones included.
    pub fn stored_size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).fold(0, u64::saturating_add)
    }

    /// Whether it restores alone, with nothing borrowed from earlier snapshots.
    pub fn is_full(&self) -> bool {
        self.parts.first().is_none_or(|part| !part.borrowed)
    }

    /// Where each frame and each entry lies.
    pub fn spans(&self) -> Spans {
        Spans::of(self)
    }

    /// The frames of one part, in order.
    pub fn frames_of(&self, part: usize) -> impl Iterator<Item = &Frame> {
        let from = self.frames.partition_point(|frame| (frame.part as usize) < part);
        self.frames[from..].iter().take_while(move |frame| frame.part as usize == part)
    }
}

/// The id of the snapshot whose canonical manifest these bytes are.
pub(crate) fn id_of(canonical: &[u8]) -> SnapshotId {
    let digest = Digest::of(canonical).to_string();
    SnapshotId::parse(&digest).expect("64 hexadecimal digits are an id")
}

/// A newer version is named as such, even when its fields are unknown here.
fn unreadable(bytes: &[u8], source: serde_json::Error) -> ManifestError {
    #[derive(Deserialize)]
    struct OnlyVersion {
        version: u32,
    }
    match serde_json::from_slice::<OnlyVersion>(bytes) {
        Ok(OnlyVersion { version }) if version != VERSION => {
            ManifestError::Version { found: version, known: VERSION }
        }
        _ => ManifestError::Unreadable { source },
    }
}
