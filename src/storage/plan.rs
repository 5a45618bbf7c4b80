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
    /// The level that people were told last, since the mount was well, and how long ago.
    pub notified: Option<(Level, Duration)>,
    /// The time between two samples.
    pub interval: Duration,
}

/// The actions that are due now: all of the level and of those below it, lowest first, when a higher
/// level is entered, and every [`REPEAT_INTERVALS`] while a level lasts; when the last pass left work, those
/// that go on with it. What lasts is done on entering only, and people are told once, then at intervals.
pub fn due(actions: &Actions, situation: &Situation) -> Vec<Action> {
    let entered = situation.level > situation.acted;
    let is_over = |since: Duration| since >= situation.interval * REPEAT_INTERVALS;
    let repeated = situation.since_last.is_none_or(is_over);
    let mut all = up_to(actions, situation.level);
    all.retain(|action| match action {
        Action::Notify => match situation.notified {
            Some((told, since)) => situation.level > told || is_over(since),
            None => true,
        },
        action if action.lasts() => entered,
        action if action.sweeps() => entered || repeated || situation.unfinished,
        _ => entered || repeated,
    });
    all
}

/// Whether the mount came below every level at which people are told, and they do not know it yet.
pub fn recovered(actions: &Actions, situation: &Situation) -> bool {
    let lowest = actions.lowest(Action::Notify);
    situation.notified.is_some() && lowest.is_some_and(|lowest| situation.level < lowest)
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
            compress: vec![CompressLogs],
            cleanup: vec![DeleteExpendable, CompressLogs],
            emergency: vec![RefuseSnapshots],
            critical: vec![Notify],
            ..Actions::default()
        }
    }

    fn situation(acted: Level, level: Level, since_last: Option<u64>) -> Situation {
        let interval = Duration::from_secs(30);
        let since_last = since_last.map(Duration::from_secs);
        Situation { acted, level, since_last, unfinished: false, notified: None, interval }
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
        let critical = Situation {
            acted: Level::Critical,
            level: Level::Critical,
            notified: Some((Level::Critical, Duration::from_secs(30))),
            ..unfinished
        };
        assert_eq!(due(&actions(), &critical), [CompressLogs, DeleteExpendable]);
    }

    #[test]
    fn people_are_told_on_entering_then_at_intervals_and_once_when_it_is_over() {
        let at = |level, notified: Option<(Level, u64)>| Situation {
            notified: notified.map(|(told, since)| (told, Duration::from_secs(since))),
            ..situation(Level::Critical, level, Some(30))
        };
        let actions = Actions { degraded: vec![Notify], ..actions() };
        let told = |situation| due(&actions, &situation).contains(&Notify);
        assert!(told(at(Level::Degraded, None)));
        assert!(!told(at(Level::Degraded, Some((Level::Degraded, 299)))));
        assert!(told(at(Level::Degraded, Some((Level::Degraded, 300)))));
        assert!(told(at(Level::Emergency, Some((Level::Degraded, 30)))));
        assert!(!told(at(Level::Degraded, Some((Level::Emergency, 30)))));
        assert!(!recovered(&actions, &at(Level::Degraded, Some((Level::Degraded, 30)))));
        assert!(recovered(&actions, &at(Level::Cleanup, Some((Level::Degraded, 30)))));
        assert!(!recovered(&actions, &at(Level::Normal, None)));
    }

    #[test]
    fn what_lasts_is_done_on_entering_only() {
        let actions = Actions { compress: vec![Action::StopServices], ..Actions::default() };
        assert_eq!(due(&actions, &situation(Level::Warning, Level::Compress, None)), [Action::StopServices]);
        assert_eq!(due(&actions, &situation(Level::Compress, Level::Compress, None)), []);
    }
}
