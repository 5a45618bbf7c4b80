//! Compresses one text file of a sweep to `NAME.zst`.
//!
//! The compressed file has no name until it is whole, fsynced and has the mode, owner and times of the
//! original; only when its name is durable is the original removed. A crash in between leaves both;
//! the next sweep compares them and removes the original.

mod encoding;
pub(super) mod mark;
mod naming;
mod room;

use super::open_files::OpenFiles;
use super::take::{Found, Taken};
use super::walk::{allocated, open_entry};
use super::{Reason, Sweep, before_change, printable};
use encoding::{Count, Encoded, encode, estimate, holds_the_same, is_text};
use naming::names;
use room::{Bounded, Room};
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

/// A file system gives space in such units; a file of one unit cannot shrink.
const UNIT: u64 = 4096;

/// What one compression works with.
pub(super) struct Work<'a> {
    pub(super) sweep: &'a Sweep<'a>,
    pub(super) open: &'a mut OpenFiles,
    /// When it is left for another pass; never when missing.
    pub(super) until: Option<Instant>,
}

/// Logs the compression, then compresses.
pub(super) fn take(work: &mut Work<'_>, found: &Found<'_>) -> io::Result<Taken> {
    if found.stat.st_nlink > 1 {
        return Ok(Taken::Kept(Reason::HardLinked));
    }
    if found.name.to_bytes().ends_with(b".zst") {
        return Ok(Taken::Kept(Reason::NotText));
    }
    if found.allocated() <= UNIT {
        return Ok(Taken::Kept(Reason::NoGain));
    }
    let mut source = File::from(open_entry(found.directory, found.name, OFlags::RDONLY | OFlags::NOATIME)?);
    if !found.is_same(&rustix::fs::fstat(&source)?) {
        return Ok(Taken::Kept(Reason::Changed));
    }
    let name = match free_name(work, found, &source)? {
        Name::Free(name) => name,
        Name::Settled(taken) => return Ok(taken),
    };
    if !is_text(&mut source)? {
        return Ok(Taken::Kept(Reason::NotText));
    }
    match compressed(work, found, source, &name) {
        // Somebody else was faster, or there is a quota.
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOSPC | Errno::DQUOT)) => {
            Ok(Taken::Kept(Reason::NoRoom))
        }
        taken => taken,
    }
}

/// Where the compressed file will be.
enum Name {
    Free(CString),
    /// It is there already, or there is no name for it.
    Settled(Taken),
}

