//! What the file system under a path offers: space, speed of a durable write, permission.
//!
//! The write probe uses a file without a name where the file system can, so that a crash leaves
//! nothing; elsewhere it leaves at most one `.eos-probe-PID`.

use crate::host::files::FileError;
use crate::host::root::Root;
use rustix::fs::{Access, CWD, Mode, OFlags, StatVfsMountFlags};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Space of a file system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Space {
    /// Its size in bytes.
    pub total_bytes: u64,
    /// Bytes that an unprivileged program may still write.
    pub free_bytes: u64,
    /// Percent used, as `df` counts it.
    pub used_percent: u8,
    /// Files that may still be made; none when the file system has no such limit.
    pub free_files: Option<u64>,
}

/// Why a directory cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Its file system is mounted read-only.
    ReadOnly,
    /// The user may not write there.
    NotAllowed,
    /// A component is a link that leads out of the root.
    LeadsOut(PathBuf),
    /// A component is something else than a directory.
    NotADirectory(PathBuf),
}

/// The path itself, or its nearest parent that exists.
pub fn nearest_existing(path: &Path) -> &Path {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"))
}

/// Space of the file system that holds the path, or will hold it once it exists.
///
/// # Errors
/// When the file system does not tell.
pub fn space(path: &Path) -> Result<Space, FileError> {
    let existing = nearest_existing(path);
    let found = rustix::fs::statvfs(existing)
        .map_err(|e| FileError::new("measure the space of", existing, e.into()))?;
    let used = found.f_blocks.saturating_sub(found.f_bfree);
    let reachable = used.saturating_add(found.f_bavail).max(1);
    let percent = used.saturating_mul(100).div_ceil(reachable).min(100);
    Ok(Space {
        total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        used_percent: u8::try_from(percent).unwrap_or(100),
        free_files: (found.f_files > 0).then_some(found.f_favail),
    })
}

/// The sorted times of up to `writes` durable small writes where the path is or will be; fewer,
/// but at least three, when they take longer than the budget together.
///
/// # Errors
/// When a write or its sync fails.
pub fn sync_latency(path: &Path, writes: usize, budget: Duration) -> Result<Vec<Duration>, FileError> {
    const BLOCK: [u8; 2300] = [0x65; 2300];
    let existing = nearest_existing(path);
    let failed = |e: io::Error| FileError::new("measure a durable write in", existing, e);
    let (mut file, named) = scratch(existing).map_err(failed)?;
    let start = Instant::now();
    let mut times = Vec::with_capacity(writes);
    let mut outcome = Ok(());
    while outcome.is_ok() && times.len() < writes && (times.len() < 3 || start.elapsed() < budget) {
        let before = Instant::now();
        outcome = file.write_all(&BLOCK).and_then(|()| file.sync_data());
        times.push(before.elapsed());
    }
    if let Some(name) = named {
        std::fs::remove_file(name).map_err(failed)?;
    }
    outcome.map_err(failed)?;
    times.sort();
    Ok(times)
}

/// A scratch file, and its path when the file system insists on a name.
fn scratch(directory: &Path) -> io::Result<(File, Option<PathBuf>)> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    match rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR) {
        Ok(descriptor) => Ok((File::from(descriptor), None)),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
            let path = directory.join(format!(".eos-probe-{}", std::process::id()));
            Ok((File::create_new(&path)?, Some(path)))
        }
        Err(error) => Err(error.into()),
    }
}

/// What keeps eos from making and changing files under `root/relative`, if anything.
///
/// # Errors
/// When the path cannot be looked at.
pub fn obstacle(root: &Root, relative: &str) -> Result<Option<Obstacle>, FileError> {
    let target = root.join(relative);
    let existing = nearest_existing(&target);
    let failed = |e: io::Error| FileError::new("look at", existing, e);
    if existing.starts_with(root.path()) {
        let real = existing.canonicalize().map_err(failed)?;
        if !real.starts_with(root.path().canonicalize().map_err(failed)?) {
            return Ok(Some(Obstacle::LeadsOut(existing.to_owned())));
        }
    }
    if let Some(link) = dangling(&target, existing) {
        return Ok(Some(Obstacle::LeadsOut(link)));
    }
    if !existing.is_dir() {
        return Ok(Some(Obstacle::NotADirectory(existing.to_owned())));
    }
    let mounted = rustix::fs::statvfs(existing).map_err(|e| failed(e.into()))?;
    if mounted.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Ok(Some(Obstacle::ReadOnly));
    }
    match rustix::fs::accessat(
        CWD,
        existing,
        Access::WRITE_OK | Access::EXEC_OK,
        rustix::fs::AtFlags::EACCESS,
    ) {
        Ok(()) => Ok(None),
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => Ok(Some(Obstacle::NotAllowed)),
        Err(rustix::io::Errno::ROFS) => Ok(Some(Obstacle::ReadOnly)),
        Err(error) => Err(failed(error.into())),
    }
}

/// A link between the existing parent and the target that leads nowhere.
fn dangling(target: &Path, existing: &Path) -> Option<PathBuf> {
    target
        .ancestors()
        .take_while(|ancestor| *ancestor != existing)
        .find(|ancestor| ancestor.symlink_metadata().is_ok())
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_that_of_the_nearest_directory_that_exists() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let space = space(&folder.path().join("not/yet"))?;
        assert!(space.total_bytes >= space.free_bytes && space.free_bytes > 0, "{space:?}");
        assert!(space.used_percent <= 100);
        Ok(())
    }

    #[test]
    fn a_durable_write_is_measured_and_leaves_nothing() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let times = sync_latency(&folder.path().join("later"), 5, Duration::from_secs(60))?;
        assert_eq!(times.len(), 5);
        assert!(times.is_sorted());
        assert_eq!(crate::host::files::list(folder.path())?, Vec::<String>::new());
        assert_eq!(sync_latency(folder.path(), 5, Duration::ZERO)?.len(), 3);
        Ok(())
    }

    #[test]
    fn a_link_out_of_the_root_is_an_obstacle_and_one_within_is_not() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path().join("root"))?;
        assert_eq!(obstacle(&root, "run/eos")?, None, "a root that is not there yet can be made");
        std::fs::create_dir_all(root.join("srv"))?;
        assert_eq!(obstacle(&root, "run/eos")?, None);
        std::os::unix::fs::symlink("srv", root.join("run"))?;
        assert_eq!(obstacle(&root, "run/eos")?, None);
        std::os::unix::fs::symlink("/tmp", root.join("var"))?;
        assert_eq!(obstacle(&root, "var/lib/eos")?, Some(Obstacle::LeadsOut(nearest(&root, "var/lib"))));
        std::os::unix::fs::symlink("/nowhere/at/all", root.join("etc"))?;
        assert_eq!(obstacle(&root, "etc/eos")?, Some(Obstacle::LeadsOut(root.join("etc"))));
        std::fs::write(root.join("file"), "")?;
        assert_eq!(obstacle(&root, "file/eos")?, Some(Obstacle::NotADirectory(root.join("file"))));
        Ok(())
    }

    fn nearest(root: &Root, relative: &str) -> PathBuf {
        nearest_existing(&root.join(relative)).to_owned()
    }
}
