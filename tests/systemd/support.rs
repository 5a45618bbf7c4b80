//! Where the files of the package are, for what these tests share with those of `tests/it`.

use std::path::{Path, PathBuf};

/// A file of the package.
pub fn package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
