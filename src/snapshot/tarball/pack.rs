//! Packs a directory into one `.tar.zst` that any `zstd` and `tar` restore.
//!
//! It is written beside its final name and renamed once it is durable: a crash leaves a directory
//! `.NAME.packing`, which the next packing to the same name removes, and never half an archive.

use super::TarballError;
use crate::host::directory::Directory;
use crate::model::progress::Sink;
use crate::snapshot::capture::{self, Source};
use jiff::Timestamp;
use std::ffi::{OsStr, OsString};
use std::path::Path;
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
    let present = || TarballError::Present { path: folder.path().join(name) };
    if folder.metadata_optional(name)?.is_some() {
        return Err(present());
    }
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(".packing");
    let staging = folder.ensure_directory(&beside, 0o700)?;
    if !staging.try_lock()? {
        return Err(TarballError::Present { path: folder.path().join(&beside) });
    }
    let packed = capture::pack(&packing.source, &staging, (packing.level, packing.now), stop, sink);
    let packed = packed.map_err(TarballError::from).and_then(|(entries, packed)| {
        let part = packed.parts.first().expect("an archive has its end at least");
        let written = OsString::from(part.file_name());
        staging.rename_new(&written, folder, name).map_err(|error| match error.is_present() {
            true => present(),
            false => error.into(),
        })?;
        folder.sync()?;
        let content_bytes = entries.iter().map(crate::snapshot::manifest::Entry::size).sum();
        Ok(Packed { entries: entries.len(), content_bytes, archive_bytes: part.size })
    });
    match (packed, folder.remove_tree(&beside)) {
        (Ok(packed), Ok(())) => Ok(packed),
        (Ok(_), Err(error)) => Err(error.into()),
        (Err(error), Ok(())) => Err(error),
        (Err(error), Err(source)) => {
            let path = folder.path().join(Path::new(&beside));
            Err(TarballError::NotRemoved { path, cause: error.to_string(), source })
        }
    }
}
