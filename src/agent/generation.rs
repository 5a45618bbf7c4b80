//! Applies one generation of the cluster's plan, or a task of an orchestration, through a saga: whole, or not at
//! all.
//!
//! A crash in the middle is found by the next generation, which rolls the unfinished saga back
//! before it begins; an agent that starts again is given that generation at once.

use crate::host::clock;
use crate::host::facts;
use crate::host::paths;
use crate::host::root::Root;
use crate::host::services::Services;
use crate::journal::lock::{LockError, OperationLock};
use crate::model::explain::Failure;
use crate::model::progress::Silent;
use crate::saga::engine::{Engine, Request};
use crate::steps::apply_states::ApplyStates;
use crate::steps::apply_task::ApplyTask;
use crate::steps::refresh_units::{self, RefreshUnits};
use crate::steps::report;
use crate::steps::{AnyStep, Env, StepFailure};
use crate::wire::member::{Desired, Task, TaskDone};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The kind of these sagas in the journal.
pub const KIND: &str = "generation";

/// The kind of the sagas of tasks in the journal.
pub const TASK_KIND: &str = "task";

/// How the operation lock names its holder while a task is done.
pub const TASK_COMMAND: &str = "agent: task";

/// How the operation lock names its holder while a generation is applied.
pub const COMMAND: &str = "agent: generation";

/// How long one generation may take.
const LIMIT: Duration = Duration::from_secs(600);

/// What came of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It is in force.
    Done,
    /// Another operation is in progress on this host; to be tried again.
    Busy,
    /// It failed and was undone.
    Failed(Failure),
}

/// What an agent applies with.
#[derive(Clone)]
pub struct Workshop {
    /// The root.
    pub root: Root,
    /// The program that units run.
    pub binary: PathBuf,
    /// What runs services.
    pub services: Arc<dyn Services>,
}

/// Applies a generation. Blocks; `runtime` is where calls to the master would run.
pub fn apply(workshop: &Workshop, desired: &Desired, runtime: tokio::runtime::Handle) -> Applied {
    let command = format!("{COMMAND} {}", desired.generation);
    let mut lock = match OperationLock::acquire(&workshop.root, &command, clock::timestamp()) {
        Ok(lock) => lock,
        Err(LockError::Busy { .. }) => return Applied::Busy,
        Err(error) => return Applied::Failed(Failure::of(&error)),
    };
    match run(workshop, desired, runtime, &mut lock) {
        Ok(()) => Applied::Done,
        Err(failure) => Applied::Failed(failure),
    }
}

fn run(
    workshop: &Workshop,
    desired: &Desired,
    runtime: tokio::runtime::Handle,
    lock: &mut OperationLock,
) -> Result<(), Failure> {
    let mut env = env(workshop, runtime)?;
    let step = ApplyStates::generation(desired, workshop.binary.display().to_string());
    let plan = serde_json::to_value(desired).expect("what is desired serialises");
    saga(workshop, lock, &mut env, Request::new(KIND, plan), Box::new(step))
}

/// Does a task of an orchestration; none when another operation is in progress on this host. Blocks.
pub fn perform(workshop: &Workshop, task: &Task, runtime: tokio::runtime::Handle) -> Option<TaskDone> {
    let command = format!("{TASK_COMMAND} {}", task.id);
    let done = match OperationLock::acquire(&workshop.root, &command, clock::timestamp()) {
        Ok(mut lock) => carry_out(workshop, task, runtime, &mut lock),
        Err(LockError::Busy { .. }) => return None,
        Err(error) => Err(Failure::of(&error)),
    };
    let (changed, failure) = match done {
        Ok(changed) => (changed, None),
        Err(failure) => (false, Some(report::shortened(&failure))),
    };
    Some(TaskDone { id: task.id.clone(), changed, failure })
}

/// Applies the task's states; whether something changed, or would.
fn carry_out(
    workshop: &Workshop,
    task: &Task,
    runtime: tokio::runtime::Handle,
    lock: &mut OperationLock,
) -> Result<bool, Failure> {
    let mut env = env(workshop, runtime)?;
    let step = ApplyTask::new(task, workshop.binary.display().to_string());
    let changes = step.would_change(&env).map_err(Failure::from)?;
    if changes && !task.test {
        let plan = serde_json::to_value(task).expect("a task serialises");
        saga(workshop, lock, &mut env, Request::new(TASK_KIND, plan), Box::new(step))?;
    }
    Ok(changes)
}

fn env(workshop: &Workshop, runtime: tokio::runtime::Handle) -> Result<Env, Failure> {
    let state = workshop.root.join(paths::STATE);
    let facts = facts::gather(&workshop.root, &state).map_err(|error| Failure::of(&error))?;
    Ok(Env {
        root: workshop.root.clone(),
        binary: workshop.binary.clone(),
        services: workshop.services.clone(),
        sink: Arc::new(Silent),
        runtime,
        interrupted: Arc::new(AtomicBool::new(false)),
        facts,
        token: None,
        deadline: Instant::now() + LIMIT,
    })
}

/// Undoes what a crash left, then runs a saga of one step.
fn saga(
    workshop: &Workshop,
    lock: &mut OperationLock,
    env: &mut Env,
    request: Request,
    step: AnyStep,
) -> Result<(), Failure> {
    let interrupted = env.interrupted.clone();
    let binary = workshop.binary.display().to_string();
    let mut engine = Engine::new(&workshop.root, lock, &Silent, interrupted.as_ref());
    if let Some((saga, state)) = engine.recover().map_err(|error| error.to_failure())? {
        let unfinished: AnyStep = match state.begin.kind.as_str() {
            KIND => Box::new(from_plan(&state.begin.plan, binary)?),
            TASK_KIND => Box::new(task_from_plan(&state.begin.plan, binary)?),
            // Its bootstrap died; the next one brings the units up to date.
            refresh_units::KIND => Box::new(RefreshUnits::from_plan(&state.begin.plan)?),
            _ => return Err(crate::saga::error::SagaError::Unfinished { saga }.to_failure()),
        };
        engine.rollback(&saga, &[unfinished], env).map_err(|error| error.to_failure())?;
    }
    let node_states = env.membership().map_err(Failure::from)?.states();
    let request = Request { node_states, ..request };
    engine.run(request, &[step], env).map(|_| ()).map_err(|error| error.to_failure())
}

/// The step of a task as its saga's plan states it.
///
/// # Errors
/// When the plan is damaged.
pub fn task_from_plan(plan: &serde_json::Value, binary: String) -> Result<ApplyTask, Failure> {
    let task: Task = serde_json::from_value(plan.clone())
        .map_err(|error| Failure::of(&StepFailure::PlanDamaged { what: "task", why: error.to_string() }))?;
    Ok(ApplyTask::new(&task, binary))
}

/// The step of a generation as its saga's plan states it.
///
/// # Errors
/// When the plan is damaged.
pub fn from_plan(plan: &serde_json::Value, binary: String) -> Result<ApplyStates, Failure> {
    let desired: Desired = serde_json::from_value(plan.clone()).map_err(|error| {
        Failure::of(&StepFailure::PlanDamaged { what: "generation", why: error.to_string() })
    })?;
    Ok(ApplyStates::generation(&desired, binary))
}
