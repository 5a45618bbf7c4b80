//! The election of the machine that founds a cluster, among N machines that were all given the same text. Pure.
//!
//! Every machine announces itself again and again: whom it heard lately (its view), the first of them, and whom it
//! supports. The first is the smallest fingerprint that has not given up. Once more than half of N announce the same
//! view and the same first, they support it; once more than half of N support it, it is elected, and founds.
//! A master that answers ends the contest for everybody.
//!
//! # Why there are never two founders
//!
//! All of it is in [`support`]: it holds whatever is announced or believed of views, in whatever order, late, twice or
//! never, and however clocks run. Five rules:
//!
//! 1. A record is on the disk before anybody is told of it. So what was told is true, after a restart as well.
//! 2. Who supports another has **given up**: it never supports itself again, and so is never elected.
//! 3. Who supports another supports a third one only after it was told by the other that it has given up.
//! 4. Only who supports itself is elected, and only when more than half of N support it, itself included.
//! 5. Who is elected supports nobody else, ever.
//!
//! Say that F and G are both elected. More than half of N supported F, and more than half G; of N machines one did
//! both, F earlier, say. It left F. If it is F itself, F has given up; if not, F told it so (3). What F told is true
//! (1), so F has given up: it was not elected before (5), nor after (2). But it was.
//!
//! What was told stays true for as long as it matters: who has given up has done so for good, and who supports F does
//! until F gives up, from when on F counts nobody. So old and repeated messages do no harm.
//!
//! # Why there is one in the end
//!
//! Whoever gives up does so for a smaller one, so the smallest of all never does. While all N hear each other, all see
//! the same view and the same first. Larger ones that support themselves give up for it, those that supported them hear
//! that and follow, and the first is elected; unless another was elected before, and that one founds.
//!
//! # What it rests on, and what it costs
//!
//! - **N is the truth**: no more than N machines ever take part. A machine that lost its disk is another machine, and
//!   has forgotten whom it supported: N - 1 old ones, it and its former self are N + 1. Whoever hears more than N since
//!   it was started supports nobody and says so; where a partition hides them from each other, nobody can know. So a
//!   machine that lost its disk joins what the others found, and is not given the text of the election again.
//! - **Keys are unique**: two copies of one disk are one candidate with two minds.
//! - **The elected one may die before it founds.** The others cannot know whether it did, so they wait, and say for
//!   whom and what helps ([`Standing`]). Support is given only once more than half are there and agree, so that the
//!   time in which a death has that effect is short.
//! - **A minority never elects**: supporters that were not heard lately do not count.

pub mod candidate;
pub mod standing;
pub mod support;
#[cfg(test)]
mod tests;

pub use candidate::{Announcement, Candidate, Step};
pub use standing::{Names, Standing};
pub use support::Record;

use std::time::Duration;

/// What all machines of an election have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How many machines take part, N.
    pub expected: usize,
    /// How many of them elect: more than half.
    quorum: usize,
    /// For how long a machine counts as there after it was heard.
    pub fresh: Duration,
    /// For how long a view has to be the same before somebody is supported.
    pub settle: Duration,
}

impl Terms {
    /// The terms for so many machines.
    pub fn new(expected: std::num::NonZeroUsize, fresh: Duration, settle: Duration) -> Self {
        let expected = expected.get();
        Self { expected, quorum: expected / 2 + 1, fresh, settle }
    }

    /// How many of the machines elect.
    pub fn quorum(&self) -> usize {
        self.quorum
    }
}
