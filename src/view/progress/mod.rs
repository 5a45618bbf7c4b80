//! Progress of a long command: drawn in place on a terminal, lines in a pipe, JSON Lines for programs.

mod drawn;
mod lines;
mod on_demand;
mod record;
mod silence;

use crate::model::progress::{Event, Sink, Wait};
use crate::view::{Format, Output, stderr, stdout};
use drawn::Drawn;
use jiff::Timestamp;
use lines::Lines;
pub use on_demand::OnDemand;
use silence::Silence;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// Takes the events of a command and shows them as they come; when none comes for two seconds, it says
/// what goes on.
pub struct Progress {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

enum Shown {
    Json,
    Drawn(Drawn),
    Lines(Lines),
}

struct Shared {
    output: Output,
    state: Mutex<State>,
    ended: Condvar,
}

struct State {
    shown: Shown,
    silence: Silence,
    ended: bool,
}

impl Progress {
    /// Progress in the form that the output asks for, of a command that ends then at the latest.
    pub fn new(output: Output, until: Instant) -> Self {
        let shown = match output.format {
            Format::Json => Shown::Json,
            Format::Text if output.terminal => Shown::Drawn(Drawn::new(output.color)),
            Format::Text => Shown::Lines(Lines::new(output.color)),
        };
        let silence = Silence::new(Instant::now(), until);
        let state = Mutex::new(State { shown, silence, ended: false });
        let shared = Arc::new(Shared { output, state, ended: Condvar::new() });
        let theirs = Arc::clone(&shared);
        // Without the thread, which a machine at its limits may refuse, the events themselves are told.
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || theirs.watch());
        Self { shared, thread: thread.ok() }
    }

    /// Ends it: what was drawn in place is cleared, and nothing is told any more of what goes on.
    pub fn finish(&self) {
        let mut state = self.shared.lock();
        state.ended = true;
        if let Shown::Drawn(drawn) = &state.shown {
            drawn.finish();
        }
        self.shared.ended.notify_one();
    }
}

impl Sink for Progress {
    fn emit(&self, event: Event) {
        let event = self.shared.output.rooted_event(event);
        self.shared.lock().show(&event);
    }

    fn expect(&self, wait: Option<Wait>) {
        self.shared.lock().silence.expect(wait);
    }
}

impl Shared {
    /// A panic elsewhere does not stop what is shown.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what goes on whenever nothing else was told for too long.
    fn watch(&self) {
        let mut state = self.lock();
        while !state.ended {
            let now = Instant::now();
            if let Some(event) = state.silence.broken(now) {
                state.show(&self.output.rooted_event(event));
            }
            let left = state.silence.left(now);
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    fn show(&mut self, event: &Event) {
        let now = Instant::now();
        let shown = match &mut self.shown {
            Shown::Json => {
                stdout(&record::line(event, Timestamp::now()));
                true
            }
            Shown::Drawn(drawn) => {
                drawn.emit(event);
                true
            }
            Shown::Lines(lines) => match lines.event(event, now) {
                Some(line) => {
                    stderr(&line);
                    true
                }
                None => false,
            },
        };
        self.silence.event(event, shown, now);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.ended.notify_one();
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
            let progress = Progress::new(output, Instant::now() + std::time::Duration::from_secs(60));
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
