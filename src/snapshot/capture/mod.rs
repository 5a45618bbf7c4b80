//! Captures directory trees, single files and given bytes into parts and a manifest.
//!
//! What cannot be frozen is looked at before, while and after it is read: what changes meanwhile makes the whole
//! capture start again, and after `ATTEMPTS` it is refused, so a snapshot is of one moment or is not. What an
//! earlier snapshot has is borrowed from its parts; what is as it was remembered is not even read.

mod attempt;
mod error;
mod freeze;
mod memory;
mod previous;
mod read;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

pub use attempt::{ATTEMPTS, Counts, Terms};
pub use error::CaptureError;
#[cfg(test)]
pub(crate) use error::samples;
pub use freeze::Freezer;
pub use memory::{Memory, Stamp, VERSION as MEMORY_VERSION};
pub use previous::{MOST, Previous};

use super::manifest::{Entry, Frame, Manifest, Metadata, Name, SignedManifest, Signer, Time};
use super::pack::{Cut, Packed};
use super::store::SnapshotStore;
use crate::host::directory::{self, Directory};
use crate::model::ids::SnapshotId;
use crate::model::progress::Sink;
use attempt::{Attempt, Gathered};
use jiff::Timestamp;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// One thing to capture, under a path of its own in the snapshot.
#[derive(Debug)]
pub enum Source<'a> {
    /// A directory with all beneath it.
    Tree {
        /// The directory.
        directory: &'a Directory,
        /// Its path in the snapshot, `etc/eos`.
        prefix: Name,
        /// Paths relative to the directory that are left out, with all beneath them.
        exclude: Vec<PathBuf>,
    },
    /// A single file; also a database's backup, under the database's own name.
    File {
        /// The directory in which it lies.
        directory: &'a Directory,
        /// Its path below that directory.
        relative: PathBuf,
        /// Its path in the snapshot.
        path: Name,
    },
    /// Bytes that lie nowhere, owned by root.
    Bytes {
        /// Their path in the snapshot.
        path: Name,
        /// The content.
        bytes: &'a [u8],
        /// The permission bits.
        mode: u32,
    },
}

/// Captures the sources, signs the manifest and publishes the snapshot.
pub fn create(
    store: &dyn SnapshotStore,
    sources: &[Source<'_>],
    metadata: &Metadata,
    cut: Cut,
    signer: &dyn Signer,
    sink: &dyn Sink,
) -> Result<SnapshotId, CaptureError> {
    let staging = store.begin()?;
    let signed = capture(sources, staging.directory(), metadata, cut, sink)
        .and_then(|manifest| Ok(SignedManifest::sign(&manifest, signer)?));
    match signed {
        Ok(signed) => Ok(store.publish(staging, &signed)?),
        Err(error) => {
            staging.discard()?;
            Err(error)
        }
    }
}

/// Captures the sources into part files in this directory, which is emptied first.
pub fn capture(
    sources: &[Source<'_>],
    into: &Directory,
    metadata: &Metadata,
    cut: Cut,
    sink: &dyn Sink,
) -> Result<Manifest, CaptureError> {
    let never = AtomicBool::new(false);
    let captured =
        gather(sources, into, metadata, cut, Terms { force: true, ..Terms::default() }, &never, sink)?;
    Ok(captured.manifest.expect("a forced capture has a manifest"))
}

/// What a capture brought; its own parts lie in the directory.
#[derive(Debug)]
pub struct Captured {
    /// The manifest; none when everything is as in the snapshot before.
    pub manifest: Option<Manifest>,
    /// What it did.
    pub counts: Counts,
    /// The states of the files that had come to rest, for the next capture.
    pub stamps: BTreeMap<Name, Stamp>,
}

/// Captures the sources as `capture` does, but reads and packs only what cannot be borrowed.
///
/// # Errors
/// When something cannot be captured, does not stand still, or `stop` was set.
pub fn gather(
    sources: &[Source<'_>],
    into: &Directory,
    metadata: &Metadata,
    cut: Cut,
    terms: Terms<'_>,
    stop: &AtomicBool,
    sink: &dyn Sink,
) -> Result<Captured, CaptureError> {
    let what = format!("capture {}", metadata.source);
    let created_at = metadata.created_at;
    let released = Cell::new(false);
    let attempt = Attempt { sources, into, created_at, top: None, cut, what, terms, stop, sink, released };
    let Gathered { entries, borrowed: (mut parts, mut frames), packed, counts, stamps } =
        attempt.repeatedly()?;
    let Some(packed) = packed else { return Ok(Captured { manifest: None, counts, stamps }) };
    let before = parts.len() as u32;
    parts.extend(packed.parts);
    frames.extend(packed.frames.into_iter().map(|frame| Frame { part: frame.part + before, ..frame }));
    let manifest = Manifest::new(metadata.clone(), entries, parts, frames)?;
    Ok(Captured { manifest: Some(manifest), counts, stamps })
}

/// Captures what is below a directory into one part file in another, which is emptied first.
///
/// The directory itself is the archive's first entry, `./`.
pub(in crate::snapshot) fn pack(
    source: &Source<'_>,
    into: &Directory,
    (level, created_at): (i32, Timestamp),
    stop: &AtomicBool,
    sink: &dyn Sink,
) -> Result<(Vec<Entry>, Packed), CaptureError> {
    let Source::Tree { directory: top, .. } = source else {
        unreachable!("only a directory is packed alone")
    };
    let cut = Cut { level, part_bytes: u64::MAX, ..Cut::default() };
    let what = format!("pack {}", top.path().display());
    let (sources, terms) = (std::slice::from_ref(source), Terms { force: true, ..Terms::default() });
    let released = Cell::new(false);
    let attempt =
        Attempt { sources, into, created_at, top: Some(top), cut, what, terms, stop, sink, released };
    let gathered = attempt.repeatedly()?;
    Ok((gathered.entries, gathered.packed.expect("a forced capture packs")))
}

/// What a path below a directory is now, if it is still there.
fn inspect(base: &Directory, relative: &Path) -> Result<Option<directory::Metadata>, CaptureError> {
    match walk::inspect(base, relative) {
        Err(CaptureError::Disk { source }) if source.is_missing() => Ok(None),
        now => now.map(Some),
    }
}

fn time(moment: directory::Moment) -> Time {
    Time(moment.seconds, moment.nanoseconds)
}

/// The directory of a relative path and its last component.
fn split(relative: &Path) -> (&Path, &std::ffi::OsStr) {
    let parent = relative.parent().unwrap_or(Path::new(""));
    (parent, relative.file_name().unwrap_or_default())
}
