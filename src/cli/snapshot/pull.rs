//! `eos snapshot pull`: fetches a snapshot from those who hold it, so that this node holds it too.
//!
//! What was verified stays when it is killed, and the next run goes on there; others see the snapshot only
//! once all of it is durable.

mod error;

#[cfg(test)]
pub(crate) use error::samples;

use super::instead::{self, Choice};
use super::{LONGEST, counting};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::client::holders::{self, Found, NoHolder};
use crate::client::snapshots::HttpSource;
use crate::host::directory::Directory;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::identity::membership::Membership;
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use crate::model::progress::{Event, Sink, Wait};
use crate::snapshot::fetch::{self, Fetched, Limiter, Patience, Request, Room, Source};
use crate::snapshot::store::{Command, DiskStore, Ended, SnapshotStore, Staging, StoreError};
use crate::steps::trusted::{self, Trusted};
use crate::steps::{env, restore_sources, restoring};
use crate::view::progress::Progress;
use crate::view::units::{bytes, precise};
use crate::wire::snapshots::{Holder, Holding};
use clap::Args;
use error::PullError;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What `eos snapshot pull` takes.
#[derive(Debug, Args)]
pub struct PullArguments {
    /// A source, of which the newest snapshot in the cluster is pulled, or the id of a snapshot
    #[arg(value_name = "SOURCE|ID")]
    what: String,
    /// Pull from this holder alone; may be given several times
    #[arg(long, value_name = "NODE|ADDRESS")]
    from: Vec<String>,
    /// If nobody delivers the newest snapshot of the source, pull the next older one instead, and so on
    #[arg(long)]
    or_older: bool,
    /// If the snapshot is here already, read every byte of it, and fetch what is damaged again
    #[arg(long)]
    repair: bool,
    /// Open at most so many connections at a time to all holders together; as snapshot.connections says unless given
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: Option<u32>,
    /// Receive at most so many bytes a second over all connections together, such as 20000000 for 20 MB/s; as
    /// snapshot.bandwidth_bytes says unless given, which is no limit by default
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    bandwidth: Option<u64>,
}

/// Hands everything on, and keeps the warnings: they name the sources that failed or lied.
struct Noting<'a> {
    inner: &'a dyn Sink,
    warnings: Mutex<Vec<String>>,
}

impl Sink for Noting<'_> {
    fn emit(&self, event: Event) {
        if let Event::Warning { text } = &event {
            self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
        }
        self.inner.emit(event);
    }

    fn expect(&self, wait: Option<Wait>) {
        self.inner.expect(wait);
    }
}

/// Pulls.
pub(super) fn run(context: &Context, arguments: &PullArguments) -> Result<Done, Failure> {
    let began = Instant::now();
    let progress = Progress::new(context.output, began + LONGEST);
    let noting = Noting { inner: &progress, warnings: Mutex::default() };
    let result = pull(context, arguments, &noting);
    progress.finish();
    match &result {
        Ok((_, Some(received_bytes))) => {
            let (took, received_bytes) = (began.elapsed(), *received_bytes);
            counting::count(context, Ended::Pulled { took, received_bytes });
        }
        Ok((_, None)) => {}
        Err(failure) => counting::failed(context, Command::Pull, failure),
    }
    result.map(|(done, _)| done)
}

/// What is told, and how many bytes came; none when it was here.
type Pulled = (Done, Option<u64>);

fn pull(context: &Context, arguments: &PullArguments, sink: &Noting<'_>) -> Result<Pulled, Failure> {
    sink.emit(Event::Phase { name: "pull".to_owned() });
    let membership = context.membership()?;
    let PullArguments { what, from, or_older, .. } = arguments;
    let found = context.ask(async |master| holders::find(master, what, Some(&membership.node)).await)?;
    instead::tell_untold(what, &found, sink);
    let store = store(context)?;
    let here = store.ids().map_err(failure)?.into_iter().collect();
    let more = instead::limits(arguments.connections, arguments.bandwidth);
    let choice = Choice { command: "pull", what, from, or_older: *or_older, more, here };
    let candidates = instead::newest_first(found.candidates());
    let taken = instead::first(&choice, &candidates, sink, |found, patience| {
        one(context, arguments, (&membership, found), (&store, patience), sink)
    })?;
    let (mut done, received_bytes) = taken.value;
    done.tell_instead_of(&taken.instead_of);
    Ok((done, received_bytes))
}

/// Pulls this one.
fn one(
    context: &Context,
    arguments: &PullArguments,
    (membership, found): (&Membership, &Found),
    (store, patience): (&DiskStore, Patience),
    sink: &Noting<'_>,
) -> Result<Pulled, Failure> {
    let is_here = store.ids().map_err(failure)?.contains(&found.id);
    if is_here && is_sound(store, &found.id, arguments.repair, sink)? {
        let text = format!("{}  is here already\n", found.id);
        let done = Done::new(json!({ "id": found.id, "received_bytes": 0 }), text).outcome("no-change");
        return Ok((done, None));
    }
    let holders = chosen(found, &arguments.from)?;
    let sources = sources(context, membership, &holders)?;
    let began = Instant::now();
    let fetched = fetched(context, arguments, (found, &sources, patience), store, sink)?;
    let dropped = sink.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let done = done(&found.id, &fetched, &holders, (&dropped, began.elapsed()));
    Ok((done, Some(fetched.received_bytes)))
}

