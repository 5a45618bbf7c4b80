//! A limit of bytes per second that all connections share.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After a pause so much may come at once, as time at the full rate.
const BURST: Duration = Duration::from_millis(100);

/// How often it is looked whether the caller gave up.
const LOOK: Duration = Duration::from_millis(50);

/// A bucket that fills at a steady rate, and from which everybody takes what has come.
#[derive(Debug)]
pub struct Limiter {
    bucket: Mutex<Bucket>,
    never: Condvar,
}

impl Limiter {
    /// At most so many bytes per second, at least one.
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bucket: Mutex::new(Bucket::new(bytes_per_second.max(1))), never: Condvar::new() }
    }

    /// Takes bytes that have come, and waits until they were due. `stop` ends the wait early.
    pub fn take(&self, bytes: u64, stop: &dyn Fn() -> bool) {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let due = bucket.take(bytes, Instant::now());
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            drop(bucket);
            if stop() {
                return;
            }
            bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            bucket =
                self.never.wait_timeout(bucket, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// When bytes are due (pure).
#[derive(Debug)]
struct Bucket {
    rate: u64,
    /// When all that was taken was due.
    due: Option<Instant>,
}

impl Bucket {
    fn new(rate: u64) -> Self {
        Self { rate, due: None }
    }

    /// Takes bytes; says until when to wait for them.
    fn take(&mut self, bytes: u64, now: Instant) -> Instant {
        let time = Duration::from_nanos(
            u64::try_from(u128::from(bytes) * 1_000_000_000 / u128::from(self.rate)).unwrap_or(u64::MAX),
        );
        // What was not used for longer than a burst is lost.
        let from = self.due.map_or(now, |due| due.max(now.checked_sub(BURST).unwrap_or(due)));
        let due = from + time;
        self.due = Some(due);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_in_any_pieces_is_due_at_the_rate() {
        let (mut bucket, start) = (Bucket::new(1_000_000), Instant::now());
        let mut now = start;
        for piece in [1u64, 999, 16_384, 500_000, 82_616].iter().cycle().take(500) {
            now = now.max(bucket.take(*piece, now));
        }
        assert_eq!((now - start).as_millis(), 60_000);
    }

    #[test]
    fn after_a_pause_no_more_than_a_burst_comes_at_once() {
        let (mut bucket, start) = (Bucket::new(1000), Instant::now());
        bucket.take(1000, start);
        let later = start + Duration::from_secs(60);
        assert_eq!(bucket.take(100, later), later, "a tenth of a second");
        assert_eq!(bucket.take(1000, later), later + Duration::from_secs(1));
    }

    #[test]
    fn several_connections_together_keep_the_rate_and_a_stop_ends_the_wait() {
        let (limiter, start) = (Limiter::new(10_000_000), Instant::now());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| limiter.take(10_000, &|| false)));
            }
        });
        let took = start.elapsed().as_secs_f64();
        assert!((0.19..0.30).contains(&took), "2 MB at 10 MB/s took {took} s");
        limiter.take(1 << 40, &|| true);
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}
