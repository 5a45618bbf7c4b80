//! Takes the files of a sweep in their order, each after a fresh look at it and at its way.

use super::guard::Guard;
use super::hollow::Hollows;
use super::open_files::OpenFiles;
use super::ranking::{Candidate, Ranking};
use super::rotation::Rotation;
use super::walk::{self, Findings, Place, allocated, open_start};
use super::{Reason, Report, Sweep, SweepError, Work, compress, delete};
use rustix::fs::{AtFlags, Stat};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

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

    /// Whether that is the same file with the same content.
    pub(super) fn is_same(&self, other: &Stat) -> bool {
        let facts = |stat: &Stat| {
            let modified = (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
            (stat.st_dev, stat.st_ino, stat.st_mode, stat.st_size, modified)
        };
        facts(&self.stat) == facts(other)
    }

    /// Whether the name still leads to the same file with the same content.
    pub(super) fn is_unchanged(&self) -> io::Result<bool> {
        Ok(self.is_same(&rustix::fs::statat(self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Why it must be left alone by now, if it must.
    pub(super) fn changed(&self, open: &mut OpenFiles) -> io::Result<Option<Reason>> {
        open.refresh()?;
        if open.contains(&self.stat) {
            return Ok(Some(Reason::Open));
        }
        Ok((!self.is_unchanged()?).then_some(Reason::Changed))
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

pub(super) struct Taking<'a> {
    pub(super) sweep: &'a Sweep<'a>,
    pub(super) start: Place,
    pub(super) guard: Guard,
    pub(super) open: OpenFiles,
    pub(super) hollows: Hollows,
    rotation: Rotation,
    pub(super) report: Report,
    /// Time spent on taking files; looking at them is cheap, and must not keep a sweep from ever coming
    /// past many that it keeps.
    worked: Duration,
}

/// Walks the directory of the sweep and takes what it may, in order.
pub(super) fn sweep(sweep: &Sweep<'_>) -> Result<Report, SweepError> {
    let Some(directory) = open_start(sweep)? else { return Ok(Report::default()) };
    let guard = Guard::of(sweep, &directory)?;
    let stat = rustix::fs::fstat(&directory).map_err(|e| sweep.failed("look at", e))?;
    let open =
        OpenFiles::look().map_err(|e| sweep.failed("see which files are open before a sweep of", e))?;
    let start = Place { directory, device: stat.st_dev };
    let rotation = match sweep.work {
        Work::Compress | Work::Compressed => Rotation::read(sweep.root)
            .map_err(|e| sweep.failed("see what logrotate manages before a sweep of", e))?,
        Work::Delete | Work::Vacuum | Work::Packages => Rotation::default(),
    };
    let (report, hollows, worked) = (Report::default(), Hollows::default(), Duration::ZERO);
    let mut taking = Taking { sweep, start, guard, open, hollows, rotation, report, worked };
    let mut after = None;
    loop {
        // What is left alone is told by the first walk; those after it see the same again.
        let told = after.is_none();
        let mut ranking = Ranking::new(sweep.budget.held, after.take());
        let (mut unseen, mut known) = (Report::default(), Hollows::default());
        let (report, hollows) =
            if told { (&mut taking.report, &mut taking.hollows) } else { (&mut unseen, &mut known) };
        let found = Findings { ranking: &mut ranking, report, hollows };
        walk::walk(sweep, &taking.start, &taking.guard, found).map_err(|e| sweep.failed("list", e))?;
        taking.report.unfinished |= unseen.unfinished;
        let overflowed = ranking.overflowed;
        after = taking.all(ranking.into_order());
        if !overflowed || after.is_none() {
            break;
        }
    }
    taking.remove_hollows();
    taking.report.unseen_processes = taking.open.unseen();
    Ok(taking.report)
}

impl Taking<'_> {
    /// Takes them; the last of them, or nothing when the budget was spent before.
    fn all(&mut self, candidates: Vec<Candidate>) -> Option<Candidate> {
        for candidate in &candidates {
            if self.spent() {
                self.report.unfinished = true;
                return None;
            }
            let path = self.sweep.directory.join(OsStr::from_bytes(&candidate.path));
            match self.one(candidate, &path) {
                // What is gone meanwhile needs no sweep.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let reason = match Errno::from_io_error(&error) {
                        Some(Errno::XDEV) => Reason::OtherMount,
                        Some(Errno::LOOP) => Reason::Link,
                        _ => Reason::Failed,
                    };
                    self.report.keep(reason, &path, Some(error.to_string()));
                }
                Ok(()) => {}
            }
        }
        candidates.into_iter().next_back()
    }

    fn spent(&self) -> bool {
        let budget = &self.sweep.budget;
        self.report.files >= budget.files
            || self.report.taken >= budget.bytes
            || self.worked >= budget.time
            || self.sweep.stop.load(Ordering::Relaxed)
    }

    /// When a file is left in the middle. The first of a sweep is not, however large it is: it would never be done.
    fn until(&self, started: Instant) -> Option<Instant> {
        let left = self.sweep.budget.time.saturating_sub(self.worked);
        if self.report.files == 0 { None } else { started.checked_add(left) }
    }

    fn one(&mut self, candidate: &Candidate, path: &Path) -> io::Result<()> {
        let (parents, name) = parts(&candidate.path)?;
        let way = walk::descend(&self.start, self.sweep.directory, parents, &self.guard)?;
        let Some(directory) = way else {
            self.report.keep(Reason::Protected, path, None);
            return Ok(());
        };
        self.open.refresh()?;
        let stat = rustix::fs::statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        let reason = walk::out_of_bounds(self.sweep, &self.guard, self.start.device, path, &stat);
        let reason = match reason {
            None if self.open.contains(&stat) => Some(Reason::Open),
            None if self.rotation.manages(path) => Some(Reason::Rotated),
            reason => reason,
        };
        if let Some(reason) = reason {
            self.report.keep(reason, path, None);
            return Ok(());
        }
        if self.take(&Found { directory: &directory, name: &name, path, stat })? {
            self.hollows.took(&candidate.path);
        }
        Ok(())
    }

    /// Whether it was taken.
    fn take(&mut self, found: &Found<'_>) -> io::Result<bool> {
        let started = Instant::now();
        let taken = match self.sweep.work {
            Work::Compress => {
                let until = self.until(started);
                compress::take(&mut compress::Work { sweep: self.sweep, open: &mut self.open, until }, found)
            }
            Work::Delete | Work::Compressed | Work::Vacuum | Work::Packages => {
                delete::take(self.sweep, found)
            }
        };
        self.worked += started.elapsed();
        match taken? {
            Taken::Freed(bytes) => {
                let listed = self.sweep.budget.listed;
                self.report.took(found.path, (bytes, found.allocated()), listed);
                return Ok(true);
            }
            Taken::Kept(reason) => self.report.keep(reason, found.path, None),
            Taken::Stopped => self.report.unfinished = true,
        }
        Ok(false)
    }
}

/// Where an entry of a sweep lies, and its name.
pub(super) fn parts(path: &[u8]) -> io::Result<(&Path, CString)> {
    let (parents, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&path[..0], path),
    };
    Ok((Path::new(OsStr::from_bytes(parents)), CString::new(name)?))
}
