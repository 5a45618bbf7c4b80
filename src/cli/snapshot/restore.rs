//! `eos snapshot restore`: puts a snapshot in the place of what is there, or takes that back.

mod error;
mod wanted;

pub(super) use error::RestoreCommandError;
pub(super) use wanted::unknown_source;

#[cfg(test)]
pub(crate) use error::samples;

use self::wanted::Wanted;
use super::instead::{self, Choice};
use super::{LONGEST, counting, milliseconds, reader, stores};
use crate::cli::bootstrap;
use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::cli::error::CliError;
use crate::client::snapshots::HttpSource;
use crate::host::clock;
use crate::host::files;
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use crate::model::progress::Sink;
use crate::model::snapshots::{SnapshotConfig, SourceConfig};
use crate::snapshot::fetch::{Limiter, Patience, Request, Source};
use crate::snapshot::restore::{self, Activated, Order, Restore};
use crate::snapshot::store::{Command, DiskStore, Ended};
use crate::steps::restoring::{self, Job, Restored};
use crate::steps::trusted::Trusted;
use crate::steps::{env, restore_sources, sources};
use crate::view::progress::Progress;
use crate::view::quoted;
use crate::view::units::{bytes, precise};
use crate::wire::snapshots::Holder;
use clap::Args;
use serde_json::json as object;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What `eos snapshot restore` takes.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// A source of the configuration, of which the newest snapshot is restored, or the id of a snapshot
    #[arg(value_name = "SOURCE|ID")]
    what: String,
    /// Take what this node has not from this holder alone; may be given several times
    #[arg(long, value_name = "NODE|ADDRESS", conflicts_with = "previous")]
    from: Vec<String>,
    /// Restore to this directory instead, which is empty or not there; no hooks are run
    #[arg(long, value_name = "DIR", conflicts_with = "previous")]
    into: Option<PathBuf>,
    /// Put the tree of before the last restore of the source in place again
    #[arg(long)]
    previous: bool,
    /// Allow a snapshot that is older than the one restored last
    #[arg(long)]
    older: bool,
    /// Read all files that are here again, also those that match write_once, that an earlier restore verified, and that
    /// nobody wrote to since
    #[arg(long, conflicts_with = "previous")]
    reread: bool,
    /// If nobody delivers the newest snapshot of the source, restore the next older one instead, and so on; also this
    /// node's newest while the master cannot be asked
    #[arg(long, conflicts_with = "previous")]
    or_older: bool,
    /// Open at most so many connections at a time to all holders together; as snapshot.connections says unless given
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: Option<u32>,
    /// Receive at most so many bytes a second over all connections together, such as 20000000 for 20 MB/s; as
    /// snapshot.bandwidth_bytes says unless given, which is no limit by default
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    bandwidth: Option<u64>,
}

/// Restores.
pub(super) fn run(context: &Context, arguments: &RestoreArguments) -> Result<Done, Failure> {
    let began = Instant::now();
    let progress = Progress::new(context.output, began + LONGEST);
    let result = restore(context, arguments, &progress);
    progress.finish();
    match &result {
        Ok(Put { received_bytes, applying, .. }) => {
            let (took, received_bytes, applying) = (began.elapsed(), *received_bytes, *applying);
            counting::count(context, Ended::Restored { took, received_bytes, applying });
        }
        Err(failure) => counting::failed(context, Command::Restore, failure),
    }
    result.map(|put| Done { text: context.output.rooted(&put.done.text), ..put.done })
}

/// A snapshot that stands where it belongs.
struct Put {
    done: Done,
    received_bytes: u64,
    /// How long it took once all of it was here.
    applying: Duration,
}

/// Where restores of this command go.
struct Place<'a> {
    context: &'a Context,
    into: Option<&'a str>,
    holder: &'a str,
}

impl Place<'_> {
    fn order<'a>(&'a self, source: &'a SourceConfig) -> Order<'a> {
        let Self { context, into, holder } = *self;
        Order { root: &context.root, source, into, make_folder: false, holder }
    }
}

fn restore(context: &Context, arguments: &RestoreArguments, sink: &dyn Sink) -> Result<Put, Failure> {
    bootstrap::recover_restores(context, sink)?;
    let config = context.resolve(Vec::new())?.config;
    let known = sources::known(&context.root, &config).map_err(Failure::from)?;
    let into = arguments.into.as_deref().map(place).transpose()?;
    let holder = reader("restore");
    let stop = || context.is_interrupted();
    let place = Place { context, into: into.as_deref(), holder: &holder };
    if arguments.previous {
        let named = known.iter().find(|source| source.name.as_str() == arguments.what);
        let source = named.ok_or_else(|| unknown_source(&arguments.what, &known))?;
        let began = Instant::now();
        let begun = Restore::begin(place.order(source), sink).map_err(failure)?;
        let activated = begun.previous(&stop, sink).map_err(failure);
        let id = activated.as_ref().ok().and_then(|done| Some(done.applied.as_ref()?.id.as_str()));
        let code = activated.as_ref().err().map(|error| error.code.clone());
        restore::ended(&context.root, (source.name.as_str(), id), code, sink);
        let done = returned(source, &activated?);
        return Ok(Put { done, received_bytes: 0, applying: began.elapsed() });
    }
    let config = asked(arguments, config.snapshot);
    let stores = stores(context)?;
    let (what, from) = (arguments.what.as_str(), arguments.from.as_slice());
    let place_of = into.as_ref().map(|into| format!(" --into {}", quoted(into)));
    let older = if arguments.older { " --older" } else { "" };
    let reread = if arguments.reread { " --reread" } else { "" };
    let more = format!(
        "{}{older}{reread}{}",
        place_of.unwrap_or_default(),
        instead::limits(arguments.connections, arguments.bandwidth)
    );
    let mut here = BTreeSet::new();
    for store in stores.iter().filter(|_| from.is_empty()) {
        here.extend(store.ids().map_err(failure)?);
    }
    let choice = Choice { command: "restore", what, from, or_older: arguments.or_older, more, here };
    let candidates = wanted::candidates(context, arguments, &known, (&stores, &choice), sink)?;
    let taken = instead::first(&choice, &candidates, sink, |found, patience| {
        let wanted = wanted::wanted(context, arguments, &known, &stores, found)?;
        let restored =
            restored(context, arguments, &wanted, (&config, patience), place.order(&wanted.source), sink)?;
        let Restored { received_bytes, applying, .. } = restored;
        Ok(Put { done: done(&wanted.source, &wanted.id, &restored), received_bytes, applying })
    })?;
    let mut put = taken.value;
    put.done.tell_instead_of(&taken.instead_of);
    Ok(put)
}

