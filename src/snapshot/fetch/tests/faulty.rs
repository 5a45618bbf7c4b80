//! A source that misbehaves on purpose.

use super::super::{Source, SourceError};
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::snapshot::manifest::Manifest;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

const PIECE: usize = 700;

/// Serves a directory of part files; `budget` bytes later it dies, and `lies` frames come out flipped.
pub(super) struct Faulty {
    pub(super) name: &'static str,
    pub(super) parts: PathBuf,
    pub(super) signed: Vec<u8>,
    pub(super) manifest: Manifest,
    pub(super) budget: AtomicU64,
    pub(super) served: AtomicU64,
    pub(super) requests: Mutex<Vec<(u64, u64)>>,
    pub(super) lies: Mutex<Vec<usize>>,
    /// Whether it lies each time, and not only once.
    pub(super) forever: AtomicBool,
    /// Whether it delivers nothing more until it is told to stop.
    pub(super) hangs: AtomicBool,
    /// Whether it has nothing of the snapshot.
    pub(super) empty: AtomicBool,
}

impl Faulty {
    pub(super) fn sound(name: &'static str, parts: PathBuf, signed: Vec<u8>, manifest: Manifest) -> Self {
        Self {
            name,
            parts,
            signed,
            manifest,
            budget: u64::MAX.into(),
            served: 0.into(),
            requests: Mutex::default(),
            lies: Mutex::default(),
            forever: false.into(),
            hangs: false.into(),
            empty: false.into(),
        }
    }

    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    pub(super) fn allow(&self, bytes: u64) {
        self.budget.store(bytes, Ordering::Relaxed);
    }

    fn spend(&self, wanted: usize) -> usize {
        let spend = |left: u64| Some(left - left.min(wanted as u64));
        let before = self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        before.expect("it always spends").min(wanted as u64) as usize
    }
}

impl Source for Faulty {
    fn name(&self) -> &str {
        self.name
    }

    fn manifest(&self, _id: &SnapshotId) -> Result<Vec<u8>, SourceError> {
        match self.empty.load(Ordering::Relaxed) {
            true => Err(SourceError::lasting("404 Not Found")),
            false => Ok(self.signed.clone()),
        }
    }

    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        if self.empty.load(Ordering::Relaxed) {
            return Err(SourceError::lasting("404 Not Found"));
        }
        self.requests.lock().unwrap().push((offset, length));
        if self.hangs.load(Ordering::Relaxed) {
            let (never, nothing) = (Condvar::new(), Mutex::new(()));
            while each(&[]).is_continue() {
                let _woken = never.wait_timeout(nothing.lock().unwrap(), Duration::from_millis(1)).unwrap();
            }
            return Ok(());
        }
        let mut bytes = fs::read(self.parts.join(format!("{part}.tar.zst"))).unwrap();
        {
            let mut lies = self.lies.lock().unwrap();
            let within = |frame: usize| {
                let frame = self.manifest.frames[frame];
                let same = self.manifest.parts[frame.part as usize].digest == *part;
                (same && (offset..offset + length).contains(&frame.offset)).then_some(frame.offset)
            };
            lies.iter().filter_map(|frame| within(*frame)).for_each(|at| bytes[at as usize] ^= 1);
            if !self.forever.load(Ordering::Relaxed) {
                lies.retain(|frame| within(*frame).is_none());
            }
        }
        for piece in bytes[offset as usize..(offset + length) as usize].chunks(PIECE) {
            let take = self.spend(piece.len());
            self.served.fetch_add(take as u64, Ordering::Relaxed);
            if each(&piece[..take]).is_break() {
                return Ok(());
            }
            if take < piece.len() {
                return Err(SourceError::passing("connection reset"));
            }
        }
        Ok(())
    }
}
