//! Packs a directory into one `.tar.zst` that any `zstd` and `tar` restore.
//!
//! It is written beside its final name and renamed once it is durable: a crash leaves a directory
//! `.NAME.packing-N`, which the next packing to the same name removes, and never half an archive.

use super::TarballError;
use super::staging::Staging;
use crate::host::directory::Directory;
use crate::model::progress::Sink;
use crate::snapshot::capture::{self, Source};
use crate::snapshot::manifest::Entry;
use jiff::Timestamp;
use std::ffi::{OsStr, OsString};
use std::sync::atomic::AtomicBool;

/// What to pack, and how.
#[derive(Debug)]
pub struct Packing<'a> {
    /// A directory, as [`Source::Tree`] with an empty prefix.
    pub source: Source<'a>,
    /// The zstd level.
    pub level: i32,
    /// When it is made.
    pub now: Timestamp,
}

/// What was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Entries below the directory.
    pub entries: usize,
    /// Bytes of file content.
    pub content_bytes: u64,
    /// Bytes of the archive.
    pub archive_bytes: u64,
}

/// Packs into the new file `name` below `folder`, readable by its owner alone. `stop` ends it early.
///
/// # Errors
/// When it is stopped, something there has that name, the directory does not stand still, or the disk fails.
pub fn pack(
    packing: &Packing<'_>,
    folder: &Directory,
    name: &OsStr,
    stop: &AtomicBool,
    sink: &dyn Sink,
) -> Result<Packed, TarballError> {
    if folder.metadata_optional(name)?.is_some() {
        return Err(TarballError::Present { path: folder.path().join(name) });
    }
    let staging = Staging::begin(folder, name, "packing")?;
    match write(packing, &staging, name, stop, sink) {
        Ok(packed) => staging.remove().map(|()| packed),
        Err(error) => Err(staging.discard(error)),
    }
}

fn write(
    packing: &Packing<'_>,
    staging: &Staging<'_>,
    name: &OsStr,
    stop: &AtomicBool,
    sink: &dyn Sink,
) -> Result<Packed, TarballError> {
    let (level, folder) = (packing.level, staging.parent);
    let (entries, packed) =
        capture::pack(&packing.source, &staging.directory, (level, packing.now), stop, sink)?;
    let part = packed.parts.first().expect("an archive has its end at least");
    let written = OsString::from(part.file_name());
    staging.directory.rename_new(&written, folder, name).map_err(|error| match error.is_present() {
        true => TarballError::Present { path: folder.path().join(name) },
        false => error.into(),
    })?;
    folder.sync()?;
    let content_bytes = entries.iter().map(Entry::size).sum();
    Ok(Packed { entries: entries.len(), content_bytes, archive_bytes: part.size })
}
