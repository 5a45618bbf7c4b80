//! What a long command tells while it runs: events, rendered by the edge as text, bars or JSON Lines.

use serde::{Deserialize, Serialize};

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
        /// Bytes in all.
        total_bytes: u64,
        /// Bytes a second, over the transfer so far.
        rate: u64,
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

/// Where events go.
pub trait Sink: Send + Sync {
    /// Takes one event; must not block for long and must not fail.
    fn emit(&self, event: Event);
}

/// A sink that forgets: for daemons, whose tracing says the same.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Sink for Silent {
    fn emit(&self, _event: Event) {}
}
