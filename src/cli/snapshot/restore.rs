//! `eos snapshot restore`: puts a snapshot in the place of what is there, or takes that back.

mod error;

pub(super) use error::RestoreCommandError;

#[cfg(test)]
pub(crate) use error::samples;

use super::{LONGEST, counting, milliseconds, reader, stores};
use crate::cli::bootstrap;
use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::cli::error::CliError;
use crate::client::holders::{self, Found, NoHolder};
use crate::client::snapshots::HttpSource;
use crate::host::clock;
use crate::host::files;
use crate::model::explain::Failure;
use crate::model::ids::{SnapshotId, SourceName};
use crate::model::progress::{Event, Sink};
use crate::model::snapshots::{SnapshotConfig, SourceConfig, TransferMode};
use crate::snapshot::fetch::{Limiter, Source};
use crate::snapshot::restore::{self, Activated, Order, Restore};
use crate::snapshot::store::{Command, DiskStore, Ended, SnapshotStore, StoreError, resolve};
use crate::steps::restoring::{self, Job, Restored};
use crate::steps::trusted::Trusted;
use crate::steps::{env, restore_sources, sources};
use crate::view::progress::Progress;
use crate::view::units::{bytes, precise};
use crate::wire::snapshots::{Holder, Holding};
use clap::Args;
use jiff::Timestamp;
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
    /// Open at most so many connections at a time to all holders together; as snapshot.connections says unless given
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: Option<u32>,
    /// Receive at most so many bytes a second over all connections together, such as 20000000 for 20 MB/s; as
    /// snapshot.bandwidth_bytes says unless given, which is no limit by default
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    bandwidth: Option<u64>,
}

/// What is restored, and from where.
struct Wanted {
    source: SourceConfig,
    id: SnapshotId,
    /// The store of this node that has it.
    store: Option<DiskStore>,
    holders: Vec<Holder>,
    /// What the holders say of it.
    told: Option<Holding>,
}

/// When a snapshot was made, and its generation.
type Made = (Timestamp, u64);

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
    result.map(|put| put.done)
}

/// A snapshot that stands where it belongs.
struct Put {
    done: Done,
    received_bytes: u64,
    /// How long it took once all of it was here.
    applying: Duration,
}

