//! What a manifest says without its entries, which are counted and not kept (pure).

use super::{Manifest, ManifestError, Metadata, Part, VERSION};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A manifest without its entries and frames.
///
/// Entries and frames are counted as they are read, without the checks of [`super::Manifest::parse`]: for what was
/// checked before it was published under the digest of its bytes. [`super::skim()`] has it in one pass over a file, in
/// memory that does not grow with the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Of what, when and by whom.
    pub metadata: Metadata,
    /// The parts, in the order of the tar stream.
    pub parts: Vec<Part>,
    /// How many entries.
    pub entries: usize,
    /// How many frames.
    pub frames: usize,
    /// Bytes of file content after a restore; hard links count once.
    pub restore_bytes: u64,
}

impl Outline {
    /// Bytes of all parts.
    pub fn stored_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.size).fold(0, u64::saturating_add)
    }
}

impl From<&Manifest> for Outline {
    fn from(manifest: &Manifest) -> Self {
        Self {
            metadata: manifest.metadata.clone(),
            parts: manifest.parts.clone(),
            entries: manifest.entries.len(),
            frames: manifest.frames.len(),
            restore_bytes: manifest.restore_size(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lean {
    entries: Count,
    frames: Count,
    metadata: Metadata,
    parts: Vec<Part>,
    version: u32,
}

impl Lean {
    pub(super) fn outline(self) -> Result<Outline, ManifestError> {
        let Self { entries, frames, metadata, parts, version } = self;
        if version != VERSION {
            return Err(ManifestError::Version { found: version, known: VERSION });
        }
        Ok(Outline {
            metadata,
            parts,
            entries: entries.count,
            frames: frames.count,
            restore_bytes: entries.bytes,
        })
    }
}

/// The number of elements of a list, and the sum of their sizes.
#[derive(Default)]
struct Count {
    count: usize,
    bytes: u64,
}

/// What is not named here is skipped as it is read.
#[derive(Deserialize)]
struct Measured {
    #[serde(default)]
    size: u64,
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counting;
        impl<'de> Visitor<'de> for Counting {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Count, A::Error> {
                let mut sum = Count::default();
                while let Some(Measured { size }) = list.next_element()? {
                    sum.count += 1;
                    sum.bytes = sum.bytes.saturating_add(size);
                }
                Ok(sum)
            }
        }
        deserializer.deserialize_seq(Counting)
    }
}
