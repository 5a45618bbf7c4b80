//! What the tests here feed to readers, kept for the fuzz targets when `SEEDS` names a directory.

use crate::model::digest::Digest;
use std::path::Path;

/// Writes the bytes into the directory of that target, under their digest; `fuzz/run.sh --merge` makes a corpus of it.
pub(crate) fn keep(target: &str, bytes: &[u8]) {
    const LONGEST: usize = 64 << 10;
    let Some(seeds) = std::env::var_os("SEEDS").filter(|_| bytes.len() <= LONGEST) else { return };
    let directory = Path::new(&seeds).join(target);
    std::fs::create_dir_all(&directory).expect("a directory for seeds");
    std::fs::write(directory.join(&Digest::of(bytes).to_string()[..16]), bytes).expect("written");
}
