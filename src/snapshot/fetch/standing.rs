//! How a source has behaved so far: when it is asked again, and whether it is asked at all (pure).

use super::{FetchError, Patience, SourceError};
use crate::model::digest::Digest;
use crate::snapshot::manifest::ManifestError;
use std::time::{Duration, Instant};

/// Wrong frames after which a source is not asked any more: one may have been damaged on the way.
const WRONG: u32 = 2;

/// For how long a source is asked again that has no place; the caller may give up sooner.
const FULL: Duration = Duration::from_secs(900);

/// What is known of one source.
#[derive(Debug)]
pub(super) struct Standing {
    name: String,
    failures: u32,
    wrong: u32,
    since: Option<Instant>,
    /// Until when it is left alone.
    pub(super) pause: Option<Instant>,
    /// Why it is not asked any more.
    pub(super) dropped: bool,
    /// Bytes that it delivered, wrong ones and those of unfinished frames included.
    pub(super) received: u64,
}

/// A wait for a source that failed, to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) cause: String,
    pub(super) elapsed: Duration,
    /// How long all waits last together.
    pub(super) all: Duration,
    pub(super) next: Duration,
}

impl Standing {
    pub(super) fn new(name: &str) -> Self {
        let name = name.to_owned();
        Self { name, failures: 0, wrong: 0, since: None, pause: None, dropped: false, received: 0 }
    }

    /// Whether it is left alone for a while.
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.pause.is_some_and(|pause| now < pause)
    }

    /// It delivered a right frame, or its manifest.
    pub(super) fn delivered(&mut self) {
        (self.failures, self.since) = (0, None);
    }

    /// It failed; the wait before it is asked again, or why it is not.
    pub(super) fn failed(
        &mut self,
        error: SourceError,
        patience: &Patience,
        now: Instant,
    ) -> Result<Option<Pause>, FetchError> {
        let name = self.name.clone();
        if !error.retry {
            self.dropped = true;
            return Err(FetchError::Refused { name, source: error });
        }
        // Connections that fail together are one failure.
        if self.is_paused(now) {
            return Ok(None);
        }
        let since = *self.since.get_or_insert(now);
        if let Some(next) = error.again.filter(|_| now - since < FULL) {
            self.pause = Some(now + next);
            let cause = format!("{name}: {error}");
            return Ok(Some(Pause { cause, elapsed: now - since, all: FULL, next }));
        }
        self.failures += 1;
        if self.failures >= patience.failures {
            self.dropped = true;
            return Err(FetchError::Unreachable { name, failures: self.failures, source: error });
        }
        let delay = |failure: u32| {
            patience.first.saturating_mul(2u32.saturating_pow(failure - 1)).min(patience.longest)
        };
        let next = delay(self.failures);
        self.pause = Some(now + next);
        let all = (1..patience.failures).map(delay).sum();
        Ok(Some(Pause { cause: format!("{name}: {error}"), elapsed: now - since, all, next }))
    }

    /// It sent a manifest that is not the wanted one, or that nobody of the cluster signed.
    pub(super) fn is_refused(&mut self, source: ManifestError) -> FetchError {
        self.dropped = true;
        FetchError::Manifest { name: self.name.clone(), source }
    }

    /// It delivered wrong bytes; why it is not asked any more, if it did before.
    pub(super) fn lied(&mut self, part: Digest, frame: usize) -> Result<(), FetchError> {
        self.wrong += 1;
        if self.wrong < WRONG {
            return Ok(());
        }
        self.dropped = true;
        Err(FetchError::Corrupt { name: self.name.clone(), part, frame })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_connections_that_fail_together_count_once() {
        let patience =
            Patience { failures: 4, first: Duration::from_secs(1), longest: Duration::from_secs(3) };
        let (mut standing, start) = (Standing::new("a"), Instant::now());
        let mut fail = |seconds: u64| {
            standing.failed(SourceError::passing("reset"), &patience, start + Duration::from_secs(seconds))
        };
        let first = fail(0).expect("it is asked again").expect("a wait");
        assert_eq!((first.cause.as_str(), first.next.as_secs(), first.all.as_secs()), ("a: reset", 1, 6));
        assert_eq!(fail(0).expect("it is asked again"), None);
        assert_eq!(fail(1).expect("it is asked again").expect("a wait").next.as_secs(), 2);
        let third = fail(3).expect("it is asked again").expect("a wait");
        assert_eq!((third.next.as_secs(), third.elapsed.as_secs()), (3, 3));
        let error = fail(6).expect_err("patience is over");
        assert_eq!(error.to_string(), "a failed 4 times in a row without delivering anything");
        assert!(standing.dropped);
    }

    #[test]
    fn a_source_that_serves_others_is_asked_again_when_it_says_and_has_not_failed() {
        let patience = Patience { failures: 2, ..Patience::default() };
        let (mut standing, start) = (Standing::new("a"), Instant::now());
        let mut full = |seconds: u64| {
            let error = SourceError::busy("full", Duration::from_secs(2));
            standing.failed(error, &patience, start + Duration::from_secs(seconds))
        };
        for seconds in [0, 2, 4, 600] {
            let wait = full(seconds).expect("it is asked again").expect("a wait");
            assert_eq!((wait.next.as_secs(), wait.elapsed.as_secs()), (2, seconds));
        }
        full(FULL.as_secs()).expect("one failure");
        full(FULL.as_secs() + 60).expect_err("that is enough");
    }

    #[test]
    fn one_wrong_frame_is_forgiven_and_the_second_is_not() {
        let mut standing = Standing::new("a");
        standing.lied(Digest::of(b""), 3).expect("it may have been damaged on the way");
        standing.lied(Digest::of(b""), 7).expect_err("it lies");
        assert!(standing.dropped);
    }
}
