//! The end of a command: one JSON object, or a failure that explains itself.

use crate::model::explain::Failure;
use crate::view::paragraph::clean;
use crate::view::style::{Tone, paint};
use crate::view::{Format, Output, SCHEMA, stderr, stdout};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The last line of every command under `--output json`.
#[derive(Serialize)]
struct Verdict<'a> {
    schema: u32,
    command: &'a str,
    outcome: &'a str,
    result: Value,
}

/// Prints the last JSON object of a command; nothing when people read.
pub fn verdict(output: &Output, command: &str, outcome: &str, result: Value) {
    if output.format == Format::Json {
        stdout(&line(command, outcome, result));
    }
}

/// Prints a failure: to the standard error for people, as the last JSON object for programs.
pub fn failure(output: &Output, command: &str, failure: &Failure) {
    failure_beside(output, command, failure, Map::new());
}

/// The same with what else the command found out, which stands beside the error for programs.
pub fn failure_beside(output: &Output, command: &str, failure: &Failure, mut beside: Map<String, Value>) {
    let failure = &output.rooted_failure(failure);
    match output.format {
        Format::Json => {
            beside.insert("error".to_owned(), json!(failure));
            verdict(output, command, "failed", Value::Object(beside));
        }
        Format::Text => stderr(&failure_text(output.color, failure)),
    }
}

fn line(command: &str, outcome: &str, result: Value) -> String {
    let verdict = Verdict { schema: SCHEMA, command, outcome, result };
    let text = serde_json::to_string(&verdict).expect("a JSON value has no failing serialiser");
    format!("{text}\n")
}

/// `error[EOS-J012]: what failed`, its causes, what helps. Commands are never broken over lines.
pub(super) fn failure_text(color: bool, failure: &Failure) -> String {
    let head = paint(color, Tone::Bad, &format!("error[{}]", clean(&failure.code)));
    let mut text = format!("{head}: {}\n", clean(&failure.message));
    for cause in &failure.causes {
        text.push_str(&format!("  {} {}\n", paint(color, Tone::Faint, "caused by:"), clean(cause)));
    }
    for hint in &failure.hints {
        text.push_str(&format!("{} {}\n", paint(color, Tone::Good, "hint:"), clean(hint)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::samples;

    #[test]
    fn a_failure_tells_code_causes_and_hints() {
        assert_eq!(
            failure_text(false, &samples::failure()),
            "error[EOS-J012]: the master 10.0.0.1:7700 did not answer within 10 s\n  \
             caused by: the connection was refused\n  caused by: os error 111\n\
             hint: see whether it runs: systemctl status eos-master\n"
        );
        assert!(
            failure_text(true, &samples::failure())
                .starts_with("\u{1b}[1m\u{1b}[31merror[EOS-J012]\u{1b}[0m: ")
        );
    }

    #[test]
    fn a_verdict_is_one_line_with_its_schema_first() {
        assert_eq!(
            line("status", "done", json!({ "nodes": [] })),
            "{\"schema\":1,\"command\":\"status\",\"outcome\":\"done\",\"result\":{\"nodes\":[]}}\n"
        );
    }

    #[test]
    fn the_failure_of_a_command_is_a_field_of_its_verdict() {
        let result = json!({ "error": samples::failure() });
        assert_eq!(result["error"]["code"], "EOS-J012");
        assert_eq!(result["error"]["hints"][0], "see whether it runs: systemctl status eos-master");
    }
}
