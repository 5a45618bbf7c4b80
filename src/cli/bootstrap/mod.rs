//! `eos bootstrap`: decide, check, and carry out or go on with the saga.

mod decide;
mod finish;
mod lease;
mod look;
mod operation;

pub use decide::{BootstrapArguments, read};
pub use look::measurements;
pub use operation::{environment, lock, steps_of, undo};

use crate::cli::bootstrap::lease::{Lease, StageWatch};
use crate::cli::bootstrap::look::Seen;
use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::identity::membership::Membership;
use crate::journal::lock::OperationLock;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink};
use crate::saga::engine::{Engine, Request};
use crate::steps::{self, AnyStep, Decision, Kind};
use crate::view::progress::Progress;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The kind of the saga in the journal.
pub const KIND: &str = "bootstrap";

/// How long the whole command may take unless told otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(600);

/// Runs the command.
///
/// # Errors
/// As every part of it explains.
pub fn run(context: &Context, arguments: &BootstrapArguments) -> Result<Done, Failure> {
    let progress = Arc::new(Progress::new(context.output));
    let result = bootstrap(context, arguments, &progress);
    progress.finish();
    result
}

fn bootstrap(
    context: &Context,
    arguments: &BootstrapArguments,
    progress: &Arc<Progress>,
) -> Result<Done, Failure> {
    let deadline = Instant::now() + arguments.timeout.unwrap_or(TIMEOUT);
    let mut asked = decide::read(context, arguments)?;
    if arguments.dry_run {
        return dry_run(context, arguments, asked, progress, deadline);
    }
    let mut lock = operation::lock(context, KIND, progress.as_ref())?;
    let mut unfinished = operation::settle(context, &mut lock, progress)?;
    let member = Membership::load(&context.root).map_err(failure)?;
    if let Some(membership) = member.filter(|membership| membership.confirmed && unfinished.is_none()) {
        drop(lock);
        return finish::member(context, &asked, &membership, progress);
    }
    let before = unfinished.as_ref().and_then(|(_, decision)| decision.clone());
    asked.follow(before.as_ref());
    let seen = look::look(context, arguments, &asked, before.as_ref(), progress, deadline)?;
    let decision = decide::decision(context, &asked, &seen, before.as_ref())?;
    if let Some((saga, Some(previous))) = &unfinished
        && let Some(why) = obsolete(context, previous, &decision)?
    {
        let text = format!("an unfinished bootstrap {why} ({saga}) is undone first");
        progress.emit(Event::Note { text });
        operation::undo(context, &mut lock, saga, progress)?;
        unfinished = None;
    }
    carry_out(context, asked, seen, decision, unfinished, lock, progress, deadline)
}

/// Why an unfinished bootstrap cannot be gone on with.
fn obsolete(
    context: &Context,
    previous: &Decision,
    decision: &Decision,
) -> Result<Option<&'static str>, Failure> {
    if !previous.same_aim(decision) {
        return Ok(Some("with another aim"));
    }
    Ok(operation::is_forgotten(context)?.then_some("that the master has forgotten"))
}

#[expect(clippy::too_many_arguments, reason = "what the phases before found out, each used once")]
fn carry_out(
    context: &Context,
    asked: decide::Asked,
    seen: Seen,
    decision: Decision,
    unfinished: Option<operation::Unfinished>,
    mut lock: OperationLock,
    progress: &Arc<Progress>,
    deadline: Instant,
) -> Result<Done, Failure> {
    let watch = StageWatch::new(progress.clone());
    let joining = decision.kind == Kind::Join;
    let lease = joining.then(|| Lease::keep(context.root.clone(), watch.clone(), &context.runtime()));
    let mut env = operation::environment(context, watch.clone(), seen.facts, asked.token, deadline)?;
    progress.emit(Event::Note { text: format!("services: {}", env.services.explain()) });
    let steps: Vec<AnyStep> = steps::of(&decision);
    let mut engine = Engine::new(&context.root, &mut lock, watch.as_ref(), context.interrupted.as_ref());
    let finished = match unfinished {
        Some((saga, _)) => {
            progress.emit(Event::Note { text: format!("going on with the unfinished bootstrap {saga}") });
            engine.resume(&saga, &steps, &mut env)
        }
        None => engine.run(Request::new(KIND, json(&decision)), &steps, &mut env),
    };
    drop(lease);
    finished.map_err(|error| error.to_failure())?;
    drop(lock);
    match decision.kind {
        Kind::FirstNode => finish::first_node(context, &decision),
        Kind::Join => finish::joined(context, &decision),
    }
}

fn dry_run(
    context: &Context,
    arguments: &BootstrapArguments,
    asked: decide::Asked,
    progress: &Arc<Progress>,
    deadline: Instant,
) -> Result<Done, Failure> {
    let seen = look::look(context, arguments, &asked, None, progress, deadline)?;
    let decision = decide::decision(context, &asked, &seen, None)?;
    let listed: Vec<(String, String, String)> = steps::of(&decision)
        .iter()
        .map(|step| (step.stage().to_string(), step.name().to_owned(), step.describe()))
        .collect();
    let text = crate::view::plan::text(&listed);
    let steps: Vec<_> = listed
        .iter()
        .map(|(stage, name, description)| serde_json::json!({"stage": stage, "name": name, "description": description}))
        .collect();
    Ok(Done::new(serde_json::json!({ "steps": steps, "decision": decision }), text).outcome("planned"))
}
