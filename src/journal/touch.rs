//! What a step may change, by path relative to the root.

use crate::host::files::{self, FileError};
use crate::host::inventory::encode;
use crate::host::paths;
use crate::host::root::Root;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One path that a step may make, change or remove; its missing parents go with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touch {
    /// A file or a symbolic link that only sagas write: a reset keeps it when it has changed.
    File(PathBuf),
    /// A directory itself: its existence, mode and owner, not what is in it.
    Directory(PathBuf),
    /// A directory with all that is in it, or a single file, which a service of eos's may write while
    /// it runs. A reset takes away a single file whatever has become of it, and of a directory what
    /// eos wrote there or its services write by name; the rest is somebody else's and stays.
    Tree(PathBuf),
}

/// The kind of a [`Touch`], as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// A file or a symbolic link.
    File,
    /// A directory itself.
    Directory,
    /// A directory with all that is in it.
    Tree,
}

impl Touch {
    /// The path, relative to the root.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Directory(path) | Self::Tree(path) => path,
        }
    }

    /// What of the path is meant.
    pub fn scope(&self) -> Scope {
        match self {
            Self::File(_) => Scope::File,
            Self::Directory(_) => Scope::Directory,
            Self::Tree(_) => Scope::Tree,
        }
    }

    /// Whether this would take in the place where journal, checkpoints and ledger themselves are.
    pub fn covers_own_records(&self) -> bool {
        let own = [paths::JOURNAL, paths::CHECKPOINTS, paths::LEDGER, super::lock::LOCK].map(Path::new);
        let inside = own.iter().any(|own| self.path().starts_with(own));
        let around = own.iter().any(|own| own.starts_with(self.path()));
        inside || around && self.scope() != Scope::Directory
    }
}

/// The path and its parents that are not there, the shallowest first.
///
/// # Errors
/// When a path cannot be looked at.
pub fn absent(root: &Root, path: &Path) -> Result<Vec<String>, FileError> {
    let mut missing = Vec::new();
    for ancestor in path.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
        if files::exists(&root.join(ancestor))? {
            break;
        }
        missing.push(encode(ancestor));
    }
    missing.reverse();
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_records_is_nobody_elses() {
        let tree = |path: &str| Touch::Tree(path.into()).covers_own_records();
        assert!(tree("var/lib") && tree("var/lib/eos") && tree("var/lib/eos/journal/x"));
        assert!(!tree("var/lib/eos/master"));
        assert!(Touch::File("var/lib/eos/manifest.json".into()).covers_own_records());
        assert!(!Touch::Directory("var/lib/eos".into()).covers_own_records());
    }
}
