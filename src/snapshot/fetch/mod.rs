//! Downloads a snapshot into a directory: verified by frame, resumable after any kill.
//!
//! What is on the disk is the progress: a partial file holds verified frames only, and on resume they
//! are verified again rather than believed, so a kill costs less than the one frame that was under way,
//! and a torn or rotten byte costs its frame and those after it in its part. A finished part has its final
//! name.

mod error;
mod part;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use error::samples;
pub use error::{FetchError, SourceError};

use super::manifest::{Limits, Manifest, SignedManifest, Verifier};
use super::meter::Meter;
use crate::host::directory::{Directory, DirectoryError};
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::model::progress::{Event, Sink};
use part::Download;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

const MANIFEST: &str = "manifest.json";

/// Where a snapshot is downloaded from.
pub trait Source {
    /// How people know it, `10.0.1.10:4507`.
    fn name(&self) -> &str;
    /// The bytes of the signed manifest.
    fn manifest(&self, id: &SnapshotId) -> Result<Vec<u8>, SourceError>;
    /// Hands out the bytes `offset..offset+length` of a part, in order, in pieces of any size.
    ///
    /// After a `Break` it stops and returns `Ok`. It returns an error when it cannot deliver all.
    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError>;
}

/// How long to insist.
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
    /// From where.
    pub source: &'a dyn Source,
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

/// Downloads what is missing.
///
/// `wait` is called with the time until the next try and returns `false` to give up; this function
/// never sleeps itself.
pub fn fetch(
    request: &Request<'_>,
    into: &Directory,
    wait: &mut dyn FnMut(Duration) -> bool,
    sink: &dyn Sink,
) -> Result<Fetched, FetchError> {
    let mut retry = Retry { request, wait, sink, failures: 0, since: Instant::now() };
    let (signed, manifest) = obtain_manifest(request, into, &mut retry)?;
    let mut downloads = Vec::new();
    for index in 0..manifest.parts.len() {
        downloads.push(Download::resume(&manifest, index, into)?);
    }
    let left: u64 = downloads.iter().map(Download::left_bytes).sum();
    let needed = left.saturating_add(request.reserve_bytes.unwrap_or_else(|| manifest.restore_size()));
    let free = into.free_bytes()?;
    if free < needed {
        return Err(FetchError::Space { path: into.path().to_owned(), needed, free });
    }
    let total = manifest.stored_size();
    let what = format!("snapshot {} from {}", manifest.metadata.source, request.source.name());
    let mut meter = Meter::start(sink, what, total - left, total);
    let mut received_bytes = 0;
    for mut download in downloads {
        received_bytes += fetch_part(&mut download, &mut retry, &mut meter)?;
        download.finish(&mut meter)?;
    }
    into.sync()?;
    Ok(Fetched { signed, manifest, received_bytes })
}

/// Fetches the frames of one part that are missing; returns the bytes received.
fn fetch_part(
    download: &mut Download<'_>,
    retry: &mut Retry<'_, '_>,
    meter: &mut Meter<'_>,
) -> Result<u64, FetchError> {
    let source = retry.request.source;
    let (mut received, mut twice) = (0, None);
    while let Some((offset, length)) = download.missing() {
        let before = download.next_frame();
        let mut broken = None;
        let result = source.read_range(&download.digest(), offset, length, &mut |bytes| {
            received += bytes.len() as u64;
            match download.take(bytes, meter) {
                Ok(true) => ControlFlow::Continue(()),
                Ok(false) => ControlFlow::Break(()),
                Err(error) => {
                    broken = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        download.forget_pending();
        if download.next_frame() > before {
            retry.progressed();
        }
        match broken {
            Some(part::Broken::Frame) if twice == Some(download.next_frame()) => {
                let (part, frame) = (download.digest(), download.next_frame());
                return Err(FetchError::Corrupt { name: source.name().to_owned(), part, frame });
            }
            Some(part::Broken::Frame) => twice = Some(download.next_frame()),
            Some(part::Broken::Disk(error)) => return Err(error.into()),
            None if download.missing().is_none() => {}
            None => retry.after(result.err().unwrap_or_else(SourceError::cut))?,
        }
    }
    Ok(received)
}

fn obtain_manifest(
    request: &Request<'_>,
    into: &Directory,
    retry: &mut Retry<'_, '_>,
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
        match request.source.manifest(request.id) {
            Ok(bytes) => {
                let name = || request.source.name().to_owned();
                let judged = judge(&bytes).map_err(|source| FetchError::Manifest { name: name(), source })?;
                keep(into, &bytes)?;
                return Ok(judged);
            }
            Err(error) => retry.after(error)?,
        }
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

/// Counts failures and waits between them.
struct Retry<'a, 'w> {
    request: &'a Request<'a>,
    wait: &'w mut dyn FnMut(Duration) -> bool,
    sink: &'a dyn Sink,
    failures: u32,
    since: Instant,
}

impl Retry<'_, '_> {
    fn progressed(&mut self) {
        self.failures = 0;
    }

    fn after(&mut self, error: SourceError) -> Result<(), FetchError> {
        let Patience { failures, first, longest } = self.request.patience;
        let name = self.request.source.name().to_owned();
        if !error.retry {
            return Err(FetchError::Refused { name, source: error });
        }
        if self.failures == 0 {
            self.since = Instant::now();
        }
        self.failures += 1;
        if self.failures >= failures {
            return Err(FetchError::Unreachable { name, failures: self.failures, source: error });
        }
        let delay = |failure: u32| first.saturating_mul(2u32.saturating_pow(failure - 1)).min(longest);
        let (next, all) = (delay(self.failures), (1..failures).map(delay).sum::<Duration>());
        self.sink.emit(Event::Waiting {
            cause: format!("{name}: {error}"),
            elapsed_ms: milliseconds(self.since.elapsed()),
            deadline_ms: milliseconds(all),
            next_retry_ms: milliseconds(next),
        });
        if (self.wait)(next) { Ok(()) } else { Err(FetchError::Interrupted { name }) }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
