//! `eos state`: the states of this node's role.

use crate::agent::generation::{self, Applied, Workshop};
use crate::cli::bootstrap::{TIMEOUT, environment, lock};
use crate::cli::carry_out;
use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::cli::orchestration;
use crate::client::MasterClient;
use crate::host::{facts, paths};
use crate::model::explain::{Exit, Failure};
use crate::model::progress::Silent;
use crate::saga::engine::{Engine, Request};
use crate::sls::difference::Outcome;
use crate::steps::apply_states::{self, ApplyStates};
use crate::steps::executor::Executor;
use crate::steps::touches;
use crate::steps::{AnyStep, Env, StepFailure};
use crate::view;
use crate::view::progress::Progress;
use crate::wire::member::Desired;
use clap::Subcommand;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is tried again while another operation is in progress.
const PAUSE: Duration = Duration::from_millis(200);

/// The commands.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// Show the states of this node with all their arguments resolved
    Show,
    /// Show the steps by which the master hands out a new generation
    Orchestration {
        /// The orchestration file
        #[arg(default_value = orchestration::NODE_ADDITION, value_name = "SLS")]
        sls: String,
    },
    /// Apply the states of this node
    Apply {
        /// Only show what would change
        #[arg(long, conflicts_with = "generation")]
        test: bool,
        /// Take what the master assigns now, this generation or a later one, as the agent does; for an installed Salt
        /// that runs the cluster's orchestration
        #[arg(long, value_name = "NUMBER")]
        generation: Option<u64>,
    },
    /// Apply what the agent has ordered, or undo what a crash left of that; for eos-apply.service
    CarryOut,
}

