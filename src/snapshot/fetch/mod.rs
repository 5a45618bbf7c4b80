//! Downloads a snapshot into a directory: verified by frame, from any number of sources at once, resumable
//! after any kill.
//!
//! What is on the disk is the progress: on resume each frame is verified again rather than believed, so
//! a kill costs less than the one frame that was under way on each connection, and a torn or rotten byte
//! costs its frame. A finished part has its final name.

mod error;
mod part;
mod queue;
mod standing;
#[cfg(test)]
mod tests;
mod workers;

#[cfg(test)]
pub(crate) use error::samples;
pub use error::{FetchError, SourceError};

use super::manifest::{Limits, Manifest, SignedManifest, Verifier};
use super::meter::Meter;
use crate::host::directory::{Directory, DirectoryError};
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::model::progress::{Event, Sink};
use part::Downloads;
use queue::Queue;
use standing::{Pause, Standing};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use workers::{News, Team};

const MANIFEST: &str = "manifest.json";

/// How often it is looked whether the caller gave up.
const LOOK: Duration = Duration::from_millis(50);

/// Where a snapshot is downloaded from; several connections are used at once.
pub trait Source: Send + Sync {
    /// How people know it, `10.0.1.10:4507`.
    fn name(&self) -> &str;
    /// The bytes of the signed manifest.
    fn manifest(&self, id: &SnapshotId) -> Result<Vec<u8>, SourceError>;
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
    /// How many connections to each source.
    pub connections: usize,
    /// Which snapshot.
    pub id: &'a SnapshotId,
    /// Judges the manifest's signature.
    pub verifier: &'a dyn Verifier,
    /// Bytes that must remain free besides the parts themselves; `None` takes the restored size.
    pub reserve_bytes: Option<u64>,
    /// How long to insist.
    pub patience: Patience,
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
    let mut standings: Vec<Standing> =
        request.sources.iter().map(|source| Standing::new(source.name())).collect();
    let (signed, manifest) = obtain_manifest(request, into, &mut standings, stop, sink)?;
    let (downloads, have) = Downloads::open(&manifest, into)?;
    let (total, there) = part::bytes(&manifest, &have);
    let left = total - there;
    let needed = left.saturating_add(request.reserve_bytes.unwrap_or_else(|| manifest.restore_size()));
    let free = into.free_bytes()?;
    if free < needed {
        return Err(FetchError::Space { path: into.path().to_owned(), needed, free });
    }
    let names: Vec<&str> = request.sources.iter().map(|source| source.name()).collect();
    let what = format!("snapshot {} from {}", manifest.metadata.source, names.join(", "));
    let mut meter = Meter::start(sink, what, there, total);
    let queue = Queue::new(&manifest.frames, have);
    let team = Team::new(request, &manifest, &downloads, queue, standings);
    let standings = team.work(stop, &mut |news| match news {
        News::Frame(bytes) => meter.add(bytes),
        News::Pause(pause) => tell(sink, &pause),
        News::Dropped(text) => sink.emit(Event::Warning { text }),
    })?;
    downloads.finish()?;
    let received_bytes = standings.iter().map(|standing| standing.received).sum();
    Ok(Fetched { signed, manifest, received_bytes })
}

/// Asks the sources in turn until one sends the manifest; one that sends another is not asked any more.
fn obtain_manifest(
    request: &Request<'_>,
    into: &Directory,
    standings: &mut [Standing],
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<(SignedManifest, Manifest), FetchError> {
    let limits = Limits::default();
    let judge = |bytes: &[u8]| {
        let signed = SignedManifest::from_bytes(bytes, &limits)?;
        let manifest = signed.verify(request.id, request.verifier, &limits)?;
        Ok((signed, manifest))
    };
    if let Some(bytes) = read_kept(into)?
        && let Ok(kept) = judge(&bytes)
    {
        return Ok(kept);
    }
    loop {
        let mut fallen = Vec::new();
        for (source, standing) in request.sources.iter().zip(standings.iter_mut()) {
            if standing.dropped || standing.pause.is_some_and(|pause| Instant::now() < pause) {
                continue;
            }
            let asked = match source.manifest(request.id) {
                Ok(bytes) => match judge(&bytes) {
                    Ok(judged) => {
                        standing.delivered();
                        keep(into, &bytes)?;
                        return Ok(judged);
                    }
                    Err(error) => Err(standing.is_refused(error)),
                },
                Err(error) => standing.failed(error, &request.patience, Instant::now()),
            };
            match asked {
                Ok(pause) => pause.iter().for_each(|pause| tell(sink, pause)),
                Err(error) => fallen.push(error),
            }
        }
        match fallen.pop() {
            Some(error) if standings.iter().all(|standing| standing.dropped) => return Err(error),
            last => last.into_iter().chain(fallen).for_each(|error| {
                sink.emit(Event::Warning { text: workers::told(&error) });
            }),
        }
        rest(request, standings, stop)?;
    }
}

/// Waits until a source may be asked again.
fn rest(request: &Request<'_>, standings: &[Standing], stop: &dyn Fn() -> bool) -> Result<(), FetchError> {
    let asked = standings.iter().filter(|standing| !standing.dropped);
    let Some(until) = asked.filter_map(|standing| standing.pause).min() else { return Ok(()) };
    let (never, nothing) = (Condvar::new(), Mutex::new(()));
    let mut guard = nothing.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if stop() {
            let names: Vec<&str> = request.sources.iter().map(|source| source.name()).collect();
            return Err(FetchError::Interrupted { name: names.join(", ") });
        }
        if left.is_zero() {
            return Ok(());
        }
        guard = never.wait_timeout(guard, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner).0;
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

fn read_kept(into: &Directory) -> Result<Option<Vec<u8>>, FetchError> {
    let mut file = match into.open_file(Path::new(MANIFEST)) {
        Err(error) if error.is_missing() => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|source| failed("read", into, MANIFEST, source))?;
    Ok(Some(bytes))
}

fn keep(into: &Directory, bytes: &[u8]) -> Result<(), FetchError> {
    let fresh = OsStr::new("manifest.json.new");
    into.remove_tree(fresh)?;
    let mut file = into.create_file(fresh, 0o600)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|source| failed("write", into, "manifest.json.new", source))?;
    into.rename(fresh, into, OsStr::new(MANIFEST))?;
    Ok(into.sync()?)
}

fn failed(action: &'static str, below: &Directory, name: &str, source: std::io::Error) -> DirectoryError {
    DirectoryError::Io { action, path: below.path().join(name), source }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
