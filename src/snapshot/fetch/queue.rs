//! Which frames are still missing and who reads which of them (pure).
//!
//! Work is handed out in runs of frames that lie side by side. When none is left, the rest of the
//! longest open run is handed out once more, from its end: a slow source holds up nobody.

use crate::snapshot::manifest::Frame;
use std::collections::VecDeque;
use std::ops::Range;

/// The most compressed bytes of a run: long enough for one request, short enough to share.
const RUN_BYTES: u64 = 8 << 20;

/// The frames of a snapshot on their way.
pub(super) struct Queue {
    /// Whether each frame of the manifest is there.
    have: Vec<bool>,
    missing: usize,
    left: VecDeque<Range<usize>>,
    open: Vec<Open>,
}

/// A run that somebody reads.
struct Open {
    reader: usize,
    frames: Range<usize>,
}

impl Queue {
    /// All frames of which `have` says that they are missing.
    pub(super) fn new(frames: &[Frame], have: Vec<bool>) -> Self {
        let mut left: VecDeque<Range<usize>> = VecDeque::new();
        let mut bytes = 0;
        for (index, frame) in frames.iter().enumerate().filter(|(index, _)| !have[*index]) {
            let length = u64::from(frame.compressed);
            match left.back_mut().filter(|run| {
                run.end == index && frames[run.start].part == frame.part && bytes + length <= RUN_BYTES
            }) {
                Some(run) => run.end = index + 1,
                None => {
                    left.push_back(index..index + 1);
                    bytes = 0;
                }
            }
            bytes += length;
        }
        let missing = have.iter().filter(|have| !**have).count();
        Self { have, missing, left, open: Vec::new() }
    }

    /// How many runs there are to be read at first.
    pub(super) fn runs(&self) -> usize {
        self.left.len()
    }

    /// Whether every frame is there.
    pub(super) fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// Whether this frame is there.
    pub(super) fn has(&self, frame: usize) -> bool {
        self.have[frame]
    }

    /// A run for this reader, who has none open; none when there is nothing to do for it now.
    pub(super) fn take(&mut self, reader: usize) -> Option<Range<usize>> {
        let frames = self.left.pop_front().or_else(|| self.share())?;
        self.open.push(Open { reader, frames: frames.clone() });
        Some(frames)
    }

    /// A frame arrived; says whether it is the first time.
    pub(super) fn arrived(&mut self, frame: usize) -> bool {
        let first = !std::mem::replace(&mut self.have[frame], true);
        self.missing -= usize::from(first);
        first
    }

    /// The reader stopped: what it did not bring and nobody else reads is to be read again, next.
    pub(super) fn give_back(&mut self, reader: usize) {
        let Some(index) = self.open.iter().position(|open| open.reader == reader) else { return };
        let frames = self.open.swap_remove(index).frames;
        let mut run: Option<Range<usize>> = None;
        let mut runs = Vec::new();
        for frame in frames.filter(|frame| !self.have[*frame] && self.readers(*frame) == 0) {
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

    /// The later half of what is missing of an open run that nobody shares yet: of the longest one.
    fn share(&self) -> Option<Range<usize>> {
        let alone = |open: &Open| {
            let missing = |frame: &usize| !self.have[*frame] && self.readers(*frame) == 1;
            let first = open.frames.clone().find(missing)?;
            let last = open.frames.clone().rev().find(missing)?;
            Some(first..last + 1)
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
        Queue::new(&frames, have)
    }

    #[test]
    fn runs_hold_what_lies_side_by_side_in_one_part_up_to_eight_mebibytes() {
        let mut queue = queue(&[10, 3], 2 << 20);
        let runs: Vec<_> = (0..5).map_while(|reader| queue.take(reader)).take(4).collect();
        assert_eq!(runs, [0..4, 4..8, 8..10, 10..13]);
        let all = frames(&[6], 100);
        let have = vec![true, false, false, true, false, true];
        let mut queue = Queue::new(&all, have);
        assert_eq!((queue.take(0), queue.take(1)), (Some(1..3), Some(4..5)));
    }

    #[test]
    fn what_a_reader_gives_back_is_read_next_but_for_what_arrived() {
        let mut queue = queue(&[12], 2 << 20);
        assert_eq!(queue.take(0), Some(0..4));
        assert!(queue.arrived(0) && queue.arrived(2) && !queue.arrived(2));
        queue.give_back(0);
        assert_eq!((queue.take(1), queue.take(2)), (Some(1..2), Some(3..4)));
        assert_eq!(queue.take(3), Some(4..8));
    }

    #[test]
    fn who_has_nothing_to_do_takes_the_rest_of_the_longest_run_and_nobody_takes_it_twice() {
        let mut queue = queue(&[5], 1 << 20);
        assert_eq!(queue.take(0), Some(0..5));
        queue.arrived(0);
        assert_eq!(queue.take(1), Some(3..5), "half of what is missing");
        assert_eq!(queue.take(2), Some(2..3));
        assert_eq!(queue.take(3), Some(1..2), "even the frame that is being read");
        assert_eq!(queue.take(4), None, "two readers for a frame are enough");
        queue.give_back(1);
        assert_eq!(queue.take(1), Some(4..5), "the first reader still has it open");
        for frame in 1..5 {
            queue.arrived(frame);
        }
        for reader in 0..4 {
            queue.give_back(reader);
        }
        assert!(queue.is_complete() && queue.take(9).is_none());
    }
}
