//! What is to be done about a level: once on entering it, then again at intervals.

use crate::storage::config::{Action, Actions};
use crate::storage::level::Level;
use std::time::Duration;

/// Intervals of sampling between two repetitions of a level's actions.
pub const REPEAT_INTERVALS: u32 = 10;

/// What is known of a mount when its next actions are planned.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    /// The level at which it was last acted, or a lower one that it fell to since.
    pub acted: Level,
    /// The level now.
    pub level: Level,
    /// How long ago actions were last started for this mount.
    pub since_last: Option<Duration>,
    /// Whether the last pass ended at its budget, with work left.
    pub unfinished: bool,
    /// The time between two samples.
    pub interval: Duration,
}

/// The actions that are due now: all of the level and of those below it, lowest first, when a higher
/// level is entered, when the last pass left work, and every [`REPEAT_INTERVALS`] while a level lasts.
pub fn due(actions: &Actions, situation: &Situation) -> Vec<Action> {
    let entered = situation.level > situation.acted;
    let repeated = situation.since_last.is_none_or(|since| since >= situation.interval * REPEAT_INTERVALS);
    if entered || situation.unfinished || repeated {
        return up_to(actions, situation.level);
    }
    Vec::new()
}

/// The actions of a level and of those below it, lowest first, each once.
pub fn up_to(actions: &Actions, level: Level) -> Vec<Action> {
    let mut all = Vec::new();
    for action in Level::ALL.into_iter().filter(|lower| *lower <= level).flat_map(|lower| actions.at(lower)) {
        if !all.contains(action) {
            all.push(*action);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{CompressLogs, DeleteExpendable, Notify, RefuseSnapshots};

    fn actions() -> Actions {
        Actions {
            warning: Vec::new(),
            compress: vec![CompressLogs],
            cleanup: vec![DeleteExpendable, CompressLogs],
            degraded: Vec::new(),
            emergency: vec![RefuseSnapshots],
            critical: vec![Notify],
        }
    }

    fn situation(acted: Level, level: Level, since_last: Option<u64>) -> Situation {
        let interval = Duration::from_secs(30);
        let since_last = since_last.map(Duration::from_secs);
        Situation { acted, level, since_last, unfinished: false, interval }
    }

    #[test]
    fn entering_a_level_does_what_every_lower_level_does_too_each_once() {
        let plan = |level| due(&actions(), &situation(Level::Normal, level, Some(1)));
        assert_eq!(plan(Level::Normal), []);
        assert_eq!(plan(Level::Warning), []);
        assert_eq!(plan(Level::Compress), [CompressLogs]);
        assert_eq!(plan(Level::Cleanup), [CompressLogs, DeleteExpendable]);
        assert_eq!(plan(Level::Critical), [CompressLogs, DeleteExpendable, RefuseSnapshots, Notify]);
    }

    #[test]
    fn a_level_that_lasts_repeats_its_actions_by_interval_and_not_at_every_sample() {
        let stay = |since| due(&actions(), &situation(Level::Compress, Level::Compress, Some(since)));
        assert_eq!(stay(30), []);
        assert_eq!(stay(299), []);
        assert_eq!(stay(300), [CompressLogs]);
    }

    #[test]
    fn falling_acts_no_sooner_than_staying() {
        assert_eq!(due(&actions(), &situation(Level::Cleanup, Level::Compress, Some(30))), []);
        assert_eq!(due(&actions(), &situation(Level::Cleanup, Level::Normal, Some(300))), []);
    }

    #[test]
    fn a_pass_that_ended_at_its_budget_goes_on_at_the_next_sample() {
        let unfinished =
            Situation { unfinished: true, ..situation(Level::Compress, Level::Compress, Some(30)) };
        assert_eq!(due(&actions(), &unfinished), [CompressLogs]);
    }
}
