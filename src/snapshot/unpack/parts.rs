//! Frames of parts that lie on this machine, read and verified by any number of threads.

use super::UnpackError;
use crate::host::directory::DirectoryError;
use crate::model::digest::Digest;
use crate::snapshot::manifest::{Frame, Manifest};
use crate::snapshot::store::Parts;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

/// How many part files are kept open: threads mostly read the same one.
const OPEN: usize = 8;

pub(in crate::snapshot) struct PartFiles<'a> {
    manifest: &'a Manifest,
    parts: &'a dyn Parts,
    open: Mutex<BTreeMap<u32, Arc<File>>>,
}

impl<'a> PartFiles<'a> {
    pub(in crate::snapshot) fn new(manifest: &'a Manifest, parts: &'a dyn Parts) -> Self {
        Self { manifest, parts, open: Mutex::default() }
    }

    /// Reads the compressed bytes of a frame, and verifies them.
    pub(in crate::snapshot) fn read(&self, frame: usize, into: &mut Vec<u8>) -> Result<(), UnpackError> {
        let one = &self.manifest.frames[frame];
        let refuse = |reason| UnpackError::Frame {
            part: self.manifest.parts[one.part as usize].digest,
            frame,
            offset: one.offset,
            reason,
        };
        let file = self.file(one)?;
        into.resize(one.compressed as usize, 0);
        match file.read_exact_at(into, one.offset) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(refuse("its part ends before it"));
            }
            read => read.map_err(|source| {
                let path = self.manifest.parts[one.part as usize].file_name().into();
                DirectoryError::Io { action: "read", path, source }
            })?,
        }
        match Digest::of(into) == one.digest {
            true => Ok(()),
            false => Err(refuse("its bytes have another digest than the manifest says")),
        }
    }

    fn file(&self, frame: &Frame) -> Result<Arc<File>, DirectoryError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&frame.part) {
            return Ok(file.clone());
        }
        let file = Arc::new(self.parts.open(&self.manifest.parts[frame.part as usize])?);
        // Frames are read in ascending order, so the first part is the one that is not needed any more.
        if open.len() >= OPEN {
            open.pop_first();
        }
        open.insert(frame.part, file.clone());
        Ok(file)
    }
}
