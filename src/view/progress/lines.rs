//! Progress as plain lines: one for each event, a wait and a transfer only every few of theirs.

use crate::model::progress::{Event, Files, Supply};
use crate::view::paragraph::clean;
use crate::view::style::{Tone, paint};
use crate::view::units::{bytes, precise};
use std::time::{Duration, Instant};

/// The time between two lines of the same wait or transfer; below what [`super::silence`] allows.
const PAUSE: Duration = Duration::from_millis(1500);

/// What was told last, so that nothing is told twice too soon.
pub struct Lines {
    color: bool,
    waiting: Option<(String, Instant)>,
    transfer: Option<(String, Instant)>,
}

impl Lines {
    /// Nothing was told yet.
    pub fn new(color: bool) -> Self {
        Self { color, waiting: None, transfer: None }
    }

    /// The line for an event, if it is to be shown now.
    pub fn event(&mut self, event: &Event, now: Instant) -> Option<String> {
        let (told, name, ended) = match event {
            Event::Waiting { cause, .. } => (&mut self.waiting, cause, false),
            Event::Transfer { what, done_bytes, total_bytes, .. } => {
                self.waiting = None;
                (&mut self.transfer, what, done_bytes == total_bytes)
            }
            _ => {
                (self.waiting, self.transfer) = (None, None);
                return Some(line(self.color, event));
            }
        };
        let soon = |(last, at): &(String, Instant)| last == name && now.duration_since(*at) < PAUSE;
        if !ended && told.as_ref().is_some_and(soon) {
            return None;
        }
        *told = Some((name.clone(), now));
        Some(line(self.color, event))
    }
}

/// `waiting for approval: 12 s of 10 min, next try in 3 s`.
pub fn waiting(cause: &str, elapsed_ms: u64, deadline_ms: u64, next_retry_ms: u64) -> String {
    let next = match next_retry_ms {
        0 => "trying now".to_owned(),
        _ => format!("next try in {}", precise(next_retry_ms)),
    };
    format!("waiting: {} ({} of {}, {next})", clean(cause), precise(elapsed_ms), precise(deadline_ms))
}

/// The line for an event; a step that begins is told by its description, one that ended by its name.
pub fn line(color: bool, event: &Event) -> String {
    let text = match event {
        Event::Phase { name } => paint(color, Tone::Strong, &format!("==> {}", clean(name))),
        Event::StepStarted { number, total, description, .. } => step(*number, *total, description),
        Event::StepEnded { number, total, step: name, outcome, milliseconds } => {
            ended(color, *number, *total, name, outcome, *milliseconds)
        }
        Event::Waiting { cause, elapsed_ms, deadline_ms, next_retry_ms } => {
            waiting(cause, *elapsed_ms, *deadline_ms, *next_retry_ms)
        }
        Event::Transfer { what, done_bytes, total_bytes, rate, remaining_ms, files, sources } => {
            transfer(what, *done_bytes, *total_bytes, *rate, *remaining_ms) + &details(*files, sources)
        }
        Event::Note { text } => clean(text),
        Event::Warning { text } => {
            format!("{} {}", paint(color, Tone::Warning, "warning:"), clean(text))
        }
    };
    format!("{text}\n")
}

/// `[3/12] start eos-master`.
pub fn step(number: usize, total: usize, description: &str) -> String {
    format!("[{number}/{total}] {}", clean(description))
}

fn ended(color: bool, number: usize, total: usize, name: &str, outcome: &str, milliseconds: u64) -> String {
    let tone = match outcome {
        "done" => Tone::Good,
        "failed" | "undo-failed" => Tone::Bad,
        "undone" => Tone::Warning,
        _ => Tone::Faint,
    };
    let outcome = paint(color, tone, &clean(outcome));
    format!("[{number}/{total}] {}: {outcome} in {}", clean(name), precise(milliseconds))
}

/// `, 120 of 200 files, 10.0.1.10:4507 sends 60.0 MiB/s, ...`; a single source is not named, nor are files where
/// there are none.
pub fn details(files: Option<Files>, sources: &[Supply]) -> String {
    let files = files.and_then(|Files { done, total }| match (done, total) {
        (0, 0) => None,
        // How many there are in an archive nobody knows before.
        _ if done > total => Some(format!(", {done} files")),
        _ => Some(format!(", {done} of {total} files")),
    });
    let several = sources.iter().filter(|_| sources.len() > 1);
    let each = several.map(|one| format!(", {} sends {}/s", clean(&one.name), bytes(one.rate)));
    files.into_iter().chain(each).collect()
}

/// `snapshot: 512.0 MiB of 1.4 GiB (35 %), 100.0 MiB/s, 9 s left`.
pub fn transfer(what: &str, done: u64, total: u64, rate: u64, remaining_ms: Option<u64>) -> String {
    let mut text = format!("{}: {}", clean(what), bytes(done));
    // What comes from a pipe has no known end.
    if done <= total {
        let percent = u128::from(done) * 100 / u128::from(total.max(1));
        text.push_str(&format!(" of {} ({percent} %)", bytes(total)));
    }
    if rate > 0 {
        text.push_str(&format!(", {}/s", bytes(rate)));
    }
    if let Some(left) = remaining_ms.filter(|_| done < total) {
        text.push_str(&format!(", {} left", precise(left)));
    }
    text
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
