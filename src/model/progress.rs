//! What a long command tells while it runs: events, rendered by the edge as text, bars or JSON Lines.

use serde::{Deserialize, Serialize};
use std::time::Instant;

/// One thing that happened; serialised as it stands under `--output json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A phase of the command began (`preflight`, `register`, ...).
    Phase {
        /// Its name.
        name: String,
    },
    /// A step began.
    StepStarted {
        /// 1-based number.
        number: usize,
        /// How many steps there are.
        total: usize,
        /// Stable name of the step, `start-master`.
        step: String,
        /// What it does, for people.
        description: String,
    },
    /// A step ended.
    StepEnded {
        /// 1-based number.
        number: usize,
        /// How many steps there are.
        total: usize,
        /// Stable name of the step.
        step: String,
        /// `done`, `unchanged`, `failed`, `undone` or `undo-failed`.
        outcome: String,
        /// How long it took.
        milliseconds: u64,
    },
    /// The command waits; repeated at least every 2 s while it does.
    Waiting {
        /// For what, and why it is not there yet.
        cause: String,
        /// Since when, in milliseconds.
        elapsed_ms: u64,
        /// Until when it will wait, in milliseconds from the beginning of the wait.
        deadline_ms: u64,
        /// When it tries again, in milliseconds from now.
        next_retry_ms: u64,
    },
    /// Bytes moved.
    Transfer {
        /// What is moved.
        what: String,
        /// Bytes so far.
        done_bytes: u64,
        /// Bytes in all; 0 of what comes from a pipe and has no known end.
        total_bytes: u64,
        /// Bytes a second, over the transfer so far.
        rate: u64,
        /// The time until all of it is there at this rate, in milliseconds; none while no rate is known.
        remaining_ms: Option<u64>,
        /// Files that are whole so far and in all, where files are counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<Files>,
        /// What each source sent, where there are several or one of many.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sources: Vec<Supply>,
    },
    /// A fact worth telling: which address was chosen and why, which service manager was found.
    Note {
        /// For people, one line.
        text: String,
    },
    /// Something that may hurt later.
    Warning {
        /// For people, one line: the risk first, then the fact.
        text: String,
    },
}

impl Event {
    /// So many bytes moved of so many, at so many a second.
    pub fn transfer(what: String, done_bytes: u64, total_bytes: u64, rate: u64) -> Self {
        let left = u128::from(total_bytes.saturating_sub(done_bytes));
        let remaining = (left * 1000).checked_div(u128::from(rate)).or((left == 0).then_some(0));
        let endless = total_bytes < done_bytes;
        let remaining = remaining.filter(|_| !endless);
        let remaining_ms = remaining.map(|left| u64::try_from(left).unwrap_or(u64::MAX));
        let (files, sources) = (None, Vec::new());
        Self::Transfer { what, done_bytes, total_bytes, rate, remaining_ms, files, sources }
    }
}

/// Files that are whole so far, and in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Files {
    /// So far.
    pub done: u64,
    /// In all; 0 of an archive, whose end alone tells it.
    pub total: u64,
}

/// What one source sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supply {
    /// How people know it.
    pub name: String,
    /// Bytes so far, wrong ones included.
    pub bytes: u64,
    /// Bytes a second, over the transfer so far.
    pub rate: u64,
}

/// Something that is waited for; told as [`Event::Waiting`] once it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// For what, and why it is not there yet.
    pub cause: String,
    /// Since when.
    pub began: Instant,
    /// Until when, at the latest.
    pub until: Instant,
    /// When the next try begins, if this one does not succeed.
    pub retry: Instant,
}

impl Wait {
    /// How it stands now.
    pub fn at(&self, now: Instant) -> Event {
        let milliseconds = |from, to: Instant| {
            u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX)
        };
        Event::Waiting {
            cause: self.cause.clone(),
            elapsed_ms: milliseconds(self.began, now),
            deadline_ms: milliseconds(self.began, self.until),
            next_retry_ms: milliseconds(now, self.retry),
        }
    }
}

/// Where events go.
pub trait Sink: Send + Sync {
    /// Takes one event; must not block for long and must not fail.
    fn emit(&self, event: Event);

    /// This is waited for from now on, or nothing any more. It is told only when it lasts, so that what is
    /// quick is not told at all. A sink in front of another one passes it on; one that nobody watches forgets it.
    fn expect(&self, wait: Option<Wait>);
}

/// A sink that forgets: for daemons, whose tracing says the same.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Sink for Silent {
    fn emit(&self, _event: Event) {}

    fn expect(&self, _wait: Option<Wait>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_follows_from_the_rate_and_is_unknown_without_one() {
        let left = |done, total, rate| match Event::transfer("x".to_owned(), done, total, rate) {
            Event::Transfer { remaining_ms, .. } => remaining_ms,
            other => panic!("{other:?}"),
        };
        assert_eq!(left(0, 10, 0), None);
        assert_eq!(left(1, 10, 2), Some(4500));
        assert_eq!(left(10, 10, 0), Some(0));
        assert_eq!(left(0, u64::MAX, 1), Some(u64::MAX));
        assert_eq!(left(10, 0, 5), None);
    }
}
