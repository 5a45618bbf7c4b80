//! Which frames are still missing and who reads which of them (pure).
//!
//! Work is handed out in runs of frames that lie side by side. When none is left, the rest of the
//! longest open run is handed out once more, from its end, unless it was only just begun: a slow source
//! holds up nobody, and a fast one is not asked twice.

use crate::snapshot::manifest::Frame;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// The most compressed bytes of a run: long enough for one request, short enough to share.
const RUN_BYTES: u64 = 8 << 20;

/// So many runs there should be for each reader, so that all of them end at about the same time.
const RUNS_EACH: u64 = 4;

/// The fewest bytes of a run that is cut shorter for that reason.
const LEAST_BYTES: u64 = 1 << 20;

/// A reader that takes longer for a run, or for the next frame of it, is helped.
const SLOW: Duration = Duration::from_millis(250);

/// The frames of a snapshot on their way.
pub(super) struct Queue {
    frames: Vec<State>,
    missing: usize,
    left: VecDeque<Range<usize>>,
    open: Vec<Open>,
}

/// How it stands with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Missing,
    /// Somebody has all its bytes and puts it in its place.
    Claimed,
    There,
}

/// A run that somebody reads.
struct Open {
    reader: usize,
    frames: Range<usize>,
    /// When it was begun, and when the last frame of it came.
    begun: Instant,
    fed: Instant,
}

impl Queue {
    /// All frames of which `have` says that they are missing, for so many readers.
    pub(super) fn new(frames: &[Frame], have: &[bool], readers: usize) -> Self {
        let missing = |index: &usize| !have[*index];
        let length = |index: usize| u64::from(frames[index].compressed);
        let total: u64 = (0..frames.len()).filter(missing).map(length).sum();
        let share = total / (readers.max(1) as u64 * RUNS_EACH);
        let most = share.clamp(LEAST_BYTES, RUN_BYTES);
        let mut left: VecDeque<Range<usize>> = VecDeque::new();
        let mut bytes = 0;
        for index in (0..frames.len()).filter(missing) {
            match left.back_mut().filter(|run| {
                run.end == index
                    && frames[run.start].part == frames[index].part
                    && bytes + length(index) <= most
            }) {
                Some(run) => run.end = index + 1,
                None => {
                    left.push_back(index..index + 1);
                    bytes = 0;
                }
            }
            bytes += length(index);
        }
        let states = have.iter().map(|have| if *have { State::There } else { State::Missing }).collect();
        let missing = have.iter().filter(|have| !**have).count();
        Self { frames: states, missing, left, open: Vec::new() }
    }

    /// How many runs there are to be read at first.
    pub(super) fn runs(&self) -> usize {
        self.left.len()
    }

    /// Whether every frame is there.
    pub(super) fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// Whether nobody needs to read this frame any more.
    pub(super) fn has(&self, frame: usize) -> bool {
        self.frames[frame] != State::Missing
    }

    /// Of each frame, whether it is there.
    pub(super) fn have(&self) -> Vec<bool> {
        self.frames.iter().map(|state| *state == State::There).collect()
    }

    /// A run for this reader, who has none open; none when there is nothing to do for it now.
    pub(super) fn take(&mut self, reader: usize, now: Instant) -> Option<Range<usize>> {
        let frames = self.left.pop_front().or_else(|| self.share(now))?;
        self.open.push(Open { reader, frames: frames.clone(), begun: now, fed: now });
        Some(frames)
    }

    /// The reader has all bytes of a frame; says whether it is the one who puts it in its place.
    pub(super) fn claim(&mut self, reader: usize, frame: usize, now: Instant) -> bool {
        self.open.iter_mut().filter(|open| open.reader == reader).for_each(|open| open.fed = now);
        let first = self.frames[frame] == State::Missing;
        if first {
            self.frames[frame] = State::Claimed;
        }
        first
    }

    /// A claimed frame is in its place.
    pub(super) fn arrived(&mut self, frame: usize) {
        self.missing -= usize::from(self.frames[frame] != State::There);
        self.frames[frame] = State::There;
    }

    /// Frames that were there are to be read once more.
    pub(super) fn again(&mut self, frames: &[usize]) {
        for frame in frames.iter().rev() {
            if std::mem::replace(&mut self.frames[*frame], State::Missing) == State::There {
                self.missing += 1;
                self.left.push_front(*frame..*frame + 1);
            }
        }
    }

    /// The reader stopped: what it did not bring and nobody else reads is to be read again, next.
    pub(super) fn give_back(&mut self, reader: usize) {
        let Some(index) = self.open.iter().position(|open| open.reader == reader) else { return };
        let frames = self.open.swap_remove(index).frames;
        let mut run: Option<Range<usize>> = None;
        let mut runs = Vec::new();
        for frame in frames.filter(|frame| !self.has(*frame) && !self.is_planned(*frame)) {
            match &mut run {
                Some(run) if run.end == frame => run.end = frame + 1,
                run => runs.extend(run.replace(frame..frame + 1)),
            }
        }
        runs.extend(run);
        for run in runs.into_iter().rev() {
            self.left.push_front(run);
        }
    }

