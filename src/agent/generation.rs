//! Applies one generation of the cluster's plan through a saga: whole, or not at all.
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
use crate::steps::refresh_units::{self, RefreshUnits};
use crate::steps::{AnyStep, Env, StepFailure};
use crate::wire::member::Desired;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The kind of these sagas in the journal.
pub const KIND: &str = "generation";

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
    let state = workshop.root.join(paths::STATE);
    let facts = facts::gather(&workshop.root, &state).map_err(|error| Failure::of(&error))?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut env = Env {
        root: workshop.root.clone(),
        binary: workshop.binary.clone(),
        services: workshop.services.clone(),
        sink: Arc::new(Silent),
        runtime,
        interrupted: interrupted.clone(),
        facts,
        token: None,
        deadline: Instant::now() + LIMIT,
    };
    let binary = workshop.binary.display().to_string();
    let mut engine = Engine::new(&workshop.root, lock, &Silent, interrupted.as_ref());
    if let Some((saga, state)) = engine.recover().map_err(|error| error.to_failure())? {
        let unfinished: AnyStep = match state.begin.kind.as_str() {
            KIND => Box::new(from_plan(&state.begin.plan, binary.clone())?),
            // Its bootstrap died; the next one brings the units up to date.
            refresh_units::KIND => Box::new(RefreshUnits::from_plan(&state.begin.plan)?),
            _ => return Err(crate::saga::error::SagaError::Unfinished { saga }.to_failure()),
        };
        let steps: Vec<AnyStep> = vec![unfinished];
        engine.rollback(&saga, &steps, &mut env).map_err(|error| error.to_failure())?;
    }
    let plan = serde_json::to_value(desired).expect("what is desired serialises");
    let node_states = env.membership().map_err(Failure::from)?.states();
    let step = ApplyStates::generation(desired, binary);
    let steps: Vec<AnyStep> = vec![Box::new(step)];
    let request = Request { node_states, ..Request::new(KIND, plan) };
    engine.run(request, &steps, &mut env).map(|_| ()).map_err(|error| error.to_failure())
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
