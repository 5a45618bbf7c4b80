//! The walk of a sweep: through directory handles, never through a link and never onto another mount.

use super::guard::Guard;
use super::hollow::{self, Hollows};
use super::ranking::{Ranking, Seen};
use super::{Reason, Report, Sweep, SweepError};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Directories deeper than this are left alone: each level holds two descriptors.
const DEEPEST: usize = 64;
/// The unit of `st_blocks`.
const BLOCK: u64 = 512;

/// Where a sweep begins.
pub(super) struct Place {
    pub(super) directory: OwnedFd,
    pub(super) device: u64,
}

struct Walk<'a> {
    sweep: &'a Sweep<'a>,
    guard: &'a Guard,
    device: u64,
    found: Findings<'a>,
    /// Where the walk is: as the configuration names it, and from the directory of the sweep on.
    path: PathBuf,
    relative: Vec<u8>,
}

/// What a walk finds.
pub(super) struct Findings<'a> {
    /// What may be taken.
    pub(super) ranking: &'a mut Ranking,
    /// What is left alone and why.
    pub(super) report: &'a mut Report,
    /// Directories in which nothing is left alone.
    pub(super) hollows: &'a mut Hollows,
}

/// What is in a directory.
#[derive(Default)]
struct Content {
    /// Files that may be taken, and directories in which nothing is left alone.
    takable: usize,
    /// Whether anything else is there.
    kept: bool,
}

/// Finds what may be taken, and notes what is left alone and why.
pub(super) fn walk(sweep: &Sweep<'_>, start: &Place, guard: &Guard, found: Findings<'_>) -> io::Result<()> {
    let (path, relative) = (sweep.directory.to_owned(), Vec::new());
    let mut walk = Walk { sweep, guard, device: start.device, found, path, relative };
    walk.directory(&start.directory, 0).map(drop)
}

/// Opens the directory below the root without following a link; nothing when it is not there.
pub(super) fn open_start(sweep: &Sweep<'_>) -> Result<Option<OwnedFd>, SweepError> {
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

/// Goes down again to where a file was found; nothing when something on the way is protected by now.
pub(super) fn descend(
    start: &Place,
    directory: &Path,
    parents: &Path,
    guard: &Guard,
) -> io::Result<Option<OwnedFd>> {
    let (mut here, mut path) = (start.directory.try_clone()?, directory.to_owned());
    for part in parents {
        path.push(part);
        let name = CString::new(part.as_bytes())?;
        here = open_entry(&here, &name, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let stat = rustix::fs::fstat(&here)?;
        if guard.protects(&path, stat.st_dev, stat.st_ino) {
            return Ok(None);
        }
    }
    Ok(Some(here))
}

/// Bytes on the disk.
pub(super) fn allocated(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK
}

/// Why an entry other than a directory is left alone, as far as it can be told without opening it.
pub(super) fn out_of_bounds(
    sweep: &Sweep<'_>,
    guard: &Guard,
    device: u64,
    path: &Path,
    stat: &Stat,
) -> Option<Reason> {
    match FileType::from_raw_mode(stat.st_mode) {
        _ if guard.protects(path, stat.st_dev, stat.st_ino) => Some(Reason::Protected),
        _ if stat.st_dev != device => Some(Reason::OtherMount),
        FileType::Symlink => Some(Reason::Link),
        // A time in the future counts as young.
        FileType::RegularFile => {
            sweep.age(stat).is_none_or(|age| age <= sweep.older_than).then_some(Reason::Young)
        }
        _ => Some(Reason::Special),
    }
}

impl Walk<'_> {
    fn directory(&mut self, directory: &OwnedFd, depth: usize) -> io::Result<Content> {
        let mut content = Content::default();
        let mut entries = Dir::read_from(directory)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if self.sweep.stop.load(Ordering::Relaxed) {
                self.found.report.unfinished = true;
                return Ok(Content { kept: true, ..content });
            }
            self.path.push(OsStr::from_bytes(name.to_bytes()));
            let outer = self.relative.len();
            if outer > 0 {
                self.relative.push(b'/');
            }
            self.relative.extend_from_slice(name.to_bytes());
            match self.entry(directory, name, depth) {
                Ok(true) => content.takable += 1,
                Ok(false) => content.kept = true,
                // What is gone meanwhile needs no sweep.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let reason = match Errno::from_io_error(&error) {
                        Some(Errno::XDEV) => Reason::OtherMount,
                        _ => Reason::Failed,
                    };
                    self.found.report.keep(reason, &self.path, Some(error.to_string()));
                    content.kept = true;
                }
            }
            self.path.pop();
            self.relative.truncate(outer);
        }
        Ok(content)
    }

    /// Whether nothing of it is left alone.
    fn entry(&mut self, directory: &OwnedFd, name: &CStr, depth: usize) -> io::Result<bool> {
        let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            return self.below(directory, name, &stat, depth);
        }
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if regular && !self.sweep.work.is_about(name.to_bytes()) {
            return Ok(false);
        }
        if let Some(reason) = out_of_bounds(self.sweep, self.guard, self.device, &self.path, &stat) {
            self.found.report.keep(reason, &self.path, None);
            return Ok(false);
        }
        let bytes = allocated(&stat);
        self.found.ranking.consider(Seen::new(self.sweep, &self.relative, &stat, bytes));
        Ok(true)
    }

    fn below(&mut self, directory: &OwnedFd, name: &CStr, stat: &Stat, depth: usize) -> io::Result<bool> {
        let reason = match () {
            () if self.guard.protects(&self.path, stat.st_dev, stat.st_ino) => Reason::Protected,
            () if stat.st_dev != self.device => Reason::OtherMount,
            () if depth >= DEEPEST => Reason::TooDeep,
            () => {
                let child = open_entry(directory, name, OFlags::RDONLY | OFlags::DIRECTORY)?;
                let lasts = self.sweep.lasting.is_none_or(|lasting| lasting.contains(&self.path));
                let old = !lasts && hollow::is_old(self.sweep, directory, name, stat);
                let content = self.directory(&child, depth + 1)?;
                let hollow = old && !content.kept;
                if hollow {
                    self.found.hollows.add(self.sweep, &self.relative, content.takable, *stat);
                }
                return Ok(hollow);
            }
        };
        self.found.report.keep(reason, &self.path, None);
        Ok(false)
    }
}