impl StateCommand {
    /// Whether it changes this machine.
    pub fn changes(&self) -> bool {
        matches!(self, Self::Apply { test: false, .. } | Self::CarryOut)
    }

    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Show => "state show",
            Self::Orchestration { .. } => "state orchestration",
            Self::Apply { .. } => "state apply",
            Self::CarryOut => carry_out::NAME,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When a state file is wrong, or a state fails.
pub fn run(context: &Context, command: StateCommand) -> Result<Done, Failure> {
    if let StateCommand::Orchestration { sls } = &command {
        return orchestration::run(context, sls);
    }
    if matches!(command, StateCommand::CarryOut) {
        return carry_out::run(context);
    }
    let progress = Arc::new(Progress::new(context.output, Instant::now() + TIMEOUT));
    let facts = facts::gather(&context.root, &context.root.join(paths::STATE)).map_err(failure)?;
    let mut env = environment(context, progress.clone(), facts, None, Instant::now() + TIMEOUT)?;
    let result = match command {
        StateCommand::Apply { test: true, .. } => test(&env),
        StateCommand::Apply { test: false, generation: None } => apply(context, &mut env, &progress),
        StateCommand::Apply { generation: Some(wanted), .. } => take(&env, wanted),
        _ => show(&env),
    };
    progress.finish();
    result
}

fn plan(env: &Env) -> Result<crate::sls::plan::StatePlan, Failure> {
    let membership = env.membership().map_err(Failure::from)?;
    let applied = membership.applied.ok_or_else(|| failure(StepFailure::NoMembership))?;
    let binary = env.binary.display().to_string();
    apply_states::render(env, &membership.name, &applied, &binary).map_err(Failure::from)
}

fn show(env: &Env) -> Result<Done, Failure> {
    let states = plan(env)?.states;
    let mut text = String::new();
    for state in &states {
        text.push_str(&format!(
            "{} ({}) {} at {}:{}\n",
            state.id,
            state.function.name(),
            state.name,
            state.file,
            state.line
        ));
    }
    let listed: Vec<_> = states
        .iter()
        .map(|state| {
            serde_json::json!({
                "id": state.id, "function": state.function.name(), "name": state.name,
                "sls": state.sls, "file": state.file, "line": state.line,
            })
        })
        .collect();
    Ok(Done::new(serde_json::json!({ "states": listed }), text))
}

/// What would fail is told by the exit status too.
fn test(env: &Env) -> Result<Done, Failure> {
    let plan = plan(env)?;
    touches::of(env, &plan).map_err(Failure::from)?;
    let results = Executor::new(env).test(&plan);
    let text = view::states::results(&results);
    let done = Done::new(serde_json::json!({ "states": json(&results) }), text).outcome("planned");
    let fails = results.iter().any(|result| result.outcome == Outcome::Failed);
    Ok(Done { exit: if fails { Exit::Failed } else { Exit::Done }, ..done })
}

/// Takes what the master assigns, by the agent's own hand: checkpoint and way back are the same. It does not wait for
/// its turn, since whoever asks for it is the orchestration.
fn take(env: &Env, wanted: u64) -> Result<Done, Failure> {
    let began = Instant::now();
    let told = |generation: u64| serde_json::json!({ "generation": generation });
    loop {
        let membership = env.membership().map_err(Failure::from)?;
        let applied = membership.applied.map_or(0, |applied| applied.generation);
        if applied >= wanted {
            let text = format!("generation {applied} is in force\n");
            return Ok(Done::new(told(applied), text).outcome("no-change"));
        }
        let client = env.member_client().map_err(Failure::from)?;
        let asking = |client: MasterClient| async move { client.desired().await };
        let desired =
            env.until_answered("say what this node shall be", &client, asking).map_err(Failure::from)?;
        let workshop = Workshop::new(env.root.clone(), env.binary.clone(), env.services.clone());
        if desired.generation >= wanted {
            match generation::apply(&workshop, &desired, env.runtime.clone()) {
                Applied::Done => {
                    let text = format!("generation {} is in force\n", desired.generation);
                    return Ok(Done::new(told(desired.generation), text));
                }
                Applied::Failed(failure) => return Err(failure),
                Applied::Busy => {}
            }
        }
        let cause =
            format!("its turn to take generation {wanted}; another operation is in progress on this host");
        if !env.pause(&cause, began, PAUSE) {
            return Err(failure(StepFailure::Interrupted { what: cause }));
        }
    }
}

/// Applies through a saga, so that a failed state rolls back.
///
/// The lock comes first: what this node shall be may change until it is held.
fn apply(context: &Context, env: &mut Env, progress: &Arc<Progress>) -> Result<Done, Failure> {
    let mut lock = lock(context, "state apply", progress.as_ref(), Instant::now() + TIMEOUT)?;
    let membership = env.membership().map_err(Failure::from)?;
    let applied = membership.applied.clone().ok_or_else(|| failure(StepFailure::NoMembership))?;
    let node_states = membership.states();
    // What is wrong in the tree itself begins no saga.
    touches::of(env, &plan(env)?).map_err(Failure::from)?;
    let desired = Desired {
        generation: applied.generation,
        cluster: membership.cluster,
        node: membership.node,
        name: membership.name,
        role: applied.role,
        scale: applied.scale,
        master: membership.master,
        pillar: applied.pillar,
    };
    let binary = env.binary.display().to_string();
    let step = ApplyStates::generation(&desired, binary);
    let results = step.results();
    let steps: Vec<AnyStep> = vec![Box::new(step)];
    let mut engine = Engine::new(&context.root, &mut lock, &Silent, context.interrupted.as_ref());
    let request = Request { node_states, ..Request::new(generation::KIND, json(&desired)) };
    let applied = engine.run(request, &steps, env);
    progress.finish();
    let results = results.lock().expect("nothing panics while it holds the results");
    let text = view::states::results(&results);
    match applied {
        Ok(_) => {
            let changed = results.iter().any(|result| !result.changes.is_empty());
            let done = Done::new(serde_json::json!({ "states": json(&*results) }), text);
            Ok(if changed { done } else { done.outcome("no-change") })
        }
        Err(error) => {
            // Also what led to a failure is told: each state, before all of it was undone.
            context.put_beside(serde_json::json!({ "states": json(&*results) }));
            if !results.is_empty() && context.output.format == view::Format::Text {
                view::stderr(&text);
            }
            Err(error.to_failure())
        }
    }
}
