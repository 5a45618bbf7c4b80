//! `eos snapshot recover`: finishes or takes back what a crash left of captures and restores.
//!
//! It may be killed at any point; the next one goes on.

use super::LONGEST;
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink};
use crate::snapshot::create::{self, CreateError};
use crate::snapshot::restore::{self, Outcome, Recovered, RestoreError};
use crate::view::progress::Progress;
use serde_json::{Value, json};
use std::time::Instant;

/// What was found, as it is told.
#[derive(Default)]
struct Found {
    captures: Vec<Value>,
    restores: Vec<Value>,
    lines: Vec<String>,
    /// The first that is left to a person.
    failed: Option<Failure>,
}

/// Recovers captures, then restores; what cannot be done of one does not keep the others from it.
pub(super) fn run(context: &Context) -> Result<Done, Failure> {
    let progress = Progress::new(context.output, Instant::now() + LONGEST);
    let mut found = recover(context, &progress);
    if found.failed.is_some() {
        // The verdict tells of the first failure alone.
        found
            .lines
            .drain(..)
            .for_each(|line| progress.emit(Event::Note { text: line.trim_end().to_owned() }));
    }
    progress.finish();
    let result = json!({ "captures": found.captures, "restores": found.restores });
    if let Some(failed) = found.failed {
        context.put_beside(result);
        return Err(failed);
    }
    if found.lines.is_empty() {
        let text = "no capture and no restore was interrupted\n";
        return Ok(Done::new(result, text).outcome("no-change"));
    }
    Ok(Done::new(result, found.lines.concat()))
}

fn recover(context: &Context, sink: &dyn Sink) -> Found {
    let mut found = Found::default();
    match create::recover(&context.root) {
        Ok(captures) => captures.into_iter().for_each(|(source, error)| found.capture(&source, error, sink)),
        Err(error) => found.fail(failure(error)),
    }
    let restores = match restore::recover(&context.root, sink) {
        Ok(restores) => restores,
        Err(error) => {
            found.fail(failure(error));
            Vec::new()
        }
    };
    for one in restores {
        // Before the verdict, which tells of the first failure alone.
        if unserved(&one.outcome) {
            sink.emit(one.event());
        }
        found.restore(one);
    }
    found
}

/// Whether a person is needed: it could not be finished, or whoever uses the tree may not run.
fn unserved(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(_) | Outcome::Returned(Some(RestoreError::ReturnedUnserved { .. })))
}

impl Found {
    fn capture(&mut self, source: &str, error: Option<CreateError>, sink: &dyn Sink) {
        let outcome = if error.is_none() { "ended" } else { "failed" };
        let error = error.map(failure);
        let code = error.as_ref().map(|error| error.code.clone());
        self.captures.push(json!({ "source": source, "outcome": outcome, "code": code }));
        match error {
            None => self.lines.push(format!("the interrupted capture of {source} is ended\n")),
            Some(error) => {
                let text = format!("the interrupted capture of {source} is not ended: {}", error.message);
                sink.emit(Event::Warning { text });
                self.fail(error);
            }
        }
    }

    fn restore(&mut self, one: Recovered) {
        let (line, person, outcome) = (one.text(), unserved(&one.outcome), one.outcome.name());
        let error = match one.outcome {
            Outcome::Failed(error) | Outcome::Returned(Some(error)) => Some(failure(error)),
            Outcome::Busy | Outcome::NotBegun | Outcome::Kept | Outcome::Returned(None) => None,
        };
        let code = error.as_ref().map(|error| error.code.clone());
        self.restores
            .push(json!({ "source": one.source, "target": one.target, "outcome": outcome, "code": code }));
        match error.filter(|_| person) {
            None => self.lines.push(format!("{line}\n")),
            Some(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: Failure) {
        self.failed.get_or_insert(error);
    }
}
