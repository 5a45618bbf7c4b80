//! Compresses frames on several threads at once, and hands them back in their order.
//!
//! The first frame is compressed where it is: a small snapshot has one, and starts no thread.

use super::frame;
use crate::model::digest::Digest;
use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use zstd::bulk::Compressor;

/// The most threads: beyond that the disk is the limit.
const THREADS: usize = 4;

/// Frames that each thread has before it.
const AHEAD: usize = 2;

/// A compressed frame.
pub(super) struct Compressed {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// Their digest.
    pub(super) digest: Digest,
    /// How many bytes it holds.
    pub(super) uncompressed: u32,
}

/// Frames on their way.
pub(super) struct Compression {
    level: i32,
    own: Compressor<'static>,
    workers: VecDeque<Worker>,
    waiting: usize,
    first: Option<Compressed>,
    started: bool,
}

/// A thread; the first one of the row has the oldest frame.
struct Worker {
    frames: SyncSender<Vec<u8>>,
    done: Receiver<io::Result<Compressed>>,
}

impl Compression {
    /// At this zstd level.
    pub(super) fn new(level: i32) -> io::Result<Self> {
        let own = frame::compressor(level)?;
        Ok(Self { level, own, workers: VecDeque::new(), waiting: 0, first: None, started: false })
    }

    /// Takes a frame; gives the oldest one back once there are enough on their way.
    pub(super) fn push(&mut self, frame: Vec<u8>) -> io::Result<Option<Compressed>> {
        if !self.started {
            self.started = true;
            self.first = Some(compress(&mut self.own, &frame)?);
            return Ok(None);
        }
        if self.workers.is_empty() {
            self.start()?;
        }
        let full = self.waiting == self.workers.len() * AHEAD;
        let oldest = if self.first.is_some() || full { self.pop()? } else { None };
        // Frames go to the threads in turn, so that they come back in turn.
        let index = self.waiting % self.workers.len();
        self.workers[index].frames.send(frame).map_err(|_| ended())?;
        self.waiting += 1;
        Ok(oldest)
    }

    /// The oldest frame on its way; none when there is none.
    pub(super) fn pop(&mut self) -> io::Result<Option<Compressed>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.waiting == 0 {
            return Ok(None);
        }
        let done = self.workers[0].done.recv().map_err(|_| ended())?;
        self.workers.rotate_left(1);
        self.waiting -= 1;
        done.map(Some)
    }

    fn start(&mut self) -> io::Result<()> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        for _ in 0..threads {
            let mut compressor = frame::compressor(self.level)?;
            let (frames, taken) = sync_channel::<Vec<u8>>(AHEAD);
            let (sender, done) = sync_channel(AHEAD);
            thread::Builder::new().name("compress".to_owned()).spawn(move || {
                for frame in taken {
                    if sender.send(compress(&mut compressor, &frame)).is_err() {
                        return;
                    }
                }
            })?;
            self.workers.push_back(Worker { frames, done });
        }
        Ok(())
    }
}

fn compress(compressor: &mut Compressor<'static>, frame: &[u8]) -> io::Result<Compressed> {
    let bytes = compressor.compress(frame)?;
    Ok(Compressed { digest: Digest::of(&bytes), bytes, uncompressed: frame.len() as u32 })
}

fn ended() -> io::Error {
    io::Error::other("a thread that compresses has ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_in_their_order_and_none_is_lost() {
        for count in [0usize, 1, 2, 7, 40] {
            let mut compression = Compression::new(1).expect("a compressor");
            let mut lengths = Vec::new();
            for number in 0..count {
                // Large and small ones in turn, so that they would overtake each other.
                let length = if number % 3 == 0 { 900_000 } else { 10 } + number;
                lengths.extend(compression.push(vec![number as u8; length]).expect("taken"));
            }
            while let Some(done) = compression.pop().expect("compressed") {
                lengths.push(done);
            }
            let expected: Vec<usize> =
                (0..count).map(|number| if number % 3 == 0 { 900_000 } else { 10 } + number).collect();
            let found: Vec<usize> = lengths.iter().map(|done| done.uncompressed as usize).collect();
            assert_eq!(found, expected);
            assert!(lengths.iter().all(|done| done.digest == Digest::of(&done.bytes)));
        }
    }
}
