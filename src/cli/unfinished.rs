//! A bootstrap that was begun on this host and has not ended, for `eos status`.

use crate::cli::bootstrap::{KIND, steps_of};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::journal::state::Next;
use crate::journal::{file, lock};
use crate::model::explain::{Exit, Failure};
use crate::model::ids::SagaId;
use crate::view::Output;
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

/// The commands that go on with it and that undo it, on this root.
fn ways(output: &Output) -> [String; 2] {
    ["eos bootstrap", "eos rollback"].map(|command| output.rooted(command))
}

impl Begun {
    /// The status of a host that is nothing else yet.
    pub fn alone(&self, output: &Output) -> Done {
        let result = json!({ "health": "warning", "nodes": [], "cluster": null });
        self.done(output, result, self.text(output))
    }

    /// The status of a host that has a membership already: this first, then what else there is to tell.
    pub fn before(&self, output: &Output, result: Value, text: &str) -> Done {
        self.done(output, result, format!("{}\n{text}", self.text(output)))
    }

    fn done(&self, output: &Output, mut result: Value, text: String) -> Done {
        result["unfinished"] = self.json(output);
        Done { exit: Exit::Conflict, ..Done::new(result, text).outcome("unfinished") }
    }

    fn text(&self, output: &Output) -> String {
        let Self { operation, stage, began, .. } = self;
        let step = self.step.iter().map(|step| format!(" (step {step})")).collect::<String>();
        let way = if self.undoing { "back at stage" } else { "at stage" };
        if let Some(process) = self.process {
            return format!(
                "bootstrap {operation} is in progress {way} {stage}{step}, begun {began}, process {process}\n"
            );
        }
        let [resume, undo] = ways(output);
        format!(
            "bootstrap {operation} is unfinished: it stopped {way} {stage}{step}, begun {began}\n  to go on: \
             {resume}\n  to undo it: {undo}\n"
        )
    }

    fn json(&self, output: &Output) -> Value {
        let [resume, undo] = ways(output);
        json!({
            "operation": self.operation, "stage": self.stage, "step": self.step, "began": self.began,
            "undoing": self.undoing, "process": self.process,
            "resume": resume, "undo": undo,
        })
    }
}
