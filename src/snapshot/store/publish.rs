//! Publication: parts first, then the manifest under its name, each made durable in that order.
//!
//! The steps are `ORDER`. A crash before the manifest has its name leaves nothing visible, and the
//! staging directory complete; a crash after it leaves the whole snapshot.

use super::{DiskStore, StoreError, bad, manifest_name};
use crate::host::directory::{Directory, DirectoryError, fresh};
use crate::model::ids::SnapshotId;
use crate::snapshot::manifest::{Manifest, Part, SignedManifest};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

/// For how long who only looks at a directory may have its lock.
const GLANCE: Duration = Duration::from_millis(500);

/// A directory for the parts of a snapshot that is not published yet.
///
/// Locked while it is held, so that nobody takes it for the left-over of a crash.
#[derive(Debug)]
pub struct Staging {
    area: Directory,
    name: OsString,
    directory: Directory,
}

impl Staging {
    /// Where the parts go, each named by `Part::file_name`.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Gives up what was staged and removes it.
    pub fn discard(self) -> Result<(), StoreError> {
        Ok(self.area.remove_tree(&self.name)?)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    LinkParts,
    SyncParts,
    WriteManifest,
    NameManifest,
    SyncManifests,
    RemoveStaging,
}

pub(super) const ORDER: [Step; 6] = [
    Step::LinkParts,
    Step::SyncParts,
    Step::WriteManifest,
    Step::NameManifest,
    Step::SyncManifests,
    Step::RemoveStaging,
];

impl DiskStore {
    pub(super) fn begin_capture(&self) -> Result<Staging, StoreError> {
        // Under the store's lock: no sweep can come between creation and the directory's own lock.
        let _guard = self.lock()?;
        let mut number = 0u64;
        loop {
            let name = OsString::from(format!("capture-{number}"));
            match self.incoming.make_directory(&name, 0o700) {
                Ok(()) => return self.staging(&self.incoming, name),
                Err(error) if error.is_present() => number += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The directory of a download, kept over restarts until it is published or discarded.
    pub fn begin_download(&self, id: &SnapshotId) -> Result<Staging, StoreError> {
        let _guard = self.lock()?;
        let name = OsString::from(id.as_str());
        loop {
            self.partial.ensure_directory(&name, 0o700)?;
            match self.staging(&self.partial, name.clone()) {
                // Somebody discarded it at this moment.
                Err(StoreError::Disk { source }) if source.is_missing() => {}
                begun => return begun,
            }
        }
    }

    fn staging(&self, area: &Directory, name: OsString) -> Result<Staging, StoreError> {
        let directory = area.open_directory(Path::new(&name))?;
        if !directory.lock_within(GLANCE)? {
            return Err(StoreError::Busy { path: directory.path().to_owned() });
        }
        // What was removed before it was locked is nobody's any more.
        let (named, locked) = (area.metadata(&name)?, directory.own_metadata()?);
        if named.inode != locked.inode {
            return Err(StoreError::Busy { path: directory.path().to_owned() });
        }
        Ok(Staging { area: area.open_directory(Path::new(""))?, name, directory })
    }

    pub(super) fn publish_staged(
        &self,
        staging: Staging,
        signed: &SignedManifest,
    ) -> Result<SnapshotId, StoreError> {
        let id = signed.id();
        let manifest = signed.read(&self.limits).map_err(|source| bad(&id, source))?;
        let _guard = self.lock()?;
        for step in ORDER {
            self.take(step, &staging, signed, &manifest)?;
        }
        // It is published, whatever becomes of older downloads: `list` shows them, and a prune looks at them again and
        // fails with what it meets.
        if staging.area.path() == self.partial.path()
            && let Err(error) = self.drop_superseded(&manifest.metadata)
        {
            tracing::warn!(%error, "older downloads stay until the next prune");
        }
        Ok(id)
    }

    pub(super) fn take(
        &self,
        step: Step,
        staging: &Staging,
        signed: &SignedManifest,
        manifest: &Manifest,
    ) -> Result<(), StoreError> {
        let name = manifest_name(&signed.id());
        let fresh = fresh(&name);
        match step {
            Step::LinkParts => manifest.parts.iter().try_for_each(|part| self.link_part(staging, part))?,
            Step::SyncParts => self.parts.sync()?,
            Step::WriteManifest => self.write_manifest(&fresh, &signed.to_bytes())?,
            Step::NameManifest => self.manifests.rename(&fresh, &self.manifests, &name)?,
            Step::SyncManifests => self.manifests.sync()?,
            Step::RemoveStaging => staging.area.remove_tree(&staging.name)?,
        }
        Ok(())
    }

    /// A second name rather than a move: until the manifest is named, the staging stays complete.
    fn link_part(&self, staging: &Staging, part: &Part) -> Result<(), StoreError> {
        let name = OsString::from(part.file_name());
        let staged = staging.directory.metadata_optional(&name)?;
        let size = match (&staged, self.parts.metadata_optional(&name)?) {
            (Some(staged), _) => staged.size,
            (None, Some(kept)) => kept.size,
            (None, None) => return Err(StoreError::PartMissing { part: part.digest }),
        };
        if size != part.size {
            return Err(StoreError::PartSize { part: part.digest, found: size, listed: part.size });
        }
        if staged.is_none() {
            return Ok(());
        }
        // Over one of the same name: the same content, and a sound copy heals a rotten one.
        let fresh = fresh(&name);
        self.parts.remove_tree(&fresh)?;
        staging.directory.make_hardlink(&name, &self.parts, &fresh)?;
        self.give(&self.parts, &fresh)?;
        self.parts.rename(&fresh, &self.parts, &name)?;
        // Renaming one name of a file over another name of it leaves both.
        Ok(self.parts.remove_tree(&fresh)?)
    }

    fn write_manifest(&self, name: &OsStr, bytes: &[u8]) -> Result<(), StoreError> {
        self.manifests.write_file(name, bytes, 0o600, self.owner)?;
        Ok(())
    }

    pub(super) fn io(
        &self,
        action: &'static str,
        below: &Directory,
        name: &OsStr,
        source: std::io::Error,
    ) -> StoreError {
        DirectoryError::Io { action, path: below.path().join(name), source }.into()
    }
}
