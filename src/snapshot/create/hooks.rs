//! The programs of the local configuration that run around a capture.

use super::CreateError;
use super::record::Record;
use crate::host::command::{self, Output};
use crate::model::progress::{Sink, Wait};
use crate::model::snapshots::Hook;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How a line begins by which the hook `before_capture` names another place to capture.
const REDIRECT: &str = "EOS_CAPTURE_PATH=";

/// A program as a record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    /// Its absolute path and its arguments.
    pub(super) argv: Vec<String>,
    /// For how long it may run.
    pub(super) seconds: u32,
}

impl From<&Hook> for Program {
    fn from(hook: &Hook) -> Self {
        Self { argv: hook.command.clone(), seconds: hook.timeout_seconds }
    }
}

/// Runs a program and insists on its good end.
pub(super) fn run(
    program: &Program,
    hook: &'static str,
    of: &Record,
    sink: &dyn Sink,
) -> Result<Output, CreateError> {
    run_holding(program, hook, of, None, sink)
}

fn run_holding(
    program: &Program,
    hook: &'static str,
    of: &Record,
    held: Option<File>,
    sink: &dyn Sink,
) -> Result<Output, CreateError> {
    let argv: Vec<&str> = program.argv.iter().map(String::as_str).collect();
    let (path, generation) = (of.path.display().to_string(), of.generation.to_string());
    let variables =
        [("EOS_SOURCE", of.source.as_str()), ("EOS_PATH", &path), ("EOS_SNAPSHOT_GENERATION", &generation)];
    let limit = Duration::from_secs(program.seconds.into());
    let began = Instant::now();
    let cause = format!("the hook {hook} of {} to end: {}", of.source, program.argv.join(" "));
    let until = began + limit;
    sink.expect(Some(Wait { cause, began, until, retry: until }));
    let ended = command::run_hook_holding(&argv, &variables, held, limit);
    sink.expect(None);
    ended.map_err(|source| CreateError::Hook { name: of.source.clone(), hook, source })
}

/// Runs the hook `before_capture`, which holds this file too; the place that it names instead of the source's own, if
/// any.
pub(super) fn before(
    hook: &Hook,
    of: &Record,
    held: File,
    sink: &dyn Sink,
) -> Result<Option<PathBuf>, CreateError> {
    let output = run_holding(&Program::from(hook), "before_capture", of, Some(held), sink)?;
    let Some(line) = output.stdout.lines().rfind(|line| line.starts_with(REDIRECT)) else { return Ok(None) };
    let path = PathBuf::from(&line[REDIRECT.len()..]);
    if path.is_absolute() {
        return Ok(Some(path));
    }
    Err(CreateError::Redirect { name: of.source.clone(), line: line.chars().take(200).collect() })
}
