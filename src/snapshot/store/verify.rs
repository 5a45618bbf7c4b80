//! Looks at the sizes of a snapshot's parts, or reads every byte of them, and names what is damaged.

use crate::host::directory::{Directory, DirectoryError};
use crate::model::digest::Digest;
use crate::model::progress::Sink;
use crate::snapshot::frame;
use crate::snapshot::manifest::{Manifest, Whole};
use crate::snapshot::meter::Meter;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Frames that were read; none in a quick one.
    pub frames: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// What is damaged; empty for a sound snapshot.
    pub damage: Vec<Damage>,
}

/// One damaged place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// A part is not there.
    Missing {
        /// The part.
        part: Digest,
    },
    /// A part has the wrong length.
    Size {
        /// The part.
        part: Digest,
        /// Its length in bytes.
        found: u64,
        /// The length in the manifest.
        listed: u64,
    },
    /// The bytes of a frame are not those that were written.
    Frame {
        /// The part.
        part: Digest,
        /// Index of the frame in the manifest.
        frame: usize,
        /// Where it begins in the part, in bytes.
        offset: u64,
    },
    /// The seek table is not the one of the frames.
    SeekTable {
        /// The part.
        part: Digest,
    },
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { part } => write!(f, "part {part} is missing"),
            Self::Size { part, found, listed } => {
                write!(f, "part {part} has {found} bytes, and its manifest says {listed}")
            }
            Self::Frame { part, frame, offset } => {
                write!(f, "frame {frame} at byte {offset} of part {part} is not what was written")
            }
            Self::SeekTable { part } => write!(f, "the seek table of part {part} is not that of its frames"),
        }
    }
}

/// Only whether the parts are there and as long as they should be.
pub(super) fn sizes(manifest: &Manifest, parts: &Directory) -> Result<Verification, DirectoryError> {
    let mut found = Verification::default();
    for part in &manifest.parts {
        match parts.metadata_optional(OsStr::new(&part.file_name()))? {
            None => found.damage.push(Damage::Missing { part: part.digest }),
            Some(file) if file.size != part.size => {
                found.damage.push(Damage::Size { part: part.digest, found: file.size, listed: part.size });
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

/// Reads everything, and tells the sink how far it is.
pub(super) fn verify(
    manifest: &Manifest,
    parts: &Directory,
    sink: &dyn Sink,
) -> Result<Verification, DirectoryError> {
    let mut found = Verification::default();
    let what = format!("verify {}", manifest.metadata.source);
    let whole = Whole::new(manifest, &vec![false; manifest.frames.len()]);
    let meter = Meter::of_files(sink, what, manifest.stored_size(), whole.counts());
    let mut reading = Reading { meter, whole };
    for (index, part) in manifest.parts.iter().enumerate() {
        let file = match parts.open_file(Path::new(&part.file_name())) {
            Err(error) if error.is_missing() => {
                found.damage.push(Damage::Missing { part: part.digest });
                reading.missed(manifest, index);
                continue;
            }
            opened => opened?,
        };
        let failed = |source| {
            let path = parts.path().join(part.file_name());
            DirectoryError::Io { action: "read", path, source }
        };
        let size = file.metadata().map_err(failed)?.len();
        if size != part.size {
            found.damage.push(Damage::Size { part: part.digest, found: size, listed: part.size });
        }
        verify_frames(manifest, index, &file, &mut found, &mut reading).map_err(failed)?;
    }
    Ok(found)
}

/// How far the reading is: in bytes, and in files of which every frame was looked at.
struct Reading<'a> {
    meter: Meter<'a>,
    whole: Whole,
}

impl Reading<'_> {
    fn read(&mut self, frame: usize, bytes: u32) {
        self.meter.add_files(self.whole.arrived(frame));
        self.meter.add(bytes.into());
    }

    /// There is nothing to read of a part.
    fn missed(&mut self, manifest: &Manifest, index: usize) {
        for number in first_frame(manifest, index)..first_frame(manifest, index + 1) {
            self.meter.add_files(self.whole.arrived(number));
        }
        self.meter.add(manifest.parts[index].size);
    }
}

fn first_frame(manifest: &Manifest, part: usize) -> usize {
    manifest.frames.partition_point(|frame| (frame.part as usize) < part)
}

fn verify_frames(
    manifest: &Manifest,
    index: usize,
    file: &File,
    found: &mut Verification,
    reading: &mut Reading<'_>,
) -> std::io::Result<()> {
    let part = &manifest.parts[index];
    let first = first_frame(manifest, index);
    let frames: Vec<_> = manifest.frames_of(index).collect();
    let mut buffer = Vec::new();
    for (number, frame) in frames.iter().enumerate() {
        buffer.resize(frame.compressed as usize, 0);
        found.frames += 1;
        found.bytes += u64::from(frame.compressed);
        if !read_at(file, &mut buffer, frame.offset)? || Digest::of(&buffer) != frame.digest {
            found.damage.push(Damage::Frame {
                part: part.digest,
                frame: first + number,
                offset: frame.offset,
            });
        }
        reading.read(first + number, frame.compressed);
    }
    let table = frame::seek_table(frames.iter().map(|frame| (frame.compressed, frame.uncompressed)));
    buffer.resize(table.len(), 0);
    found.bytes += table.len() as u64;
    reading.meter.add(table.len() as u64);
    if !read_at(file, &mut buffer, part.size - table.len() as u64)? || buffer != table {
        found.damage.push(Damage::SeekTable { part: part.digest });
    }
    Ok(())
}

/// Whether there were enough bytes.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<bool> {
    match file.read_exact_at(buffer, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