    /// Whether somebody reads it, or will be told to.
    fn is_planned(&self, frame: usize) -> bool {
        self.readers(frame) > 0 || self.left.iter().any(|run| run.contains(&frame))
    }

    /// The later half of what is missing of an open run that nobody shares yet: of the longest one.
    fn share(&self, now: Instant) -> Option<Range<usize>> {
        let slow = |since: Instant| now.saturating_duration_since(since) >= SLOW;
        let alone = |open: &Open| {
            let missing = |frame: &usize| !self.has(*frame) && self.readers(*frame) == 1;
            let first = open.frames.clone().find(missing)?;
            let last = open.frames.clone().rev().find(missing)?;
            // A single frame is on its way already.
            let late = if first == last { slow(open.fed) } else { slow(open.begun) };
            late.then_some(first..last + 1)
        };
        let longest = self.open.iter().filter_map(alone).max_by_key(Range::len)?;
        Some(longest.start + longest.len() / 2..longest.end)
    }

    fn readers(&self, frame: usize) -> usize {
        self.open.iter().filter(|open| open.frames.contains(&frame)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::Digest;

    fn frames(parts: &[usize], bytes: u32) -> Vec<Frame> {
        let digest = Digest::of(b"");
        let of = |(part, count): (usize, &usize)| {
            (0..*count).map(move |index| Frame {
                compressed: bytes,
                digest,
                offset: index as u64 * u64::from(bytes),
                part: part as u32,
                uncompressed: bytes,
            })
        };
        parts.iter().enumerate().flat_map(of).collect()
    }

    fn queue(parts: &[usize], bytes: u32) -> Queue {
        let frames = frames(parts, bytes);
        let have = vec![false; frames.len()];
        Queue::new(&frames, &have, 1)
    }

    #[test]
    fn runs_hold_what_lies_side_by_side_in_one_part_up_to_eight_mebibytes() {
        let now = Instant::now();
        let mut queue = queue(&[20, 3], 2 << 20);
        let runs: Vec<_> = (0..8).map_while(|reader| queue.take(reader, now)).collect();
        assert_eq!(runs, [0..4, 4..8, 8..12, 12..16, 16..20, 20..23]);
        let all = frames(&[6], 100);
        let have = [true, false, false, true, false, true];
        let mut queue = Queue::new(&all, &have, 4);
        assert_eq!((queue.take(0, now), queue.take(1, now)), (Some(1..3), Some(4..5)));
        let few = Queue::new(&frames(&[16], 1 << 20), &[false; 16], 2);
        assert_eq!(few.runs(), 8, "readers end at about the same time");
    }

    #[test]
    fn what_a_reader_gives_back_is_read_next_but_for_what_arrived() {
        let now = Instant::now();
        let mut queue = queue(&[20], 2 << 20);
        assert_eq!(queue.take(0, now), Some(0..4));
        assert!(queue.claim(0, 0, now) && queue.claim(0, 2, now) && !queue.claim(1, 2, now));
        queue.arrived(0);
        queue.give_back(0);
        assert_eq!((queue.take(1, now), queue.take(2, now)), (Some(1..2), Some(3..4)));
        assert_eq!(queue.take(3, now), Some(4..8));
    }

    #[test]
    fn a_frame_that_was_there_is_read_once_more_and_only_once() {
        let now = Instant::now();
        let mut queue = queue(&[3], 100);
        assert_eq!(queue.take(0, now), Some(0..3));
        for frame in 0..3 {
            assert!(queue.claim(0, frame, now));
            queue.arrived(frame);
        }
        assert!(queue.is_complete());
        queue.again(&[1, 2]);
        queue.give_back(0);
        assert_eq!(
            (queue.take(0, now), queue.take(1, now), queue.take(2, now)),
            (Some(1..2), Some(2..3), None)
        );
        assert!(!queue.is_complete() && queue.claim(0, 1, now));
    }

    #[test]
    fn who_has_nothing_to_do_takes_the_rest_of_the_longest_run_and_nobody_takes_it_twice() {
        let now = Instant::now();
        let mut queue = queue(&[5], 100 << 10);
        assert_eq!(queue.take(0, now), Some(0..5));
        assert!(queue.claim(0, 0, now + SLOW / 2));
        queue.arrived(0);
        assert_eq!(queue.take(1, now), None, "it was only just begun");
        let now = now + SLOW;
        assert_eq!(queue.take(1, now), Some(3..5), "half of what is missing");
        assert_eq!(queue.take(2, now), Some(2..3));
        assert_eq!(queue.take(3, now), None, "the last frame is on its way");
        let now = now + SLOW;
        assert_eq!(queue.take(3, now), Some(1..2), "unless its reader is slow");
        assert_eq!(queue.take(4, now), None, "two readers for a frame are enough");
        for frame in 1..5 {
            queue.arrived(frame);
        }
        for reader in 0..4 {
            queue.give_back(reader);
        }
        assert!(queue.is_complete() && queue.take(9, now).is_none());
    }
}
