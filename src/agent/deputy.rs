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
    let order = Order::new(&workshop.root, work, trace).map_err(|error| error.failure())?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::fixture::Node;
    use crate::host::paths;
    use crate::host::services;
    use std::path::PathBuf;
    use std::sync::Arc;

    const ENTRY: &str = "EOS_TEST_DEPUTY";

    /// Not a test by itself: what the test below starts without a bus.
    #[test]
    fn deputy_entry() -> anyhow::Result<()> {
        if std::env::var_os(ENTRY).is_none() {
            return Ok(());
        }
        let node = Node::new()?;
        node.join("127.0.71.8:4507".parse()?)?;
        std::fs::create_dir_all(node.root.join(paths::RUN))?;
        let binary = PathBuf::from("/bin/true");
        let services = Arc::from(services::detect(&node.root, binary.clone())?);
        let workshop = Workshop { hand: Hand::Unit, ..Workshop::new(node.root.clone(), binary, services) };
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let Applied::Failed(failure) = restore(&workshop, runtime.handle().clone()) else {
            anyhow::bail!("nobody could have done it");
        };
        let told = "eos-apply ended without an answer: systemd did not start eos-apply";
        assert_eq!((failure.code.as_str(), failure.message.as_str()), ("EOS-A005", told));
        assert!(!node.root.join(paths::ORDER).exists(), "the order is withdrawn");
        Ok(())
    }

    #[test]
    fn an_order_that_nobody_answers_is_withdrawn_and_told() -> anyhow::Result<()> {
        let output = std::process::Command::new(std::env::current_exe()?)
            .args(["--exact", "agent::deputy::tests::deputy_entry", "--nocapture"])
            .env(ENTRY, "1")
            .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        Ok(())
    }

    #[tokio::test]
    async fn work_beside_the_loop_ends_with_its_result_or_its_panic() {
        for hand in [Hand::Agent, Hand::Unit] {
            assert_eq!(beside(hand, || 7).await, 7);
            let panicked = tokio::spawn(beside(hand, || panic!("planned"))).await;
            assert!(panicked.expect_err("it panics").is_panic());
        }
    }
}
