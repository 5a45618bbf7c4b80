//! Compresses one text file of a sweep to `NAME.zst`.
//!
//! The compressed file has no name until it is whole, fsynced and has the mode, owner and times of the
//! original; only when its name is durable is the original removed. A crash in between leaves both;
//! the next sweep compares them and removes the original.

use super::open_files::OpenFiles;
use super::take::{Found, Taken};
use super::walk::{allocated, open_entry};
use super::{Reason, Sweep, before_change, printable};
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::Ordering;

/// The level of zstd: the default, fast enough for the disks that logs lie on.
const LEVEL: i32 = 3;
/// A file system gives space in such units; a file of one unit cannot shrink.
const UNIT: u64 = 4096;
/// Bytes read at once, and looked at to tell text from binary data.
const CHUNK: usize = 64 * 1024;

/// Logs the compression, then compresses.
pub(super) fn take(sweep: &Sweep<'_>, open: &mut OpenFiles, found: &Found<'_>) -> io::Result<Taken> {
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
    if !is_same(&rustix::fs::fstat(&source)?, &found.stat) {
        return Ok(Taken::Kept(Reason::Changed));
    }
    let name = CString::new([found.name.to_bytes(), b".zst"].concat())?;
    match open_entry(found.directory, &name, OFlags::RDONLY) {
        Ok(taken) => return finish(sweep, open, found, source, taken),
        Err(Errno::NOENT) => {}
        Err(Errno::LOOP) => return Ok(Taken::Kept(Reason::NameTaken)),
        Err(error) => return Err(error.into()),
    }
    if !is_text(&mut source)? {
        return Ok(Taken::Kept(Reason::NotText));
    }
    if sweep.dry_run {
        return measure(sweep, found, source);
    }
    tracing::info!(path = printable(found.path), bytes = found.allocated(), "compressing an old log");
    replace(sweep, open, found, source, &name)
}

