//! Downloads a snapshot into a directory, or straight into its tree: from any number of sources, resumable.
//!
//! Every frame is verified before it is written, and no kill costs more than what was under way.
//!
//! What is on the disk is the progress: on resume each frame is verified again rather than believed, so
//! a kill costs less than the one frame that was under way on each connection, and a torn or rotten byte
//! costs its frame. A finished part has its final name.

mod embedded;
mod error;
mod limiter;
mod obtain;
mod part;
mod queue;
mod spool;
mod standing;
#[cfg(test)]
pub(in crate::snapshot) mod tests;
mod workers;

pub use embedded::Held;
#[cfg(test)]
pub(crate) use error::samples;
pub use error::{FetchError, SourceError};
pub use limiter::Limiter;
pub use obtain::{Obtained, Room, obtain};
pub(in crate::snapshot) use workers::{Landed, Landing};

use super::manifest::{Manifest, SignedManifest, Verifier};
use super::meter::Meter;
use crate::host::directory::{Directory, DirectoryError};
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::model::progress::{Event, Files, Sink};
use part::Downloads;
use standing::{Pause, Standing};
use std::ops::ControlFlow;
use std::time::Duration;
use workers::{Ended, News, Team};

/// Where a snapshot is downloaded from; several connections are used at once.
pub trait Source: Send + Sync {
    /// How people know it, `10.0.1.10:4507`.
    fn name(&self) -> &str;
    /// Hands out the bytes of the signed manifest, in order, in pieces of any size; after a `Break` it stops and
    /// returns `Ok`.
    fn manifest(
        &self,
        id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError>;
    /// Manifest and parts in one body of at most so many bytes, in the form of [`crate::wire::embedded`];
    /// none when there are more of them, or the source has no such reply. `come` is told how many bytes have just
    /// come, and returns when more may; after a `Break` the reply is given up, with an error.
    fn embedded(
        &self,
        id: &SnapshotId,
        at_most: u64,
        come: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<Vec<u8>>, SourceError> {
        let _ = (id, at_most, come);
        Ok(None)
    }
    /// Hands out the bytes `offset..offset+length` of a part, in order, in pieces of any size.
    ///
    /// After a `Break` it stops and returns `Ok`. While it waits it hands out nothing now and then, so
    /// that it can be stopped. It returns an error when it cannot deliver all.
    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError>;
}

/// How long to insist on one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Failures in a row, without a frame in between, after which to give up.
    pub failures: u32,
    /// The wait after the first failure; it doubles with each.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { failures: 8, first: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }
}

/// What to download, and on what terms.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// From where, the preferred ones first; at least one.
    pub sources: &'a [&'a dyn Source],
    /// How many connections to all of them together, at least one. With fewer of them than sources, the last
    /// sources are in reserve: one takes the place of a source that fails or is dropped.
    pub connections: usize,
    /// Which snapshot.
    pub id: &'a SnapshotId,
    /// Judges the manifest's signature.
    pub verifier: &'a dyn Verifier,
    /// Bytes that must remain free besides the parts themselves; `None` takes the restored size.
    pub reserve_bytes: Option<u64>,
    /// How long to insist.
    pub patience: Patience,
    /// A snapshot that takes at most so many bytes with all its parts is asked for in one reply.
    pub embed_bytes: Option<u64>,
    /// What all connections together may receive.
    pub limiter: Option<&'a Limiter>,
}

impl<'a> Request<'a> {
    /// From where and how, without the what.
    pub fn terms(&self) -> Terms<'a> {
        let Self { sources, connections, patience, limiter, .. } = *self;
        Terms { sources, connections, patience, limiter }
    }
}

/// From where frames come, and on what terms.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// From where, the preferred ones first.
    pub sources: &'a [&'a dyn Source],
    /// How many connections to all of them together, at least one. With fewer of them than sources, the last
    /// sources are in reserve: one takes the place of a source that fails or is dropped.
    pub connections: usize,
    /// How long to insist.
    pub patience: Patience,
    /// What all connections together may receive.
    pub limiter: Option<&'a Limiter>,
}

impl Terms<'_> {
    /// The names of all sources, for people.
    fn names(&self) -> String {
        let names: Vec<&str> = self.sources.iter().map(|source| source.name()).collect();
        names.join(", ")
    }

    /// How many connections are made, if there is enough to do for them.
    fn readers(&self) -> usize {
        self.connections.max(1)
    }
}

/// What was downloaded; the parts lie in the directory, each a durable file.
#[derive(Debug)]
pub struct Fetched {
    /// The manifest with its signature, for a store to publish.
    pub signed: SignedManifest,
    /// The manifest, verified.
    pub manifest: Manifest,
    /// Bytes of parts that came over the wire in this call, discarded ones included.
    pub received_bytes: u64,
}

