//! `eos reset`: leave the cluster, remove what eos made, keep and list what others changed.

use crate::cli::abandon::refuse_with_members;
use crate::cli::bootstrap::{KIND, TIMEOUT, environment, lock, steps_of};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::discovery::contest::{Recorded, record};
use crate::host::directory::Directory;
use crate::host::{facts, files, paths};
use crate::identity::{IdentityError, machine};
use crate::journal::file;
use crate::journal::lock::OperationLock;
use crate::journal::reset::ResetReport;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink};
use crate::model::snapshots::SourceConfig;
use crate::saga::engine::Engine;
use crate::saga::error::SagaError;
use crate::snapshot::restore;
use crate::snapshot::store::{DiskStore, SnapshotStore};
use crate::steps::executor::taking_back::{TakenBack, take_back};
use crate::steps::sources;
use crate::view;
use crate::view::progress::Progress;
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Options of `eos reset`.
#[derive(Debug, Clone, Args)]
pub struct ResetArguments {
    /// Prove that the machine is as it was before bootstrap; differences end with status 1
    #[arg(long)]
    pub verify: bool,
    /// Give the cluster up although other nodes are members of it
    #[arg(long)]
    pub force: bool,
}

/// Runs the command.
///
/// # Errors
/// When something of eos cannot be removed, or with `--verify` a difference is left.
pub fn run(context: &Context, arguments: &ResetArguments) -> Result<Done, Failure> {
    let elsewhere = machine::check(&context.root).is_err_and(|error| is_elsewhere(&error));
    carry_out(context, arguments, !elsewhere)
}

fn is_elsewhere(error: &IdentityError) -> bool {
    matches!(error, IdentityError::OtherMachine { .. })
}

/// The same; the master is told that the node goes, or it stays: another machine is it.
///
/// # Errors
/// As [`run`].
pub(super) fn carry_out(context: &Context, arguments: &ResetArguments, parts: bool) -> Result<Done, Failure> {
    let recorded = files::exists(&context.root.join(paths::LEDGER)).map_err(failure)?;
    let progress = Arc::new(Progress::new(context.output, Instant::now() + TIMEOUT));
    let data = Data::before(context, progress.as_ref());
    let result = reset(context, arguments.force, parts, &progress);
    progress.finish();
    let Reset { report, taken, election } = result?;
    let left = data.left(context)?;
    // Compared only now that the lock's own file is gone as well.
    // Without a record of the state before there is nothing to compare with, and nothing is claimed.
    let difference = match arguments.verify && recorded {
        true => Some(difference(context, &report, &taken)?),
        false => None,
    };
    let forgotten = if election { "the election that this machine took part in is forgotten\n" } else { "" };
    let mut text = view::reset::data(&data.snapshots, &left)
        + forgotten
        + &view::reset::taken_back(&taken)
        + &view::reset::text(&report, difference.as_deref());
    if arguments.verify && !recorded {
        text.push_str("nothing to verify: there is no record of a bootstrap on this machine\n");
    }
    if let Some(left) = difference.as_ref().filter(|left| !left.is_empty()) {
        view::stderr(&text);
        let first = report.kept.first().map_or_else(|| path_of(&left[0]), |kept| kept.path.as_str());
        let first = context.root.join(first).display().to_string();
        return Err(failure(CliError::Residue { count: left.len(), first }));
    }
    let kept: Vec<_> =
        report.kept.iter().map(|kept| json!({ "path": kept.path, "reason": kept.reason })).collect();
    let result = json!({
        "removed": report.removed.len(), "restored": report.restored, "kept": kept, "difference": difference,
        "removed_snapshots": data.snapshots, "left": left,
        "taken_back": taken.restored, "not_taken_back": taken.left, "election_forgotten": election,
    });
    let nothing =
        report.removed.is_empty() && report.restored.is_empty() && taken.restored.is_empty() && !election;
    Ok(Done::new(result, text).outcome(if nothing { "no-change" } else { "done" }))
}

/// What is not as before eos, in files and besides.
fn difference(context: &Context, report: &ResetReport, taken: &TakenBack) -> Result<Vec<String>, Failure> {
    let mut found = report.ledger.verify(&context.root).map_err(failure)?;
    found.extend(taken.left.iter().map(|left| format!("{}: {}", left.what, left.reason)));
    Ok(found)
}

/// What there is of user data that a reset takes away, or leaves.
struct Data {
    /// How many snapshots of each source the store of this node has.
    snapshots: BTreeMap<String, usize>,
    sources: Vec<SourceConfig>,
}

