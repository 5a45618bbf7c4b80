//! What a manifest says without its entries, which are counted and not kept (pure).

use super::{ManifestError, Metadata, Part, SignedManifest, VERSION, unreadable};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A manifest without its entries and frames.
///
/// It is read in one pass, in memory that does not grow with the snapshot, and without the checks of
/// [`super::Manifest::parse`]: for what was checked before it was published under the digest of its bytes.
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

impl SignedManifest {
    /// What it says without its entries; nothing of it is judged.
    ///
    /// # Errors
    /// When it is of another version or no manifest.
    pub fn outline(&self) -> Result<Outline, ManifestError> {
        let lean: Lean = serde_json::from_str(&self.manifest)
            .map_err(|source| unreadable(self.manifest.as_bytes(), source))?;
        if lean.version != VERSION {
            return Err(ManifestError::Version { found: lean.version, known: VERSION });
        }
        Ok(Outline {
            metadata: lean.metadata,
            parts: lean.parts,
            entries: lean.entries.count,
            frames: lean.frames.count,
            restore_bytes: lean.entries.bytes,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lean {
    entries: Count,
    frames: Count,
    metadata: Metadata,
    parts: Vec<Part>,
    version: u32,
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
