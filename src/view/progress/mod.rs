//! Progress of a long command: drawn in place on a terminal, lines in a pipe, JSON Lines for programs.

mod drawn;
mod lines;
mod record;

use crate::model::progress::{Event, Sink};
use crate::view::{Format, Output, stderr, stdout};
use drawn::Drawn;
use jiff::Timestamp;
use lines::Lines;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// Takes the events of a command and shows them as they come.
pub struct Progress {
    output: Output,
    shown: Shown,
}

enum Shown {
    Json,
    Drawn(Drawn),
    Lines(Ticking),
}

impl Progress {
    /// Progress in the form that the output asks for.
    pub fn new(output: Output) -> Self {
        let shown = match output.format {
            Format::Json => Shown::Json,
            Format::Text if output.terminal => Shown::Drawn(Drawn::new(output.color)),
            Format::Text => Shown::Lines(Ticking::new(output.color)),
        };
        Self { output, shown }
    }

    /// Ends it: what was drawn in place is cleared, and nothing is shown any more of a wait.
    pub fn finish(&self) {
        match &self.shown {
            Shown::Json => {}
            Shown::Drawn(drawn) => drawn.finish(),
            Shown::Lines(ticking) => ticking.state().lines.finish(),
        }
    }
}

impl Sink for Progress {
    fn emit(&self, event: Event) {
        let event = self.output.rooted_event(event);
        match &self.shown {
            Shown::Json => stdout(&record::line(&event, Timestamp::now())),
            Shown::Drawn(drawn) => drawn.emit(&event),
            Shown::Lines(ticking) => ticking.emit(&event),
        }
    }
}

/// Lines, and the thread that repeats a wait while nothing else is told.
struct Ticking {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    lines: Lines,
    ended: bool,
}

impl Ticking {
    fn new(color: bool) -> Self {
        let state = Mutex::new(State { lines: Lines::new(color), ended: false });
        let shared = Arc::new(Shared { state, changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        // Without the thread a wait is told as often as its events come, which is the sender's duty anyway.
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || theirs.repeat());
        Self { shared, thread: thread.ok() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    fn emit(&self, event: &Event) {
        if let Some(line) = self.state().lines.event(event, Instant::now()) {
            stderr(&line);
        }
        self.shared.changed.notify_one();
    }
}

impl Shared {
    /// A panic elsewhere does not stop what is shown.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn repeat(&self) {
        let mut state = self.lock();
        while !state.ended {
            let now = Instant::now();
            if let Some(line) = state.lines.repeat(now) {
                stderr(&line);
            }
            state = match state.lines.next(now) {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(pause) => {
                    self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.state().ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It ends at once, and a panic in it is nothing that could be shown any more.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_takes_events_and_ends() {
        let plain = Output::plain(80);
        let forms = [
            Output { format: Format::Json, ..plain },
            Output { terminal: true, ..plain },
            Output { terminal: false, ..plain },
        ];
        for output in forms {
            let progress = Progress::new(output);
            progress.emit(Event::Phase { name: "preflight".to_owned() });
            progress.emit(Event::Waiting {
                cause: "the master".to_owned(),
                elapsed_ms: 0,
                deadline_ms: 10_000,
                next_retry_ms: 500,
            });
            progress.finish();
        }
    }
}
