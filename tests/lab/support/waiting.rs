//! Waiting for conditions, always with a deadline.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a condition of a lab may take; far above what it takes on a loaded machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How long to let others work between two looks at something that nobody announces.
const BETWEEN: Duration = Duration::from_millis(40);

/// Looks until there is a value; panics with the last reason when none comes in time.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    let (_open, silent) = channel::<()>();
    loop {
        match look() {
            Ok(value) => return value,
            Err(why) if began.elapsed() > LIMIT => panic!("{what}: not within {LIMIT:?}: {why}"),
            Err(_) => pause(&silent),
        }
    }
}

fn pause(silent: &Receiver<()>) {
    assert_eq!(silent.recv_timeout(BETWEEN), Err(RecvTimeoutError::Timeout), "nobody speaks there");
}
