//! When a generation that could not be applied is tried again: later each time, a newer one at once.

use std::time::{Duration, Instant};

/// The pause after the first failure; it doubles with each.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(300);

/// The failures of one generation in a row.
#[derive(Debug, Default)]
pub struct Attempts {
    last: Option<Failed>,
}

#[derive(Debug)]
struct Failed {
    generation: u64,
    again: Instant,
    pause: Duration,
}

impl Attempts {
    /// Whether the generation may be tried at this time.
    pub fn are_due(&self, generation: u64, now: Instant) -> bool {
        self.last.as_ref().is_none_or(|last| last.generation != generation || now >= last.again)
    }

    /// The generation could not be applied.
    pub fn failed(&mut self, generation: u64, now: Instant) {
        let before = self.last.take().filter(|last| last.generation == generation);
        let pause = before.map_or(FIRST, |last| (last.pause * 2).min(LONGEST));
        self.last = Some(Failed { generation, again: now + pause, pause });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_generation_is_tried_ever_more_rarely_and_another_one_at_once() {
        let (mut attempts, mut now) = (Attempts::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert!(attempts.are_due(4, now));
            attempts.failed(4, now);
            assert!(!attempts.are_due(4, now));
            assert!(attempts.are_due(5, now), "a newer one does not wait for it");
            let pause = (1..=300).find(|seconds| attempts.are_due(4, now + Duration::from_secs(*seconds)));
            let pause = pause.expect("it is due after the longest pause");
            pauses.push(pause);
            now += Duration::from_secs(pause);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        attempts.failed(5, now);
        assert!(attempts.are_due(5, now + FIRST), "its pauses begin anew");
    }
}
