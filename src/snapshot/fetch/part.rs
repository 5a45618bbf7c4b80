//! The parts on their way: partial files in which any frame may be there already.
//!
//! What is on the disk is the progress: a frame counts as there when its bytes have its digest. A crash
//! leaves partial files; a finished part has its final name.

use super::{FetchError, Landed, Landing, failed};
use crate::host::directory::{Directory, DirectoryError};
use crate::model::digest::Digest;
use crate::snapshot::frame;
use crate::snapshot::manifest::{Frame, Manifest, Part};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes read at a time when a finished part is checked.
const CHUNK: usize = 1 << 20;

/// The files of all parts of a snapshot.
pub(super) struct Downloads<'a> {
    manifest: &'a Manifest,
    into: &'a Directory,
    files: Vec<(File, String)>,
}

impl<'a> Downloads<'a> {
    /// Opens what is there and creates what is not; says of each frame whether it is there.
    pub(super) fn open(
        manifest: &'a Manifest,
        into: &'a Directory,
    ) -> Result<(Self, Vec<bool>), DirectoryError> {
        let mut downloads = Self { manifest, into, files: Vec::new() };
        let mut have = Vec::with_capacity(manifest.frames.len());
        for (index, part) in manifest.parts.iter().enumerate() {
            let (name, finished) = (format!("{}.partial", part.digest), part.file_name());
            if into.metadata_optional(OsStr::new(&finished))?.is_some() {
                into.rename(OsStr::new(&finished), into, OsStr::new(&name))?;
            }
            let file = match into.open_for_update(Path::new(&name)) {
                Err(error) if error.is_missing() => into.create_file(OsStr::new(&name), 0o600)?,
                opened => opened?,
            };
            verify_kept(&file, manifest.frames_of(index), &mut have)
                .and_then(|()| file.set_len(part.size))
                .map_err(|source| failed("read", into, &name, source))?;
            downloads.files.push((file, name));
        }
        Ok((downloads, have))
    }

    /// Adds the seek tables, which follow from the manifest, and gives the parts their final names.
    pub(super) fn finish(&self) -> Result<(), FetchError> {
        for (index, (part, (file, name))) in self.manifest.parts.iter().zip(&self.files).enumerate() {
            let lengths: Vec<(u32, u32)> =
                self.manifest.frames_of(index).map(|frame| (frame.compressed, frame.uncompressed)).collect();
            let table = frame::seek_table(lengths.into_iter());
            let digest = file
                .write_all_at(&table, part.size - table.len() as u64)
                .and_then(|()| digest_of(file, part))
                .map_err(|source| failed("write", self.into, name, source))?;
            if digest != part.digest {
                return Err(FetchError::PartDigest { part: part.digest });
            }
            file.sync_all().map_err(|source| failed("write", self.into, name, source))?;
            self.into.rename(OsStr::new(name), self.into, OsStr::new(&part.file_name()))?;
        }
        Ok(self.into.sync()?)
    }
}

impl Landing for Downloads<'_> {
    type Worker = ();
    type Error = FetchError;

    fn worker(&self) {}

    fn land(&self, (): &mut (), frame: usize, bytes: &[u8]) -> Result<Landed, FetchError> {
        let frame = &self.manifest.frames[frame];
        let (file, name) = &self.files[frame.part as usize];
        let written = file.write_all_at(bytes, frame.offset);
        written.map_err(|source| failed("write", self.into, name, source))?;
        Ok(Landed { bytes: u64::from(frame.compressed), ..Landed::default() })
    }
}

/// Bytes of all frames, and of those that are there; the seek tables are not sent, but made here.
pub(super) fn bytes(manifest: &Manifest, have: &[bool]) -> (u64, u64) {
    let length = |frame: &Frame| u64::from(frame.compressed);
    let there = manifest.frames.iter().zip(have).filter(|(_, have)| **have);
    (manifest.frames.iter().map(length).sum(), there.map(|(frame, _)| length(frame)).sum())
}

fn verify_kept<'f>(
    file: &File,
    frames: impl Iterator<Item = &'f Frame>,
    have: &mut Vec<bool>,
) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut buffer = Vec::new();
    for frame in frames {
        let end = frame.offset + u64::from(frame.compressed);
        if end > length {
            have.push(false);
            continue;
        }
        buffer.resize(frame.compressed as usize, 0);
        match file.read_exact_at(&mut buffer, frame.offset) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => have.push(false),
            read => {
                read?;
                have.push(Digest::of(&buffer) == frame.digest);
            }
        }
    }
    Ok(())
}

fn digest_of(file: &File, part: &Part) -> io::Result<Digest> {
    let (mut hasher, mut buffer, mut offset) = (blake3::Hasher::new(), vec![0; CHUNK], 0);
    while offset < part.size {
        let most = CHUNK.min(usize::try_from(part.size - offset).unwrap_or(CHUNK));
        file.read_exact_at(&mut buffer[..most], offset)?;
        hasher.update(&buffer[..most]);
        offset += most as u64;
    }
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}
