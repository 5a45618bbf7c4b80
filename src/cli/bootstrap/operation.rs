//! Unfinished sagas on this host, and the environment that sagas run in.

use crate::agent::generation;
use crate::cli::bootstrap::KIND;
use crate::cli::context::{Context, failure};
use crate::cli::done::json;
use crate::client::Terms;
use crate::host::clock;
use crate::host::facts;
use crate::host::paths;
use crate::identity::membership::Membership;
use crate::identity::token::Token;
use crate::journal::lock::{LockError, OperationLock};
use crate::journal::state::Next;
use crate::model::explain::Failure;
use crate::model::facts::Facts;
use crate::model::ids::SagaId;
use crate::model::progress::{Event, Sink, Wait};
use crate::saga::engine::{Engine, Request};
use crate::saga::error::SagaError;
use crate::snapshot::restore;
use crate::steps::refresh_units::{self, Refresh, RefreshUnits};
use crate::steps::{self, AnyStep, Decision, Env, StepFailure};
use crate::view::progress::Progress;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An unfinished bootstrap with its decision.
pub type Unfinished = (SagaId, Decision);

/// How long an operation of this node's own agent is waited for.
const AGENT_PATIENCE: Duration = Duration::from_secs(60);

/// Takes the operation lock. This node's own agent is waited for, since it ends by itself; any other
/// holder is named at once.
///
/// # Errors
/// When somebody else holds it, or the agent does not end in time.
pub fn lock(
    context: &Context,
    command: &str,
    sink: &dyn Sink,
    deadline: Instant,
) -> Result<OperationLock, Failure> {
    let began = Instant::now();
    let until = deadline.min(began + AGENT_PATIENCE);
    loop {
        match OperationLock::acquire(&context.root, command, clock::timestamp()) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Busy { pid, command: holder, seconds }) => {
                // One that has only just begun has not said yet who it is.
                let agents = pid == 0
                    || [generation::COMMAND, generation::TASK_COMMAND]
                        .iter()
                        .any(|command| holder.starts_with(command));
                let error = LockError::Busy { pid, command: holder, seconds };
                if agents && context.is_interrupted() {
                    let interrupted = failure(StepFailure::Interrupted { what: error.to_string() });
                    let hints = vec![format!("run the same command again: eos {command}")];
                    return Err(Failure { hints, ..interrupted });
                }
                let now = Instant::now();
                if !agents || now >= until {
                    return Err(failure(error));
                }
                let pause = Duration::from_millis(100);
                let wait = Wait { cause: error.to_string(), began, until, retry: now + pause };
                sink.emit(wait.at(now));
                context.block_on(async {
                    tokio::time::interval_at(tokio::time::Instant::now() + pause, pause).tick().await;
                });
            }
            Err(error) => return Err(failure(error)),
        }
    }
}

/// The environment of a saga.
///
/// # Errors
/// When the machine cannot be looked at.
pub fn environment(
    context: &Context,
    sink: Arc<dyn Sink>,
    facts: Facts,
    token: Option<Token>,
    deadline: Instant,
) -> Result<Env, Failure> {
    Ok(Env {
        root: context.root.clone(),
        binary: context.binary()?,
        services: context.services()?,
        sink,
        runtime: context.runtime(),
        interrupted: context.interrupted.clone(),
        facts,
        token,
        parts: true,
        deadline,
    })
}

/// Brings the units of this member up to date, by a saga of its own.
///
/// # Errors
/// When they cannot be read or written; then they are as they were.
pub fn refresh(
    context: &Context,
    lock: &mut OperationLock,
    refresh: Refresh,
    progress: &Arc<Progress>,
) -> Result<(), Failure> {
    let facts = facts::gather(&context.root, &context.root.join(paths::STATE)).map_err(failure)?;
    let deadline = Instant::now() + crate::cli::bootstrap::TIMEOUT;
    let mut env = environment(context, progress.clone(), facts, None, deadline)?;
    let node_states = env.membership().map_err(Failure::from)?.states();
    let request = Request { node_states, ..Request::new(refresh_units::KIND, json(&refresh)) };
    let steps: Vec<AnyStep> = vec![Box::new(RefreshUnits(refresh))];
    let mut engine = Engine::new(&context.root, lock, progress.as_ref(), context.interrupted.as_ref());
    engine.run(request, &steps, &mut env).map(drop).map_err(|error| error.to_failure())
}

/// Finishes or takes back what a crash left of restores, and tells what became of them.
///
/// # Errors
/// When the records of restores cannot be read.
pub fn recover_restores(context: &Context, sink: &dyn Sink) -> Result<(), Failure> {
    for recovered in restore::recover(&context.root, sink).map_err(failure)? {
        sink.emit(recovered.event());
    }
    Ok(())
}

