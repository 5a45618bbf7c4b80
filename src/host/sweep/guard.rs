//! What a sweep must not touch, by path and by identity.

use super::{Sweep, SweepError};
use std::collections::HashSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The protected paths of one sweep.
pub(super) struct Guard {
    paths: HashSet<PathBuf>,
    identities: HashSet<(u64, u64)>,
}

impl Guard {
    /// Learns where the protected paths are, links followed, and refuses a directory that lies in one.
    pub(super) fn of(sweep: &Sweep<'_>) -> Result<Self, SweepError> {
        let failed = |error| sweep.failed("look at what is protected from a sweep of", error);
        let real_directory = real(&sweep.root.join(sweep.directory)).map_err(failed)?;
        let mut guard = Self { paths: sweep.protected.iter().cloned().collect(), identities: HashSet::new() };
        for path in sweep.protected {
            let real_path = real(&sweep.root.join(path)).map_err(failed)?;
            let holds = match (&real_directory, &real_path) {
                (Some(directory), Some(protected)) => directory.starts_with(protected),
                _ => false,
            };
            if holds || sweep.directory.starts_with(path) {
                let (directory, protected) = (sweep.directory.to_owned(), path.clone());
                return Err(SweepError::Protected { directory, protected });
            }
            if let Some(found) = real_path {
                let found = std::fs::metadata(found).map_err(failed)?;
                guard.identities.insert((found.dev(), found.ino()));
            }
        }
        Ok(guard)
    }

    /// Whether this entry is protected; `path` is as the configuration would name it.
    pub(super) fn protects(&self, path: &Path, device: u64, inode: u64) -> bool {
        self.paths.contains(path) || self.identities.contains(&(device, inode))
    }
}

/// The path without links; nothing when there is nothing.
fn real(path: &Path) -> io::Result<Option<PathBuf>> {
    match path.canonicalize() {
        Ok(path) => Ok(Some(path)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
