//! Command lines: of `cmd.run`, and of the conditions of any state.

use super::{Working, changed, set};
use crate::host::command;
use crate::host::files;
use crate::sls::difference::Outcome;
use crate::sls::function::Function;
use crate::sls::plan::State;
use crate::sls::run::Ended;
use crate::steps::error::StepFailure;
use std::path::Path;
use std::time::Duration;

/// How long a command line may take that says nothing else.
const LIMIT: Duration = Duration::from_secs(300);

/// How much of an output is told, in bytes.
const TOLD: usize = 4 << 10;

impl Working<'_> {
    pub(super) fn command(&self, state: &State, trial: bool) -> Result<Ended, StepFailure> {
        let Function::CommandRun { command, directory, environment, timeout, .. } = &state.function else {
            return Ok(Ended::of(Outcome::Unchanged, ""));
        };
        if trial {
            let comment = format!("Command \"{command}\" would have been executed");
            return Ok(changed(true, comment, vec![set("cmd", None, command)]));
        }
        let directory = directory.as_deref();
        if let Some(directory) = directory.filter(|directory| !files::is_directory(Path::new(directory))) {
            let text = format!("Desired working directory \"{directory}\" is not available");
            return Ok(Ended::of(Outcome::Failed, text));
        }
        let limit = self.env.at_most(timeout.map_or(LIMIT, Duration::from_secs));
        let output = command::run_line(command, directory, environment, limit)?;
        let status = output.status.unwrap_or(-1).to_string();
        let mut changes = vec![set("retcode", None, &status)];
        for (what, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !text.trim().is_empty() {
                changes.push(set(what, None, told(text)));
            }
        }
        if output.status == Some(0) {
            return Ok(changed(false, format!("Command \"{command}\" run"), changes));
        }
        let last = output.stderr.trim_end().lines().next_back().unwrap_or("no message");
        let comment = format!("Command \"{command}\" ended with status {status}: {last}");
        Ok(Ended { changes, ..Ended::of(Outcome::Failed, comment) })
    }

    /// Whether a command line of a condition succeeds; one that cannot be run does not.
    pub(super) fn succeeds(&self, line: &str, directory: Option<&str>) -> Result<bool, StepFailure> {
        Ok(command::run_line(line, directory, &[], self.env.at_most(LIMIT))?.status == Some(0))
    }
}

fn told(text: &str) -> &str {
    let text = text.trim_end();
    let mut end = text.len().min(TOLD);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
