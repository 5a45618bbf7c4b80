//! What came of a task before, as the journal of its saga has it: who died between the deed and the report does nothing
//! twice, and the master hears the same.
//!
//! A task that changed nothing has no saga: it is looked at again, and changes nothing again.

use crate::agent::generation::{TASK_KIND, failed};
use crate::host::root::Root;
use crate::journal::file;
use crate::journal::state::Next;
use crate::model::explain::Failure;
use crate::wire::member::{Task, TaskDone};

/// What came of this task; none when it was not done yet, or when a crash had it undone.
///
/// # Errors
/// When a journal cannot be read or is damaged.
pub fn of(root: &Root, task: &Task) -> Result<Option<TaskDone>, Failure> {
    let plan = serde_json::to_value(task).expect("a task serialises");
    let sagas = file::sagas(root).map_err(|error| Failure::of(&error))?;
    for saga in sagas.into_iter().rev() {
        let state = file::state(root, &saga).map_err(|error| Failure::of(&error))?;
        // The whole task, and not its id alone: a registry that was restored may give an id out again.
        let Some(state) = state.filter(|state| state.begin.kind == TASK_KIND && state.begin.plan == plan)
        else {
            continue;
        };
        return Ok(match (state.next, state.failure) {
            (Next::Completed, _) => Some(TaskDone { id: task.id.clone(), changed: true, failure: None }),
            (Next::RolledBack, Some((step, mut failure))) => {
                failure.causes.push(format!("step {step} failed, and everything was undone"));
                Some(failed(task, &failure))
            }
            _ => None,
        });
    }
    Ok(None)
}