/// The first name that nothing has. When a name is taken by what the original holds, a sweep was interrupted before it
/// could remove the original; that is done now.
fn free_name(work: &mut Work<'_>, found: &Found<'_>, source: &File) -> io::Result<Name> {
    for name in names(found.name.to_bytes(), found.stat.st_mtime) {
        let name = CString::new(name)?;
        match open_entry(found.directory, &name, OFlags::RDONLY) {
            Ok(taken) => match finish(work, found, source, taken)? {
                Taken::Kept(Reason::NameTaken) => {}
                settled => return Ok(Name::Settled(settled)),
            },
            Err(Errno::NOENT) => return Ok(Name::Free(name)),
            // A link, or what is mounted there.
            Err(Errno::LOOP | Errno::XDEV) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Name::Settled(Taken::Kept(Reason::NameTaken)))
}

fn gain(before: u64, after: u64) -> Taken {
    match before.checked_sub(after) {
        None | Some(0) => Taken::Kept(Reason::NoGain),
        Some(freed) => Taken::Freed(freed),
    }
}

/// Compresses what there is room for; in a dry run without writing.
fn compressed(work: &mut Work<'_>, found: &Found<'_>, mut source: File, name: &CStr) -> io::Result<Taken> {
    let size = u64::try_from(found.stat.st_size).unwrap_or(0);
    let room = Room::of(found.directory, found.allocated())?;
    if !room.holds(size) {
        // It may hold what is left of it; a part tells how much that is about, and spares the attempt.
        let Some(expected) = estimate(work, &mut source, size)? else { return Ok(Taken::Stopped) };
        if !room.holds(expected) {
            return Ok(Taken::Kept(room.reason(expected)));
        }
    }
    if work.sweep.dry_run {
        return Ok(match encode(work, source, Bounded::new(Count(0), &room))? {
            Encoded::Whole(target) => gain(found.allocated(), target.0.next_multiple_of(UNIT)),
            Encoded::Stopped => Taken::Stopped,
            Encoded::TooLarge(bytes) => Taken::Kept(room.reason(bytes)),
        });
    }
    tracing::info!(path = printable(found.path), bytes = found.allocated(), "compressing an old log");
    replace(work, found, source, &room, name)
}

fn replace(
    work: &mut Work<'_>,
    found: &Found<'_>,
    source: File,
    room: &Room,
    name: &CStr,
) -> io::Result<Taken> {
    before_change()?;
    let nameless = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let target = File::from(rustix::fs::openat(found.directory, c".", nameless, Mode::RUSR | Mode::WUSR)?);
    let target = match encode(work, source, Bounded::new(target, room))? {
        Encoded::Whole(target) => target,
        Encoded::Stopped => return Ok(Taken::Stopped),
        Encoded::TooLarge(bytes) => return Ok(Taken::Kept(room.reason(bytes))),
    };
    before_change()?;
    keep_attributes(&target, &found.stat)?;
    target.sync_all()?;
    let Taken::Freed(freed) = gain(found.allocated(), allocated(&rustix::fs::fstat(&target)?)) else {
        return Ok(Taken::Kept(Reason::NoGain));
    };
    if let Some(reason) = found.changed(work.open)? {
        return Ok(Taken::Kept(reason));
    }
    before_change()?;
    let handle = format!("/proc/self/fd/{}", target.as_raw_fd());
    match rustix::fs::linkat(CWD, handle, found.directory, name, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(Taken::Kept(Reason::NameTaken)),
        Err(error) => return Err(error.into()),
    }
    match remove_original(work.open, found)? {
        None => Ok(Taken::Freed(freed)),
        Some(reason) => {
            withdraw(found.directory, name, &target)?;
            Ok(Taken::Kept(reason))
        }
    }
}

/// Removes what is compressed, once the name of the compressed file is durable; why not, when it was written to
/// meanwhile: that may take the disk seconds.
fn remove_original(open: &mut OpenFiles, found: &Found<'_>) -> io::Result<Option<Reason>> {
    before_change()?;
    rustix::fs::fsync(found.directory)?;
    before_change()?;
    if let Some(reason) = found.changed(open)? {
        return Ok(Some(reason));
    }
    rustix::fs::unlinkat(found.directory, found.name, AtFlags::empty())?;
    before_change()?;
    rustix::fs::fsync(found.directory)?;
    Ok(None)
}

/// Takes the name of a compressed file away again that does not hold all of the original.
fn withdraw(directory: &OwnedFd, name: &CStr, target: &File) -> io::Result<()> {
    let (ours, there) =
        (rustix::fs::fstat(target)?, rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?);
    if (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino) {
        before_change()?;
        rustix::fs::unlinkat(directory, name, AtFlags::empty())?;
    }
    Ok(())
}

/// Gives the target the owner, mode and times of the original, in the order in which none undoes another.
fn keep_attributes(target: &File, stat: &Stat) -> io::Result<()> {
    let owner = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    rustix::fs::fchown(target, Some(owner.0), Some(owner.1))?;
    rustix::fs::fchmod(target, Mode::from_raw_mode(stat.st_mode))?;
    let time = |tv_sec, nanoseconds: u64| {
        let tv_nsec = i64::try_from(nanoseconds).expect("nanoseconds are below a second");
        Timespec { tv_sec, tv_nsec }
    };
    let last_access = time(stat.st_atime, stat.st_atime_nsec);
    let last_modification = time(stat.st_mtime, stat.st_mtime_nsec);
    rustix::fs::futimens(target, &Timestamps { last_access, last_modification })?;
    Ok(())
}

/// A name is taken already. When it holds what the original holds, the original goes.
fn finish(work: &mut Work<'_>, found: &Found<'_>, source: &File, taken: OwnedFd) -> io::Result<Taken> {
    let stat = rustix::fs::fstat(&taken)?;
    let facts = |stat: &Stat| (stat.st_mtime, stat.st_mtime_nsec, stat.st_uid, stat.st_gid, stat.st_mode);
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !regular || facts(&stat) != facts(&found.stat) {
        return Ok(Taken::Kept(Reason::NameTaken));
    }
    let compressed = File::from(taken);
    match holds_the_same(work, source, &compressed)? {
        None => return Ok(Taken::Stopped),
        Some(false) => return Ok(Taken::Kept(Reason::NameTaken)),
        Some(true) => {}
    }
    let bytes = found.allocated();
    if !work.sweep.dry_run {
        tracing::info!(path = printable(found.path), bytes, "removing a log that is compressed already");
        compressed.sync_all()?;
        if let Some(reason) = remove_original(work.open, found)? {
            return Ok(Taken::Kept(reason));
        }
    }
    Ok(Taken::Freed(bytes))
}
