//! When captures that died are dealt with: at once when they are found, and ever later when that is of no avail.

use std::time::{Duration, Instant};

/// The first pause after an attempt; each is twice as long as the one before.
const FIRST: Duration = Duration::from_secs(2);

/// The longest pause: a hook that fails for hours holds writers off for so long after it could do its work again.
const LONGEST: Duration = Duration::from_secs(60);

/// What was tried, and when it is tried again.
#[derive(Debug, Default)]
pub(super) struct Patience {
    tried: Vec<String>,
    next: Option<(Instant, Duration)>,
}

impl Patience {
    /// Whether it is time to deal with these; then the next time is later.
    pub(super) fn is_over(&mut self, dead: &[String], now: Instant) -> bool {
        if dead.is_empty() {
            *self = Self::default();
            return false;
        }
        let is_known = dead.iter().all(|one| self.tried.contains(one));
        let pause = match self.next {
            Some((next, _)) if is_known && now < next => return false,
            Some((_, pause)) if is_known => (pause * 2).min(LONGEST),
            _ => FIRST,
        };
        self.tried = dead.to_vec();
        self.next = Some((now + pause, pause));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_dealt_with_at_once_and_what_stays_ever_later() {
        let (mut patience, begin) = (Patience::default(), Instant::now());
        let dead = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut over =
            |names: &[&str], second| patience.is_over(&dead(names), begin + Duration::from_secs(second));
        assert!(!over(&[], 0));
        let times: Vec<u64> = (1..200).filter(|second| over(&["metrics"], *second)).collect();
        assert_eq!(times, [1, 3, 7, 15, 31, 63, 123, 183]);
        assert!(over(&["app", "metrics"], 200), "another one died");
        assert!(!over(&["metrics"], 201) && over(&["metrics"], 202));
        assert!(!over(&[], 203));
        assert!(over(&["metrics"], 204), "it died again");
    }
}
