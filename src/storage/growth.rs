//! How fast a mount fills, in bytes and in inodes, from a bounded history of samples.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// Samples that a history keeps.
pub const CAPACITY: usize = 120;
/// A forecast needs at least so many samples: two always lie on a line.
const FEWEST: usize = 3;
/// Beyond this a forecast says nothing: ten years.
const HORIZON: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What is in use at one time of a clock that never jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Since an arbitrary, fixed start.
    pub at: Duration,
    /// Bytes in use.
    pub used: u64,
    /// Inodes in use.
    pub inodes: u64,
}

/// What a file system can run out of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Room for data.
    #[default]
    Bytes,
    /// Room for names: each file takes one, however small.
    Inodes,
}

impl Resource {
    /// The word for people and for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Inodes => "inodes",
        }
    }
}

/// The last [`CAPACITY`] samples of one mount.
#[derive(Debug, Clone, Default)]
pub struct History {
    samples: VecDeque<Sample>,
}

impl History {
    /// Adds a sample and forgets the oldest when there are too many; one that is not newer than the
    /// newest is not added.
    pub fn push(&mut self, sample: Sample) {
        if self.samples.back().is_some_and(|newest| newest.at >= sample.at) {
            return;
        }
        if self.samples.len() == CAPACITY {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// How many samples it holds.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether it holds no sample.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Bytes, or inodes, per second by least squares; negative when the mount empties; nothing with less
    /// than three samples.
    pub fn growth(&self, of: Resource) -> Option<f64> {
        let value = |sample: &Sample| match of {
            Resource::Bytes => sample.used as f64,
            Resource::Inodes => sample.inodes as f64,
        };
        let first = self.samples.front().filter(|_| self.samples.len() >= FEWEST)?;
        let count = self.samples.len() as f64;
        // Differences from the first sample keep the sums small enough for exact arithmetic.
        let points = || {
            self.samples
                .iter()
                .map(|sample| ((sample.at - first.at).as_secs_f64(), value(sample) - value(first)))
        };
        let (time, grown) = points().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        let (mean_time, mean_grown) = (time / count, grown / count);
        let (above, below) = points().fold((0.0, 0.0), |sum, (time, grown)| {
            let distance = time - mean_time;
            (sum.0 + distance * (grown - mean_grown), sum.1 + distance * distance)
        });
        (below > 0.0).then(|| above / below)
    }

    /// When so many bytes, or inodes, will be used up at the present growth; nothing when they do not become
    /// fewer, or would last for more than ten years.
    pub fn time_to_full(&self, of: Resource, available: u64) -> Option<Duration> {
        let growth = self.growth(of).filter(|growth| *growth > 0.0)?;
        let seconds = available as f64 / growth;
        (seconds < HORIZON.as_secs_f64()).then(|| Duration::from_secs_f64(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(samples: impl IntoIterator<Item = (u64, u64)>) -> History {
        let mut history = History::default();
        for (at, used) in samples {
            history.push(Sample { at: Duration::from_secs(at), used, inodes: used / 10 });
        }
        history
    }

    #[test]
    fn a_steady_growth_is_measured_and_forecast() {
        let history = history((0..10).map(|n| (n * 30, 5_000_000_000_000 + n * 3000)));
        assert_eq!(history.growth(Resource::Bytes), Some(100.0));
        assert_eq!(history.time_to_full(Resource::Bytes, 6000), Some(Duration::from_secs(60)));
        assert_eq!(history.growth(Resource::Inodes), Some(10.0));
        assert_eq!(history.time_to_full(Resource::Inodes, 6000), Some(Duration::from_secs(600)));
    }

    #[test]
    fn noise_around_a_line_does_not_hide_it() {
        let history = history((0..100).map(|n| (n, 10_000 + n * 50 + (n % 2) * 40)));
        let growth = history.growth(Resource::Bytes).expect("100 samples");
        assert!((growth - 50.0).abs() < 0.1, "{growth}");
    }

    #[test]
    fn nothing_is_forecast_from_two_samples_or_a_shrinking_mount() {
        assert_eq!(history([(0, 0), (1, 100)]).growth(Resource::Bytes), None);
        let shrinking = history([(0, 300), (1, 200), (2, 100)]);
        assert_eq!(shrinking.growth(Resource::Bytes), Some(-100.0));
        assert_eq!(shrinking.time_to_full(Resource::Bytes, 1000), None);
        assert_eq!(
            history([(0, 0), (86_400, 1), (172_800, 2)]).time_to_full(Resource::Bytes, u64::MAX),
            None
        );
    }

    #[test]
    fn the_history_is_bounded_and_ignores_a_sample_that_is_not_newer() {
        let mut history = history((0..500).map(|n| (n, n)));
        assert_eq!(history.len(), CAPACITY);
        history.push(Sample { at: Duration::from_secs(499), used: 7, inodes: 7 });
        assert_eq!(history.len(), CAPACITY);
        assert_eq!(history.growth(Resource::Bytes), Some(1.0));
    }
}
