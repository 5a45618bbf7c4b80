//! What captures remember of their sources, beside the snapshots: `memory/SOURCE.json`, replaced atomically.

use super::{DiskStore, StoreError};
use std::ffi::OsString;
use std::io::Read;
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
        let name = OsString::from(format!("{source}.json"));
        self.memory.replace_file(&name, bytes, 0o600, None)?;
        Ok(())
    }
}
