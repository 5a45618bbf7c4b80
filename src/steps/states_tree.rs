//! The states tree of the cluster as it lies on this node, or will.

use crate::host::entry;
use crate::host::files::{self, FileError};
use crate::host::paths;
use crate::host::root::Root;
use crate::sls::tree::{StateTree, inside};
use std::cell::RefCell;
use std::path::PathBuf;

/// A tree in a directory.
pub struct DiskTree {
    directory: PathBuf,
    /// The first file that is there and could not be read.
    unreadable: RefCell<Option<FileError>>,
}

impl DiskTree {
    /// The cluster's tree below this root.
    pub fn of(root: &Root) -> Self {
        Self { directory: root.join(paths::CLUSTER_STATES), unreadable: RefCell::new(None) }
    }

    /// The tree that a node below this root applies: the cluster's, or the one that an installation puts there; none where
    /// that will be the one that eos carries.
    ///
    /// # Errors
    /// When it cannot be looked for.
    pub fn in_force(root: &Root) -> Result<Option<Self>, FileError> {
        for place in [paths::CLUSTER_STATES, paths::SHARED_STATES] {
            let directory = root.join(place);
            if files::exists(&directory.join("top.sls"))? {
                return Ok(Some(Self { directory, unreadable: RefCell::new(None) }));
            }
        }
        Ok(None)
    }

    /// Whether every file that was asked for is either missing or was read.
    ///
    /// # Errors
    /// The first that could not be read.
    pub fn all_read(&self) -> Result<(), FileError> {
        self.unreadable.take().map_or(Ok(()), Err)
    }
}

impl StateTree for DiskTree {
    /// A file that cannot be read is none here; [`DiskTree::all_read`] has the reason.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        if !inside(path) {
            return None;
        }
        match files::read_optional(&self.directory.join(path)) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.unreadable.borrow_mut().get_or_insert(error);
                None
            }
        }
    }

    fn below(&self, directory: &str) -> Vec<String> {
        if !inside(directory) {
            return Vec::new();
        }
        match entry::files_below(&self.directory.join(directory)) {
            Ok(found) => found.into_iter().map(|path| format!("{directory}/{path}")).collect(),
            Err(error) => {
                self.unreadable.borrow_mut().get_or_insert(error);
                Vec::new()
            }
        }
    }
}
