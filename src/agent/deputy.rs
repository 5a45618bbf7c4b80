//! Who applies what the master assigns: the agent itself, or `eos-apply.service` where systemd confines the agent.
//!
//! The unit takes the operation lock, carries out the saga and answers; it goes on when the agent ends meanwhile, and
//! the next agent finds what it did in the membership and the journal. When the unit dies, the agent says so and
//! gives the order again, which first undoes what was begun.

use crate::agent::error::AgentError;
use crate::agent::generation::{self, Applied, Workshop};
use crate::agent::order::{Ended, Order, Work};
use crate::agent::recovery::Hand;
use crate::host::services::SystemdServices;
use crate::model::explain::Failure;
use crate::wire::member::{Desired, Task, TaskDone};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;
use tokio::runtime::Handle;

/// The unit, without `.service`.
pub const UNIT: &str = "eos-apply";

/// How long one run of the unit is waited for; then it is looked for again later. Packages alone may take half an hour
/// there, and as long back.
const PATIENCE: Duration = Duration::from_secs(7200);

/// Applies a generation. Blocks.
pub fn apply(workshop: &Workshop, desired: Desired, trace: Option<String>, runtime: Handle) -> Applied {
    match workshop.hand {
        Hand::Agent => generation::apply(workshop, &desired, runtime),
        Hand::Unit => applied(order(workshop, Work::Generation(desired), trace)),
    }
}

/// Does a task of an orchestration; none when another operation is in progress on this host. Blocks.
pub fn perform(workshop: &Workshop, task: &Task, runtime: Handle) -> Option<TaskDone> {
    if workshop.hand == Hand::Agent {
        return generation::perform(workshop, task, runtime);
    }
    match order(workshop, Work::Task(task.clone()), None) {
        Ok(Ended::Task(done)) => Some(done),
        Ok(Ended::Failed(failure)) | Err(failure) => Some(generation::failed(task, &failure)),
        Ok(Ended::Done | Ended::Busy) => None,
    }
}

/// Undoes what a crash left of a generation or a task. Blocks.
pub fn restore(workshop: &Workshop, runtime: Handle) -> Applied {
    match workshop.hand {
        Hand::Agent => generation::restore(workshop, runtime),
        Hand::Unit => applied(order(workshop, Work::Restore, None)),
    }
}

fn applied(ended: Result<Ended, Failure>) -> Applied {
    match ended {
        Ok(Ended::Done | Ended::Task(_)) => Applied::Done,
        Ok(Ended::Busy) => Applied::Busy,
        Ok(Ended::Failed(failure)) | Err(failure) => Applied::Failed(failure),
    }
}

/// Has the unit carry out an order, and waits for its end.
fn order(workshop: &Workshop, work: Work, trace: Option<String>) -> Result<Ended, Failure> {
    let is_active = || workshop.services.status(UNIT).map(|status| status.active);
    // It works for an agent that was here before.
    if is_active().map_err(|error| Failure::of(&error))? {
        return Ok(Ended::Busy);
    }
    let order = Order::new(work, trace).map_err(|error| error.failure())?;
    order.give(&workshop.root).map_err(|error| error.failure())?;
    let ran = SystemdServices::run(UNIT, PATIENCE);
    if let Some(ended) = order.answered(&workshop.root).map_err(|error| error.failure())? {
        return Ok(ended);
    }
    // The bus may have gone away, and the unit works on.
    if is_active().unwrap_or_default() {
        return Ok(Ended::Busy);
    }
    Order::withdraw(&workshop.root).map_err(|error| error.failure())?;
    let how = match ran {
        Ok(outcome) => {
            let seen = workshop.services.status(UNIT).ok().and_then(|status| status.failure);
            seen.unwrap_or_else(|| format!("the job ended as {outcome}"))
        }
        Err(error) => error.to_string(),
    };
    Err(AgentError::NoAnswer { how }.failure())
}

/// Does blocking work beside the agent's loop. What the unit does is not waited for when the agent ends, and what the
/// agent does itself is.
pub async fn beside<T: Send + 'static>(hand: Hand, work: impl FnOnce() -> T + Send + 'static) -> T {
    let ended: Result<T, Box<dyn Any + Send>> = match hand {
        Hand::Agent => tokio::task::spawn_blocking(work).await.map_err(tokio::task::JoinError::into_panic),
        Hand::Unit => {
            let (tell, told) = tokio::sync::oneshot::channel();
            let work = move || {
                // Nobody listens any more when the agent ends.
                tell.send(catch_unwind(AssertUnwindSafe(work))).ok();
            };
            match std::thread::Builder::new().name("deputy".to_owned()).spawn(work) {
                Ok(_) => told.await.expect("what the thread ended with is sent, also a panic"),
                Err(error) => Err(Box::new(format!("there can be no thread: {error}"))),
            }
        }
    };
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}
