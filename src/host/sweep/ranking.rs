//! In which order files are taken: the oldest day first, within a day the largest, and then by their paths.
//!
//! A directory may hold more files than memory shall, so only the first of that order are held at once; what
//! comes after them is found by another walk, which begins where the last one ended.

use super::Sweep;
use rustix::fs::Stat;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const DAY: u64 = 86_400;

/// A file that a sweep may take, by its place in the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// The older, the smaller.
    days: Reverse<u64>,
    /// The larger, the smaller.
    bytes: Reverse<u64>,
    /// From the directory of the sweep on.
    pub(super) path: Box<[u8]>,
}

/// The same, of which no copy is made yet: of many files only the first are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen<'a> {
    days: Reverse<u64>,
    bytes: Reverse<u64>,
    path: &'a [u8],
}

impl<'a> Seen<'a> {
    pub(super) fn new(sweep: &Sweep<'_>, path: &'a [u8], stat: &Stat, allocated: u64) -> Self {
        let age = sweep.age(stat).unwrap_or_default();
        Self { days: Reverse(age.as_secs() / DAY), bytes: Reverse(allocated), path }
    }

    fn held(self) -> Candidate {
        Candidate { days: self.days, bytes: self.bytes, path: self.path.into() }
    }
}

impl Candidate {
    fn seen(&self) -> Seen<'_> {
        Seen { days: self.days, bytes: self.bytes, path: &self.path }
    }
}

/// The first files of the order that come after a given one.
pub(super) struct Ranking {
    held: BinaryHeap<Candidate>,
    most: usize,
    after: Option<Candidate>,
    /// Whether there are files behind those that are held.
    pub(super) overflowed: bool,
}

impl Ranking {
    /// Holds at most so many files, all of them behind `after`.
    pub(super) fn new(most: usize, after: Option<Candidate>) -> Self {
        Self { held: BinaryHeap::new(), most: most.max(1), after, overflowed: false }
    }

    pub(super) fn consider(&mut self, seen: Seen<'_>) {
        if self.after.as_ref().is_some_and(|after| seen <= after.seen()) {
            return;
        }
        if self.held.len() < self.most {
            self.held.push(seen.held());
            return;
        }
        self.overflowed = true;
        // The last of the order is on top of the heap.
        if let Some(mut last) = self.held.peek_mut()
            && seen < last.seen()
        {
            *last = seen.held();
        }
    }

    pub(super) fn into_order(self) -> Vec<Candidate> {
        self.held.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(days: u64, bytes: u64, path: &str) -> Candidate {
        Candidate { days: Reverse(days), bytes: Reverse(bytes), path: path.as_bytes().into() }
    }

    #[test]
    fn the_oldest_day_comes_first_then_the_largest_file_then_the_path() {
        let wanted =
            [candidate(9, 1, "z"), candidate(8, 500, "y"), candidate(8, 20, "a"), candidate(8, 20, "b")];
        let mut ranking = Ranking::new(10, None);
        wanted.iter().rev().for_each(|one| ranking.consider(one.seen()));
        assert!(!ranking.overflowed);
        assert_eq!(ranking.into_order(), wanted);
    }

    #[test]
    fn walks_that_hold_a_few_come_to_every_file_once_and_in_order() {
        let all: Vec<Candidate> =
            (0u64..1000).map(|n| candidate(n * 7919 % 13, n * 104_729 % 17, &n.to_string())).collect();
        let (mut taken, mut after) = (Vec::new(), None);
        for walk in 1.. {
            let mut ranking = Ranking::new(64, after.take());
            all.iter().for_each(|one| ranking.consider(one.seen()));
            let overflowed = ranking.overflowed;
            taken.extend(ranking.into_order());
            after = taken.last().cloned();
            if !overflowed {
                assert_eq!(walk, 16);
                break;
            }
        }
        let mut wanted = all;
        wanted.sort_unstable();
        assert_eq!(taken, wanted);
    }
}
