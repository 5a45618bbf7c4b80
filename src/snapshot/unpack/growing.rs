//! A file that several frames hold: its pieces come in any order, from any thread.

use super::UnpackError;
use super::place::{attributes, write_piece};
use super::subtrees::{Subtrees, nodes};
use crate::host::directory::{Direct, DirectoryError};
use crate::model::digest::Digest;
use crate::snapshot::manifest::Entry;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) struct Growing {
    file: Direct,
    path: PathBuf,
    sparse: bool,
    state: Mutex<State>,
}

struct State {
    /// The first frame that holds anything of it.
    first: usize,
    /// Of each frame from there on, whether its piece is still to come.
    missing: Vec<bool>,
    left: usize,
    subtrees: Subtrees,
}

impl Growing {
    /// A file of which these frames hold content, those of which `there` says so already written.
    pub(super) fn new(
        file: File,
        path: PathBuf,
        (size, sparse): (u64, bool),
        frames: Range<usize>,
        there: impl Fn(usize) -> bool,
    ) -> Self {
        let first = frames.start;
        let missing: Vec<bool> = frames.map(|frame| !there(frame)).collect();
        let left = missing.iter().filter(|missing| **missing).count();
        let state = Mutex::new(State { first, missing, left, subtrees: Subtrees::new(size) });
        Self { file: Direct::new(file), path, sparse, state }
    }

    /// Writes the piece that a frame holds, once; says whether it was the last one that was missing.
    pub(super) fn write(
        &self,
        frame: usize,
        offset: u64,
        bytes: &[u8],
        size: u64,
    ) -> Result<bool, UnpackError> {
        if !self.state().is_missing(frame) {
            return Ok(false);
        }
        write_piece(&self.file, self.sparse, offset, bytes).map_err(|source| self.failed("write", source))?;
        let nodes = nodes(offset, bytes, size);
        let mut state = self.state();
        state.subtrees.add(nodes);
        let index = frame - state.first;
        state.missing[index] = false;
        state.left -= 1;
        Ok(state.left == 0)
    }

    /// Sets length and attributes; returns the digest of what is in the file.
    pub(super) fn finish(
        &self,
        entry: &Entry,
        owner: Option<(u32, u32)>,
        size: u64,
    ) -> Result<Digest, UnpackError> {
        let file = self.file.file();
        file.set_len(size).map_err(|source| self.failed("write", source))?;
        let mut read = |buffer: &mut [u8], at: u64| file.read_exact_at(buffer, at);
        let digest = self.state().subtrees.digest(&mut read).map_err(|source| self.failed("read", source))?;
        attributes(file, &self.path, entry, owner)?;
        Ok(digest)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, action: &'static str, source: std::io::Error) -> UnpackError {
        DirectoryError::Io { action, path: self.path.clone(), source }.into()
    }
}

impl State {
    fn is_missing(&self, frame: usize) -> bool {
        frame
            .checked_sub(self.first)
            .and_then(|index| self.missing.get(index))
            .is_some_and(|missing| *missing)
    }
}
