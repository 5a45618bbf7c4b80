//! What the fuzz targets share: a directory on a fast disk, with a witness outside of where they unpack.

use eos::host::directory::Directory;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory in which one input is unpacked, and one beside it that must not be touched.
pub struct Arena {
    directory: tempfile::TempDir,
    inside: Directory,
}

impl Arena {
    /// Makes one where temporary files lie.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("inside")).expect("made");
        fs::create_dir(at("outside")).expect("made");
        fs::write(at("outside/witness"), "untouched").expect("written");
        let inside = Directory::open(&at("inside")).expect("it is there");
        Self { directory, inside }
    }

    /// Where to unpack.
    pub fn inside(&self) -> &Directory {
        &self.inside
    }

    /// A path below where things are unpacked.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("inside").join(name)
    }

    /// Panics unless exactly these names are there and the witness is as it was.
    pub fn assert_holds(&self, names: &[&str]) {
        assert_eq!(names_in(&self.directory.path().join("inside")), names, "what is left inside");
        assert_eq!(names_in(self.directory.path()), ["inside", "outside"], "what is left beside it");
        let witness = self.directory.path().join("outside/witness");
        assert_eq!(fs::read(witness).expect("the witness is there"), b"untouched");
        assert_eq!(names_in(&self.directory.path().join("outside")), ["witness"]);
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

fn names_in(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .expect("it can be listed")
        .map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
