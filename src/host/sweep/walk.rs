//! The walk of a sweep: through directory handles, never through a link and never onto another mount.

use super::guard::Guard;
use super::open_files::OpenFiles;
use super::{Reason, Report, Sweep, SweepError};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

/// Directories deeper than this are left alone: each level holds two descriptors.
const DEEPEST: usize = 64;
/// The unit of `st_blocks`.
const BLOCK: u64 = 512;

/// A regular file that is old enough, not protected and not open.
pub(super) struct Found<'a> {
    pub(super) directory: &'a OwnedFd,
    pub(super) name: &'a CStr,
    pub(super) path: &'a Path,
    pub(super) stat: Stat,
}

impl Found<'_> {
    /// Bytes that it takes on the disk.
    pub(super) fn allocated(&self) -> u64 {
        allocated(&self.stat)
    }
}

/// What became of a file.
pub(super) enum Taken {
    /// Done (or would be), with the bytes freed.
    Freed(u64),
    /// Left alone.
    Kept(Reason),
    /// The sweep was stopped in the middle; the file is as it was.
    Stopped,
}

/// Deletes or compresses one file.
pub(super) type Take = dyn FnMut(&Sweep<'_>, &mut OpenFiles, &Found<'_>) -> io::Result<Taken>;

struct Walk<'a> {
    sweep: &'a Sweep<'a>,
    take: &'a mut Take,
    guard: Guard,
    open: OpenFiles,
    report: Report,
    /// Time spent on taking files; looking at them is cheap, and must not keep a sweep from ever coming
    /// past many that it keeps.
    worked: Duration,
    device: u64,
    /// Bytes of the files taken.
    taken: u64,
}

/// Walks the directory of the sweep and takes what it may.
pub(super) fn walk(sweep: &Sweep<'_>, take: &mut Take) -> Result<Report, SweepError> {
    let Some(directory) = open_start(sweep)? else { return Ok(Report::default()) };
    let guard = Guard::of(sweep)?;
    let stat = rustix::fs::fstat(&directory).map_err(|e| sweep.failed("look at", e))?;
    let open =
        OpenFiles::look().map_err(|e| sweep.failed("see which files are open before a sweep of", e))?;
    let (report, worked) = (Report::default(), Duration::ZERO);
    let mut walk = Walk { sweep, take, guard, open, report, worked, device: stat.st_dev, taken: 0 };
    walk.directory(&directory, sweep.directory, 0).map_err(|e| sweep.failed("list", e))?;
    walk.report.unseen_processes = walk.open.unseen();
    Ok(walk.report)
}

/// Opens the directory below the root without following a link; nothing when it is not there.
fn open_start(sweep: &Sweep<'_>) -> Result<Option<OwnedFd>, SweepError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(sweep.root.path(), flags, Mode::empty())
        .map_err(|e| sweep.failed("open the root of", e))?;
    let relative = sweep.directory.strip_prefix("/").unwrap_or(sweep.directory);
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match rustix::fs::openat2(&root, relative, flags, Mode::empty(), resolve) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::LOOP) => Err(SweepError::Link { directory: sweep.directory.to_owned() }),
        Err(error) => Err(sweep.failed("open", error)),
    }
}

/// Opens one entry of a directory, never through a link and never onto another mount.
pub(super) fn open_entry(directory: &OwnedFd, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    rustix::fs::openat2(directory, name, flags, Mode::empty(), resolve)
}

/// Bytes on the disk.
pub(super) fn allocated(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK
}

impl Walk<'_> {
    fn directory(&mut self, directory: &OwnedFd, path: &Path, depth: usize) -> io::Result<()> {
        let mut entries = Dir::read_from(directory)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if self.spent() {
                self.report.unfinished = true;
                return Ok(());
            }
            let path = path.join(OsStr::from_bytes(name.to_bytes()));
            match self.entry(directory, name, &path, depth) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let reason = match Errno::from_io_error(&error) {
                        Some(Errno::XDEV) => Reason::OtherMount,
                        _ => Reason::Failed,
                    };
                    self.report.keep(reason, &path, Some(error.to_string()));
                }
                // What is gone meanwhile needs no sweep.
                _ => {}
            }
        }
        Ok(())
    }

    fn spent(&self) -> bool {
        let budget = &self.sweep.budget;
        self.taken >= budget.bytes || self.worked >= budget.time || self.sweep.stop.load(Ordering::Relaxed)
    }

    fn entry(&mut self, directory: &OwnedFd, name: &CStr, path: &Path, depth: usize) -> io::Result<()> {
        let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if let Some(reason) = self.out_of_bounds(path, &stat, kind, depth) {
            self.report.keep(reason, path, None);
            return Ok(());
        }
        if kind == FileType::Directory {
            let child = open_entry(directory, name, OFlags::RDONLY | OFlags::DIRECTORY)?;
            return self.directory(&child, path, depth + 1);
        }
        if self.open.contains(&stat)? {
            self.report.keep(Reason::Open, path, None);
            return Ok(());
        }
        let found = Found { directory, name, path, stat };
        let started = Instant::now();
        let taken = (self.take)(self.sweep, &mut self.open, &found);
        self.worked += started.elapsed();
        match taken? {
            Taken::Freed(bytes) => {
                self.taken = self.taken.saturating_add(found.allocated());
                self.report.took(path, bytes, self.sweep.budget.listed);
            }
            Taken::Kept(reason) => self.report.keep(reason, path, None),
            Taken::Stopped => self.report.unfinished = true,
        }
        Ok(())
    }

    fn out_of_bounds(&self, path: &Path, stat: &Stat, kind: FileType, depth: usize) -> Option<Reason> {
        match kind {
            _ if self.guard.protects(path, stat.st_dev, stat.st_ino) => Some(Reason::Protected),
            _ if stat.st_dev != self.device => Some(Reason::OtherMount),
            FileType::Directory => (depth >= DEEPEST).then_some(Reason::TooDeep),
            FileType::Symlink => Some(Reason::Link),
            FileType::RegularFile => self.is_young(stat).then_some(Reason::Young),
            _ => Some(Reason::Special),
        }
    }

    /// Modified within the retention; a time in the future, or one that no clock shows, counts as young.
    fn is_young(&self, stat: &Stat) -> bool {
        let age = u64::try_from(stat.st_mtime)
            .ok()
            .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            .and_then(|modified| self.sweep.now.duration_since(modified).ok());
        age.is_none_or(|age| age <= self.sweep.older_than)
    }
}
