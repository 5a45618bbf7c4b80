//! The stream of verified, decompressed frames that a snapshot needs, compared with what the manifest implies.

use super::UnpackError;
use crate::host::directory::DirectoryError;
use crate::model::digest::Digest;
use crate::snapshot::manifest::{Entry, Frame, Manifest, Name, Spans};
use crate::snapshot::row::{Row, Work};
use crate::snapshot::store::Parts;
use crate::snapshot::{frame, layout};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use zstd::bulk::Decompressor;

pub(super) struct Stream<'a> {
    manifest: &'a Manifest,
    spans: &'a Spans,
    /// The frames that are read, by their indices.
    needed: Vec<usize>,
    parts: &'a dyn Parts,
    opened: Option<(u32, Arc<File>)>,
    /// The threads that open frames ahead; a single frame needs none.
    row: Option<Row<Job, Result<Vec<u8>, Fault>>>,
    /// How many of the needed frames were given to them.
    given: usize,
    /// How many were taken.
    taken: usize,
    /// The position of the first byte of `plain`.
    start: u64,
    plain: Vec<u8>,
    used: usize,
}

impl<'a> Stream<'a> {
    pub(super) fn new(manifest: &'a Manifest, spans: &'a Spans, parts: &'a dyn Parts) -> Self {
        Self {
            manifest,
            spans,
            needed: spans.needed(),
            parts,
            opened: None,
            row: None,
            given: 0,
            taken: 0,
            start: 0,
            plain: Vec::new(),
            used: 0,
        }
    }

    /// Goes on to a position, past bytes that nothing needs; never back.
    pub(super) fn go_to(&mut self, position: u64) -> Result<(), UnpackError> {
        while position > self.start.saturating_add(self.plain.len() as u64) {
            if !self.fill()? {
                return Err(UnpackError::Short);
            }
        }
        self.used = usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX);
        Ok(())
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

    pub(super) fn expect_zeros(&mut self, length: u64, path: &Name) -> Result<(), UnpackError> {
        self.content(length, |bytes| {
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

    /// Takes the next frame, read, verified and decompressed; `false` after the last.
    fn fill(&mut self) -> Result<bool, UnpackError> {
        let Some(index) = self.needed.get(self.taken).copied() else {
            return Ok(false);
        };
        let one = &self.manifest.frames[index];
        let plain = self.open(one)?;
        let part = self.manifest.parts[one.part as usize].digest;
        let refuse = |reason| UnpackError::Frame { part, frame: index, offset: one.offset, reason };
        self.plain = match plain {
            Ok(plain) => plain,
            Err(Fault::Frame(reason)) => return Err(refuse(reason)),
            Err(Fault::Read(source)) if source.kind() == ErrorKind::UnexpectedEof => {
                return Err(refuse("its part ends before it"));
            }
            Err(Fault::Read(source)) => {
                let path = self.manifest.parts[one.part as usize].file_name().into();
                return Err(DirectoryError::Io { action: "read", path, source }.into());
            }
        };
        self.taken += 1;
        (self.start, self.used) = (self.spans.frame(index).start, 0);
        Ok(true)
    }

    /// A single frame is opened here; of more, the threads are always given the next ones.
    fn open(&mut self, one: &Frame) -> Result<Result<Vec<u8>, Fault>, UnpackError> {
        let failed = |source| {
            UnpackError::from(DirectoryError::Io {
                action: "read",
                path: "the parts of the snapshot".into(),
                source,
            })
        };
        if self.needed.len() == 1 {
            let job = self.job(one)?;
            return Ok(open_frame(&mut Decompressor::default(), &job));
        }
        if self.row.is_none() {
            let work = || {
                // Without a dictionary there is nothing that it could refuse.
                let mut decompressor = Decompressor::default();
                Ok(Box::new(move |job: Job| open_frame(&mut decompressor, &job)) as Work<_, _>)
            };
            self.row = Some(Row::start(work).map_err(failed)?);
        }
        while let Some(frame) = self.needed.get(self.given)
            && self.row.as_ref().is_some_and(|row| !row.is_full())
        {
            let job = self.job(&self.manifest.frames[*frame])?;
            self.row.as_mut().expect("it was started above").push(job).map_err(failed)?;
            self.given += 1;
        }
        let opened = self.row.as_mut().expect("it was started above").pop().map_err(failed)?;
        Ok(opened.expect("each frame was given before it is taken"))
    }

    fn job(&mut self, frame: &Frame) -> Result<Job, UnpackError> {
        let part = self.manifest.parts[frame.part as usize];
        let file = match &self.opened {
            Some((opened, file)) if *opened == frame.part => file.clone(),
            _ => {
                let file = Arc::new(self.parts.open(&part)?);
                self.opened = Some((frame.part, file.clone()));
                file
            }
        };
        Ok(Job { file, frame: *frame })
    }
}

/// A frame to open.
struct Job {
    file: Arc<File>,
    frame: Frame,
}

/// Why a frame cannot be opened.
enum Fault {
    Read(std::io::Error),
    Frame(&'static str),
}

/// Reads a frame and verifies its bytes before they are decompressed.
fn open_frame(decompressor: &mut Decompressor<'static>, job: &Job) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![0; job.frame.compressed as usize];
    job.file.read_exact_at(&mut bytes, job.frame.offset).map_err(Fault::Read)?;
    if Digest::of(&bytes) != job.frame.digest {
        return Err(Fault::Frame("its bytes have another digest than the manifest says"));
    }
    let mut plain = Vec::new();
    frame::decompress(decompressor, &bytes, job.frame.uncompressed, &mut plain).map_err(Fault::Frame)?;
    Ok(plain)
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
