//! What a person means who restores: which source, which snapshots of it, and who has them.

use super::error::RestoreCommandError;
use super::{RestoreArguments, connections};
use crate::cli::context::{Context, failure};
use crate::cli::snapshot::instead::{self, Choice};
use crate::client::holders::{self, Found, NoHolder};
use crate::model::explain::Failure;
use crate::model::ids::{SnapshotId, SourceName};
use crate::model::progress::{Event, Sink};
use crate::model::snapshots::{SnapshotConfig, SourceConfig, TransferMode};
use crate::snapshot::fetch::Source;
use crate::snapshot::store::{DiskStore, SnapshotStore, StoreError, Summary, resolve};
use crate::steps::restore_sources;
use crate::steps::restoring;
use crate::steps::trusted::Trusted;
use crate::wire::snapshots::{Holder, Holding};
use serde_json::json as object;
use std::collections::BTreeSet;

/// What is restored, and from where.
pub(super) struct Wanted<'a> {
    pub(super) source: SourceConfig,
    pub(super) id: SnapshotId,
    /// The store of this node that has it.
    pub(super) store: Option<&'a DiskStore>,
    pub(super) holders: Vec<Holder>,
    /// What the holders say of it.
    pub(super) told: Option<Holding>,
}

/// Every snapshot that may be meant, the newest first; of an id there is one.
///
/// # Errors
/// When there is none, or nobody can be asked and this node has none.
pub(super) fn candidates(
    context: &Context,
    arguments: &RestoreArguments,
    known: &[SourceConfig],
    (stores, choice): (&[DiskStore], &Choice<'_>),
    sink: &dyn Sink,
) -> Result<Vec<Found>, Failure> {
    let what = &arguments.what;
    let named = known.iter().find(|source| source.name.as_str() == what);
    let here = match named {
        Some(source) => of_source(stores, &source.name)?,
        None => by_id(stores, what)?.into_iter().map(|id| at_hand(id, None)).collect(),
    };
    // A snapshot that is named by its id and is here needs nobody else, if it can be read.
    let is_legible = |one: &Found| stores.iter().any(|store| store.manifest(&one.id).is_ok());
    let suffices = named.is_none() && !here.is_empty() && here.iter().all(is_legible);
    let found = match !suffices || !arguments.from.is_empty() {
        true => cluster(context, choice, if named.is_some() { &here } else { &[] }, sink)?,
        false => None,
    };
    let Some(found) = found else {
        return match arguments.from.first() {
            Some(from) => {
                let (from, known) = (from.clone(), Vec::new());
                Err(failure(RestoreCommandError::NotHeld { from, known }))
            }
            None if here.is_empty() => Err(no_snapshot(what)),
            None => Ok(instead::newest_first(here)),
        };
    };
    instead::tell_untold(what, &found, sink);
    let mut all = found.candidates();
    // The master may not know yet of what was captured here a moment ago.
    if named.is_some() && arguments.from.is_empty() {
        let is_known = |one: &Found| all.iter().any(|other| (&other.id, &other.told) == (&one.id, &one.told));
        let unknown: Vec<Found> = here.into_iter().filter(|one| !is_known(one)).collect();
        all.extend(unknown);
    }
    Ok(instead::newest_first(all))
}

/// The source of this one, and from where it comes.
///
/// # Errors
/// When nobody has it, or the configuration does not have its source.
pub(super) fn wanted<'a>(
    context: &Context,
    arguments: &RestoreArguments,
    known: &[SourceConfig],
    stores: &'a [DiskStore],
    found: &Found,
) -> Result<Wanted<'a>, Failure> {
    let none = |NoHolder { from, known }| failure(RestoreCommandError::NotHeld { from, known });
    let (id, told) = (found.id.clone(), found.told.clone());
    let holders = found.chosen(&arguments.from).map_err(none)?;
    let mut store = None;
    for one in stores {
        if store.is_none() && one.ids().map_err(failure)?.contains(&id) {
            store = Some(one);
        }
    }
    if store.is_none() && holders.is_empty() {
        return Err(no_snapshot(&arguments.what));
    }
    let source = match known.iter().find(|source| source.name.as_str() == arguments.what) {
        Some(source) => source.clone(),
        None => source_of(arguments, &id, store, known, &holders, context)?,
    };
    Ok(Wanted { source, id, store, holders, told })
}

fn no_snapshot(what: &str) -> Failure {
    failure(RestoreCommandError::NoSnapshot { source_name: what.to_owned() })
}

/// One that this node has.
fn at_hand(id: SnapshotId, told: Option<Holding>) -> Found {
    Found { id, told, holders: Vec::new(), others: Vec::new(), untold: Vec::new() }
}

/// Who has it in the cluster; none when nobody has, or when nobody can be asked and what this node has shall do.
fn cluster(
    context: &Context,
    choice: &Choice<'_>,
    here: &[Found],
    sink: &dyn Sink,
) -> Result<Option<Found>, Failure> {
    let own = context.membership()?.node;
    let error = match context.ask(async |master| holders::find(master, choice.what, Some(&own)).await) {
        Ok(found) => return Ok(Some(found)),
        Err(error) if restore_sources::UNKNOWN.contains(&error.code.as_str()) => return Ok(None),
        Err(error) => error,
    };
    if here.is_empty() || !choice.from.is_empty() {
        return Err(error);
    }
    if !choice.or_older {
        return Err(instead::unasked(choice, error, here));
    }
    let text =
        format!("another node may have a newer snapshot: the master could not be asked: {}", error.message);
    sink.emit(Event::Warning { text });
    Ok(None)
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
    let here = store.map(|store| restoring::verified(store, id, &trusted)).transpose();
    let name = match here {
        Ok(Some(manifest)) => manifest.metadata.source,
        Err(error) if holders.is_empty() => return Err(error.into()),
        // What is damaged here is asked of others who have it; the restore itself warns of it.
        Ok(None) | Err(_) => {
            let holders = connections(context, holders)?;
            let asked: Vec<&dyn Source> = holders.iter().map(|holder| holder as &dyn Source).collect();
            let config = SnapshotConfig { mode: TransferMode::Streaming, ..SnapshotConfig::default() };
            let request = restore_sources::request(&config, (id, &asked), &trusted, None);
            restoring::named(&context.root, &request, &|| context.is_interrupted()).map_err(Failure::from)?
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

pub(crate) fn unknown_source(name: &str, known: &[SourceConfig]) -> Failure {
    let known = known.iter().map(|source| source.name.to_string()).collect();
    failure(RestoreCommandError::UnknownSource { name: name.to_owned(), known })
}

/// The snapshots of the source that this node has.
fn of_source(stores: &[DiskStore], source: &SourceName) -> Result<Vec<Found>, Failure> {
    let told = |one: Summary| Holding {
        id: one.id,
        source: one.metadata.source,
        generation: one.metadata.generation,
        created_at: one.metadata.created_at,
        restore_bytes: one.restore_bytes,
        stored_bytes: one.stored_bytes,
    };
    let mut found = Vec::new();
    for store in stores {
        let of_it = store.list().map_err(failure)?.snapshots.into_iter();
        let of_it = of_it.filter(|one| one.metadata.source == source.as_str()).map(told);
        found.extend(of_it.map(|told| at_hand(told.id.clone(), Some(told))));
    }
    Ok(found)
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
