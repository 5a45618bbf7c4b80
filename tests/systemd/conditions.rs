//! Waiting for what will be true, with an end: looks again and again, and tells what it saw last.

use std::fmt::Debug;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until there is something to give; after the deadline it panics with what was seen last.
pub fn until<T, S: Debug>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T, S>) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if began.elapsed() >= limit => {
                panic!("{what}: not within {} s; seen last: {seen:#?}", limit.as_secs())
            }
            Err(_) => park_timeout(LOOK),
        }
    }
}
