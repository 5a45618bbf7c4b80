//! Whether and when a service that ended is started again. Pure.

use super::unit::{Restart, Unit};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The longest wait between two starts, unless the unit asks for a longer one itself.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself with this status.
    Status(i32),
    /// By a signal.
    Signal(i32),
    /// It was silent for longer than its watchdog allows.
    Watchdog,
    /// It was not ready in time.
    StartTimeout,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it ended with status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal} ended it"),
            Self::Watchdog => f.write_str("it was silent for longer than WatchdogSec allows"),
            Self::StartTimeout => f.write_str("it was not ready within TimeoutStartSec"),
        }
    }
}

impl End {
    /// SIGHUP, SIGINT, SIGPIPE and SIGTERM are clean ends, as for systemd.
    pub(super) fn is_clean(self) -> bool {
        matches!(self, Self::Status(0) | Self::Signal(1 | 2 | 13 | 15))
    }
}

/// What to do after an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Start it again after this time.
    After(Duration),
    /// It ended well and stays ended.
    Rest,
    /// It failed and stays ended.
    GiveUp,
    /// It was started too often.
    TooOften,
}

/// The starts of one service so far.
#[derive(Debug, Default)]
pub(super) struct History {
    starts: VecDeque<Instant>,
    /// Failures since it was last up for longer than the longest delay.
    in_a_row: u32,
}

impl History {
    /// Notes a start.
    pub(super) fn started(&mut self, now: Instant) {
        self.starts.push_back(now);
    }

    /// Decides after an end; the delay doubles with each start that did not last.
    pub(super) fn ended(&mut self, unit: &Unit, end: End, now: Instant) -> Next {
        let wanted = match unit.restart {
            Restart::No => false,
            Restart::Always => true,
            Restart::OnSuccess => end.is_clean(),
            Restart::OnFailure => !end.is_clean(),
            Restart::OnAbnormal => !end.is_clean() && !matches!(end, End::Status(_)),
            Restart::OnWatchdog => end == End::Watchdog,
        };
        if !wanted {
            return if end.is_clean() { Next::Rest } else { Next::GiveUp };
        }
        let lasted = self.starts.back().map_or(Duration::ZERO, |start| now.duration_since(*start));
        self.in_a_row = if lasted > LONGEST_DELAY { 0 } else { self.in_a_row.saturating_add(1) };
        let factor = 1_u32 << self.in_a_row.saturating_sub(1).min(16);
        let delay = unit.restart_delay.saturating_mul(factor).min(LONGEST_DELAY.max(unit.restart_delay));
        // The limit is on starts within the interval, seen from when the next one would be.
        let next = now + delay;
        while self.starts.front().is_some_and(|start| next.duration_since(*start) > unit.start_limit_interval)
        {
            self.starts.pop_front();
        }
        let limit = usize::try_from(unit.start_limit_burst).unwrap_or(usize::MAX);
        if limit > 0 && self.starts.len() >= limit { Next::TooOften } else { Next::After(delay) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(restart: Restart, delay: u64) -> Unit {
        Unit { restart, restart_delay: Duration::from_millis(delay), ..Unit::default() }
    }

    #[test]
    fn the_delay_doubles_up_to_a_cap_and_starts_over_after_a_long_run() {
        let unit = unit(Restart::OnFailure, 4000);
        let (mut history, mut now) = (History::default(), Instant::now());
        let mut delays = Vec::new();
        for _ in 0..5 {
            history.started(now);
            now += Duration::from_secs(1);
            let Next::After(delay) = history.ended(&unit, End::Status(1), now) else { panic!("restart") };
            delays.push(delay.as_secs());
            now += delay;
        }
        assert_eq!(delays, [4, 8, 16, 30, 30]);
        history.started(now);
        let after = history.ended(&unit, End::Status(1), now + Duration::from_secs(31));
        assert_eq!(after, Next::After(Duration::from_secs(4)));
    }

    #[test]
    fn too_many_starts_in_the_interval_end_it() {
        let unit = unit(Restart::Always, 1);
        let (mut history, now) = (History::default(), Instant::now());
        let ends: Vec<Next> = (0..5)
            .map(|_| {
                history.started(now);
                history.ended(&unit, End::Status(0), now)
            })
            .collect();
        assert!(ends[..4].iter().all(|next| matches!(next, Next::After(_))), "{ends:?}");
        assert_eq!(ends[4], Next::TooOften);
    }

    #[test]
    fn each_policy_restarts_what_it_says() {
        let ends = [End::Status(0), End::Signal(15), End::Status(1), End::Signal(9), End::Watchdog];
        let restarted = |restart| {
            let again = |end| {
                matches!(History::default().ended(&unit(restart, 1), end, Instant::now()), Next::After(_))
            };
            ends.map(again)
        };
        assert_eq!(restarted(Restart::No), [false; 5]);
        assert_eq!(restarted(Restart::Always), [true; 5]);
        assert_eq!(restarted(Restart::OnSuccess), [true, true, false, false, false]);
        assert_eq!(restarted(Restart::OnFailure), [false, false, true, true, true]);
        assert_eq!(restarted(Restart::OnAbnormal), [false, false, false, true, true]);
        assert_eq!(restarted(Restart::OnWatchdog), [false, false, false, false, true]);
        let rest = History::default().ended(&unit(Restart::No, 1), End::Status(0), Instant::now());
        assert_eq!(rest, Next::Rest);
        let failed =
            History::default().ended(&unit(Restart::OnWatchdog, 1), End::StartTimeout, Instant::now());
        assert_eq!(failed, Next::GiveUp);
    }
}