/// Downloads what is missing. `stop` says whether the caller has given up.
///
/// # Errors
/// When no source delivers, `stop` ends it, or the disk refuses; what was verified stays for the next time.
pub fn fetch(
    request: &Request<'_>,
    into: &Directory,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Fetched, FetchError> {
    let Obtained { signed, manifest, held, received_bytes } = obtain(request, Room::Kept(into), stop, sink)?;
    let (downloads, have) = Downloads::open(&manifest, into)?;
    let (total, there) = part::bytes(&manifest, &have);
    let left = total - there;
    let needed = left.saturating_add(request.reserve_bytes.unwrap_or_else(|| manifest.restore_size()));
    let free = into.free_bytes()?;
    if free < needed {
        return Err(FetchError::Space { path: into.path().to_owned(), needed, free });
    }
    let what = format!("snapshot {}", manifest.metadata.source);
    let bring = Bring { terms: request.terms(), manifest: &manifest, held: held.as_ref(), what };
    let files = Some(downloads.whole_files());
    let brought = bring.bring(&downloads, have, (there, total), files, stop, sink)?;
    downloads.finish()?;
    let received_bytes = brought + held.map_or(0, |_| received_bytes);
    Ok(Fetched { signed, manifest, received_bytes })
}

/// The transfer of frames that are missing, wherever they go.
pub(in crate::snapshot) struct Bring<'a> {
    pub(in crate::snapshot) terms: Terms<'a>,
    pub(in crate::snapshot) manifest: &'a Manifest,
    /// A reply that has everything, asked first.
    pub(in crate::snapshot) held: Option<&'a Held>,
    /// What is moved, for people; the sources are added.
    pub(in crate::snapshot) what: String,
}

impl Bring<'_> {
    /// Brings every frame of which `have` says that it is missing; returns the bytes that came for it.
    ///
    /// `(done, total)` are bytes as the landing counts them.
    pub(in crate::snapshot) fn bring<L: Landing>(
        &self,
        landing: &L,
        mut have: Vec<bool>,
        (mut done, total): (u64, u64),
        mut files: Option<Files>,
        stop: &dyn Fn() -> bool,
        sink: &dyn Sink,
    ) -> Result<u64, L::Error> {
        let held: Option<&dyn Source> = self.held.map(|held| held as _);
        let mut received = 0;
        for (sources, last) in [(held.as_slice(), self.terms.sources.is_empty()), (self.terms.sources, true)]
        {
            if sources.is_empty() || have.iter().all(|have| *have) {
                continue;
            }
            // What is in memory came already.
            let limiter = self.terms.limiter.filter(|_| last);
            let terms = Terms { sources, limiter, ..self.terms };
            let names: Vec<&str> = sources.iter().map(|source| source.name()).collect();
            let what = format!("{} from {}", self.what, names.join(", "));
            let mut meter = Meter::of_sources(sink, what, (done, total), files, &names);
            let standings = names.iter().map(|name| Standing::new(name)).collect();
            let team = Team::new(terms, self.manifest, landing, &have, standings);
            let left = team.work(stop, &mut |news| hear(news, &mut meter, sink));
            (done, files) = meter.so_far();
            if self.held.is_none() || !std::ptr::eq(sources, held.as_slice()) {
                received += left.standings.iter().map(|standing| standing.received).sum::<u64>();
            }
            have = left.have;
            match left.error {
                None => {}
                Some(Ended::Landing(error)) => return Err(error),
                Some(Ended::Source(error)) if last || stop() => return Err(error.into()),
                Some(Ended::Source(error)) => sink.emit(Event::Warning { text: workers::told(&error) }),
            }
        }
        Ok(received)
    }
}

fn hear(news: News, meter: &mut Meter<'_>, sink: &dyn Sink) {
    match news {
        News::Frame { source, received, bytes, files } => {
            meter.received(source, received);
            meter.add_files(files);
            meter.add(bytes);
        }
        News::Pause(pause) => tell(sink, &pause),
        News::Dropped(text) => sink.emit(Event::Warning { text }),
    }
}

fn tell(sink: &dyn Sink, pause: &Pause) {
    sink.emit(Event::Waiting {
        cause: pause.cause.clone(),
        elapsed_ms: milliseconds(pause.elapsed),
        deadline_ms: milliseconds(pause.all),
        next_retry_ms: milliseconds(pause.next),
    });
}

fn failed(action: &'static str, below: &Directory, name: &str, source: std::io::Error) -> DirectoryError {
    DirectoryError::Io { action, path: below.path().join(name), source }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
