//! Whether this process may start threads: a runtime that cannot start its own panics.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, yield_now};
use std::time::{Duration, Instant};

/// How long the kernel may take to forget a thread that has ended.
const FORGETTING: Duration = Duration::from_secs(1);

/// Starts so many threads, lets them live at the same time, and ends them again.
///
/// When it returns they count against no limit any more, so that as many others can be started.
///
/// # Errors
/// When the operating system does not let the process have them.
pub fn probe(count: usize) -> io::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let mut held = Vec::new();
    for _ in 0..count {
        // It ends when the gate is opened, which it is also where a later one cannot be started.
        let gate = Arc::clone(&gate);
        let wait = move || {
            drop(gate.lock());
            // `PID/task/THREAD`, below /proc.
            std::fs::read_link("/proc/thread-self")
        };
        held.push(Builder::new().spawn(wait)?);
    }
    drop(closed);
    let mut ended = Vec::new();
    for thread in held {
        let named = thread.join().map_err(|_| io::Error::other("a thread that only waits panicked"))?;
        // Where /proc is not mounted there is nothing to wait by.
        ended.extend(named.map(|named| Path::new("/proc").join(named)));
    }
    forgotten(&ended);
    Ok(())
}

/// Waits until the kernel counts these threads no more: joining one returns shortly before that.
fn forgotten(threads: &[PathBuf]) {
    let until = Instant::now() + FORGETTING;
    while threads.iter().any(|thread| thread.exists()) && Instant::now() < until {
        yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_may_be_started_are_ended_again() -> io::Result<()> {
        probe(0)?;
        probe(3)
    }
}
