//! `eos snapshot restore`: puts a snapshot in the place of what is there, or takes that back.

mod error;

#[cfg(test)]
pub(crate) use error::samples;

use super::{meant, reader, stores};
use crate::cli::bootstrap;
use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::cli::error::CliError;
use crate::host::clock;
use crate::host::files;
use crate::model::explain::Failure;
use crate::model::ids::{SnapshotId, SourceName};
use crate::model::progress::Sink;
use crate::model::snapshots::SourceConfig;
use crate::snapshot::manifest::{Limits, Manifest};
use crate::snapshot::restore::{Activated, Order, Restore};
use crate::snapshot::store::{DiskStore, SnapshotStore, StoreError};
use crate::steps::restoring::{self, Origin, Restored};
use crate::steps::trusted::Trusted;
use crate::view::progress::Progress;
use crate::view::units::{bytes, precise};
use clap::Args;
use error::RestoreCommandError;
use serde_json::json as object;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// No restore takes longer; it bounds what is told of waits.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// What `eos snapshot restore` takes.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// A source of the configuration, of which the newest snapshot is restored, or the id of a snapshot
    #[arg(value_name = "SOURCE|ID")]
    what: String,
    /// Restore to this directory instead, which is empty or not there; no hooks are run
    #[arg(long, value_name = "DIR", conflicts_with = "previous")]
    into: Option<PathBuf>,
    /// Put the tree of before the last restore of the source in place again
    #[arg(long)]
    previous: bool,
    /// Allow a snapshot that is older than the one restored last
    #[arg(long)]
    older: bool,
}

/// What is restored.
struct Wanted {
    source: SourceConfig,
    /// None to have the tree of before.
    snapshot: Option<(SnapshotId, Manifest, DiskStore)>,
}

/// Restores.
pub(super) fn run(context: &Context, arguments: &RestoreArguments) -> Result<Done, Failure> {
    let progress = Progress::new(context.output, Instant::now() + LONGEST);
    let result = restore(context, arguments, &progress);
    progress.finish();
    result
}

fn restore(context: &Context, arguments: &RestoreArguments, sink: &dyn Sink) -> Result<Done, Failure> {
    bootstrap::recover_restores(context, sink)?;
    let began = Instant::now();
    let wanted = wanted(context, arguments)?;
    let into = arguments.into.as_deref().map(place).transpose()?;
    let holder = reader("restore");
    let order = Order {
        root: &context.root,
        source: &wanted.source,
        into: into.as_deref(),
        make_folder: false,
        holder: &holder,
    };
    let begun = Restore::begin(order, sink).map_err(failure)?;
    let stop = || context.is_interrupted();
    let Some((id, manifest, store)) = &wanted.snapshot else {
        let activated = begun.previous(&stop, sink).map_err(failure)?;
        return Ok(returned(&wanted.source, &activated));
    };
    let _lease = store.lease(id, &holder, clock::timestamp()).map_err(failure)?;
    let origin = Origin { id, manifest, store };
    let how = (arguments.older, into.is_some());
    let restored =
        restoring::restore(begun, &wanted.source, &origin, how, &stop, sink).map_err(Failure::from)?;
    Ok(done(&wanted.source, id, &restored, began.elapsed()))
}

/// The source and the snapshot that are meant.
fn wanted(context: &Context, arguments: &RestoreArguments) -> Result<Wanted, Failure> {
    let sources = context.resolve(Vec::new())?.config.snapshot.sources;
    let named = sources.iter().find(|source| source.name.as_str() == arguments.what);
    if arguments.previous {
        let source = named.cloned().ok_or_else(|| unknown_source(&arguments.what, &sources))?;
        return Ok(Wanted { source, snapshot: None });
    }
    let stores = stores(context)?;
    let id = match named {
        Some(source) => newest(&stores, &source.name)?,
        None => meant(&stores, &arguments.what)?,
    };
    let unknown = || failure(StoreError::Unknown { id: id.to_string() });
    let mut holding = None;
    for store in stores {
        if store.ids().map_err(failure)?.contains(&id) {
            holding = Some(store);
        }
    }
    let store = holding.ok_or_else(unknown)?;
    let trusted = Trusted::of(&context.root).map_err(Failure::from)?;
    let signed = store.manifest(&id).map_err(failure)?;
    let manifest = signed
        .verify(&id, &trusted, &Limits::default())
        .map_err(|source| failure(StoreError::Manifest { id: id.to_string(), source }))?;
    let name = &manifest.metadata.source;
    let source = match sources.iter().find(|source| source.name.as_str() == name) {
        Some(source) => source.clone(),
        // Elsewhere it needs neither path nor hooks.
        None if arguments.into.is_some() => nowhere(name).ok_or_else(|| unknown_source(name, &sources))?,
        None => return Err(unknown_source(name, &sources)),
    };
    Ok(Wanted { source, snapshot: Some((id, manifest, store)) })
}

/// A source that the configuration does not have.
fn nowhere(name: &str) -> Option<SourceConfig> {
    let name = SourceName::parse(name).ok()?;
    serde_json::from_value(object!({ "name": name, "path": "/nowhere/at-all" })).ok()
}

fn unknown_source(name: &str, known: &[SourceConfig]) -> Failure {
    let known = known.iter().map(|source| source.name.to_string()).collect();
    failure(RestoreCommandError::NoSource { name: name.to_owned(), known })
}

/// The newest snapshot of the source that this node holds.
fn newest(stores: &[DiskStore], source: &SourceName) -> Result<SnapshotId, Failure> {
    let mut found = Vec::new();
    for store in stores {
        found.extend(store.list().map_err(failure)?.snapshots);
    }
    found.retain(|one| one.metadata.source == source.as_str());
    let newest = found.into_iter().max_by_key(|one| (one.metadata.created_at, one.metadata.generation));
    newest
        .map(|one| one.id)
        .ok_or_else(|| failure(RestoreCommandError::NoSnapshot { source_name: source.to_string() }))
}

/// The absolute path of another place.
fn place(path: &Path) -> Result<PathBuf, Failure> {
    let real = std::path::absolute(path)
        .map_err(|source| failure(CliError::Root { path: path.display().to_string(), source }))?;
    files::with_real_directory(&real).map_err(failure)
}

fn done(source: &SourceConfig, id: &SnapshotId, restored: &Restored, elapsed: Duration) -> Done {
    let Restored { activated, entries, restored_bytes, received_bytes } = restored;
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let mut text = format!(
        "snapshot {id} of {} restored to {}: {entries} entries with {} in {}\n",
        source.name,
        activated.target.display(),
        bytes(*restored_bytes),
        precise(milliseconds)
    );
    text.push_str(&kept(source, activated));
    let result = object!({
        "id": id, "source": source.name, "target": activated.target.display().to_string(),
        "entries": entries, "restored_bytes": restored_bytes, "received_bytes": received_bytes,
        "milliseconds": milliseconds, "previous": json(&activated.previous),
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
            "what was there before is kept as {}; to have it again: eos snapshot restore {} --previous\n",
            previous.display(),
            source.name
        ),
        None => String::new(),
    }
}
