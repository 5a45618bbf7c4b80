//! `eos bootstrap`: decide, check, and carry out or go on with the saga.

mod cloud_init;
mod decide;
mod detect;
mod dry_run;
mod elect;
mod error;
mod finish;
mod judgement;
mod lease;
mod line;
mod look;
mod moved;
mod operation;
#[cfg(feature = "testing")]
mod panics;
mod part;
mod quest;
mod salt;
mod timed;

pub use decide::{BootstrapArguments, duration, flags, given_token, read, resolve};
pub use detect::detect;
pub use elect::pre_shared;
#[cfg(test)]
pub(crate) use error::samples;
pub use line::CommandLine;
pub use look::glance;
pub use operation::{environment, lock, recover_restores, steps_of, undo, unfinished};

use crate::cli::bootstrap::cloud_init::Marker;
use crate::cli::bootstrap::elect::Election;
use crate::cli::bootstrap::lease::{Lease, StageWatch};
use crate::cli::bootstrap::look::Seen;
use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::client::Terms;
use crate::discovery::contest::record;
use crate::identity::machine;
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
    let deadline = Instant::now() + arguments.timeout.unwrap_or(TIMEOUT);
    let progress = Arc::new(Progress::new(context.output, deadline));
    let mut line = command_line(context, arguments);
    let marker = arguments.cloud_init.then(|| Marker::new(context));
    let result = bootstrap(context, arguments, &mut line, (&progress, marker.as_ref()), deadline);
    let result = result.map_err(|failure| line.told(failure));
    let result = match marker {
        Some(marker) => marker.set(result, progress.as_ref()),
        None => result,
    };
    progress.finish();
    result
}

/// The command line that hints of this run are made of.
pub fn command_line(context: &Context, arguments: &BootstrapArguments) -> CommandLine {
    CommandLine::of(context.configuration(), arguments)
}

fn bootstrap(
    context: &Context,
    arguments: &BootstrapArguments,
    line: &mut CommandLine,
    (progress, marker): (&Arc<Progress>, Option<&Marker<'_>>),
    deadline: Instant,
) -> Result<Done, Failure> {
    let mut asked = decide::read(context, arguments)?;
    line.with_secret(asked.token.is_some());
    line.aims(asked.aim);
    if arguments.dry_run {
        return dry_run::plan(context, arguments, asked, line, progress, deadline);
    }
    let mut lock = operation::lock(context, KIND, progress.as_ref(), deadline)?;
    marker.map_or(Ok(()), Marker::clear)?;
    operation::recover_restores(context, progress.as_ref())?;
    let mut unfinished = operation::settle(context, &mut lock, progress)?;
    machine::check(&context.root).map_err(failure)?;
    let known = Membership::load(&context.root).map_err(failure)?;
    if let Some(membership) = known.filter(|known| known.confirmed && unfinished.is_none()) {
        record::forget(&context.root).map_err(failure)?;
        return member(context, &asked, &membership, line, progress, (deadline, Some(lock)));
    }
    let recorded = elect::recorded(context, &mut lock)?;
    let before = unfinished.as_ref().map(|(_, decision)| decision.clone());
    follow(&mut asked, before.as_ref(), line);
    let mut part = None;
    match elect::expected(arguments, &asked) {
        Some(expected) => {
            let before = before.as_ref();
            let election = Election { context, arguments, expected, before, progress, deadline };
            part = election.settle(&mut asked, recorded, &lock, line)?;
        }
        None => detect::detect(context, arguments, &mut asked, before.as_ref(), line, (progress, deadline))?,
    }
    tell_without_effect(&asked, progress);
    let seen = look::look(context, arguments, &asked, before.as_ref(), progress, deadline)?;
    let decision = decide::decision(context, &asked, &seen, before.as_ref())?;
    if let Some((saga, previous)) = &unfinished
        && let Some(why) = obsolete(context, previous, &decision, terms(context, progress, deadline))?
    {
        let text = format!("an unfinished bootstrap {why} ({saga}) is undone first");
        progress.emit(Event::Note { text });
        operation::undo(context, &mut lock, saga, progress)?;
        unfinished = None;
    }
    let given = arguments.timeout.unwrap_or(TIMEOUT);
    let done = carry_out(context, asked, seen, decision, unfinished, lock, progress, (deadline, given))?;
    // Until now the others of an election are to hear that the one that founds is there.
    drop(part);
    record::forget(&context.root).map_err(failure)?;
    Ok(done)
}

fn member(
    context: &Context,
    asked: &decide::Asked,
    membership: &Membership,
    line: &mut CommandLine,
    progress: &Arc<Progress>,
    (deadline, lock): (Instant, Option<OperationLock>),
) -> Result<Done, Failure> {
    let terms = terms(context, progress, deadline);
    let result = finish::member(context, asked, membership, progress, &terms, lock);
    if result.is_err() && !asked.explicit {
        line.joins(membership.master);
    }
    result
}

fn follow(asked: &mut decide::Asked, before: Option<&Decision>, line: &mut CommandLine) {
    if let Some(before) = before
        && asked.follow(before)
    {
        line.follow(before, &asked.config.node);
    }
}

/// The terms of calls to the master besides those of the steps.
pub(crate) fn terms(context: &Context, progress: &Arc<Progress>, deadline: Instant) -> Terms {
    Terms::until(progress.clone(), deadline).stopped_by(context.interrupted.clone())
}

fn tell_without_effect(asked: &decide::Asked, progress: &Arc<Progress>) {
    for text in asked.without_effect() {
        progress.emit(Event::Warning { text: text.clone() });
    }
}

/// Why an unfinished bootstrap cannot be gone on with.
fn obsolete(
    context: &Context,
    previous: &Decision,
    decision: &Decision,
    terms: Terms,
) -> Result<Option<&'static str>, Failure> {
    if !previous.same_aim(decision) {
        return Ok(Some("with another aim"));
    }
    Ok(operation::is_forgotten(context, terms)?.then_some("that the master has forgotten"))
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
    (deadline, given): (Instant, Duration),
) -> Result<Done, Failure> {
    let watch = StageWatch::new(progress.clone());
    let joining = decision.kind == Kind::Join;
    let lease = joining.then(|| Lease::keep(context.root.clone(), watch.clone(), &context.runtime()));
    let mut env = operation::environment(context, watch.clone(), seen.facts, asked.token, deadline)?;
    progress.emit(Event::Note { text: format!("services: {}", env.services.explain()) });
    let steps: Vec<AnyStep> = timed::within(given, steps::of(&decision));
    #[cfg(feature = "testing")]
    let steps = panics::within(context.panics_in.as_deref(), steps);
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
    let done = match decision.kind {
        Kind::FirstNode => Ok(finish::first_node(context, &decision, progress)),
        Kind::Join => finish::joined(context, &decision),
    };
    if context.is_interrupted() {
        let text = "the interruption came when everything was done already; to take it back: eos reset";
        progress.emit(Event::Warning { text: text.to_owned() });
    }
    done
}
