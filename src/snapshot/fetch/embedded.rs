//! A snapshot that came whole within a reply: a source like any other, whose bytes are in memory.

use super::{Source, SourceError};
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::snapshot::manifest::{Manifest, Part};
use crate::wire::embedded::{Embedded, Fault};
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

/// Bytes handed out at a time.
const PIECE: usize = 256 << 10;

/// A reply with all of a snapshot, from the source of this name.
pub struct Held {
    name: String,
    body: Vec<u8>,
    /// Where the signed manifest is in the body.
    signed: Range<usize>,
    parts: HashMap<Digest, Range<usize>>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("name", &self.name).field("bytes", &self.body.len()).finish()
    }
}

impl Held {
    /// Keeps a reply whose manifest this is.
    ///
    /// # Errors
    /// When the reply has not the form, or its parts are not those that the manifest lists.
    pub(super) fn new(name: &str, body: Vec<u8>, manifest: &Manifest) -> Result<Self, Unfit> {
        let whole = Embedded::parse(&body)?;
        let fits = |(part, bytes): (&Part, &&[u8])| part.size == bytes.len() as u64;
        let listed = &manifest.parts;
        if listed.len() != whole.parts.len() || !listed.iter().zip(&whole.parts).all(fits) {
            return Err(Unfit::Parts);
        }
        let within = |piece: &[u8]| {
            let start = piece.as_ptr() as usize - body.as_ptr() as usize;
            start..start + piece.len()
        };
        let signed = within(whole.manifest);
        let parts =
            listed.iter().zip(&whole.parts).map(|(part, bytes)| (part.digest, within(bytes))).collect();
        Ok(Self { name: name.to_owned(), body, signed, parts })
    }
}

/// Why a reply is no snapshot, or not the one it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error(transparent)]
    Form(#[from] Fault),
    #[error("its parts are not those that its manifest lists")]
    Parts,
}

impl Source for Held {
    fn name(&self) -> &str {
        &self.name
    }

    fn manifest(
        &self,
        _id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let _flow = each(&self.body[self.signed.clone()]);
        Ok(())
    }

    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let missing = || SourceError::lasting("the reply does not hold these bytes");
        let bytes = self.parts.get(part).map(|range| &self.body[range.clone()]).ok_or_else(missing)?;
        let first = usize::try_from(offset).map_err(|_| missing())?;
        let length = usize::try_from(length).map_err(|_| missing())?;
        let end = first.checked_add(length).ok_or_else(missing)?;
        let wanted = bytes.get(first..end).ok_or_else(missing)?;
        let mut pieces = wanted.chunks(PIECE);
        while let Some(piece) = pieces.next()
            && each(piece).is_continue()
        {}
        Ok(())
    }
}
