//! Hands a snapshot out in the form that `zstd` and `tar` restore without eos.
//!
//! The manifest comes last, so a directory that has one has all. What a failure leaves is removed; what a crash leaves
//! has no manifest.

use super::{DiskStore, StoreError};
use crate::host::directory::{Directory, DirectoryError, write_behind};
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::model::progress::Sink;
use crate::snapshot::manifest::Part;
use crate::snapshot::meter::Meter;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The name of the signed manifest beside the parts.
const MANIFEST: &str = "manifest.json";

/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// What was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// How many parts.
    pub parts: usize,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them are second names of the files in the store; the others are files of their own.
    pub linked: usize,
}

impl DiskStore {
    /// Puts the parts of a snapshot into an empty directory as `part-000000.tar.zst` and so on, and its manifest: as
    /// clones where the file system makes such, else as second names, else as copies, which are compared with their
    /// digests.
    ///
    /// `zstd -dc part-*.tar.zst | tar -xp --xattrs` restores them there.
    ///
    /// # Errors
    /// When it is no full snapshot, a part is missing or damaged, `stop` is set, or the disk refuses; then nothing of it
    /// stays in the directory.
    pub fn export(
        &self,
        id: &SnapshotId,
        into: &Directory,
        stop: &AtomicBool,
        sink: &dyn Sink,
    ) -> Result<Exported, StoreError> {
        let (signed, manifest) = self.read_manifest(id)?;
        if !manifest.is_full() {
            return Err(StoreError::Incremental { id: id.to_string() });
        }
        let what = format!("export {}", manifest.metadata.source);
        let meter = Meter::start(sink, what, 0, manifest.stored_size());
        let mut export =
            Export { store: self, id, into, stop, meter, clones: true, done: Exported::default() };
        let exported = export.parts(&manifest.parts).and_then(|()| {
            into.write_file(OsStr::new(MANIFEST), &signed.to_bytes(), 0o600, None)?;
            Ok(into.sync()?)
        });
        let done = export.done;
        if exported.is_err() {
            for number in 0..=done.parts {
                into.remove_tree(&name_of(number))?;
            }
            into.remove_tree(OsStr::new(MANIFEST))?;
        }
        exported.map(|()| done)
    }
}

struct Export<'a> {
    store: &'a DiskStore,
    id: &'a SnapshotId,
    into: &'a Directory,
    stop: &'a AtomicBool,
    meter: Meter<'a>,
    /// Cleared once the file system said that it cannot.
    clones: bool,
    done: Exported,
}

impl Export<'_> {
    fn parts(&mut self, parts: &[Part]) -> Result<(), StoreError> {
        for part in parts {
            self.go_on()?;
            self.part(part, &name_of(self.done.parts))?;
            (self.done.parts, self.done.bytes) = (self.done.parts + 1, self.done.bytes + part.size);
        }
        Ok(())
    }

    fn part(&mut self, part: &Part, name: &OsStr) -> Result<(), StoreError> {
        let (parts, own) = (&self.store.parts, OsString::from(part.file_name()));
        match parts.metadata_optional(&own)? {
            None => return Err(StoreError::PartMissing { part: part.digest }),
            Some(there) if there.size != part.size => {
                let (found, listed) = (there.size, part.size);
                return Err(StoreError::PartSize { part: part.digest, found, listed });
            }
            Some(_) => {}
        }
        self.clones = self.clones && parts.clone_file(&own, self.into, name)?;
        if self.clones {
            self.into.sync_file(Path::new(name))?;
            self.meter.add(part.size);
            return Ok(());
        }
        match parts.make_hardlink(&own, self.into, name) {
            Ok(()) => {
                self.done.linked += 1;
                self.meter.add(part.size);
                Ok(())
            }
            Err(error) if error.forbids_link() => self.copy(part, name),
            Err(error) => Err(error.into()),
        }
    }

    fn copy(&mut self, part: &Part, name: &OsStr) -> Result<(), StoreError> {
        let failed = |action, of: &Directory, name: &OsStr| {
            let path = of.path().join(name);
            move |source| DirectoryError::Io { action, path, source }
        };
        let own = OsString::from(part.file_name());
        let mut from = self.store.parts.open_file(Path::new(&own))?;
        let to = self.into.create_file(name, 0o600)?;
        let (mut hasher, mut buffer, mut at) = (blake3::Hasher::new(), vec![0; CHUNK], 0);
        loop {
            self.go_on()?;
            let length = from.read(&mut buffer).map_err(failed("read", &self.store.parts, &own))?;
            if length == 0 {
                break;
            }
            let piece = &buffer[..length];
            hasher.update(piece);
            write_behind(&to, piece, at).map_err(failed("write", self.into, name))?;
            at += length as u64;
            self.meter.add(length as u64);
        }
        if Digest::from_bytes(*hasher.finalize().as_bytes()) != part.digest {
            return Err(StoreError::Damaged {
                damage: vec![format!(
                    "{}: {}",
                    self.id,
                    format_args!("part {} is not what was written", part.digest)
                )],
            });
        }
        Ok(self.into.sync_open_file(Path::new(name), &to)?)
    }

    fn go_on(&self) -> Result<(), StoreError> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(StoreError::Interrupted { path: self.into.path().to_owned() }),
            false => Ok(()),
        }
    }
}

fn name_of(number: usize) -> OsString {
    format!("part-{number:06}.tar.zst").into()
}
