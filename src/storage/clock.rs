//! Tells a wall clock that jumped, so that nothing is taken for old that is not.
//!
//! The wall clock is compared with time since boot, from a reading at which it was taken for right. That reading
//! outlives the monitor; from one boot to the next only the last time at which the node was up is known.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The version of a reading on disk: `run/eos/storage-clock.json` and `var/lib/eos/log/storage-clock.json`.
pub const VERSION: u32 = 1;
/// A wall clock may go this much another way than time before it counts as a jump.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(1);
/// A node that was off for longer than this, by its clock, is as likely one whose clock is wrong, whoever sets it.
const ABSENCE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// 2025-01-01: a machine whose clock shows less has not learnt the time yet, and may jump once.
const PLAUSIBLE: i64 = 1_735_689_600;

/// What the clocks of a machine showed at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The version of the format: 1.
    pub version: u32,
    /// The wall clock.
    pub wall: Timestamp,
    /// Milliseconds since boot.
    pub since_boot_ms: u64,
    /// The boot that is counted from; empty where the kernel does not name it.
    pub boot_id: String,
}

impl Reading {
    /// What the clocks show.
    pub fn new(wall: Timestamp, since_boot: Duration, boot_id: String) -> Self {
        let since_boot_ms = u64::try_from(since_boot.as_millis()).unwrap_or(u64::MAX);
        Self { version: VERSION, wall, since_boot_ms, boot_id }
    }

    /// Reads a file's content; none when it is of another form or version.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|reading: &Self| reading.version == VERSION)
    }
}

/// What is known of the clock of this boot.
#[derive(Debug, Clone)]
pub struct Clock {
    /// When it was taken for right.
    start: Reading,
    /// Whether a person took it for right then.
    accepted: bool,
    /// Whether it was synchronised while it showed for how long the node was off.
    believed: bool,
    /// When an earlier boot was last up.
    last_seen: Option<Timestamp>,
}

impl Clock {
    /// Goes on from the latest of the readings that are of this boot, else from now.
    pub fn new(
        now: Reading,
        known: &[Reading],
        accepted: Option<&Reading>,
        last_seen: Option<&Reading>,
    ) -> Self {
        let of_this_boot = |reading: &&Reading| reading.boot_id == now.boot_id;
        let before = last_seen.filter(|reading| !of_this_boot(reading)).map(|reading| reading.wall);
        let latest = known.iter().chain(last_seen).filter(of_this_boot).max_by_key(|it| it.since_boot_ms);
        let mut clock = Self {
            start: latest.cloned().unwrap_or(now),
            accepted: false,
            believed: false,
            last_seen: before,
        };
        if let Some(accepted) = accepted {
            clock.accept(accepted);
        }
        clock
    }

    /// Takes it for right as it was when a person said so, unless that was in another boot or is known.
    pub fn accept(&mut self, reading: &Reading) {
        if reading.boot_id == self.start.boot_id && reading.since_boot_ms >= self.start.since_boot_ms {
            (self.start, self.accepted) = (reading.clone(), true);
        }
    }

    /// When it was taken for right.
    pub fn start(&self) -> &Reading {
        &self.start
    }

    /// Whether it may be taken for right now; if not, by how many seconds it is away from where it should be.
    /// `synchronised` is asked only after a boot by whose clock the node was off for longer than the tolerance.
    ///
    /// # Errors
    /// While the wall clock is more than an hour away from where time since the start puts it, or shows that the node
    /// was off for longer than that while nobody synchronises it, or for more than a month.
    pub fn check(&mut self, now: &Reading, synchronised: impl FnOnce() -> bool) -> Result<(), i64> {
        let has_not_learnt = self.start.wall.as_second() < PLAUSIBLE
            || self.last_seen.is_some_and(|seen| self.start.wall < seen);
        if !self.accepted && (has_not_learnt || self.absence().is_some()) {
            self.start = now.clone();
            let Some(absence) = self.absence() else { return Ok(()) };
            self.believed = absence <= ABSENCE && synchronised();
            return if self.believed { Ok(()) } else { Err(absence.as_secs()) };
        }
        let passed = now.since_boot_ms.saturating_sub(self.start.since_boot_ms);
        let passed = SignedDuration::from_millis(i64::try_from(passed).unwrap_or(i64::MAX));
        let jump = now.wall.duration_since(self.start.wall).saturating_sub(passed);
        if jump.abs() <= TOLERANCE { Ok(()) } else { Err(jump.as_secs()) }
    }

