//! On what terms calls are made: until when they may last, what stops them, and who is told while they do.

use crate::model::progress::{Silent, Sink, Wait};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a call looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(50);

/// The terms of a caller; [`Terms::default`] sets no limits of its own and tells nobody.
#[derive(Clone)]
pub struct Terms {
    sink: Arc<dyn Sink>,
    since: Option<Instant>,
    until: Option<Instant>,
    stop: Option<Arc<AtomicBool>>,
}

impl Terms {
    /// Calls of a command that gives up then, and tells this sink what it waits for.
    pub fn until(sink: Arc<dyn Sink>, until: Instant) -> Self {
        Self { sink, since: None, until: Some(until), stop: None }
    }

    /// Calls without a common end, of which this sink is told.
    pub fn telling(sink: Arc<dyn Sink>) -> Self {
        Self { sink, ..Self::default() }
    }

    /// One call of several that wait for the same since then.
    #[must_use]
    pub fn since(self, began: Instant) -> Self {
        Self { since: Some(began), ..self }
    }

    /// Calls are cut short as soon as this is set.
    #[must_use]
    pub fn stopped_by(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop: Some(stop), ..self }
    }

    /// Waits for the call for so long at most.
    ///
    /// # Errors
    /// With the time for which it was waited for in vain.
    pub(crate) async fn hold<T>(
        &self,
        cause: String,
        most: Duration,
        call: impl Future<Output = T>,
    ) -> Result<T, Duration> {
        let began = Instant::now();
        let limit = self.until.map_or(most, |until| most.min(until.saturating_duration_since(began)));
        let retry = began + limit;
        let until = self.until.unwrap_or(retry);
        let _expected = Expected::new(
            self.sink.as_ref(),
            Wait { cause, began: self.since.unwrap_or(began), until, retry },
        );
        let call = async {
            tokio::select! {
                biased;
                answer = call => Some(answer),
                () = self.stopped() => None,
            }
        };
        tokio::time::timeout(limit, call).await.ok().flatten().ok_or_else(|| began.elapsed())
    }

    /// As `hold`, for a caller that waits itself: `step` waits for a little while and says whether it came.
    ///
    /// # Errors
    /// With the time for which it was waited for in vain.
    pub(crate) fn hold_here<T>(
        &self,
        cause: impl FnOnce() -> String,
        most: Duration,
        mut step: impl FnMut() -> Option<T>,
    ) -> Result<T, Duration> {
        // Mostly it comes at once, and nobody is to be told.
        let began = Instant::now();
        if let Some(come) = step() {
            return Ok(come);
        }
        let limit = self.until.map_or(most, |until| most.min(until.saturating_duration_since(began)));
        let retry = began + limit;
        let until = self.until.unwrap_or(retry);
        let wait = Wait { cause: cause(), began: self.since.unwrap_or(began), until, retry };
        let _expected = Expected::new(self.sink.as_ref(), wait);
        let stopped = || self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed));
        while Instant::now() < retry && !stopped() {
            if let Some(come) = step() {
                return Ok(come);
            }
        }
        Err(began.elapsed())
    }

    async fn stopped(&self) {
        let Some(stop) = &self.stop else { return std::future::pending().await };
        let mut looks = tokio::time::interval(LOOK);
        while !stop.load(Ordering::Relaxed) {
            looks.tick().await;
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self { sink: Arc::new(Silent), since: None, until: None, stop: None }
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("since", &self.since)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Takes back what is waited for, also when the call is dropped.
struct Expected<'a>(&'a dyn Sink);

impl<'a> Expected<'a> {
    fn new(sink: &'a dyn Sink, wait: Wait) -> Self {
        sink.expect(Some(wait));
        Self(sink)
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.0.expect(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::progress::Event;
    use std::sync::{Mutex, PoisonError};

    #[derive(Default)]
    struct Told(Mutex<Vec<Option<Wait>>>);

    impl Sink for Told {
        fn emit(&self, _event: Event) {}

        fn expect(&self, wait: Option<Wait>) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(wait);
        }
    }

    #[tokio::test]
    async fn a_call_ends_with_the_time_that_is_left_and_is_told_while_it_lasts() {
        let told = Arc::new(Told::default());
        let (began, until) = (Instant::now(), Instant::now() + Duration::from_millis(20));
        let terms = Terms::until(told.clone(), until).since(began);
        let answer = terms.hold("x".to_owned(), Duration::from_secs(60), std::future::pending::<()>()).await;
        let waited = answer.expect_err("it never comes");
        assert!(waited < Duration::from_secs(30), "{waited:?}");
        let told = told.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = told[0].as_ref().expect("a wait");
        assert_eq!((wait.cause.as_str(), wait.began, wait.until), ("x", began, until));
        assert_eq!(told[1..], [None]);
    }

    #[tokio::test]
    async fn a_call_is_cut_short_by_an_interrupt_and_an_answer_is_handed_on() {
        let stop = Arc::new(AtomicBool::new(true));
        let terms = Terms::default().stopped_by(stop.clone());
        let most = Duration::from_secs(60);
        assert!(terms.hold("x".to_owned(), most, std::future::pending::<()>()).await.is_err());
        assert_eq!(terms.hold("x".to_owned(), most, std::future::ready(7)).await, Ok(7));
    }
}
