//! Unpacks any archive into a new directory: all of it, or nothing.
//!
//! Everything is written below a staging directory beside the target, through its handle, and one
//! rename puts it in place. A crash leaves the staging directory, which the next unpacking into the same
//! target removes.

use super::place::Builder;
use super::reader::{Kind, Reader};
use super::staging::Staging;
use super::{TarballError, input};
use crate::host::directory::Directory;
use crate::model::progress::Sink;
use crate::snapshot::manifest::Name;
use crate::snapshot::meter::Meter;
use std::cell::Cell;
use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What an archive from anywhere may contain and cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Bytes of file content; the free space unless given.
    pub bytes: Option<u64>,
    /// Entries, the directories that only lead to them included.
    pub entries: usize,
    /// Symbolic links that are absolute or lead out of the archive.
    pub outside_links: bool,
    /// Files and directories with setuid or setgid.
    pub setuid: bool,
    /// Whether owners are restored; only root can.
    pub owners: bool,
}

impl Default for Allowed {
    fn default() -> Self {
        Self { bytes: None, entries: 2_000_000, outside_links: false, setuid: false, owners: false }
    }
}

/// What was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unpacked {
    /// Entries of the archive.
    pub entries: usize,
    /// Bytes of file content.
    pub bytes: u64,
}

/// Unpacks the archive into the directory `name` below `parent`, which must not exist or be empty.
///
/// `bytes` is how long the archive is, for the progress; 0 when nobody knows. `stop` ends it early.
///
/// # Errors
/// When anything in the archive is refused, the disk fails, or it is stopped; then nothing has changed.
pub fn unpack<'a>(
    archive: impl Read + 'a,
    bytes: u64,
    parent: &Directory,
    name: &OsStr,
    allowed: &Allowed,
    stop: &'a AtomicBool,
    sink: &'a dyn Sink,
) -> Result<Unpacked, TarballError> {
    // How many files there are in all says only its end.
    let what = format!("unpack into {}", parent.path().join(name).display());
    let (meter, files) = (Meter::of_files(sink, what, bytes, (0, 0)), Rc::new(Cell::new(0)));
    let result = input::open(Metered { archive, meter, files: files.clone(), stop })
        .and_then(|tar| unpack_stream(&mut Reader::new(tar), parent, name, (allowed, &files)));
    match result {
        Err(TarballError::Input { .. }) if stop.load(Ordering::Relaxed) => Err(TarballError::Interrupted),
        result => result,
    }
}

fn unpack_stream<R: Read>(
    reader: &mut Reader<R>,
    parent: &Directory,
    name: &OsStr,
    (allowed, files): (&Allowed, &Cell<u64>),
) -> Result<Unpacked, TarballError> {
    refuse_occupied(parent, name)?;
    let staging = Staging::begin(parent, name, "unpacking")?;
    match fill(reader, &staging, (allowed, files)).and_then(|unpacked| {
        put_in_place(&staging, name)?;
        Ok(unpacked)
    }) {
        Ok(unpacked) => Ok(unpacked),
        Err(error) => Err(staging.discard(error)),
    }
}

fn fill<R: Read>(
    reader: &mut Reader<R>,
    staging: &Staging<'_>,
    (allowed, files): (&Allowed, &Cell<u64>),
) -> Result<Unpacked, TarballError> {
    let free = staging.directory.free_bytes()?;
    let mut builder = Builder::new(&staging.directory, allowed);
    let mut unpacked = Unpacked::default();
    while let Some(member) = reader.next()? {
        unpacked.entries += 1;
        let is_file = matches!(member.kind, Kind::File(_));
        if let Kind::File(size) = member.kind {
            unpacked.bytes = unpacked.bytes.saturating_add(size);
        }
        refuse_excess(&unpacked, allowed, free, staging)?;
        builder.add(member, reader)?;
        files.set(files.get() + u64::from(is_file));
    }
    builder.finish()?;
    staging.directory.sync_filesystem()?;
    Ok(unpacked)
}

fn refuse_excess(
    so_far: &Unpacked,
    allowed: &Allowed,
    free: u64,
    staging: &Staging<'_>,
) -> Result<(), TarballError> {
    if so_far.entries > allowed.entries || allowed.bytes.is_some_and(|limit| so_far.bytes > limit) {
        let (max_bytes, max_entries) = (allowed.bytes, allowed.entries);
        return Err(TarballError::Limit {
            bytes: so_far.bytes,
            entries: so_far.entries,
            max_bytes,
            max_entries,
        });
    }
    if so_far.bytes > free {
        let path = staging.parent.path().to_owned();
        return Err(TarballError::Space { path, needed: so_far.bytes, free });
    }
    Ok(())
}

fn refuse_occupied(parent: &Directory, name: &OsStr) -> Result<(), TarballError> {
    let path = || parent.path().join(name);
    let Some(found) = parent.metadata_optional(name)? else { return Ok(()) };
    if found.device != parent.own_metadata()?.device {
        return Err(TarballError::MountPoint { path: path() });
    }
    match parent.open_directory(Path::new(name)) {
        Ok(there) if there.list()?.is_empty() => Ok(()),
        Ok(_) | Err(_) => Err(TarballError::Occupied { path: path() }),
    }
}

/// The operator interrupted the reading.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
struct Stopped;

/// An archive whose bytes are counted as they are read, with the files that are whole by then.
struct Metered<'a, R> {
    archive: R,
    meter: Meter<'a>,
    files: Rc<Cell<u64>>,
    stop: &'a AtomicBool,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(std::io::Error::other(Stopped));
        }
        let length = self.archive.read(into)?;
        self.meter.set_files(self.files.get());
        self.meter.add(length as u64);
        Ok(length)
    }
}

/// One rename; it replaces an empty directory and nothing else.
fn put_in_place(staging: &Staging<'_>, target: &OsStr) -> Result<(), TarballError> {
    let parent = staging.parent;
    if !staging.is_in_place()? {
        return Err(TarballError::Exchanged { path: parent.path().join(&staging.name) });
    }
    let path = || parent.path().join(target);
    parent.rename(&staging.name, parent, target).map_err(|error| match error.kind() {
        Some(ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory) => {
            TarballError::Occupied { path: path() }
        }
        Some(ErrorKind::ResourceBusy) => TarballError::MountPoint { path: path() },
        _ => error.into(),
    })?;
    Ok(parent.sync()?)
}

/// Whether the path is the archive's own top.
pub(super) fn is_top(path: &Name) -> bool {
    path.as_bytes().is_empty()
}