    /// For how long the node was off by its clock, when that is not to be believed as it is.
    fn absence(&self) -> Option<SignedDuration> {
        let absence = self.last_seen.map(|seen| self.start.wall.duration_since(seen));
        absence.filter(|absence| *absence > TOLERANCE && !self.believed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const START: i64 = PLAUSIBLE + 1000;
    const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/v1/storage-ops/clock.json");

    fn at(wall: i64, since_boot: u64, boot: &str) -> Reading {
        let wall = Timestamp::from_second(wall).expect("a time of this century");
        Reading::new(wall, Duration::from_secs(since_boot), boot.to_owned())
    }

    fn started(now: Reading) -> Clock {
        Clock::new(now, &[], None, None)
    }

    #[test]
    fn the_first_version_is_read_and_written_back() -> anyhow::Result<()> {
        let reading = Reading::parse(FIXTURE).ok_or_else(|| anyhow::anyhow!("unreadable"))?;
        assert_eq!(Reading::parse(&serde_json::to_vec(&reading)?), Some(reading));
        assert_eq!(Reading::parse(br#"{"version":2}"#), None);
        Ok(())
    }

    #[test]
    fn a_jump_is_told_until_the_clock_is_right_again() {
        let mut clock = started(at(START, 50, "a"));
        assert_eq!(clock.check(&at(START + 7200, 7250, "a"), || true), Ok(()));
        assert_eq!(clock.check(&at(START + 3700, 150, "a"), || true), Ok(()));
        for jump in [400 * DAY, -400 * DAY] {
            assert_eq!(clock.check(&at(START + 100 + jump, 150, "a"), || true), Err(jump));
        }
        assert_eq!(clock.check(&at(START + 200, 250, "a"), || true), Ok(()));
    }

    #[test]
    fn a_machine_without_the_time_may_learn_it_once() {
        let mut clock = started(at(0, 5, "a"));
        assert_eq!(clock.check(&at(PLAUSIBLE + DAY, 35, "a"), || true), Ok(()));
        assert_eq!(clock.check(&at(PLAUSIBLE + 400 * DAY, 65, "a"), || true), Err(399 * DAY - 30));
    }

    #[test]
    fn a_jump_is_known_to_the_next_monitor_until_a_person_takes_it_for_right() {
        let (right, jumped) = (at(START, 50, "a"), at(START + 400 * DAY, 100, "a"));
        let known = [right.clone(), at(START + 900 * DAY, 9, "b")];
        let mut next = Clock::new(jumped.clone(), &known, None, None);
        assert_eq!((next.check(&jumped, || true), next.start()), (Err(400 * DAY - 50), &right));
        next.accept(&at(START + 400 * DAY, 40, "a"));
        assert!(next.check(&jumped, || true).is_err(), "what was accepted before the last start is no news");
        next.accept(&at(START + 400 * DAY, 100, "b"));
        assert!(next.check(&jumped, || true).is_err(), "nor is what was accepted in another boot");
        next.accept(&jumped);
        assert_eq!(next.check(&at(START + 400 * DAY + 60, 160, "a"), || true), Ok(()));
        let mut after = Clock::new(jumped.clone(), &known, Some(&jumped), None);
        assert_eq!(after.check(&jumped, || true), Ok(()), "and the monitor after that knows it");
    }

    #[test]
    fn a_boot_with_a_clock_far_ahead_is_told_until_it_is_right_or_accepted() {
        let seen = at(START, 5000, "a");
        let ahead = at(START + 365 * DAY, 10, "b");
        let mut clock = Clock::new(ahead.clone(), &[], None, Some(&seen));
        assert_eq!(clock.check(&ahead, || true), Err(365 * DAY));
        let mut restarted =
            Clock::new(at(START + 365 * DAY, 30, "b"), std::slice::from_ref(&ahead), None, Some(&seen));
        assert_eq!(
            restarted.check(&at(START + 365 * DAY, 30, "b"), || true),
            Err(365 * DAY),
            "by a later monitor too"
        );
        assert_eq!(clock.check(&at(START + 2 * DAY, 60, "b"), || true), Ok(()), "it was set right");
        assert!(clock.check(&at(START + 9 * DAY, 70, "b"), || true).is_err(), "from there on a jump is one");
        assert_eq!(Clock::new(ahead.clone(), &[], Some(&ahead), Some(&seen)).check(&ahead, || true), Ok(()));
        let week = at(START + 7 * DAY, 10, "b");
        assert_eq!(
            Clock::new(week.clone(), &[], None, Some(&seen)).check(&week, || true),
            Ok(()),
            "it was off"
        );
    }

    #[test]
    fn a_boot_with_a_clock_behind_the_last_one_may_learn_the_time_once() {
        let seen = at(START + 10 * DAY, 5000, "a");
        let mut clock = Clock::new(at(START, 10, "b"), &[], None, Some(&seen));
        assert_eq!(clock.check(&at(START + 30, 40, "b"), || true), Ok(()));
        assert_eq!(clock.check(&at(START + 11 * DAY, 70, "b"), || true), Ok(()));
        assert!(clock.check(&at(START + 12 * DAY, 100, "b"), || true).is_err());
        let mut far = Clock::new(at(START, 10, "b"), &[], None, Some(&seen));
        assert!(
            far.check(&at(START + 400 * DAY, 40, "b"), || true).is_err(),
            "but not one that is not to be believed"
        );
    }

    #[test]
    fn after_a_boot_an_absence_is_believed_only_of_a_clock_that_is_synchronised() {
        let seen = at(START, 5000, "a");
        let off = |seconds| {
            let now = at(START + seconds, 10, "b");
            (Clock::new(now.clone(), &[], None, Some(&seen)), now)
        };
        let (mut weeks, now) = off(14 * DAY);
        assert_eq!(weeks.check(&now, || false), Err(14 * DAY));
        assert_eq!(weeks.check(&at(START + 14 * DAY + 60, 70, "b"), || false), Err(14 * DAY + 60));
        assert_eq!(weeks.check(&at(START + 14 * DAY + 90, 100, "b"), || true), Ok(()), "without a person");
        let later = at(START + 14 * DAY + 3690, 3700, "b");
        assert_eq!(weeks.check(&later, || false), Ok(()), "it was right once, and time has passed since");
        assert!(weeks.check(&at(START + 20 * DAY, 3800, "b"), || true).is_err(), "a jump is one");

        let (mut set_back, now) = off(14 * DAY);
        assert!(set_back.check(&now, || false).is_err());
        assert_eq!(set_back.check(&at(START + 600, 40, "b"), || false), Ok(()), "it was off for ten minutes");
        let (mut short, now) = off(3600);
        assert_eq!(short.check(&now, || unreachable!("nobody has to ask")), Ok(()));
        let (mut behind, now) = off(-DAY);
        assert_eq!(behind.check(&now, || false), Ok(()), "nothing is older by it than it is");
        assert_eq!(behind.check(&at(START + DAY, 70, "b"), || false), Err(DAY));
        let (mut month, now) = off(31 * DAY);
        assert_eq!(month.check(&now, || true), Err(31 * DAY), "whoever says so");
        let now = at(START + 14 * DAY, 10, "b");
        let mut accepted = Clock::new(now.clone(), &[], Some(&now), Some(&seen));
        assert_eq!(accepted.check(&now, || false), Ok(()), "a person takes it for right");
    }
}
