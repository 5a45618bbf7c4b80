//! The tar stream of verified, decompressed frames, compared with what the manifest implies.

use super::UnpackError;
use crate::host::directory::DirectoryError;
use crate::model::digest::Digest;
use crate::snapshot::manifest::{Entry, Frame, Manifest, Name};
use crate::snapshot::store::Parts;
use crate::snapshot::{frame, layout};
use std::fs::File;
use std::os::unix::fs::FileExt;
use zstd::bulk::Decompressor;

pub(super) struct Stream<'a> {
    manifest: &'a Manifest,
    parts: &'a dyn Parts,
    open: Option<(u32, File)>,
    next: usize,
    decompressor: Decompressor<'static>,
    compressed: Vec<u8>,
    plain: Vec<u8>,
    used: usize,
}

impl<'a> Stream<'a> {
    pub(super) fn new(manifest: &'a Manifest, parts: &'a dyn Parts) -> Self {
        // Without a dictionary there is nothing that it could refuse.
        let decompressor = Decompressor::default();
        let (compressed, plain) = (Vec::new(), Vec::new());
        Self { manifest, parts, open: None, next: 0, decompressor, compressed, plain, used: 0 }
    }

    /// Reads the bytes before an entry's content and compares them with its own.
    pub(super) fn expect_header(&mut self, entry: &Entry) -> Result<(), UnpackError> {
        let expected = layout::header(entry);
        let mut found = Vec::with_capacity(expected.len());
        self.content(expected.len() as u64, |bytes| {
            found.extend_from_slice(bytes);
            Ok(())
        })?;
        if found == expected {
            return Ok(());
        }
        Err(UnpackError::Header { path: entry.path.clone(), found: describe(&found) })
    }

    /// Hands out so many bytes, in pieces.
    pub(super) fn content(
        &mut self,
        mut length: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), UnpackError>,
    ) -> Result<(), UnpackError> {
        while length > 0 {
            if self.used == self.plain.len() && !self.fill()? {
                return Err(UnpackError::Short);
            }
            let rest = &self.plain[self.used..];
            let take = rest.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            each(&rest[..take])?;
            self.used += take;
            length -= take as u64;
        }
        Ok(())
    }

    pub(super) fn expect_zeros(&mut self, length: usize, path: &Name) -> Result<(), UnpackError> {
        self.content(length as u64, |bytes| {
            if bytes.iter().all(|byte| *byte == 0) {
                return Ok(());
            }
            Err(UnpackError::Padding { path: path.clone() })
        })
    }

    /// The end of the archive, and nothing after it.
    pub(super) fn expect_end(&mut self) -> Result<(), UnpackError> {
        let mut found = Vec::new();
        self.content(layout::END.len() as u64, |bytes| {
            found.extend_from_slice(bytes);
            Ok(())
        })?;
        if found != layout::END {
            return Err(UnpackError::Extra { found: describe(&found) });
        }
        if self.used < self.plain.len() || self.fill()? {
            return Err(UnpackError::Extra { found: describe(&self.plain[self.used..]) });
        }
        Ok(())
    }

    /// Reads, verifies and decompresses the next frame; `false` after the last.
    fn fill(&mut self) -> Result<bool, UnpackError> {
        let Some(one) = self.manifest.frames.get(self.next) else {
            return Ok(false);
        };
        self.read(one)?;
        let part = self.manifest.parts[one.part as usize];
        let refuse =
            |reason| UnpackError::Frame { part: part.digest, frame: self.next, offset: one.offset, reason };
        if Digest::of(&self.compressed) != one.digest {
            return Err(refuse("its bytes have another digest than the manifest says"));
        }
        frame::decompress(&mut self.decompressor, &self.compressed, one.uncompressed, &mut self.plain)
            .map_err(refuse)?;
        self.next += 1;
        self.used = 0;
        Ok(true)
    }

    fn read(&mut self, one: &Frame) -> Result<(), UnpackError> {
        let part = self.manifest.parts[one.part as usize];
        let file = match &mut self.open {
            Some((open, file)) if *open == one.part => file,
            open => &mut open.insert((one.part, self.parts.open(&part)?)).1,
        };
        self.compressed.resize(one.compressed as usize, 0);
        file.read_exact_at(&mut self.compressed, one.offset).map_err(|source| {
            if source.kind() == std::io::ErrorKind::UnexpectedEof {
                let (frame, offset, reason) = (self.next, one.offset, "its part ends before it");
                return UnpackError::Frame { part: part.digest, frame, offset, reason };
            }
            DirectoryError::Io { action: "read", path: part.file_name().into(), source }.into()
        })
    }
}

/// What a tar reader would make of these bytes, for the message.
fn describe(bytes: &[u8]) -> String {
    let last = bytes.len().saturating_sub(512);
    let Some(block) = bytes.get(last..).filter(|block| block.len() == 512) else {
        return "no tar header".to_owned();
    };
    let header = tar::Header::from_byte_slice(block);
    let sound = header.cksum().is_ok_and(|stated| {
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) })
            .sum();
        sum == stated
    });
    if !sound {
        return "no tar header".to_owned();
    }
    let name = Name::new(header.path_bytes().into_owned());
    let size = header.entry_size().unwrap_or(0);
    format!(
        "\"{name}\" of type {:?} with mode {:o} and {size} bytes",
        header.entry_type(),
        header.mode().unwrap_or(0)
    )
}
