//! Writes parts: ordinary `.tar.zst` files of independent frames with a seek table at their end.
//!
//! A crash leaves files in the staging directory that nobody refers to; the store removes them.

use super::compress::{Compressed, Compression};
use super::frame;
use super::layout;
use super::manifest::{Entry, FRAME_LIMIT, Frame, Part};
use crate::host::directory::{Directory, DirectoryError, write_behind};
use crate::model::digest::Digest;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// How parts are cut and compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The zstd level.
    pub level: i32,
    /// Bytes of tar stream in a frame; at most `FRAME_LIMIT`.
    pub frame_bytes: u32,
    /// The most bytes of tar stream in a part, the archive's end included; only an entry that alone is larger has a
    /// part that is.
    pub part_bytes: u64,
}

impl Default for Cut {
    fn default() -> Self {
        // A state moves at the speed of disks: level 3 takes 1.6 times as long to write for a tenth fewer bytes, and
        // is slower to open.
        Self { level: 1, frame_bytes: 2 << 20, part_bytes: 256 << 20 }
    }
}

/// Takes the entries of a tar stream in order and writes parts into a directory.
pub struct Packer<'a> {
    into: &'a Directory,
    cut: Cut,
    compression: Compression,
    pending: Vec<u8>,
    open: Option<OpenPart>,
    parts: Vec<Part>,
    frames: Vec<Frame>,
}

struct OpenPart {
    file: File,
    name: String,
    hasher: blake3::Hasher,
    written: u64,
    stream_bytes: u64,
    first_frame: usize,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The parts, each a durable file named by `Part::file_name`.
    pub parts: Vec<Part>,
    /// Their frames.
    pub frames: Vec<Frame>,
}

impl<'a> Packer<'a> {
    /// A packer into this directory, which should be empty.
    pub fn new(into: &'a Directory, cut: Cut) -> Result<Self, DirectoryError> {
        let cut = Cut { frame_bytes: cut.frame_bytes.clamp(1, FRAME_LIMIT), ..cut };
        let compression = Compression::new(cut.level).map_err(|e| failed("compress into", into, "", e))?;
        Ok(Self {
            into,
            cut,
            compression,
            pending: Vec::new(),
            open: None,
            parts: Vec::new(),
            frames: Vec::new(),
        })
    }

    /// Begins an entry; `Entry::size` bytes of content must follow, then `end_entry`.
    ///
    /// Parts end between entries only, so that each is a whole tar file: before one that would not fit any more.
    pub fn begin_entry(&mut self, entry: &Entry) -> Result<(), DirectoryError> {
        let size = entry.size();
        let length = (layout::header_length(entry) + layout::padding(size) + layout::END.len()) as u64;
        let fits = |part: &OpenPart| {
            part.stream_bytes.saturating_add(size).saturating_add(length) <= self.cut.part_bytes
        };
        if self.open.as_ref().is_some_and(|part| !fits(part)) {
            self.close_part()?;
        }
        self.write(&layout::header(entry))
    }

    /// Bytes of the stream: an entry's content.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), DirectoryError> {
        let limit = self.cut.frame_bytes as usize;
        if self.open.is_none() {
            self.open = Some(self.create_part()?);
        }
        if let Some(part) = &mut self.open {
            part.stream_bytes += bytes.len() as u64;
        }
        while !bytes.is_empty() {
            let take = bytes.len().min(limit - self.pending.len());
            self.pending.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if self.pending.len() == limit {
                self.close_frame()?;
            }
        }
        Ok(())
    }

    /// Ends the entry whose content has been written.
    pub fn end_entry(&mut self, size: u64) -> Result<(), DirectoryError> {
        self.write(&layout::END[..layout::padding(size)])
    }

    /// Ends the stream; what it returns lies durably in the directory, whose names the caller syncs.
    pub fn finish(mut self) -> Result<Packed, DirectoryError> {
        self.write(&layout::END)?;
        self.close_part()?;
        Ok(Packed { parts: self.parts, frames: self.frames })
    }

    fn create_part(&self) -> Result<OpenPart, DirectoryError> {
        let name = format!("writing-{}", self.parts.len());
        let file = self.into.create_file(OsStr::new(&name), 0o600)?;
        let first_frame = self.frames.len();
        Ok(OpenPart { file, name, hasher: blake3::Hasher::new(), written: 0, stream_bytes: 0, first_frame })
    }

    /// Has the frame compressed, and writes what is done.
    fn close_frame(&mut self) -> Result<(), DirectoryError> {
        let Some(part) = self.open.as_ref().filter(|_| !self.pending.is_empty()) else {
            return Ok(());
        };
        let fresh = Vec::with_capacity(self.cut.frame_bytes as usize);
        let full = std::mem::replace(&mut self.pending, fresh);
        let done =
            self.compression.push(full).map_err(|e| failed("compress into", self.into, &part.name, e))?;
        done.map_or(Ok(()), |done| self.write_frame(done))
    }

    fn write_frame(&mut self, done: Compressed) -> Result<(), DirectoryError> {
        let part = self.open.as_mut().expect("a frame is written to the part that it was closed in");
        write_behind(&part.file, &done.bytes, part.written)
            .map_err(|e| failed("write", self.into, &part.name, e))?;
        part.hasher.update(&done.bytes);
        self.frames.push(Frame {
            compressed: done.bytes.len() as u32,
            digest: done.digest,
            offset: part.written,
            part: self.parts.len() as u32,
            uncompressed: done.uncompressed,
        });
        part.written += done.bytes.len() as u64;
        Ok(())
    }

    fn drain(&mut self) -> Result<(), DirectoryError> {
        loop {
            let name = self.open.as_ref().map_or("", |part| part.name.as_str());
            match self.compression.pop().map_err(|e| failed("compress into", self.into, name, e))? {
                Some(done) => self.write_frame(done)?,
                None => return Ok(()),
            }
        }
    }

    fn close_part(&mut self) -> Result<(), DirectoryError> {
        self.close_frame()?;
        self.drain()?;
        let Some(mut part) = self.open.take() else {
            return Ok(());
        };
        let frames = &self.frames[part.first_frame..];
        let table = frame::seek_table(frames.iter().map(|frame| (frame.compressed, frame.uncompressed)));
        part.hasher.update(&table);
        let written = part.file.write_all_at(&table, part.written);
        written.map_err(|e| failed("write", self.into, &part.name, e))?;
        self.into.sync_open_file(&part.name, &part.file)?;
        let finished = Part {
            borrowed: false,
            digest: Digest::from_bytes(*part.hasher.finalize().as_bytes()),
            size: part.written + table.len() as u64,
        };
        self.into.rename(OsStr::new(&part.name), self.into, OsStr::new(&finished.file_name()))?;
        self.parts.push(finished);
        Ok(())
    }
}

fn failed(action: &'static str, into: &Directory, name: &str, source: std::io::Error) -> DirectoryError {
    DirectoryError::Io { action, path: into.path().join(name), source }
}
