//! What a command that succeeded has to say.

use crate::model::explain::Exit;
use serde_json::Value;

/// The result of a command.
#[derive(Debug)]
pub struct Done {
    /// `done`, `no-change`, `planned`, ...
    pub outcome: &'static str,
    /// For programs.
    pub result: Value,
    /// For people, on standard output.
    pub text: String,
    /// The exit status.
    pub exit: Exit,
}

impl Done {
    /// Done, with this to say.
    pub fn new(result: Value, text: impl Into<String>) -> Self {
        Self { outcome: "done", result, text: text.into(), exit: Exit::Done }
    }

    /// The same with another outcome.
    pub fn outcome(self, outcome: &'static str) -> Self {
        Self { outcome, ..self }
    }
}

/// Any serialisable value as the result.
pub fn json<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("results serialise")
}
