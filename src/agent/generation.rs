//! Applies one generation of the cluster's plan, or a task of an orchestration, through a saga: whole, or not at
//! all.
//!
//! A crash in the middle is found by the next generation, which rolls the unfinished saga back
//! before it begins; an agent that starts again rolls it back at once, and is given that generation when its master
//! answers.

use crate::agent::outcome;
use crate::agent::recovery::Hand;
use crate::host::clock;
use crate::host::facts;
use crate::host::paths;
use crate::host::root::Root;
use crate::host::services::Services;
use crate::journal::file;
use crate::journal::lock::{LockError, OperationLock};
use crate::model::explain::Failure;
use crate::model::progress::{Silent, Sink};
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

/// How the operation lock names its holder while what a crash left is undone.
pub const RESTORE_COMMAND: &str = "agent: undoing what was interrupted";

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
    /// Who applies.
    pub hand: Hand,
    /// Set when what is applied shall be undone.
    pub interrupted: Arc<AtomicBool>,
    /// Where progress goes.
    pub sink: Arc<dyn Sink>,
}

impl Workshop {
    /// Of an agent that is nowhere confined; nobody watches what it applies.
    pub fn new(root: Root, binary: PathBuf, services: Arc<dyn Services>) -> Self {
        let (interrupted, sink) = (Arc::default(), Arc::new(Silent));
        Self { root, binary, services, hand: Hand::Agent, interrupted, sink }
    }
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

/// Does a task of an orchestration, once; none when another operation is in progress on this host. Blocks.
pub fn perform(workshop: &Workshop, task: &Task, runtime: tokio::runtime::Handle) -> Option<TaskDone> {
    let command = format!("{TASK_COMMAND} {}", task.id);
    let done = match OperationLock::acquire(&workshop.root, &command, clock::timestamp()) {
        Ok(mut lock) => match outcome::of(&workshop.root, task) {
            Ok(Some(done)) => {
                tracing::info!(task = task.id, "this task is done already, and its outcome is told again");
                return Some(done);
            }
            Ok(None) => carry_out(workshop, task, runtime, &mut lock),
            Err(failure) => Err(failure),
        },
        Err(LockError::Busy { .. }) => return None,
        Err(error) => Err(Failure::of(&error)),
    };
    Some(match done {
        Ok(changed) => TaskDone { id: task.id.clone(), changed, failure: None },
        Err(failure) => failed(task, &failure),
    })
}

/// What the master hears of a task that failed.
pub fn failed(task: &Task, failure: &Failure) -> TaskDone {
    TaskDone { id: task.id.clone(), changed: false, failure: Some(report::shortened(failure)) }
}

/// Undoes what a crash left of a generation, a task, or a refresh of units; also without a master. Blocks.
pub fn restore(workshop: &Workshop, runtime: tokio::runtime::Handle) -> Applied {
    let mut lock = match OperationLock::acquire(&workshop.root, RESTORE_COMMAND, clock::timestamp()) {
        Ok(lock) => lock,
        Err(LockError::Busy { .. }) => return Applied::Busy,
        Err(error) => return Applied::Failed(Failure::of(&error)),
    };
    let restored = || {
        // What was there when the lock was not held may be gone.
        if !is_unfinished(&workshop.root)? {
            return Ok(());
        }
        let mut env = env(workshop, runtime)?;
        let mut engine =
            Engine::new(&workshop.root, &mut lock, workshop.sink.as_ref(), workshop.interrupted.as_ref());
        undo_unfinished(&mut engine, workshop, &mut env)
    };
    match restored() {
        Ok(()) => Applied::Done,
        Err(failure) => Applied::Failed(failure),
    }
}

/// Whether a saga was not finished that [`restore`] undoes.
///
/// # Errors
/// When the journal cannot be read.
pub fn is_unfinished(root: &Root) -> Result<bool, Failure> {
    let found = file::unfinished(root).map_err(|error| Failure::of(&error))?;
    Ok(found.is_some_and(|(_, state)| {
        [KIND, TASK_KIND, refresh_units::KIND].contains(&state.begin.kind.as_str())
    }))
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
        sink: workshop.sink.clone(),
        runtime,
        interrupted: workshop.interrupted.clone(),
        facts,
        token: None,
        parts: true,
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
    let mut engine = Engine::new(&workshop.root, lock, workshop.sink.as_ref(), workshop.interrupted.as_ref());
    undo_unfinished(&mut engine, workshop, env)?;
    let node_states = env.membership().map_err(Failure::from)?.states();
    let request = Request { node_states, ..request };
    engine.run(request, &[step], env).map(|_| ()).map_err(|error| error.to_failure())
}

/// Undoes the saga that a crash left unfinished, if there is one.
fn undo_unfinished(engine: &mut Engine<'_>, workshop: &Workshop, env: &mut Env) -> Result<(), Failure> {
    let binary = workshop.binary.display().to_string();
    let Some((saga, state)) = engine.recover().map_err(|error| error.to_failure())? else { return Ok(()) };
    let unfinished: AnyStep = match state.begin.kind.as_str() {
        KIND => Box::new(from_plan(&state.begin.plan, binary)?),
        TASK_KIND => Box::new(task_from_plan(&state.begin.plan, binary)?),
        // Its bootstrap died; the next one brings the units up to date.
        refresh_units::KIND => Box::new(RefreshUnits::from_plan(&state.begin.plan)?),
        _ => return Err(crate::saga::error::SagaError::Unfinished { saga }.to_failure()),
    };
    engine.rollback(&saga, &[unfinished], env).map(drop).map_err(|error| error.to_failure())
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
