//! Reads contents: in place and watched, or from where they are frozen; holes are not read.

use super::freeze::{Freezer, Frozen, is_same_content};
use super::walk::{Found, Origin};
use super::{CaptureError, inspect};
use crate::host::directory::{self, DirectoryError};
use crate::model::digest::Digest;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// What is handed on in the place of a hole.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Reads what was found.
pub(super) struct Reader<'a> {
    pub(super) freezer: Option<&'a Freezer<'a>>,
    pub(super) stop: &'a AtomicBool,
    /// Bytes that were read from files.
    pub(super) read_bytes: u64,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(freezer: Option<&'a Freezer<'a>>, stop: &'a AtomicBool) -> Self {
        Self { freezer, stop, read_bytes: 0, buffer: Vec::new() }
    }

    /// Hands out a content in pieces, and returns its digest.
    pub(super) fn content(
        &mut self,
        found: &Found<'_>,
        size: u64,
        each: &mut dyn FnMut(&[u8]) -> Result<(), CaptureError>,
    ) -> Result<Digest, CaptureError> {
        let mut hasher = blake3::Hasher::new();
        let mut each = |bytes: &[u8]| {
            hasher.update(bytes);
            each(bytes)
        };
        match &found.origin {
            Origin::Bytes { bytes } => each(bytes)?,
            Origin::Implied => {}
            Origin::Disk { .. } => self.file(found, size, &mut each)?,
        }
        Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
    }

    fn file(
        &mut self,
        found: &Found<'_>,
        size: u64,
        each: &mut dyn FnMut(&[u8]) -> Result<(), CaptureError>,
    ) -> Result<(), CaptureError> {
        let path = found.path();
        let file = self.open(found, &path)?;
        self.check(&file, found, &path)?;
        if found.metadata.allocated < size {
            let mut at = 0;
            while at < size {
                let data = directory::next_data(&file, &path, at)?.unwrap_or(size..size);
                self.hole(data.start.min(size) - at, &path, each)?;
                at = data.end.min(size);
                self.data(&file, data.start.min(size)..at, &path, each)?;
            }
        } else {
            self.data(&file, 0..size, &path, each)?;
        }
        self.check(&file, found, &path)
    }

    fn open(&self, found: &Found<'_>, path: &Path) -> Result<File, CaptureError> {
        let opened = match (&found.origin, &found.frozen, self.freezer) {
            (_, Some(frozen), Some(freezer)) => freezer.directory().open_file(Path::new(frozen.name())),
            (Origin::Disk { base, relative }, ..) => base.open_file(relative),
            _ => unreachable!("only what lies on the disk is opened"),
        };
        opened.map_err(|error| match error.is_missing() {
            true => CaptureError::Changed { path: path.to_owned() },
            false => error.into(),
        })
    }

    /// What is frozen may lose its name or, cloned, belong to another inode; its content stays.
    fn check(&self, file: &File, found: &Found<'_>, path: &Path) -> Result<(), CaptureError> {
        let now = directory::Metadata::of_file(file, path)?;
        let same = match &found.frozen {
            None => now == found.metadata,
            Some(Frozen::Linked(_)) => is_same_content(&now, &found.metadata),
            Some(Frozen::Cloned(_)) => now.size == found.metadata.size,
        };
        if same { Ok(()) } else { Err(CaptureError::Changed { path: path.to_owned() }) }
    }

    fn hole(
        &self,
        mut length: u64,
        path: &Path,
        each: &mut dyn FnMut(&[u8]) -> Result<(), CaptureError>,
    ) -> Result<(), CaptureError> {
        while length > 0 {
            self.go_on(path)?;
            let take = ZEROS.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            each(&ZEROS[..take])?;
            length -= take as u64;
        }
        Ok(())
    }

    fn data(
        &mut self,
        file: &File,
        range: std::ops::Range<u64>,
        path: &Path,
        each: &mut dyn FnMut(&[u8]) -> Result<(), CaptureError>,
    ) -> Result<(), CaptureError> {
        let failed = |source| DirectoryError::Io { action: "read", path: PathBuf::from(path), source };
        let mut at = range.start;
        while at < range.end {
            self.go_on(path)?;
            let want = CHUNK.min(usize::try_from(range.end - at).unwrap_or(CHUNK));
            if self.buffer.len() < want {
                self.buffer.resize(want, 0);
            }
            let length = file.read_at(&mut self.buffer[..want], at).map_err(failed)?;
            if length == 0 {
                return Err(CaptureError::Changed { path: path.to_owned() });
            }
            self.read_bytes += length as u64;
            each(&self.buffer[..length])?;
            at += length as u64;
        }
        Ok(())
    }

    fn go_on(&self, path: &Path) -> Result<(), CaptureError> {
        go_on(self.stop, || path.to_owned())
    }
}

/// Unless somebody gave up, or the time did: asked for each thing that is looked at, frozen or read, since writers
/// may be held off all that while.
pub(super) fn go_on(stop: &AtomicBool, path: impl FnOnce() -> PathBuf) -> Result<(), CaptureError> {
    if stop.load(Ordering::Relaxed) {
        return Err(CaptureError::Interrupted { path: path() });
    }
    Ok(())
}

/// Whether something is still what it was when it was found.
pub(super) fn recheck(found: &Found<'_>) -> Result<(), CaptureError> {
    let Origin::Disk { base, relative } = &found.origin else { return Ok(()) };
    if inspect(base, relative)? == Some(found.metadata) {
        return Ok(());
    }
    Err(CaptureError::Changed { path: base.path().join(relative) })
}