/// The configuration with what the command line says over it.
fn asked(arguments: &RestoreArguments, config: SnapshotConfig) -> SnapshotConfig {
    SnapshotConfig {
        connections: arguments.connections.unwrap_or(config.connections),
        bandwidth_bytes: arguments.bandwidth.or(config.bandwidth_bytes),
        ..config
    }
}

fn restored(
    context: &Context,
    arguments: &RestoreArguments,
    wanted: &Wanted<'_>,
    (config, patience): (&SnapshotConfig, Patience),
    order: Order<'_>,
    sink: &dyn Sink,
) -> Result<Restored, Failure> {
    let trusted = Trusted::of(&context.root).map_err(Failure::from)?;
    let lease = |store: &DiskStore| store.lease(&wanted.id, order.holder, clock::timestamp());
    let _lease = wanted.store.map(lease).transpose().map_err(failure)?;
    let holders = connections(context, &wanted.holders)?;
    let sources: Vec<&dyn Source> = holders.iter().map(|holder| holder as &dyn Source).collect();
    let limiter = config.bandwidth_bytes.map(Limiter::new);
    let request = restore_sources::request(config, (&wanted.id, &sources), &trusted, limiter.as_ref());
    let request = Request { patience, ..request };
    let (told, store) = (wanted.told.as_ref(), wanted.store);
    let (older, reread) = (arguments.older, arguments.reread);
    let job = Job { order, older, request, told, store, reread };
    let restored = restoring::restore(&job, &|| context.is_interrupted(), sink);
    holders.iter().for_each(|holder| holder.leave(&wanted.id));
    restored.map_err(Failure::from)
}

fn connections(context: &Context, holders: &[Holder]) -> Result<Vec<HttpSource>, Failure> {
    if holders.is_empty() {
        return Ok(Vec::new());
    }
    let connector = env::connector(&context.root, context.membership()?.address, context.runtime());
    let connector = connector.map_err(Failure::from)?;
    holders.iter().map(|holder| connector.source(holder).map_err(failure)).collect()
}

/// The absolute path of another place.
fn place(path: &Path) -> Result<String, Failure> {
    let real = std::path::absolute(path)
        .map_err(|source| failure(CliError::Root { path: path.display().to_string(), source }))?;
    let real = files::with_real_directory(&real).map_err(failure)?;
    real.into_os_string().into_string().map_err(|path| {
        let line = format!("--into {}: the path is no UTF-8, and records of restores are", path.display());
        CliError::Usage { line }.failure()
    })
}

fn done(source: &SourceConfig, id: &SnapshotId, restored: &Restored) -> Done {
    let activated = &restored.activated;
    let mut text = format!(
        "snapshot {id} of {} restored to {} in {}: {} entries with {}, {} received, {} of what was here\n",
        source.name,
        activated.target.display(),
        precise(restored.milliseconds),
        restored.entries,
        bytes(restored.restored_bytes),
        bytes(restored.received_bytes),
        bytes(restored.seeded_bytes.saturating_add(restored.resumed_bytes)),
    );
    text.push_str(&kept(source, activated));
    let result = object!({
        "id": id, "source": source.name, "target": activated.target.display().to_string(),
        "entries": restored.entries, "restored_bytes": restored.restored_bytes,
        "received_bytes": restored.received_bytes, "seeded_bytes": restored.seeded_bytes,
        "resumed_bytes": restored.resumed_bytes, "from": restored.from,
        "milliseconds": restored.milliseconds, "applying_milliseconds": milliseconds(restored.applying),
        "previous": json(&activated.previous),
    });
    Done::new(result, text)
}

fn returned(source: &SourceConfig, activated: &Activated) -> Done {
    let what = match &activated.applied {
        Some(applied) => format!("snapshot {}", applied.id),
        None => "what was there before the first restore".to_owned(),
    };
    let mut text = format!("{} is {what} again\n", activated.target.display());
    text.push_str(&kept(source, activated));
    let result = object!({
        "id": activated.applied.as_ref().map(|applied| &applied.id), "source": source.name,
        "target": activated.target.display().to_string(), "previous": json(&activated.previous),
    });
    Done::new(result, text)
}

fn kept(source: &SourceConfig, activated: &Activated) -> String {
    match &activated.previous {
        Some(previous) => format!(
            "what was there before is kept as {previous}; to have it again: eos snapshot restore {name} --previous; \
             to free its space: eos snapshot prune --previous {name}\n",
            previous = previous.display(),
            name = source.name
        ),
        None => String::new(),
    }
}