fn restore(context: &Context, arguments: &RestoreArguments, sink: &dyn Sink) -> Result<Put, Failure> {
    bootstrap::recover_restores(context, sink)?;
    let config = context.resolve(Vec::new())?.config;
    let known = sources::known(&context.root, &config).map_err(Failure::from)?;
    let into = arguments.into.as_deref().map(place).transpose()?;
    let holder = reader("restore");
    let stop = || context.is_interrupted();
    let order = |source| Order {
        root: &context.root,
        source,
        into: into.as_deref(),
        make_folder: false,
        holder: &holder,
    };
    if arguments.previous {
        let named = known.iter().find(|source| source.name.as_str() == arguments.what);
        let source = named.ok_or_else(|| unknown_source(&arguments.what, &known))?;
        let began = Instant::now();
        let begun = Restore::begin(order(source), sink).map_err(failure)?;
        let activated = begun.previous(&stop, sink).map_err(failure);
        let id = activated.as_ref().ok().and_then(|done| Some(done.applied.as_ref()?.id.as_str()));
        let code = activated.as_ref().err().map(|error| error.code.clone());
        restore::ended(&context.root, (source.name.as_str(), id), code, sink);
        let done = returned(source, &activated?);
        return Ok(Put { done, received_bytes: 0, applying: began.elapsed() });
    }
    let wanted = wanted(context, arguments, &known, sink)?;
    let config = asked(arguments, config.snapshot);
    let restored = restored(context, arguments, &wanted, &config, order(&wanted.source), sink)?;
    let Restored { received_bytes, applying, .. } = restored;
    Ok(Put { done: done(&wanted.source, &wanted.id, &restored), received_bytes, applying })
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
    wanted: &Wanted,
    config: &SnapshotConfig,
    order: Order<'_>,
    sink: &dyn Sink,
) -> Result<Restored, Failure> {
    let trusted = Trusted::of(&context.root).map_err(Failure::from)?;
    let lease = |store: &DiskStore| store.lease(&wanted.id, order.holder, clock::timestamp());
    let _lease = wanted.store.as_ref().map(lease).transpose().map_err(failure)?;
    let holders = connections(context, &wanted.holders)?;
    let sources: Vec<&dyn Source> = holders.iter().map(|holder| holder as &dyn Source).collect();
    let limiter = config.bandwidth_bytes.map(Limiter::new);
    let request = restore_sources::request(config, (&wanted.id, &sources), &trusted, limiter.as_ref());
    let (told, store) = (wanted.told.as_ref(), wanted.store.as_ref());
    let job = Job { order, older: arguments.older, request, told, store };
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

/// The source, the snapshot and its holders that are meant.
fn wanted(
    context: &Context,
    arguments: &RestoreArguments,
    known: &[SourceConfig],
    sink: &dyn Sink,
) -> Result<Wanted, Failure> {
    let named = known.iter().find(|source| source.name.as_str() == arguments.what);
    let stores = stores(context)?;
    let (here, age) = match named {
        Some(source) => newest(&stores, &source.name)?.unzip(),
        None => (by_id(&stores, &arguments.what)?, None),
    };
    // A snapshot that is named by its id and is here needs nobody else.
    let asks = named.is_some() || here.is_none() || !arguments.from.is_empty();
    let found = match asks {
        true => cluster(context, arguments, here.as_ref(), sink)?,
        false => None,
    };
    // The master may not know yet of what was captured here a moment ago.
    let is_newer = |found: &Found| found.told.as_ref().map(|told| (told.created_at, told.generation)) >= age;
    let found = found.filter(|found| !arguments.from.is_empty() || named.is_none() || is_newer(found));
    let no_snapshot = || {
        let source_name = arguments.what.clone();
        failure(RestoreCommandError::NoSnapshot { source_name })
    };
    if let (None, Some(from)) = (&found, arguments.from.first()) {
        let (from, known) = (from.clone(), Vec::new());
        return Err(failure(RestoreCommandError::NotHeld { from, known }));
    }
    let none = |NoHolder { from, known }| failure(RestoreCommandError::NotHeld { from, known });
    let (id, holders, told) = match (found, here) {
        (Some(found), _) => (found.id.clone(), found.chosen(&arguments.from).map_err(none)?, found.told),
        (None, Some(here)) => (here, Vec::new(), None),
        (None, None) => return Err(no_snapshot()),
    };
    let mut store = None;
    for one in stores {
        if store.is_none() && one.ids().map_err(failure)?.contains(&id) {
            store = Some(one);
        }
    }
    if store.is_none() && holders.is_empty() {
        return Err(no_snapshot());
    }
    let source = match named {
        Some(source) => source.clone(),
        None => source_of(arguments, &id, store.as_ref(), known, &holders, context)?,
    };
    Ok(Wanted { source, id, store, holders, told })
}

/// Who has it in the cluster; none when nobody has, or nobody can be asked and this node has one.
fn cluster(
    context: &Context,
    arguments: &RestoreArguments,
    here: Option<&SnapshotId>,
    sink: &dyn Sink,
) -> Result<Option<Found>, Failure> {
    let own = context.membership()?.node;
    match context.ask(async |master| holders::find(master, &arguments.what, Some(&own)).await) {
        Ok(found) => Ok(Some(found)),
        Err(error) if restore_sources::UNKNOWN.contains(&error.code.as_str()) => Ok(None),
        Err(error) if here.is_some() && arguments.from.is_empty() => {
            let text = format!(
                "another node may have a newer snapshot: the master could not be asked: {}",
                error.message
            );
            sink.emit(Event::Warning { text });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The source of a snapshot that was named by its id.
fn source_of(
    arguments: &RestoreArguments,
    id: &SnapshotId,
    store: Option<&DiskStore>,
    known: &[SourceConfig],
    holders: &[Holder],
    context: &Context,
) -> Result<SourceConfig, Failure> {
    let trusted = Trusted::of(&context.root).map_err(Failure::from)?;
    let name = match store {
        Some(store) => restoring::verified(store, id, &trusted).map_err(Failure::from)?.metadata.source,
        None => {
            let holders = connections(context, holders)?;
            let asked: Vec<&dyn Source> = holders.iter().map(|holder| holder as &dyn Source).collect();
            let config = SnapshotConfig { mode: TransferMode::Streaming, ..SnapshotConfig::default() };
            let request = restore_sources::request(&config, (id, &asked), &trusted, None);
            restoring::named(&request, &|| context.is_interrupted()).map_err(Failure::from)?
        }
    };
    match known.iter().find(|source| source.name.as_str() == name) {
        Some(source) => Ok(source.clone()),
        // Elsewhere it needs neither path nor hooks.
        None if arguments.into.is_some() => nowhere(&name).ok_or_else(|| unknown_source(&name, known)),
        None => Err(unknown_source(&name, known)),
    }
}

/// A source that the configuration does not have.
fn nowhere(name: &str) -> Option<SourceConfig> {
    let name = SourceName::parse(name).ok()?;
    serde_json::from_value(object!({ "name": name, "path": "/nowhere/at-all" })).ok()
}

pub(super) fn unknown_source(name: &str, known: &[SourceConfig]) -> Failure {
    let known = known.iter().map(|source| source.name.to_string()).collect();
    failure(RestoreCommandError::UnknownSource { name: name.to_owned(), known })
}

/// The newest snapshot of the source that this node holds, with when it was made and its generation.
fn newest(stores: &[DiskStore], source: &SourceName) -> Result<Option<(SnapshotId, Made)>, Failure> {
    let mut found = Vec::new();
    for store in stores {
        found.extend(store.list().map_err(failure)?.snapshots);
    }
    found.retain(|one| one.metadata.source == source.as_str());
    let newest = found.into_iter().max_by_key(|one| (one.metadata.created_at, one.metadata.generation));
    Ok(newest.map(|one| (one.id, (one.metadata.created_at, one.metadata.generation))))
}

/// The snapshot of this id or beginning of an id that this node holds.
fn by_id(stores: &[DiskStore], text: &str) -> Result<Option<SnapshotId>, Failure> {
    let mut known = BTreeSet::new();
    for store in stores {
        known.extend(store.ids().map_err(failure)?);
    }
    match resolve(&known, text) {
        Ok(id) => Ok(Some(id)),
        Err(StoreError::Unknown { .. }) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

/// The absolute path of another place.
fn place(path: &Path) -> Result<PathBuf, Failure> {
    let real = std::path::absolute(path)
        .map_err(|source| failure(CliError::Root { path: path.display().to_string(), source }))?;
    files::with_real_directory(&real).map_err(failure)
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
