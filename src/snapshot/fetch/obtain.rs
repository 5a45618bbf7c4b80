//! Obtains the manifest of a snapshot, and all of a small one with it.
//!
//! A manifest that was verified is kept beside the parts, so that a resume does not ask again.

use super::embedded::Held;
use super::standing::Standing;
use super::{FetchError, Request, Source, SourceError, failed, tell, workers};
use crate::host::directory::Directory;
use crate::model::progress::{Event, Sink};
use crate::model::snapshots::MOST_EMBEDDED_BYTES;
use crate::snapshot::manifest::{Limits, Manifest, ManifestError, SignedManifest};
use crate::wire::embedded::Embedded;
use std::ffi::OsStr;
use std::io::Read;
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

/// Why a source's answer is not taken.
enum Refused {
    Source(SourceError),
    Manifest(ManifestError),
}

impl From<SourceError> for Refused {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// Asks the sources in turn until one sends the manifest, in one reply with the parts where the request
/// wants that; a source that sends another one is not asked any more.
///
/// One that `keep` has already is not asked for, and one that comes is kept there.
///
/// # Errors
/// When no source delivers it, `stop` ends it, or the disk refuses.
pub fn obtain(
    request: &Request<'_>,
    keep: Option<&Directory>,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Obtained, FetchError> {
    if let Some(bytes) = keep.map(read_kept).transpose()?.flatten()
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
            let asked = match ask(request, *source, stop, sink) {
                Ok(obtained) => {
                    if let Some(keep) = keep {
                        store(keep, &obtained.signed.to_bytes())?;
                    }
                    return Ok(obtained);
                }
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
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Obtained, Refused> {
    let judge = |bytes: &[u8]| judge(request, bytes).map_err(Refused::Manifest);
    let whole = match request.embed_bytes {
        Some(at_most) => source.embedded(request.id, at_most)?,
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
        let bytes = source.manifest(request.id)?;
        let received_bytes = bytes.len() as u64;
        let (signed, manifest) = judge(&bytes)?;
        return Ok(Obtained { signed, manifest, held: None, received_bytes });
    };
    let unfit = |why: &dyn std::fmt::Display| {
        SourceError::lasting(format!("its reply with the whole snapshot is refused: {why}"))
    };
    let received_bytes = body.len() as u64;
    if let Some(limiter) = request.limiter {
        // It has come at once; what follows waits until it was due.
        limiter.take(received_bytes, stop);
    }
    let manifest = Embedded::parse(&body).map_err(|fault| unfit(&fault))?.manifest;
    let (signed, manifest) = judge(manifest)?;
    let held = Held::new(source.name(), body, &manifest).map_err(|fault| unfit(&fault))?;
    Ok(Obtained { signed, manifest, held: Some(held), received_bytes })
}

fn judge(request: &Request<'_>, bytes: &[u8]) -> Result<(SignedManifest, Manifest), ManifestError> {
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
