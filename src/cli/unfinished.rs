//! A bootstrap that was begun on this host and has not ended, for `eos status`.

use crate::cli::bootstrap::{KIND, steps_of};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::journal::state::Next;
use crate::journal::{file, lock};
use crate::model::explain::{Exit, Failure};
use crate::model::ids::SagaId;
use jiff::Timestamp;
use serde_json::{Value, json};

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    operation: SagaId,
    /// The stage that comes next.
    stage: String,
    /// The step that comes next; none when every step is done.
    step: Option<String>,
    began: Timestamp,
    /// Whether it is on its way back.
    undoing: bool,
    /// The process that carries it out at this moment.
    process: Option<u32>,
}

/// Looks for one, and changes nothing.
///
/// # Errors
/// When the journal or the lock cannot be read.
pub fn find(context: &Context) -> Result<Option<Begun>, Failure> {
    let found = file::unfinished(&context.root).map_err(failure)?;
    let Some((operation, state)) = found.filter(|(_, state)| state.begin.kind == KIND) else {
        return Ok(None);
    };
    let entries = file::entries(&context.root, &operation).map_err(failure)?;
    let steps = steps_of(&state.begin.kind, &state.begin.plan, "")?;
    let (next, undoing) = match state.next {
        Next::Run { index, .. } => (steps.get(index), false),
        Next::Unwind { index } | Next::Stuck { index } => (index.and_then(|index| steps.get(index)), true),
        Next::Completed | Next::RolledBack => (None, false),
    };
    let holder = lock::holder(&context.root).map_err(failure)?;
    Ok(Some(Begun {
        stage: next.map_or_else(|| "confirm".to_owned(), |step| step.stage().to_string()),
        step: next.map(|step| step.name().to_owned()),
        began: entries.first().map_or(Timestamp::UNIX_EPOCH, |entry| entry.at),
        undoing,
        process: holder.map(|holder| holder.pid),
        operation,
    }))
}

/// What can be done about it.
const WAYS: [(&str, &str); 2] = [("go on", "eos bootstrap"), ("undo it", "eos rollback")];

impl Begun {
    /// The status of a host that is nothing else yet.
    pub fn alone(&self) -> Done {
        let result = json!({ "health": "warning", "nodes": [], "cluster": null, "unfinished": self.json() });
        Done { exit: Exit::Conflict, ..Done::new(result, self.text()).outcome("unfinished") }
    }

    /// For people.
    pub fn text(&self) -> String {
        let Self { operation, stage, began, .. } = self;
        let step = self.step.iter().map(|step| format!(" (step {step})")).collect::<String>();
        let way = if self.undoing { "back at stage" } else { "at stage" };
        if let Some(process) = self.process {
            return format!(
                "bootstrap {operation} is in progress {way} {stage}{step}, begun {began}, process {process}\n"
            );
        }
        let ways = WAYS.map(|(what, command)| format!("  to {what}: {command}\n")).concat();
        format!("bootstrap {operation} is unfinished: it stopped {way} {stage}{step}, begun {began}\n{ways}")
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "operation": self.operation, "stage": self.stage, "step": self.step, "began": self.began,
            "undoing": self.undoing, "process": self.process,
            "resume": WAYS[0].1, "undo": WAYS[1].1,
        })
    }
}
