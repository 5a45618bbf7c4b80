//! One part on its way: a partial file that only ever holds verified frames.

use super::failed;
use crate::host::directory::{Directory, DirectoryError};
use crate::model::digest::Digest;
use crate::snapshot::fetch::FetchError;
use crate::snapshot::frame;
use crate::snapshot::manifest::{Frame, Manifest, Part};
use crate::snapshot::meter::Meter;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Why a range was broken off.
pub(super) enum Broken {
    /// The frame under way has another digest than the manifest says.
    Frame,
    /// The disk refused.
    Disk(DirectoryError),
}

pub(super) struct Download<'a> {
    part: Part,
    frames: Vec<Frame>,
    /// Index of its first frame in the manifest.
    first: usize,
    into: &'a Directory,
    file: File,
    name: String,
    hasher: blake3::Hasher,
    verified: usize,
    pending: Vec<u8>,
}

impl<'a> Download<'a> {
    /// Takes up a part where its file ends; a finished one is checked like a partial one.
    pub(super) fn resume(
        manifest: &Manifest,
        index: usize,
        into: &'a Directory,
    ) -> Result<Self, DirectoryError> {
        let part = manifest.parts[index];
        let (name, finished) = (format!("{}.partial", part.digest), part.file_name());
        if into.metadata_optional(OsStr::new(&finished))?.is_some() {
            into.rename(OsStr::new(&finished), into, OsStr::new(&name))?;
        }
        let file = match into.open_for_update(Path::new(&name)) {
            Err(error) if error.is_missing() => into.create_file(OsStr::new(&name), 0o600)?,
            opened => opened?,
        };
        let mut download = Self {
            part,
            frames: manifest.frames_of(index).copied().collect(),
            first: manifest.frames.partition_point(|frame| (frame.part as usize) < index),
            into,
            file,
            name,
            hasher: blake3::Hasher::new(),
            verified: 0,
            pending: Vec::new(),
        };
        download.verify_kept().map_err(|source| failed("read", into, &download.name, source))?;
        Ok(download)
    }

    /// Counts the sound frames at the beginning of the partial file and cuts off the rest.
    fn verify_kept(&mut self) -> std::io::Result<()> {
        let mut buffer = Vec::new();
        while let Some(frame) = self.frames.get(self.verified) {
            buffer.resize(frame.compressed as usize, 0);
            match self.file.read_exact(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                read => read?,
            }
            if Digest::of(&buffer) != frame.digest {
                break;
            }
            self.hasher.update(&buffer);
            self.verified += 1;
        }
        let end = self.frames.get(self.verified).map_or_else(|| self.frames_end(), |frame| frame.offset);
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end)).map(drop)
    }

    pub(super) fn digest(&self) -> Digest {
        self.part.digest
    }

    /// Index in the manifest of the first frame that is missing.
    pub(super) fn next_frame(&self) -> usize {
        self.first + self.verified
    }

    /// Bytes that are still to be written, the seek table included.
    pub(super) fn left_bytes(&self) -> u64 {
        self.part.size
            - self.frames.get(self.verified).map_or_else(|| self.frames_end(), |frame| frame.offset)
    }

    /// The range of the frames that are missing: offset and length.
    pub(super) fn missing(&self) -> Option<(u64, u64)> {
        let next = self.frames.get(self.verified)?;
        Some((next.offset, self.frames_end() - next.offset))
    }

    /// Takes bytes that follow those before; says whether more are wanted.
    pub(super) fn take(&mut self, mut bytes: &[u8], meter: &mut Meter<'_>) -> Result<bool, Broken> {
        while let Some(frame) = self.frames.get(self.verified) {
            let want = frame.compressed as usize - self.pending.len();
            let (now, later) = bytes.split_at(want.min(bytes.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if now.len() < want {
                return Ok(true);
            }
            if Digest::of(&self.pending) != frame.digest {
                return Err(Broken::Frame);
            }
            let written = self.file.write_all(&self.pending);
            written.map_err(|source| Broken::Disk(failed("write", self.into, &self.name, source)))?;
            self.hasher.update(&self.pending);
            meter.add(u64::from(frame.compressed));
            self.verified += 1;
            self.pending.clear();
        }
        Ok(false)
    }

    /// Drops the bytes of an unfinished frame.
    pub(super) fn forget_pending(&mut self) {
        self.pending.clear();
    }

    /// Adds the seek table, which follows from the manifest, and gives the part its final name.
    pub(super) fn finish(mut self, meter: &mut Meter<'_>) -> Result<(), FetchError> {
        let table = frame::seek_table(self.frames.iter().map(|frame| (frame.compressed, frame.uncompressed)));
        self.hasher.update(&table);
        if Digest::from_bytes(*self.hasher.finalize().as_bytes()) != self.part.digest {
            return Err(FetchError::PartDigest { part: self.part.digest });
        }
        let written = self.file.write_all(&table).and_then(|()| self.file.sync_all());
        written.map_err(|source| failed("write", self.into, &self.name, source))?;
        let name = self.part.file_name();
        self.into.rename(OsStr::new(&self.name), self.into, OsStr::new(&name))?;
        meter.add(table.len() as u64);
        Ok(())
    }

    fn frames_end(&self) -> u64 {
        self.frames.last().map_or(0, |last| last.offset + u64::from(last.compressed))
    }
}
