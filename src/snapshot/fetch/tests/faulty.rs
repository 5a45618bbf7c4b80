//! A source that misbehaves on purpose.

use super::super::{Source, SourceError};
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::snapshot::manifest::Manifest;
use std::cell::{Cell, RefCell};
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

const PIECE: usize = 700;

/// Serves a directory of part files; `budget` bytes later it dies, and `lies` frames come out flipped.
pub(super) struct Faulty {
    pub(super) parts: PathBuf,
    pub(super) signed: Vec<u8>,
    pub(super) manifest: Manifest,
    pub(super) budget: Cell<u64>,
    pub(super) served: Cell<u64>,
    pub(super) requests: RefCell<Vec<(u64, u64)>>,
    pub(super) lies: RefCell<Vec<usize>>,
    pub(super) forever: bool,
}

impl Source for Faulty {
    fn name(&self) -> &str {
        "faulty"
    }

    fn manifest(&self, _id: &SnapshotId) -> Result<Vec<u8>, SourceError> {
        Ok(self.signed.clone())
    }

    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.requests.borrow_mut().push((offset, length));
        let mut bytes = fs::read(self.parts.join(format!("{part}.tar.zst"))).unwrap();
        let mut lies = self.lies.borrow_mut();
        for frame in lies.iter().map(|index| self.manifest.frames[*index]) {
            if self.manifest.parts[frame.part as usize].digest == *part {
                bytes[frame.offset as usize] ^= 1;
            }
        }
        if !self.forever {
            lies.clear();
        }
        for piece in bytes[offset as usize..(offset + length) as usize].chunks(PIECE) {
            let take = (piece.len() as u64).min(self.budget.get());
            self.budget.set(self.budget.get() - take);
            self.served.set(self.served.get() + take);
            if each(&piece[..take as usize]).is_break() {
                return Ok(());
            }
            if take < piece.len() as u64 {
                return Err(SourceError::passing("connection reset"));
            }
        }
        Ok(())
    }
}
