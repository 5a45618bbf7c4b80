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

/// Bytes at a time when they trickle.
const TRICKLE: usize = 130;

/// Serves a directory of part files; `budget` bytes later it dies, and `lies` frames come out flipped.
pub(in crate::snapshot) struct Faulty {
    pub(in crate::snapshot) name: &'static str,
    pub(in crate::snapshot) parts: PathBuf,
    pub(in crate::snapshot) signed: Vec<u8>,
    pub(in crate::snapshot) manifest: Manifest,
    pub(in crate::snapshot) budget: AtomicU64,
    pub(in crate::snapshot) served: AtomicU64,
    pub(in crate::snapshot) requests: Mutex<Vec<(u64, u64)>>,
    pub(in crate::snapshot) lies: Mutex<Vec<usize>>,
    /// Whether it lies each time, and not only once.
    pub(in crate::snapshot) forever: AtomicBool,
    /// Whether it delivers nothing more until it is told to stop.
    pub(in crate::snapshot) hangs: AtomicBool,
    /// Whether it is back at once when it has died.
    pub(in crate::snapshot) revives: AtomicBool,
    /// Whether it has nothing of the snapshot.
    pub(in crate::snapshot) empty: AtomicBool,
    /// Whether it sends another range than the one it is asked for.
    pub(in crate::snapshot) shifts: AtomicBool,
    /// Whether its bytes trickle.
    pub(in crate::snapshot) trickles: AtomicBool,
    /// Whether each of its answers ends too soon, as if it were whole.
    pub(in crate::snapshot) falls_short: AtomicBool,
    /// What it sends as the whole snapshot in one reply, if it does so.
    pub(in crate::snapshot) whole: Mutex<Option<Vec<u8>>>,
    /// Bytes of it that it sent.
    pub(in crate::snapshot) embedded: AtomicU64,
}

impl Faulty {
    pub(in crate::snapshot) fn sound(
        name: &'static str,
        parts: PathBuf,
        signed: Vec<u8>,
        manifest: Manifest,
    ) -> Self {
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
            revives: false.into(),
            empty: false.into(),
            shifts: false.into(),
            trickles: false.into(),
            falls_short: false.into(),
            whole: Mutex::default(),
            embedded: 0.into(),
        }
    }

    pub(in crate::snapshot) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    pub(in crate::snapshot) fn allow(&self, bytes: u64) {
        self.budget.store(bytes, Ordering::Relaxed);
    }

    /// The whole snapshot in one reply.
    pub(in crate::snapshot) fn body(&self) -> Vec<u8> {
        let read =
            |part: &crate::snapshot::manifest::Part| fs::read(self.parts.join(part.file_name())).unwrap();
        let parts: Vec<Vec<u8>> = self.manifest.parts.iter().map(read).collect();
        let lengths: Vec<u64> = parts.iter().map(|part| part.len() as u64).collect();
        let head = crate::wire::embedded::head(self.signed.len() as u64, &lengths);
        [head, self.signed.clone(), parts.concat()].concat()
    }

    fn spend(&self, wanted: usize) -> usize {
        let spend = |left: u64| Some(left - left.min(wanted as u64));
        let before = self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        before.expect("it always spends").min(wanted as u64) as usize
    }
}

/// Lets time pass; nothing comes meanwhile.
fn pause(time: Duration) {
    let (never, nothing) = (Condvar::new(), Mutex::new(()));
    let _woken = never.wait_timeout(nothing.lock().unwrap(), time).unwrap();
}

impl Source for Faulty {
    fn name(&self) -> &str {
        self.name
    }

    fn manifest(
        &self,
        _id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        if self.empty.load(Ordering::Relaxed) {
            return Err(SourceError::lasting("404 Not Found"));
        }
        let mut pieces = self.signed.chunks(PIECE);
        while let Some(piece) = pieces.next()
            && each(piece).is_continue()
        {}
        Ok(())
    }

    fn embedded(
        &self,
        _id: &SnapshotId,
        at_most: u64,
        come: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<Vec<u8>>, SourceError> {
        let whole = self.whole.lock().unwrap().clone().filter(|body| body.len() as u64 <= at_most);
        for piece in whole.iter().flat_map(|body| body.chunks(PIECE)) {
            self.embedded.fetch_add(piece.len() as u64, Ordering::Relaxed);
            if come(piece.len() as u64).is_break() {
                return Err(SourceError::passing("it was told to stop"));
            }
        }
        Ok(whole)
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
            while each(&[]).is_continue() {
                pause(Duration::from_millis(1));
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
        if self.shifts.load(Ordering::Relaxed) {
            bytes.rotate_left(1);
        }
        let trickles = self.trickles.load(Ordering::Relaxed);
        let length = length - u64::from(self.falls_short.load(Ordering::Relaxed));
        let asked = &bytes[offset as usize..(offset + length) as usize];
        for piece in asked.chunks(if trickles { TRICKLE } else { PIECE }) {
            if trickles {
                pause(Duration::from_micros(50));
            }
            let take = self.spend(piece.len());
            self.served.fetch_add(take as u64, Ordering::Relaxed);
            if each(&piece[..take]).is_break() {
                return Ok(());
            }
            if take < piece.len() {
                if self.revives.swap(false, Ordering::Relaxed) {
                    self.allow(u64::MAX);
                }
                return Err(SourceError::passing("connection reset"));
            }
        }
        Ok(())
    }
}