impl Data {
    /// Looks before anything is removed, and tells that the snapshots of the node's own sources will be.
    fn before(context: &Context, sink: &dyn Sink) -> Self {
        let snapshots = counted(context).unwrap_or_else(|error| {
            // A damaged store is a reason for a reset, not against it.
            let text = format!("the snapshots that go are not counted: {}", error.message);
            sink.emit(Event::Warning { text });
            BTreeMap::new()
        });
        if !snapshots.is_empty() {
            let listed: Vec<_> =
                snapshots.iter().map(|(source, count)| format!("{count} of {source}")).collect();
            let text = format!(
                "the snapshots in the store of this node go with it, also where no other node has them: {}",
                listed.join(", ")
            );
            sink.emit(Event::Warning { text });
        }
        let known = context
            .resolve(Vec::new())
            .and_then(|resolved| sources::known(&context.root, &resolved.config).map_err(Failure::from));
        let sources = known.unwrap_or_else(|error| {
            let text = format!(
                "work areas beside the sources stay unnamed, since the configuration is not read: {}",
                error.message
            );
            sink.emit(Event::Warning { text });
            Vec::new()
        });
        Self { snapshots, sources }
    }

    /// The work areas that stay, and what is in them.
    fn left(&self, context: &Context) -> Result<Vec<String>, Failure> {
        let mut left = Vec::new();
        for source in &self.sources {
            let Some((path, names)) = restore::left(&context.root, source).map_err(failure)? else {
                continue;
            };
            left.push(format!("{}: {}", path.display(), names.join(", ")));
        }
        Ok(left)
    }
}

/// How many snapshots of each source the store of this node has.
fn counted(context: &Context) -> Result<BTreeMap<String, usize>, Failure> {
    let (mut snapshots, store) = (BTreeMap::new(), context.root.join(paths::SNAPSHOTS));
    if files::exists(&store).map_err(failure)? {
        let store = DiskStore::open(Directory::open(&store).map_err(failure)?).map_err(failure)?;
        for one in store.list().map_err(failure)?.snapshots {
            *snapshots.entry(one.metadata.source).or_insert(0) += 1;
        }
    }
    Ok(snapshots)
}

/// The path in a line of the difference: `added file: etc/eos/x`.
fn path_of(line: &str) -> &str {
    let path = line.split_once(": ").map_or(line, |(_, path)| path);
    path.rsplit_once(" (").map_or(path, |(path, _)| path)
}

/// What was done.
struct Reset {
    report: ResetReport,
    taken: TakenBack,
    /// Whether this machine took part in an election, which it knows nothing of any more.
    election: bool,
}

fn reset(context: &Context, force: bool, parts: bool, progress: &Arc<Progress>) -> Result<Reset, Failure> {
    let mut lock = lock(context, "reset", progress.as_ref(), Instant::now() + TIMEOUT)?;
    if !force {
        refuse_with_members(context, "reset")?;
    }
    let unfinished = {
        let mut engine =
            Engine::new(&context.root, &mut lock, progress.as_ref(), context.interrupted.as_ref());
        engine.recover().map_err(|error: SagaError| error.to_failure())?
    };
    if let Some((saga, state)) = unfinished {
        let text = format!("undoing the unfinished {} {saga}", state.begin.kind);
        progress.emit(Event::Note { text });
        crate::cli::bootstrap::undo(context, &mut lock, &saga, progress)?;
    }
    if !parts {
        let text = "this machine is not the one on which the node got its identity: the master is not told, and the \
                    node stays a member; to remove it as well, on the master: eos node remove";
        progress.emit(Event::Note { text: text.to_owned() });
    }
    let taken = undo_effects(context, &mut lock, parts, progress)?;
    progress.emit(Event::Phase { name: "remove what eos made".to_owned() });
    let mut engine = Engine::new(&context.root, &mut lock, progress.as_ref(), context.interrupted.as_ref());
    let report = engine.reset().map_err(|error| error.to_failure())?;
    Ok(Reset { report, taken, election: forget_election(context, &mut lock)? })
}

/// Whether there was one; what was recorded of it may be damaged.
fn forget_election(context: &Context, lock: &mut OperationLock) -> Result<bool, Failure> {
    if let Ok(Some(recorded)) = Recorded::load(&context.root) {
        lock.adopt(&recorded.made).map_err(failure)?;
    }
    record::forget(&context.root).map_err(failure)
}

/// Stops the services, leaves the cluster, and removes the account: the undo of the bootstrap's steps. Then what states
/// changed besides files is taken back.
fn undo_effects(
    context: &Context,
    lock: &mut OperationLock,
    parts: bool,
    progress: &Arc<Progress>,
) -> Result<TakenBack, Failure> {
    let facts = facts::gather(&context.root, &context.root.join(paths::STATE)).map_err(failure)?;
    let mut env = environment(context, progress.clone(), facts, None, Instant::now() + TIMEOUT)?;
    env.parts = parts;
    let binary = env.binary.display().to_string();
    for saga in file::sagas(&context.root).map_err(failure)?.into_iter().rev() {
        let Some(state) = file::state(&context.root, &saga).map_err(failure)? else { continue };
        if state.begin.kind != KIND {
            continue;
        }
        progress.emit(Event::Phase { name: "leave the cluster and stop the services".to_owned() });
        let steps = steps_of(&state.begin.kind, &state.begin.plan, &binary)?;
        let engine = Engine::new(&context.root, lock, progress.as_ref(), context.interrupted.as_ref());
        engine.undo_effects(&steps, &mut env).map_err(|(_, error)| error.failure)?;
    }
    take_back(&env).map_err(Failure::from)
}
