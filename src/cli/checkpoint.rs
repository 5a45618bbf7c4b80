//! `eos checkpoint` and `eos rollback`.

use crate::cli::abandon::refuse_with_members;
use crate::cli::bootstrap::{KIND, TIMEOUT, environment, lock, steps_of};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::host::{facts, paths};
use crate::journal::file;
use crate::journal::summary::{self, BootstrapCheckpoint};
use crate::model::explain::Failure;
use crate::model::ids::SagaId;
use crate::saga::engine::Engine;
use crate::saga::recovery;
use crate::view;
use crate::view::progress::Progress;
use clap::{Args, Subcommand};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum CheckpointCommand {
    /// List the checkpoints of this node
    List,
    /// Show one checkpoint
    Show {
        /// Its id
        id: String,
    },
}

/// Options of `eos rollback`.
#[derive(Debug, Clone, Args)]
pub struct RollbackArguments {
    /// The checkpoint; the newest unless given
    #[arg(long, value_name = "ID")]
    pub to: Option<String>,
    /// Give the cluster up although other nodes are members of it
    #[arg(long)]
    pub force: bool,
}

impl CheckpointCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::List => "checkpoint list",
            Self::Show { .. } => "checkpoint show",
        }
    }
}

fn all(context: &Context) -> Result<Vec<BootstrapCheckpoint>, Failure> {
    recovery::checkpoints(&context.root).map_err(|error| error.to_failure())
}

fn find(context: &Context, id: &str) -> Result<BootstrapCheckpoint, Failure> {
    let found = all(context)?.into_iter().find(|checkpoint| checkpoint.id.as_str() == id);
    found.ok_or_else(|| failure(CliError::NoCheckpoint { id: id.to_owned() }))
}

/// Runs `eos checkpoint`.
///
/// # Errors
/// When the checkpoints cannot be read, or there is none of that id.
pub fn run(context: &Context, command: CheckpointCommand) -> Result<Done, Failure> {
    match command {
        CheckpointCommand::List => {
            let checkpoints = all(context)?;
            let text = view::checkpoint::list(&checkpoints);
            Ok(Done::new(json!({ "checkpoints": checkpoints }), text))
        }
        CheckpointCommand::Show { id } => {
            let checkpoint = find(context, &id)?;
            let steps = summary::steps(&context.root, &checkpoint.id).map_err(failure)?;
            let text = view::checkpoint::show(&context.output, &checkpoint, &steps);
            Ok(Done::new(json!({ "checkpoint": checkpoint, "steps": steps }), text))
        }
    }
}

/// Runs `eos rollback`: every saga back to the named one is undone, newest first.
///
/// # Errors
/// When one cannot be undone; those before it are.
pub fn rollback(context: &Context, arguments: &RollbackArguments) -> Result<Done, Failure> {
    let progress = Arc::new(Progress::new(context.output, Instant::now() + TIMEOUT));
    let result = undo_all(context, arguments, &progress);
    progress.finish();
    let Undone { sagas, kept } = result?;
    let value = json!({ "undone": sagas, "kept": kept });
    if sagas.is_empty() {
        return Ok(Done::new(value, "no change: there is nothing to undo\n").outcome("no-change"));
    }
    let names: Vec<&str> = sagas.iter().map(SagaId::as_str).collect();
    let text = format!("undone: {}\n{}", names.join(", "), view::reset::kept(&kept));
    Ok(Done::new(value, text))
}

/// What a rollback did.
#[derive(Default)]
struct Undone {
    sagas: Vec<SagaId>,
    /// Paths that stay, because somebody else put them there or changed them.
    kept: Vec<String>,
}

fn undo_all(
    context: &Context,
    arguments: &RollbackArguments,
    progress: &Arc<Progress>,
) -> Result<Undone, Failure> {
    let mut held = lock(context, "rollback", progress.as_ref(), Instant::now() + TIMEOUT)?;
    // An earlier way back may have died while the records went: that is finished before any look.
    Engine::new(&context.root, &mut held, progress.as_ref(), context.interrupted.as_ref())
        .recover()
        .map_err(|error| error.to_failure())?;
    let newest = file::sagas(&context.root).map_err(failure)?.pop();
    let target = match &arguments.to {
        Some(id) => find(context, id)?.id,
        None => match newest {
            Some(id) => id,
            None => return Ok(Undone::default()),
        },
    };
    let undo = recovery::to_undo(&context.root, &target).map_err(|error| error.to_failure())?;
    let facts = facts::gather(&context.root, &context.root.join(paths::STATE)).map_err(failure)?;
    let mut env = environment(context, progress.clone(), facts, None, Instant::now() + TIMEOUT)?;
    let binary = env.binary.display().to_string();
    let mut states = Vec::new();
    for saga in &undo {
        states.extend(file::state(&context.root, saga).map_err(failure)?.map(|state| (saga, state)));
    }
    if !arguments.force && states.iter().any(|(_, state)| state.begin.kind == KIND) {
        let command = arguments.to.as_ref().map(|id| format!("rollback --to {id}"));
        refuse_with_members(context, command.as_deref().unwrap_or("rollback"))?;
    }
    let mut kept = Vec::new();
    for (saga, state) in states {
        let steps = steps_of(&state.begin.kind, &state.begin.plan, &binary)?;
        let mut engine =
            Engine::new(&context.root, &mut held, progress.as_ref(), context.interrupted.as_ref());
        let finished = engine.rollback(saga, &steps, &mut env).map_err(|error| error.to_failure())?;
        kept.extend(finished.kept);
    }
    Ok(Undone { sagas: undo, kept })
}
