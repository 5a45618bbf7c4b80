//! The states tree of the cluster as it lies on this node.

use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::sls::tree::{StateTree, inside};
use std::path::PathBuf;

/// A tree in a directory.
pub struct DiskTree {
    directory: PathBuf,
}

impl DiskTree {
    /// The cluster's tree below this root.
    pub fn of(root: &Root) -> Self {
        Self { directory: root.join(paths::CLUSTER_STATES) }
    }
}

impl StateTree for DiskTree {
    /// A file that cannot be read counts as missing: the engine names it and where it is wanted.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        if !inside(path) {
            return None;
        }
        match files::read_optional(&self.directory.join(path)) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(%error, path, "a state file cannot be read");
                None
            }
        }
    }
}
