//! What captures remember of their sources, beside the snapshots: `memory/SOURCE.json`, replaced atomically.

use super::{DiskStore, StoreError};
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::Path;

impl DiskStore {
    /// What was remembered of a source.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn recall(&self, source: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = OsString::from(format!("{source}.json"));
        let mut file = match self.memory.open_file(Path::new(&name)) {
            Err(error) if error.is_missing() => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|source| self.io("read", &self.memory, &name, source))?;
        Ok(Some(bytes))
    }

    /// Remembers this of a source, in the place of what was remembered before.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remember(&self, source: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let (name, fresh) = (format!("{source}.json"), OsString::from(format!(".{source}.new")));
        self.memory.remove_tree(&fresh)?;
        let mut file = self.memory.create_file(&fresh, 0o600)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(|source| self.io("write", &self.memory, &fresh, source))?;
        self.memory.rename(&fresh, &self.memory, OsStr::new(&name))?;
        Ok(self.memory.sync()?)
    }
}
