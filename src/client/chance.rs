//! Pauses that are partly left to chance: those who were sent away at the same time come back at different ones.

use crate::identity::key::random;
use std::time::Duration;

/// The pause, of which the latter half is left to chance.
pub fn apart(pause: Duration) -> Duration {
    // Without randomness they come back in a crowd, which the master queues.
    let chance = random::<1>().map_or(u8::MAX, |[chance]| chance);
    pause / 2 + pause / 2 * u32::from(chance) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_over_the_latter_half() {
        let pauses: Vec<u128> = (0..200).map(|_| apart(Duration::from_secs(1)).as_millis()).collect();
        assert!(pauses.iter().all(|pause| (500..=1000).contains(pause)), "{pauses:?}");
        let quarter = |from: u128| pauses.iter().filter(|pause| (from..from + 125).contains(*pause)).count();
        assert!([500, 625, 750, 875].map(quarter).iter().all(|count| *count > 10), "{pauses:?}");
    }
}
