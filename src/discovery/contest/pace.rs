//! How often a machine that takes part in an election speaks, by how many there are: a hundred datagrams a second over
//! each interface, whatever their number. Pure.

use crate::discovery::datagram::Nonce;
use std::time::Duration;

/// The least pause between two announcements.
const LEAST: Duration = Duration::from_millis(200);

/// The pause for each machine that takes part.
const EACH: Duration = Duration::from_millis(10);

/// The times of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// From one announcement to the next.
    every: Duration,
    /// For how long a view has to be the same.
    pub settle: Duration,
    /// For how long a machine counts as there.
    pub fresh: Duration,
}

impl Pace {
    /// For so many machines. Each is heard five times before it settles, and is missed after 25 losses in a row.
    pub fn of(expected: u16) -> Self {
        let every = LEAST.max(EACH * u32::from(expected));
        Self { every, settle: every * 5, fresh: every * 25 }
    }

    /// The pause after so many announcements, between three and five quarters of it: a herd that begins at once drifts
    /// apart.
    pub fn pause(&self, life: &Nonce, announced: usize) -> Duration {
        self.every * (384 + u32::from(life[announced % life.len()])) / 512
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_machines_settle_within_a_second_and_many_send_no_more_together() {
        let few = Pace::of(5);
        assert_eq!((few.settle, few.fresh), (Duration::from_secs(1), Duration::from_secs(5)));
        let many = Pace::of(1000);
        assert_eq!(many.every, Duration::from_secs(10), "100 datagrams a second of all together");
        assert_eq!(few.pause(&[0; 16], 0), Duration::from_millis(150));
        assert!(few.pause(&[255; 16], 3) < Duration::from_millis(250));
    }
}
