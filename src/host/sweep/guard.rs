//! What a sweep must not touch: by path, by identity, and by its place in its file system.

use super::origin::Origin;
use super::{Sweep, SweepError};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The protected paths of one sweep.
pub(super) struct Guard {
    paths: HashSet<PathBuf>,
    identities: HashSet<(u64, u64)>,
}

/// A path without links, and what it led to.
struct Real {
    path: PathBuf,
    identity: (u64, u64),
    origin: Option<Origin>,
}

impl Guard {
    /// Learns where the protected paths are, links and bind mounts followed, and refuses a directory that lies in one.
    pub(super) fn of(sweep: &Sweep<'_>, start: &OwnedFd) -> Result<Self, SweepError> {
        let failed = |error: io::Error| sweep.failed("look at what is protected from a sweep of", error);
        let stat = rustix::fs::fstat(start).map_err(|error| failed(error.into()))?;
        let directory = sweep.root.join(sweep.directory).canonicalize().map_err(failed)?;
        let origin = Origin::of(start).map_err(failed)?;
        let mut guard = Self { paths: HashSet::new(), identities: HashSet::new() };
        let spared = sweep.spared.iter().map(|path| (path, false));
        for (path, whole) in sweep.protected.iter().map(|path| (path, true)).chain(spared) {
            let real = real(&sweep.root.join(path)).map_err(failed)?;
            let holds = real.as_ref().is_some_and(|real| {
                let by_origin = match (&origin, &real.origin) {
                    (Some(origin), Some(protected)) => origin.lies_in(protected),
                    _ => false,
                };
                real.identity == (stat.st_dev, stat.st_ino)
                    || (whole && (directory.starts_with(&real.path) || by_origin))
            });
            if holds || (whole && sweep.directory.starts_with(path)) {
                let (directory, protected) = (sweep.directory.to_owned(), path.clone());
                return Err(SweepError::Protected { directory, protected });
            }
            guard.identities.extend(real.map(|real| real.identity));
            guard.paths.insert(path.clone());
        }
        Ok(guard)
    }

    /// Whether this entry is protected; `path` is as the configuration would name it.
    pub(super) fn protects(&self, path: &Path, device: u64, inode: u64) -> bool {
        self.identities.contains(&(device, inode)) || self.paths.contains(path)
    }
}

/// What is at the path; nothing when there is nothing.
fn real(path: &Path) -> io::Result<Option<Real>> {
    let found = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let file = match found {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stat = rustix::fs::fstat(&file)?;
    let path = path.canonicalize()?;
    Ok(Some(Real { path, identity: (stat.st_dev, stat.st_ino), origin: Origin::of(&file)? }))
}
