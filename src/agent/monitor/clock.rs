//! Tells a wall clock that jumped, so that nothing is taken for old that is not.

use crate::agent::monitor::MonitorError;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A wall clock may go this much another way than time before it counts as a jump.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(1);
/// 2025-01-01: a machine whose clock shows less has not learnt the time yet, and may jump once.
const PLAUSIBLE: i64 = 1_735_689_600;

/// The wall clock against time since boot, from a common start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    wall: Timestamp,
    since_boot: Duration,
}

impl Clock {
    pub(super) fn start(wall: Timestamp, since_boot: Duration) -> Self {
        Self { wall, since_boot }
    }

    /// Errors while the wall clock is more than an hour away from where time since the start puts it.
    pub(super) fn check(&mut self, wall: Timestamp, since_boot: Duration) -> Result<(), MonitorError> {
        if self.wall.as_second() < PLAUSIBLE {
            *self = Self::start(wall, since_boot);
            return Ok(());
        }
        let passed = since_boot.saturating_sub(self.since_boot);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        let jump = wall.duration_since(self.wall).saturating_sub(passed);
        if jump.abs() <= TOLERANCE {
            return Ok(());
        }
        Err(MonitorError::ClockJumped { seconds: jump.as_secs() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time of this century")
    }

    #[test]
    fn a_jump_is_told_until_the_clock_is_right_again() {
        let start = PLAUSIBLE + 1000;
        let mut clock = Clock::start(at(start), Duration::from_secs(50));
        assert!(clock.check(at(start + 7200), Duration::from_secs(7250)).is_ok());
        assert!(clock.check(at(start + 3700), Duration::from_secs(150)).is_ok());
        for jump in [400 * 86_400, -400 * 86_400] {
            let error = clock.check(at(start + 100 + jump), Duration::from_secs(150)).expect_err("a jump");
            assert!(matches!(error, MonitorError::ClockJumped { seconds } if seconds == jump), "{error}");
        }
        assert!(clock.check(at(start + 200), Duration::from_secs(250)).is_ok());
    }

    #[test]
    fn a_machine_without_the_time_may_learn_it_once() {
        let mut clock = Clock::start(at(0), Duration::from_secs(5));
        assert!(clock.check(at(PLAUSIBLE + 86_400), Duration::from_secs(35)).is_ok());
        assert!(clock.check(at(PLAUSIBLE + 400 * 86_400), Duration::from_secs(65)).is_err());
    }
}