/// The steps of a saga in the journal, rebuilt from its plan.
///
/// # Errors
/// When the plan cannot be read.
pub fn steps_of(kind: &str, plan: &serde_json::Value, binary: &str) -> Result<Vec<AnyStep>, Failure> {
    if kind == generation::KIND {
        return Ok(vec![Box::new(generation::from_plan(plan, binary.to_owned())?)]);
    }
    if kind == generation::TASK_KIND {
        return Ok(vec![Box::new(generation::task_from_plan(plan, binary.to_owned())?)]);
    }
    if kind == refresh_units::KIND {
        return Ok(vec![Box::new(RefreshUnits::from_plan(plan)?)]);
    }
    Ok(steps::of(&Decision::from_plan(plan).map_err(Failure::from)?))
}

/// Finds what an earlier run left: an unfinished bootstrap is returned, an unfinished generation is
/// undone, since the agent will be given the newest one anyway.
///
/// # Errors
/// When the journal is damaged, or the generation cannot be undone.
pub fn settle(
    context: &Context,
    lock: &mut OperationLock,
    progress: &Arc<Progress>,
) -> Result<Option<Unfinished>, Failure> {
    let mut engine = Engine::new(&context.root, lock, progress.as_ref(), context.interrupted.as_ref());
    let Some((saga, state)) = engine.recover().map_err(|error: SagaError| error.to_failure())? else {
        return Ok(None);
    };
    if state.begin.kind == KIND && matches!(state.next, Next::Unwind { .. }) {
        // The way back needs nobody's leave, and what this run asks for begins after it.
        progress.emit(Event::Note { text: format!("undoing the bootstrap {saga} to its end") });
        return match undo(context, lock, &saga, progress) {
            // Why it was undone was told by the run that began to.
            Err(failure) if unfinished(context)?.is_some() => Err(failure),
            _ => Ok(None),
        };
    }
    if state.begin.kind == KIND {
        let decision = Decision::from_plan(&state.begin.plan).map_err(Failure::from)?;
        return Ok(Some((saga, decision)));
    }
    progress.emit(Event::Note { text: format!("undoing the unfinished {} {saga}", state.begin.kind) });
    undo(context, lock, &saga, progress)?;
    Ok(None)
}

/// The unfinished bootstrap of this host, by a look that changes nothing.
///
/// # Errors
/// When the journal cannot be read, or what was decided is of a later eos or damaged.
pub fn unfinished(context: &Context) -> Result<Option<Unfinished>, Failure> {
    let found = crate::journal::file::unfinished(&context.root).map_err(failure)?;
    let found = found.filter(|(_, state)| state.begin.kind == KIND);
    let decided = found.map(|(saga, state)| Decision::from_plan(&state.begin.plan).map(|plan| (saga, plan)));
    decided.transpose().map_err(Failure::from)
}

/// Whether the master has forgotten the join that an unfinished bootstrap began, since its lease ended.
///
/// # Errors
/// When this node's keys or certificates are damaged.
pub fn is_forgotten(context: &Context, terms: Terms) -> Result<bool, Failure> {
    let membership = Membership::load(&context.root).map_err(failure)?;
    let Some(membership) = membership.filter(|found| !found.confirmed && !found.runs_master) else {
        return Ok(false);
    };
    let client = steps::env::member_client(&context.root, membership.master, membership.address)?.on(terms);
    // Any other answer is told by the step that asks next.
    Ok(context.block_on(client.desired()).is_err_and(|error| error.is_forgotten()))
}

/// Undoes a saga.
///
/// # Errors
/// When it cannot be undone; what is left is told.
pub fn undo(
    context: &Context,
    lock: &mut OperationLock,
    saga: &SagaId,
    progress: &Arc<Progress>,
) -> Result<(), Failure> {
    let facts = facts::gather(&context.root, &context.root.join(paths::STATE)).map_err(failure)?;
    let deadline = Instant::now() + crate::cli::bootstrap::TIMEOUT;
    let mut env = environment(context, progress.clone(), facts, None, deadline)?;
    let state = crate::journal::file::state(&context.root, saga).map_err(failure)?;
    let Some(state) = state else { return Ok(()) };
    let binary = env.binary.display().to_string();
    let steps = steps_of(&state.begin.kind, &state.begin.plan, &binary)?;
    let mut engine = Engine::new(&context.root, lock, progress.as_ref(), context.interrupted.as_ref());
    engine.rollback(saga, &steps, &mut env).map(|_| ()).map_err(|error| error.to_failure())
}
