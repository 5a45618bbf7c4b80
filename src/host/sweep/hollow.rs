//! Directories that a sweep leaves empty: each takes an inode, and a cache with a directory for each job has many.

use super::take::{Taking, parts};
use super::walk::{allocated, descend};
use super::{Sweep, Work, before_change, printable};
use rustix::fs::{AtFlags, FileType, Stat, StatxFlags, Timespec, Timestamps};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::Ordering;

/// A directory in which nothing is kept.
struct Hollow {
    /// From the directory of the sweep on.
    path: Box<[u8]>,
    /// Files and directories in it that were not taken yet.
    left: usize,
    touched: bool,
    stat: Stat,
}

/// The directories that are empty once everything was taken that may be, the deepest first.
#[derive(Default)]
pub(super) struct Hollows {
    list: Vec<Hollow>,
    index: HashMap<Box<[u8]>, usize>,
    /// Whether there are more than were to be held.
    overflowed: bool,
}

/// Whether a directory is old enough to go: since it was made, and since something in it was made or went. That its
/// owner or mode changed says nothing of its use.
pub(super) fn is_old(sweep: &Sweep<'_>, parent: &OwnedFd, name: &CStr, stat: &Stat) -> bool {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let made = rustix::fs::statx(parent, name, flags, StatxFlags::BTIME).ok();
    let made = made.filter(|made| StatxFlags::from_bits_retain(made.stx_mask).contains(StatxFlags::BTIME));
    let since = made.map_or(stat.st_ctime, |made| made.stx_btime.tv_sec).max(stat.st_mtime);
    sweep.work == Work::Delete && sweep.age_of(since).is_some_and(|age| age > sweep.older_than)
}

impl Hollows {
    /// Notes a directory with so many entries, all of which may be taken.
    pub(super) fn add(&mut self, sweep: &Sweep<'_>, path: &[u8], left: usize, stat: Stat) {
        if self.list.len() >= sweep.budget.held {
            self.overflowed = true;
            return;
        }
        self.index.insert(path.into(), self.list.len());
        self.list.push(Hollow { path: path.into(), left, touched: false, stat });
    }

    /// Notes that an entry was taken.
    pub(super) fn took(&mut self, path: &[u8]) {
        let parent = path.iter().rposition(|byte| *byte == b'/').map(|slash| &path[..slash]);
        if let Some(place) = parent.and_then(|parent| self.index.get(parent)) {
            let hollow = &mut self.list[*place];
            (hollow.left, hollow.touched) = (hollow.left.saturating_sub(1), true);
        }
    }
}

impl Taking<'_> {
    /// Removes the directories that are empty by now.
    pub(super) fn remove_hollows(&mut self) {
        for place in 0..self.hollows.list.len() {
            if self.sweep.stop.load(Ordering::Relaxed) {
                self.report.unfinished = true;
                return;
            }
            let Hollow { path, left, touched, stat } = &self.hollows.list[place];
            let (path, stat) = (path.clone(), *stat);
            let done = if *left == 0 {
                self.remove(&path, &stat).map(|removed| removed.then(|| self.hollows.took(&path)))
            } else if *touched && !self.sweep.dry_run {
                self.keep_time(&path, &stat).map(|()| None)
            } else {
                Ok(None)
            };
            if let Err(error) = done
                && error.kind() != io::ErrorKind::NotFound
            {
                let whole = self.sweep.directory.join(OsStr::from_bytes(&path));
                self.report.keep(super::Reason::Failed, &whole, Some(error.to_string()));
            }
        }
        self.report.unfinished |= self.hollows.overflowed;
    }

    /// Logs the removal of a directory, then removes it; whether it is gone.
    fn remove(&mut self, path: &[u8], before: &Stat) -> io::Result<bool> {
        let (parents, name) = parts(path)?;
        let Some(parent) = descend(&self.start, self.sweep.directory, parents, &self.guard)? else {
            return Ok(false);
        };
        self.open.refresh()?;
        let stat = rustix::fs::statat(&parent, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        let whole = self.sweep.directory.join(OsStr::from_bytes(path));
        let same = (stat.st_dev, stat.st_ino) == (before.st_dev, before.st_ino);
        let directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        // Somebody works in it, or it is what others have put there.
        if !same
            || !directory
            || self.open.contains(&stat)
            || self.guard.protects(&whole, stat.st_dev, stat.st_ino)
        {
            return Ok(false);
        }
        let bytes = allocated(&stat);
        if !self.sweep.dry_run {
            tracing::info!(path = printable(&whole), bytes, "removing a directory that was emptied");
            before_change()?;
            match rustix::fs::unlinkat(&parent, &name, AtFlags::REMOVEDIR) {
                Ok(()) => {}
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        self.report.emptied(&whole, bytes, self.sweep.budget.listed);
        Ok(true)
    }

    /// Gives a directory in which something is left the time of before, for the pass that goes on.
    fn keep_time(&self, path: &[u8], before: &Stat) -> io::Result<()> {
        let relative = std::path::Path::new(OsStr::from_bytes(path));
        let Some(directory) = descend(&self.start, self.sweep.directory, relative, &self.guard)? else {
            return Ok(());
        };
        let now = rustix::fs::fstat(&directory)?;
        if (now.st_dev, now.st_ino) != (before.st_dev, before.st_ino) {
            return Ok(());
        }
        let nanoseconds = i64::try_from(before.st_mtime_nsec).unwrap_or(0);
        let last_modification = Timespec { tv_sec: before.st_mtime, tv_nsec: nanoseconds };
        let last_access = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
        rustix::fs::futimens(&directory, &Timestamps { last_access, last_modification })?;
        Ok(())
    }
}
