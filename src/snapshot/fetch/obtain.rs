//! Obtains the manifest of a snapshot, and all of a small one with it.
//!
//! A manifest that was verified is kept beside the parts, so that a resume does not ask again.

use super::embedded::Held;
use super::spool::{Spool, Unspooled};
use super::standing::Standing;
use super::{FetchError, Request, Source, SourceError, failed, tell, workers};
use crate::host::directory::{Directory, DirectoryError};
use crate::model::progress::{Event, Sink};
use crate::model::snapshots::MOST_EMBEDDED_BYTES;
use crate::snapshot::manifest::{Limits, Manifest, ManifestError, SignedManifest};
use crate::wire::embedded::Embedded;
use std::ffi::OsStr;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::snapshot::store::KEPT_MANIFEST as MANIFEST;

/// How often it is looked whether the caller gave up.
const LOOK: Duration = Duration::from_millis(50);

/// A manifest that was verified.
#[derive(Debug)]
pub struct Obtained {
    /// With its signature, for a store to publish.
    pub signed: SignedManifest,
    /// What it says.
    pub manifest: Manifest,
    /// The reply with all parts, if the source sent one.
    pub held: Option<Held>,
    /// Bytes that came for it.
    pub received_bytes: u64,
}

/// Where a manifest lies while it comes, since it is not believed before all of it is there.
#[derive(Debug, Clone, Copy)]
pub enum Room<'a> {
    /// Here, and here it stays once it is verified; one that is here already is not asked for.
    Kept(&'a Directory),
    /// Here, and nothing of it stays.
    Scratch(&'a Directory),
}

impl<'a> Room<'a> {
    fn directory(self) -> &'a Directory {
        match self {
            Self::Kept(directory) | Self::Scratch(directory) => directory,
        }
    }
}

/// Why a source's answer is not taken.
enum Refused {
    Source(SourceError),
    Manifest(ManifestError),
    Disk(DirectoryError),
}

impl From<DirectoryError> for Refused {
    fn from(error: DirectoryError) -> Self {
        Self::Disk(error)
    }
}

impl From<Unspooled> for Refused {
    fn from(error: Unspooled) -> Self {
        match error {
            Unspooled::Disk(error) => Self::Disk(error),
            Unspooled::Manifest(error) => Self::Manifest(error),
        }
    }
}

impl From<SourceError> for Refused {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// Asks the sources in turn until one sends the manifest, in one reply with the parts where the request
/// wants that; a source that sends another one is not asked any more.
///
/// # Errors
/// When no source delivers it, `stop` ends it, or the disk refuses.
pub fn obtain(
    request: &Request<'_>,
    room: Room<'_>,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Obtained, FetchError> {
    if let Room::Kept(keep) = room
        && let Some(bytes) = read_kept(keep)?
        && let Ok((signed, manifest)) = judge(request, &bytes)
    {
        return Ok(Obtained { signed, manifest, held: None, received_bytes: 0 });
    }
    let mut standings: Vec<Standing> =
        request.sources.iter().map(|source| Standing::new(source.name())).collect();
    loop {
        let mut fallen = Vec::new();
        for (source, standing) in request.sources.iter().zip(&mut standings) {
            if standing.dropped || standing.pause.is_some_and(|pause| Instant::now() < pause) {
                continue;
            }
            let asked = match ask(request, *source, room.directory(), stop, sink) {
                Ok(obtained) => {
                    if let Room::Kept(keep) = room {
                        store(keep, &obtained.signed.to_bytes())?;
                    }
                    return Ok(obtained);
                }
                Err(_) if stop() => return Err(FetchError::Interrupted { name: request.terms().names() }),
                Err(Refused::Disk(error)) => return Err(error.into()),
                Err(Refused::Manifest(error)) => Err(standing.is_refused(error)),
                Err(Refused::Source(error)) => standing.failed(error, &request.patience, Instant::now()),
            };
            match asked {
                Ok(pause) => pause.iter().for_each(|pause| tell(sink, pause)),
                Err(error) => fallen.push(error),
            }
        }
        let warn = |error: FetchError| sink.emit(Event::Warning { text: workers::told(&error) });
        let last = fallen.pop();
        fallen.into_iter().for_each(warn);
        match last {
            Some(error) if standings.iter().all(|standing| standing.dropped) => return Err(error),
            last => last.into_iter().for_each(warn),
        }
        rest(request, &standings, stop)?;
    }
}

fn ask(
    request: &Request<'_>,
    source: &dyn Source,
    room: &Directory,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Obtained, Refused> {
    let mut come = |bytes: u64| {
        if let Some(limiter) = request.limiter {
            limiter.take(bytes, stop);
        }
        if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let whole = match embeddable(request, room)? {
        Some(at_most) => source.embedded(request.id, at_most, &mut come)?,
        None => None,
    };
    let Some(body) = whole else {
        // Who asks for all that one reply may have wants it so, whatever the size.
        if request.embed_bytes == Some(MOST_EMBEDDED_BYTES) {
            let (name, most) = (source.name(), MOST_EMBEDDED_BYTES);
            let text = format!(
                "{name} sends no snapshot of this size in one reply, which may have {most} bytes: it comes by ranges"
            );
            sink.emit(Event::Note { text });
        }
        let mut spool = Spool::begin(room)?;
        source.manifest(request.id, &mut |bytes| spool.take(bytes, &mut come))?;
        let (signed, manifest, received_bytes) = spool.judged(request)?;
        return Ok(Obtained { signed, manifest, held: None, received_bytes });
    };
    let unfit = |why: &dyn std::fmt::Display| {
        SourceError::lasting(format!("its reply with the whole snapshot is refused: {why}"))
    };
    let received_bytes = body.len() as u64;
    let manifest = Embedded::parse(&body).map_err(|fault| unfit(&fault))?.manifest;
    let (signed, manifest) = judge(request, manifest).map_err(Refused::Manifest)?;
    let held = Held::new(source.name(), body, &manifest).map_err(|fault| unfit(&fault))?;
    Ok(Obtained { signed, manifest, held: Some(held), received_bytes })
}

/// How many bytes one reply with everything may have: no more than there is room for, so that what has no room is told
/// by its manifest and not brought in vain.
fn embeddable(request: &Request<'_>, room: &Directory) -> Result<Option<u64>, DirectoryError> {
    let Some(at_most) = request.embed_bytes else { return Ok(None) };
    let free = room.free_bytes()?.saturating_sub(request.reserve_bytes.unwrap_or(0));
    Ok(Some(at_most.min(free)).filter(|at_most| *at_most > 0))
}

pub(super) fn judge(
    request: &Request<'_>,
    bytes: &[u8],
) -> Result<(SignedManifest, Manifest), ManifestError> {
    let limits = Limits::default();
    let signed = SignedManifest::from_bytes(bytes, &limits)?;
    let manifest = signed.verify(request.id, request.verifier, &limits)?;
    Ok((signed, manifest))
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
            return Err(FetchError::Interrupted { name: request.terms().names() });
        }
        if left.is_zero() {
            return Ok(());
        }
        guard = never.wait_timeout(guard, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner).0;
    }
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

fn store(into: &Directory, bytes: &[u8]) -> Result<(), FetchError> {
    into.replace_file(OsStr::new(MANIFEST), bytes, 0o600, None)?;
    Ok(())
}
