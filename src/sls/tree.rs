//! Where state files come from.

use std::collections::BTreeMap;

/// A tree of state files, read by paths relative to its root: `storage/init.sls`.
pub trait StateTree {
    /// The bytes of a file, or nothing when the tree has no such file.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// Every file below a directory, by its path in the tree, sorted.
    fn below(&self, directory: &str) -> Vec<String>;
}

impl StateTree for BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.get(path).cloned()
    }

    fn below(&self, directory: &str) -> Vec<String> {
        let directory = format!("{directory}/");
        self.keys().filter(|path| path.starts_with(&directory)).cloned().collect()
    }
}

/// The files that the name of an SLS may stand for, the preferred one first: `storage` is `storage.sls` or
/// `storage/init.sls`.
pub fn candidates(sls: &str) -> [String; 2] {
    let path = sls.replace('.', "/");
    [format!("{path}.sls"), format!("{path}/init.sls")]
}

/// Whether a path stays inside its tree.
pub fn inside(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}
