//! Progress as plain lines: one for each event, a wait and a transfer at most every two seconds.

use crate::model::progress::Event;
use crate::view::paragraph::clean;
use crate::view::style::{Tone, paint};
use crate::view::units::{bytes, precise};
use std::time::{Duration, Instant};

/// The time between two lines of the same wait or transfer.
const PAUSE: Duration = Duration::from_secs(2);

/// What was told last, so that nothing is told twice too soon.
pub struct Lines {
    color: bool,
    waiting: Option<Wait>,
    transfer: Option<(String, Instant)>,
}

/// The last event of a wait.
struct Wait {
    cause: String,
    /// When the event came.
    at: Instant,
    elapsed_ms: u64,
    deadline_ms: u64,
    next_retry_ms: u64,
    /// When a line was shown of it.
    shown: Instant,
}

impl Lines {
    /// Nothing was told yet.
    pub fn new(color: bool) -> Self {
        Self { color, waiting: None, transfer: None }
    }

    /// The line for an event, if it is to be shown now.
    pub fn event(&mut self, event: &Event, now: Instant) -> Option<String> {
        match event {
            Event::Waiting { cause, elapsed_ms, deadline_ms, next_retry_ms } => {
                let same = self.waiting.as_ref().filter(|last| last.cause == *cause);
                let due = same.is_none_or(|last| now.duration_since(last.shown) >= PAUSE);
                let wait = Wait {
                    cause: cause.clone(),
                    at: now,
                    elapsed_ms: *elapsed_ms,
                    deadline_ms: *deadline_ms,
                    next_retry_ms: *next_retry_ms,
                    shown: same.filter(|_| !due).map_or(now, |last| last.shown),
                };
                let line = due.then(|| wait.line(now));
                self.waiting = Some(wait);
                line
            }
            Event::Transfer { what, done_bytes, total_bytes, .. } => {
                self.waiting = None;
                let soon = |(last, at): &(String, Instant)| last == what && now.duration_since(*at) < PAUSE;
                if done_bytes < total_bytes && self.transfer.as_ref().is_some_and(soon) {
                    return None;
                }
                self.transfer = Some((what.clone(), now));
                Some(line(self.color, event))
            }
            _ => {
                (self.waiting, self.transfer) = (None, None);
                Some(line(self.color, event))
            }
        }
    }

    /// The line of a wait of which no event came for so long that it is due again.
    pub fn repeat(&mut self, now: Instant) -> Option<String> {
        let wait = self.waiting.as_mut().filter(|wait| now >= wait.shown + PAUSE && !wait.over(now))?;
        wait.shown = now;
        Some(wait.line(now))
    }

    /// How long until [`Lines::repeat`] may have something to tell.
    pub fn next(&self, now: Instant) -> Option<Duration> {
        let wait = self.waiting.as_ref().filter(|wait| !wait.over(wait.shown + PAUSE))?;
        Some((wait.shown + PAUSE).saturating_duration_since(now))
    }

    /// No wait is repeated any more.
    pub fn finish(&mut self) {
        self.waiting = None;
    }
}

impl Wait {
    fn since_event(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.at).as_millis()).unwrap_or(u64::MAX)
    }

    fn over(&self, now: Instant) -> bool {
        self.elapsed_ms.saturating_add(self.since_event(now)) > self.deadline_ms
    }

    fn line(&self, now: Instant) -> String {
        let since = self.since_event(now);
        let text = waiting(
            &self.cause,
            self.elapsed_ms.saturating_add(since),
            self.deadline_ms,
            self.next_retry_ms.saturating_sub(since),
        );
        format!("{text}\n")
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
        Event::Transfer { what, done_bytes, total_bytes, rate } => {
            transfer(what, *done_bytes, *total_bytes, *rate)
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

/// `snapshot: 512.0 MiB of 1.4 GiB (35 %), 100.0 MiB/s, 9 s left`.
pub fn transfer(what: &str, done: u64, total: u64, rate: u64) -> String {
    let percent = u128::from(done) * 100 / u128::from(total.max(1));
    let mut text = format!("{}: {} of {} ({percent} %)", clean(what), bytes(done), bytes(total));
    if rate > 0 {
        text.push_str(&format!(", {}/s", bytes(rate)));
        if done < total {
            let left = u64::try_from(u128::from(total - done) * 1000 / u128::from(rate)).unwrap_or(u64::MAX);
            text.push_str(&format!(", {} left", precise(left)));
        }
    }
    text
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