/// The node's own store.
fn store(context: &Context) -> Result<DiskStore, Failure> {
    let path = context.root.join(paths::SNAPSHOTS);
    files::create_directory(&path, Attributes { mode: 0o700, owner: None }).map_err(failure)?;
    DiskStore::open(Directory::open(&path).map_err(failure)?).map_err(failure)
}

/// Whether its manifest is right and its parts have their sizes, or their bytes if all are to be read; if not, it is
/// pulled again, and what comes takes the place of what is damaged.
fn is_sound(store: &DiskStore, id: &SnapshotId, read: bool, sink: &dyn Sink) -> Result<bool, Failure> {
    match if read { store.verify_telling(id, sink) } else { store.verify_quickly(id) } {
        Ok(found) => Ok(found.damage.is_empty()),
        Err(StoreError::Unknown { .. } | StoreError::Manifest { .. }) => Ok(false),
        Err(error) => Err(failure(error)),
    }
}

/// Those of the holders that are wanted, or all.
fn chosen(found: &Found, from: &[String]) -> Result<Vec<Holder>, Failure> {
    let none =
        |NoHolder { from, known }| PullError::NoSuchHolder { from, id: found.id.clone(), holders: known };
    let chosen = found.chosen(from).map_err(|missing| failure(none(missing)))?;
    match chosen.is_empty() {
        true => Err(failure(PullError::NoHolder { id: found.id.clone() })),
        false => Ok(chosen),
    }
}

fn sources(
    context: &Context,
    membership: &Membership,
    holders: &[Holder],
) -> Result<Vec<HttpSource>, Failure> {
    let connector = env::connector(&context.root, membership.address, context.runtime());
    let connector = connector.map_err(Failure::from)?;
    holders.iter().map(|holder| connector.source(holder).map_err(failure)).collect()
}

/// Brings everything and makes it visible; the holders hear that their places are free, however it ends.
fn fetched(
    context: &Context,
    arguments: &PullArguments,
    (found, sources, patience): (&Found, &[HttpSource], Patience),
    store: &DiskStore,
    sink: &dyn Sink,
) -> Result<Fetched, Failure> {
    let config = context.resolve(Vec::new())?.config.snapshot;
    let trusted = Trusted::of(&context.root).map_err(Failure::from)?;
    let limiter = arguments.bandwidth.or(config.bandwidth_bytes).map(Limiter::new);
    let staging = store.begin_download(&found.id).map_err(failure)?;
    let asked: Vec<&dyn Source> = sources.iter().map(|source| source as _).collect();
    let request = Request {
        connections: arguments.connections.unwrap_or(config.connections) as usize,
        // It is kept, not restored.
        reserve_bytes: Some(0),
        patience,
        ..restore_sources::request(&config, (&found.id, &asked), &trusted, limiter.as_ref())
    };
    let stop = || context.is_interrupted();
    let lent = lend(&request, store, &staging, &stop, sink);
    let fetched =
        lent.and_then(|()| fetch::fetch(&request, staging.directory(), &stop, sink).map_err(failure));
    sources.iter().for_each(|source| source.leave(&found.id));
    let fetched = fetched?;
    publish(store, staging, &fetched, found.told.as_ref())?;
    Ok(fetched)
}

/// Puts parts that the store has from other snapshots, or from downloads that were given up, beside those that are
/// downloaded. A snapshot that comes in one reply needs none.
fn lend(
    request: &Request<'_>,
    store: &DiskStore,
    staging: &Staging,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<(), Failure> {
    if store.ids().map_err(failure)?.is_empty() && store.downloads().map_err(failure)?.len() < 2 {
        return Ok(());
    }
    // What is in the store already makes a reply with everything the longer way.
    let request = Request { embed_bytes: None, ..*request };
    let obtained = fetch::obtain(&request, Room::Kept(staging.directory()), stop, sink).map_err(failure)?;
    store.lend(staging, &obtained.manifest.parts).map_err(failure)
}

/// Makes it visible, unless it is not what it was said to be: such a one is not kept.
fn publish(
    store: &DiskStore,
    staging: Staging,
    fetched: &Fetched,
    told: Option<&Holding>,
) -> Result<(), Failure> {
    let bears_out = |told| restoring::bears_out(&fetched.manifest.metadata, told);
    let right = trusted::may_sign(&fetched.signed, &fetched.manifest);
    if let Err(error) = right.and_then(|()| told.map_or(Ok(()), bears_out)) {
        staging.discard().map_err(failure)?;
        return Err(error.into());
    }
    store.publish(staging, &fetched.signed).map(drop).map_err(failure)
}

fn done(
    id: &SnapshotId,
    fetched: &Fetched,
    holders: &[Holder],
    (dropped, took): (&[String], Duration),
) -> Done {
    let (metadata, stored) = (&fetched.manifest.metadata, fetched.manifest.stored_size());
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let names: Vec<&str> = holders.iter().map(|holder| holder.name.as_str()).collect();
    let holders: Vec<Value> = holders
        .iter()
        .map(|one| json!({ "node": one.node, "name": one.name, "address": one.address }))
        .collect();
    let text = format!(
        "{id}  {} of {} received from {} in {}\n",
        bytes(fetched.received_bytes),
        metadata.source,
        names.join(", "),
        precise(milliseconds)
    );
    let result = json!({
        "id": id, "source": metadata.source, "generation": metadata.generation,
        "received_bytes": fetched.received_bytes, "bytes": stored,
        "milliseconds": milliseconds,
        "sources": holders, "dropped": dropped,
    });
    Done::new(result, text)
}

#[cfg(test)]
mod tests;
