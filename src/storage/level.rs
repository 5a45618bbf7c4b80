//! How full a mount is, as seven levels with hysteresis between them.

use crate::model::storage_ops::Thresholds;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Percentage points below its threshold at which a level is left again.
pub const HYSTERESIS: f64 = 2.0;

/// How full a mount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Below every threshold.
    Normal,
    /// Reported.
    Warning,
    /// Old logs are compressed.
    Compress,
    /// Expendable data is deleted.
    Cleanup,
    /// Named services are stopped.
    Degraded,
    /// New snapshots are refused.
    Emergency,
    /// A person is called.
    Critical,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Self; 7] = [
        Self::Normal,
        Self::Warning,
        Self::Compress,
        Self::Cleanup,
        Self::Degraded,
        Self::Emergency,
        Self::Critical,
    ];

    /// The levels that have a threshold, lowest first, in the order of [`Thresholds::values`].
    pub const RAISED: [Self; 6] =
        [Self::Warning, Self::Compress, Self::Cleanup, Self::Degraded, Self::Emergency, Self::Critical];

    /// The name used on disk and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Warning => "warning",
            Self::Compress => "compress",
            Self::Cleanup => "cleanup",
            Self::Degraded => "degraded",
            Self::Emergency => "emergency",
            Self::Critical => "critical",
        }
    }

    /// The level of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == text)
    }

    /// The level whose threshold `percent` has reached, without memory.
    pub fn of(percent: f64, thresholds: &Thresholds) -> Self {
        Self::RAISED
            .into_iter()
            .zip(thresholds.values())
            .rev()
            .find(|(_, threshold)| percent >= f64::from(*threshold))
            .map_or(Self::Normal, |(level, _)| level)
    }

    /// The level after a sample: rises at the threshold, falls only `hysteresis` points below it.
    pub fn next(previous: Self, percent: f64, thresholds: &Thresholds, hysteresis: f64) -> Self {
        let reached = Self::of(percent, thresholds);
        let held = previous.min(Self::of(percent + hysteresis, thresholds));
        reached.max(held)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scale::Scale;
    use proptest::prelude::*;

    const SINGLE: fn() -> Thresholds = || Thresholds::of(Scale::Single);

    #[test]
    fn a_level_is_entered_at_its_threshold_and_left_two_points_below_it() {
        let next = |previous, percent| Level::next(previous, percent, &SINGLE(), HYSTERESIS);
        assert_eq!(next(Level::Normal, 59.9), Level::Normal);
        assert_eq!(next(Level::Normal, 60.0), Level::Warning);
        assert_eq!(next(Level::Warning, 58.0), Level::Warning);
        assert_eq!(next(Level::Warning, 57.9), Level::Normal);
        assert_eq!(next(Level::Normal, 95.0), Level::Critical);
        assert_eq!(next(Level::Critical, 84.0), Level::Emergency);
        assert_eq!(next(Level::Critical, 0.0), Level::Normal);
    }

    #[test]
    fn every_level_is_reached_at_every_scale() {
        for scale in Scale::ALL {
            let thresholds = Thresholds::of(scale);
            for (level, threshold) in Level::RAISED.into_iter().zip(thresholds.values()) {
                assert_eq!(Level::of(f64::from(threshold), &thresholds), level, "{scale}");
            }
        }
    }

    #[test]
    fn names_are_read_back() {
        for level in Level::ALL {
            assert_eq!(Level::parse(level.name()), Some(level));
        }
        assert_eq!(Level::parse("full"), None);
    }

    proptest! {
        #[test]
        fn the_level_is_never_below_the_threshold_reached_and_never_held_beyond_the_hysteresis(
            samples in prop::collection::vec(0.0f64..=100.0, 1..60),
        ) {
            let mut level = Level::Normal;
            for percent in samples {
                level = Level::next(level, percent, &SINGLE(), HYSTERESIS);
                prop_assert!(level >= Level::of(percent, &SINGLE()));
                prop_assert!(level <= Level::of(percent + HYSTERESIS, &SINGLE()));
                prop_assert_eq!(Level::next(level, percent, &SINGLE(), HYSTERESIS), level);
            }
        }

        #[test]
        fn a_wobble_smaller_than_the_hysteresis_changes_the_level_at_most_once(
            centre in 1.0f64..99.0,
            wobble in prop::collection::vec(-0.99f64..0.99, 1..60),
        ) {
            let mut level = Level::of(centre, &SINGLE());
            let mut changes = 0;
            for step in wobble {
                let next = Level::next(level, centre + step, &SINGLE(), HYSTERESIS);
                changes += usize::from(next != level);
                level = next;
            }
            prop_assert!(changes <= 1, "{} changes", changes);
        }
    }
}
