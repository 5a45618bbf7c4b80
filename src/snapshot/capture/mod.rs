//! Captures directory trees, single files and given bytes into parts and a manifest.
//!
//! Everything is looked at before, while and after it is read: what changes meanwhile makes the whole
//! capture start again, and after `ATTEMPTS` it is refused, so a snapshot is of one moment or is not.

mod error;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

pub use error::CaptureError;
#[cfg(test)]
pub(crate) use error::samples;

use super::manifest::{Content, Entry, Manifest, Metadata, Name, SignedManifest, Signer, Time};
use super::meter::Meter;
use super::pack::{Cut, Packed, Packer};
use super::store::SnapshotStore;
use crate::host::directory::{self, Directory, DirectoryError};
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::model::progress::Sink;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use walk::{Found, Origin};

/// How often a capture is tried when something changes under it.
pub const ATTEMPTS: usize = 3;
const CHUNK: usize = 1 << 20;

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
    let attempt = Attempt {
        sources,
        into,
        created_at: metadata.created_at,
        top: None,
        cut,
        what: format!("capture {}", metadata.source),
        stop: &AtomicBool::new(false),
        sink,
    };
    let (entries, packed) = attempt.repeatedly()?;
    Ok(Manifest::new(metadata.clone(), entries, packed.parts, packed.frames)?)
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
    let sources = std::slice::from_ref(source);
    Attempt { sources, into, created_at, top: Some(top), cut, what, stop, sink }.repeatedly()
}

/// A capture that is tried until nothing changes under it.
struct Attempt<'a> {
    sources: &'a [Source<'a>],
    into: &'a Directory,
    created_at: Timestamp,
    /// The directory that is an entry of its own, `./`.
    top: Option<&'a Directory>,
    cut: Cut,
    what: String,
    stop: &'a AtomicBool,
    sink: &'a dyn Sink,
}

impl Attempt<'_> {
    /// Tries again when something changed, with an empty directory each time.
    fn repeatedly(&self) -> Result<(Vec<Entry>, Packed), CaptureError> {
        let mut attempt = 1;
        loop {
            for name in self.into.list()? {
                self.into.remove_tree(&name)?;
            }
            match self.once() {
                Err(CaptureError::Changed { .. }) if attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    fn once(&self) -> Result<(Vec<Entry>, Packed), CaptureError> {
        let top = self.top.map(Directory::own_metadata).transpose()?;
        let extended = self.top.map(Directory::extended).transpose()?.unwrap_or_default();
        let found = walk::walk(self.sources, self.created_at)?;
        let total = found.values().map(Found::content_bytes).sum();
        let mut meter = Meter::start(self.sink, self.what.clone(), 0, total);
        let mut packer = Packer::new(self.into, self.cut)?;
        if let Some(top) = &top {
            packer.begin_entry(&walk::top(top, walk::named(extended)))?;
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(found.len());
        let mut first_names: HashMap<(u64, u64), Name> = HashMap::new();
        for (path, one) in &found {
            let mut entry = one.entry(path, &first_names)?;
            packer.begin_entry(&entry)?;
            if let Content::File { size, digest, .. } = &mut entry.content {
                *digest = self.content(one, *size, &mut packer, &mut meter)?;
                packer.end_entry(*size)?;
                first_names.entry(one.inode()).or_insert_with(|| path.clone());
            }
            entries.push(entry);
        }
        recheck(&found)?;
        if let Some(directory) = self.top
            && Some(directory.own_metadata()?) != top
        {
            return Err(CaptureError::Changed { path: directory.path().to_owned() });
        }
        let packed = packer.finish()?;
        self.into.sync()?;
        Ok((entries, packed))
    }

    fn content(
        &self,
        found: &Found<'_>,
        size: u64,
        packer: &mut Packer<'_>,
        meter: &mut Meter<'_>,
    ) -> Result<Digest, CaptureError> {
        let (base, relative) = match &found.origin {
            Origin::Bytes { bytes } => {
                packer.write(bytes)?;
                meter.add(size);
                return Ok(Digest::of(bytes));
            }
            Origin::Disk { base, relative } => (base, relative),
            Origin::Implied => return Ok(Digest::of(b"")),
        };
        let path = base.path().join(relative);
        let mut file = match base.open_file(relative) {
            Err(error) if error.is_missing() => return Err(CaptureError::Changed { path }),
            opened => opened?,
        };
        let unchanged =
            |file: &File| Ok::<_, CaptureError>(directory::Metadata::of_file(file, &path)? == found.metadata);
        if !unchanged(&file)? {
            return Err(CaptureError::Changed { path });
        }
        let (mut hasher, mut left) = (blake3::Hasher::new(), size);
        let mut buffer = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK))];
        while left > 0 {
            if self.stop.load(Ordering::Relaxed) {
                return Err(CaptureError::Interrupted { path });
            }
            let want = buffer.len().min(usize::try_from(left).unwrap_or(CHUNK));
            let length = file.read(&mut buffer[..want]).map_err(|source| DirectoryError::Io {
                action: "read",
                path: path.clone(),
                source,
            })?;
            if length == 0 {
                return Err(CaptureError::Changed { path });
            }
            hasher.update(&buffer[..length]);
            packer.write(&buffer[..length])?;
            meter.add(length as u64);
            left -= length as u64;
        }
        if !unchanged(&file)? {
            return Err(CaptureError::Changed { path });
        }
        Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
    }
}

/// Whether everything is as it was before the first byte was read.
fn recheck(found: &BTreeMap<Name, Found<'_>>) -> Result<(), CaptureError> {
    for one in found.values() {
        let Origin::Disk { base, relative } = &one.origin else {
            continue;
        };
        let now = match walk::inspect(base, relative) {
            Err(CaptureError::Disk { source }) if source.is_missing() => None,
            now => Some(now?),
        };
        if now != Some(one.metadata) {
            return Err(CaptureError::Changed { path: base.path().join(relative) });
        }
    }
    Ok(())
}

fn time(moment: directory::Moment) -> Time {
    Time(moment.seconds, moment.nanoseconds)
}

/// The directory of a relative path and its last component.
fn split(relative: &Path) -> (&Path, &std::ffi::OsStr) {
    let parent = relative.parent().unwrap_or(Path::new(""));
    (parent, relative.file_name().unwrap_or_default())
}