/// Whether it is the same file with the same content.
fn is_same(one: &Stat, other: &Stat) -> bool {
    let facts = |stat: &Stat| {
        let modified = (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
        (stat.st_dev, stat.st_ino, stat.st_mode, stat.st_size, modified)
    };
    facts(one) == facts(other)
}

fn is_unchanged(found: &Found<'_>) -> io::Result<bool> {
    let now = rustix::fs::statat(found.directory, found.name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(is_same(&now, &found.stat))
}

/// Text is UTF-8 without NUL: journals, login records, databases and compressed files are none.
fn is_text(source: &mut File) -> io::Result<bool> {
    let mut start = Vec::with_capacity(CHUNK);
    Read::take(&mut *source, CHUNK as u64).read_to_end(&mut start)?;
    source.seek(SeekFrom::Start(0))?;
    let cut_off_at_most = |error: std::str::Utf8Error| error.error_len().is_none();
    Ok(!start.contains(&0) && std::str::from_utf8(&start).err().is_none_or(cut_off_at_most))
}

/// What compression would free, without writing.
fn measure(sweep: &Sweep<'_>, found: &Found<'_>, source: File) -> io::Result<Taken> {
    let Some(Count(bytes)) = encode(sweep, source, Count(0))? else { return Ok(Taken::Stopped) };
    Ok(gain(found.allocated(), bytes.next_multiple_of(UNIT)))
}

fn gain(before: u64, after: u64) -> Taken {
    match before.checked_sub(after) {
        None | Some(0) => Taken::Kept(Reason::NoGain),
        Some(freed) => Taken::Freed(freed),
    }
}

fn replace(
    sweep: &Sweep<'_>,
    open: &mut OpenFiles,
    found: &Found<'_>,
    source: File,
    name: &CStr,
) -> io::Result<Taken> {
    before_change()?;
    let nameless = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let target = File::from(rustix::fs::openat(found.directory, c".", nameless, Mode::RUSR | Mode::WUSR)?);
    let Some(target) = encode(sweep, source, target)? else { return Ok(Taken::Stopped) };
    before_change()?;
    keep_attributes(&target, &found.stat)?;
    target.sync_all()?;
    let Taken::Freed(freed) = gain(found.allocated(), allocated(&rustix::fs::fstat(&target)?)) else {
        return Ok(Taken::Kept(Reason::NoGain));
    };
    if open.contains(&found.stat)? {
        return Ok(Taken::Kept(Reason::Open));
    }
    if !is_unchanged(found)? {
        return Ok(Taken::Kept(Reason::Changed));
    }
    before_change()?;
    let handle = format!("/proc/self/fd/{}", target.as_raw_fd());
    match rustix::fs::linkat(CWD, handle, found.directory, name, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(Taken::Kept(Reason::NameTaken)),
        Err(error) => return Err(error.into()),
    }
    remove_original(found)?;
    Ok(Taken::Freed(freed))
}

/// Removes what is compressed, once the name of the compressed file is durable.
fn remove_original(found: &Found<'_>) -> io::Result<()> {
    before_change()?;
    rustix::fs::fsync(found.directory)?;
    before_change()?;
    rustix::fs::unlinkat(found.directory, found.name, AtFlags::empty())?;
    before_change()?;
    rustix::fs::fsync(found.directory)?;
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

/// Compresses all of the source; nothing when the sweep was stopped meanwhile.
fn encode<W: Write>(sweep: &Sweep<'_>, mut source: File, target: W) -> io::Result<Option<W>> {
    let mut encoder = zstd::Encoder::new(target, LEVEL)?;
    encoder.include_checksum(true)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        if sweep.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match source.read(&mut chunk)? {
            0 => return encoder.finish().map(Some),
            length => encoder.write_all(&chunk[..length])?,
        }
    }
}

/// `NAME.zst` is there already. When it holds what the original holds, a sweep was interrupted before
/// it could remove the original; that is done now.
fn finish(
    sweep: &Sweep<'_>,
    open: &mut OpenFiles,
    found: &Found<'_>,
    source: File,
    taken: OwnedFd,
) -> io::Result<Taken> {
    let stat = rustix::fs::fstat(&taken)?;
    let facts = |stat: &Stat| (stat.st_mtime, stat.st_mtime_nsec, stat.st_uid, stat.st_gid, stat.st_mode);
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !regular || facts(&stat) != facts(&found.stat) {
        return Ok(Taken::Kept(Reason::NameTaken));
    }
    let compressed = File::from(taken);
    match holds_the_same(sweep, source, &compressed)? {
        None => return Ok(Taken::Stopped),
        Some(false) => return Ok(Taken::Kept(Reason::NameTaken)),
        Some(true) => {}
    }
    let bytes = found.allocated();
    if !sweep.dry_run {
        tracing::info!(path = printable(found.path), bytes, "removing a log that is compressed already");
        compressed.sync_all()?;
        if open.contains(&found.stat)? {
            return Ok(Taken::Kept(Reason::Open));
        }
        if !is_unchanged(found)? {
            return Ok(Taken::Kept(Reason::Changed));
        }
        remove_original(found)?;
    }
    Ok(Taken::Freed(bytes))
}

/// Whether the compressed file holds exactly the original; nothing when the sweep was stopped meanwhile.
fn holds_the_same(sweep: &Sweep<'_>, mut original: File, compressed: &File) -> io::Result<Option<bool>> {
    let mut decoder = zstd::Decoder::new(compressed)?;
    let (mut expected, mut held) = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        if sweep.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let length = original.read(&mut expected)?;
        if length == 0 {
            // The compressed file must end here too, and properly.
            return Ok(Some(matches!(decoder.read(&mut held), Ok(0))));
        }
        // What cannot be read as zstd is somebody else's file.
        if decoder.read_exact(&mut held[..length]).is_err() || held[..length] != expected[..length] {
            return Ok(Some(false));
        }
    }
}

/// Counts what is written to it.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
