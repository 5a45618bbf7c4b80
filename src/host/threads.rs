//! Whether this process may start threads: a runtime that cannot start its own panics.

use std::io;
use std::sync::mpsc;

/// Starts so many threads, lets them live at the same time, and ends them again.
///
/// # Errors
/// When the operating system does not let the process have them.
pub fn probe(count: usize) -> io::Result<()> {
    let mut held = Vec::new();
    for _ in 0..count {
        let (end, ended) = mpsc::channel::<()>();
        // It ends when the sender is dropped, also where a later one cannot be started.
        held.push((std::thread::Builder::new().spawn(move || ended.recv().is_err())?, end));
    }
    for (thread, end) in held {
        drop(end);
        thread.join().map_err(|_| io::Error::other("a thread that only waits panicked"))?;
    }
    Ok(())
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
