//! How a command of eos ended: exit code, events, verdict.

use serde_json::Value;

/// A command that ended.
#[derive(Debug)]
pub struct Outcome {
    /// The command, for messages.
    pub what: String,
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// The events it told.
    pub events: Vec<Value>,
    /// Its last line.
    pub verdict: Value,
    /// What it wrote to the standard error.
    pub stderr: String,
}

impl Outcome {
    /// From the lines of a command in JSON mode, the last of which is the verdict.
    pub fn new(what: String, code: i32, mut lines: Vec<Value>, stderr: String) -> Self {
        let verdict = lines.pop().unwrap_or(Value::Null);
        let ended_itself = code >= 0;
        if ended_itself {
            assert_eq!(verdict["schema"], 1, "{what}: the last line is no verdict: {verdict}\n{stderr}");
            assert!(verdict["outcome"].is_string(), "{what}: the last line is no verdict: {verdict}");
        }
        Self { what, code, events: lines, verdict, stderr }
    }

    /// Insists on exit code 0.
    pub fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.story());
        self
    }

    /// Insists on a failure with this exit status, this code (`EOS-J002`) and these words in its message,
    /// causes or hints.
    pub fn failed(self, status: i32, code: &str, words: &[&str]) -> Self {
        assert_eq!(self.code, status, "{}", self.story());
        assert_eq!(self.verdict["outcome"], "failed", "{}", self.story());
        assert_eq!(self.error()["code"], code, "{}", self.story());
        let said = self.error().to_string();
        for word in words {
            assert!(said.contains(word), "{word:?} is not in {said}\n{}", self.story());
        }
        self
    }

    /// The result of the command.
    pub fn result(&self) -> &Value {
        &self.verdict["result"]
    }

    /// The text at this key of the result.
    pub fn text(&self, key: &str) -> String {
        let value = &self.result()[key];
        value.as_str().unwrap_or_else(|| panic!("no text {key} in {}", self.verdict)).to_owned()
    }

    /// The error of a command that failed.
    pub fn error(&self) -> &Value {
        &self.result()["error"]
    }

    /// Whether an event is there that has these words in it.
    pub fn told(&self, words: &str) -> bool {
        self.events.iter().any(|event| event.to_string().contains(words))
    }

    /// Everything, for the message of a failed test.
    pub fn story(&self) -> String {
        let events: Vec<String> = self.events.iter().map(Value::to_string).collect();
        let Self { what, code, verdict, stderr, .. } = self;
        format!("{what}: exit {code}\n{}\n{verdict}\n{stderr}", events.join("\n"))
    }
}
