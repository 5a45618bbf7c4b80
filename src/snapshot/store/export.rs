//! Hands a snapshot out in the form that `zstd` and `tar` restore without eos.

use super::{DiskStore, StoreError};
use crate::host::directory::Directory;
use crate::model::ids::SnapshotId;
use std::ffi::{OsStr, OsString};

impl DiskStore {
    /// Links the parts of a snapshot into this directory as `part-000000.tar.zst` and so on.
    ///
    /// `zstd -dc part-*.tar.zst | tar -xp` restores them there. The directory must lie on the store's
    /// file system and have none of the names yet. Returns how many parts there are.
    pub fn export(&self, id: &SnapshotId, into: &Directory) -> Result<usize, StoreError> {
        let (_, manifest) = self.read_manifest(id)?;
        if !manifest.is_full() {
            return Err(StoreError::Incremental { id: id.to_string() });
        }
        for (number, part) in manifest.parts.iter().enumerate() {
            let name = OsString::from(format!("part-{number:06}.tar.zst"));
            self.parts.make_hardlink(OsStr::new(&part.file_name()), into, &name)?;
        }
        into.sync()?;
        Ok(manifest.parts.len())
    }
}
