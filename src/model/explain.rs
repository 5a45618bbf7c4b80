//! How every error explains itself: a stable code, an exit status, and the command that helps.

use std::fmt;

/// A stable error code, `EOS-` and a letter for the area and three digits (`EOS-J012`).
///
/// Areas: A agent, C configuration, D discovery, G saga and journal, H host, I identity and trust, J joining,
/// M master, P preflight, R roles, S states, T transfer and snapshots, U usage, V verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EOS-{}", self.0)
    }
}

/// The process exit statuses; the one table of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed, and everything undone.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// A preflight check failed; nothing changed.
    Preflight = 3,
    /// Nobody answered, or no approval in time; nothing changed.
    NoAnswer = 4,
    /// Refused: identity, token or version.
    Refused = 5,
    /// Failed and NOT fully undone: a person is needed.
    Stuck = 6,
    /// Conflict: another cluster, an operation in progress, a stale plan.
    Conflict = 7,
    /// Interrupted by the operator.
    Interrupted = 130,
}

/// What every error of eos can say of itself besides its text.
///
/// The text (`Display`) is one line of what failed with the measured values, and never includes
/// the text of its source: the chain is printed by the edge.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    /// The stable code.
    fn code(&self) -> Code;
    /// The exit status when this error ends a command.
    fn exit(&self) -> Exit {
        Exit::Failed
    }
    /// What helps: each a sentence that ends with, or is, the exact command to run.
    fn hints(&self) -> Vec<String>;
    /// Whether running the same command again can succeed without anything else changing.
    fn retry_helps(&self) -> bool {
        false
    }
    /// The failure of another side that this error only hands on: its code and causes are the ones to show.
    fn handed_on(&self) -> Option<&Failure> {
        None
    }
}

/// An owned, printable form of any explained error, for journals, the wire and the screen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    /// `EOS-J012`.
    pub code: String,
    /// One line of what failed.
    pub message: String,
    /// The causes below it, outermost first.
    pub causes: Vec<String>,
    /// What helps.
    pub hints: Vec<String>,
    /// The exit status.
    pub exit: u8,
}

impl Failure {
    /// The same failure, which also says what else failed and what helps there.
    pub fn and(mut self, other: Self) -> Self {
        let told: Vec<String> = std::iter::once(other.message).chain(other.causes).collect();
        self.hints.push(format!("besides: {}", told.join(": ")));
        self.hints.extend(other.hints);
        self
    }

    /// Gathers the error, its chain of causes and its hints.
    pub fn of(error: &dyn Explain) -> Self {
        if let Some(failure) = error.handed_on() {
            return Self { exit: error.exit() as u8, ..failure.clone() };
        }
        let mut causes = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            // One that only hands on another one says the same.
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            next = cause.source();
        }
        Self {
            code: error.code().to_string(),
            message: error.to_string(),
            causes,
            hints: error.hints(),
            exit: error.exit() as u8,
        }
    }
}

/// Asserts the code and the whole text of an error that a test reached, and that it says what helps.
#[cfg(test)]
#[track_caller]
pub(crate) fn tells(error: &dyn Explain, code: &str, text: &str) {
    let told = (error.code().to_string(), error.to_string());
    assert_eq!((told.0.as_str(), told.1.as_str()), (code, text));
    assert!(!error.hints().is_empty(), "{code} names no way out");
}
