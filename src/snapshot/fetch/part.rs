//! The parts on their way: partial files in which any frame may be there already.
//!
//! What is on the disk is the progress: a frame counts as there when its bytes have its digest. A crash
//! leaves partial files; a finished part has its final name. A finished part may be a second name of one that
//! other snapshots in the store have, whatever a manifest says of its frames: it is read alone, and what is to be
//! written goes to a file of its own.

use super::{FetchError, Landed, Landing, failed};
use crate::host::directory::{Directory, DirectoryError, write_behind};
use crate::model::digest::Digest;
use crate::model::progress::Files;
use crate::snapshot::frame;
use crate::snapshot::manifest::{Frame, Manifest, Part, Whole};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes read at a time when a finished part is checked.
const CHUNK: usize = 1 << 20;

/// The files of all parts of a snapshot; none for a part that was finished before.
pub(super) struct Downloads<'a> {
    manifest: &'a Manifest,
    into: &'a Directory,
    files: Vec<Option<(File, String)>>,
    /// Which files of the tree are whole.
    whole: Mutex<Whole>,
}

impl<'a> Downloads<'a> {
    /// Opens what is there and creates what is not; says of each frame whether it is there.
    pub(super) fn open(
        manifest: &'a Manifest,
        into: &'a Directory,
    ) -> Result<(Self, Vec<bool>), DirectoryError> {
        let whole = Mutex::new(Whole::new(manifest, &vec![true; manifest.frames.len()]));
        let mut downloads = Self { manifest, into, files: Vec::new(), whole };
        let mut have = Vec::with_capacity(manifest.frames.len());
        for (index, part) in manifest.parts.iter().enumerate() {
            if downloads.is_finished(index)? {
                have.extend(manifest.frames_of(index).map(|_| true));
                downloads.files.push(None);
                continue;
            }
            let name = format!("{}.partial", part.digest);
            let file = downloads.own(&name, part)?;
            verify_kept(&file, manifest.frames_of(index), &mut have)
                .and_then(|()| file.set_len(part.size))
                .map_err(|source| failed("read", into, &name, source))?;
            downloads.files.push(Some((file, name)));
        }
        downloads.whole = Mutex::new(Whole::new(manifest, &have));
        Ok((downloads, have))
    }

    /// Files of the tree that are whole, and all.
    pub(super) fn whole_files(&self) -> Files {
        let (done, total) = self.lock().counts();
        Files { done, total }
    }

    /// A connection that panicked leaves what it had counted.
    fn lock(&self) -> MutexGuard<'_, Whole> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the part is there whole, with the frames that the manifest lists; it is read once.
    fn is_finished(&self, index: usize) -> Result<bool, DirectoryError> {
        let part = &self.manifest.parts[index];
        let name = part.file_name();
        let file = match self.into.open_file(Path::new(&name)) {
            Err(error) if error.is_missing() => return Ok(false),
            opened => opened?,
        };
        is_whole(&file, part, self.manifest.frames_of(index))
            .map_err(|source| failed("read", self.into, &name, source))
    }

    /// The file of a part that is not whole, which has no other name: nobody else sees what is written into it.
    fn own(&self, name: &str, part: &Part) -> Result<File, DirectoryError> {
        let (name, finished) = (OsStr::new(name), part.file_name());
        // What was begun is never less than what was lent: it began with a copy of that.
        let begun = self.into.metadata_optional(name)?;
        if begun.is_some() {
            self.into.remove_tree(OsStr::new(&finished))?;
        } else if self.into.metadata_optional(OsStr::new(&finished))?.is_some() {
            self.into.rename(OsStr::new(&finished), self.into, name)?;
        }
        match self.into.metadata_optional(name)? {
            None => return self.into.create_file(name, 0o600),
            Some(there) if there.links == 1 => return self.into.open_for_update(Path::new(name)),
            Some(_) => {}
        }
        let shared = self.into.open_file(Path::new(name))?;
        let fresh = format!("{}.fresh", part.digest);
        self.into.remove_tree(OsStr::new(&fresh))?;
        let mut file = self.into.create_file(OsStr::new(&fresh), 0o600)?;
        // More than the part has is of no use.
        io::copy(&mut shared.take(part.size), &mut file)
            .map_err(|source| failed("write", self.into, &fresh, source))?;
        self.into.rename(OsStr::new(&fresh), self.into, name)?;
        Ok(file)
    }

    /// Adds the seek tables, which follow from the manifest, and gives the parts their final names.
    pub(super) fn finish(&self) -> Result<(), FetchError> {
        for (index, (part, file)) in self.manifest.parts.iter().zip(&self.files).enumerate() {
            let Some((file, name)) = file else { continue };
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
            self.into.sync_open_file(name, file)?;
            self.into.rename(OsStr::new(name), self.into, OsStr::new(&part.file_name()))?;
        }
        Ok(self.into.sync()?)
    }
}

impl Landing for Downloads<'_> {
    type Worker = ();
    type Error = FetchError;

    fn worker(&self) {}

    fn land(&self, (): &mut (), number: usize, bytes: &[u8]) -> Result<Landed, FetchError> {
        let frame = &self.manifest.frames[number];
        // Every frame of a finished part is there, so none of them is asked for.
        let Some((file, name)) = &self.files[frame.part as usize] else { return Ok(Landed::default()) };
        let written = write_behind(file, bytes, frame.offset);
        written.map_err(|source| failed("write", self.into, name, source))?;
        let files = self.lock().arrived(number);
        Ok(Landed { bytes: u64::from(frame.compressed), files, again: Vec::new() })
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

/// Whether a file is the part, byte for byte, and its frames are these.
fn is_whole<'f>(file: &File, part: &Part, frames: impl Iterator<Item = &'f Frame>) -> io::Result<bool> {
    if file.metadata()?.len() != part.size {
        return Ok(false);
    }
    let (mut hasher, mut buffer, mut end) = (blake3::Hasher::new(), Vec::new(), 0);
    for frame in frames {
        buffer.resize(frame.compressed as usize, 0);
        file.read_exact_at(&mut buffer, frame.offset)?;
        if Digest::of(&buffer) != frame.digest {
            return Ok(false);
        }
        // Frames follow each other without a gap: the manifest was checked.
        hasher.update(&buffer);
        end += u64::from(frame.compressed);
    }
    buffer.resize(usize::try_from(part.size - end).unwrap_or(usize::MAX), 0);
    file.read_exact_at(&mut buffer, end)?;
    hasher.update(&buffer);
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()) == part.digest)
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
