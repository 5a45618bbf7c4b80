//! Which files are in use, as `/proc` and `/sys` show it: open, mapped, executed, swapped to or behind a block device.

use crate::host::mounts::unescaped;
use rustix::fs::Stat;
use std::collections::HashSet;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A look at `/proc` is not older than this when a file is judged by it.
const FRESH: Duration = Duration::from_secs(2);

/// The files in use at one time, by device and inode.
pub(super) struct OpenFiles {
    files: HashSet<(u64, u64)>,
    /// Mappings that were seen by this look, as the kernel tells them: many processes map the same libraries.
    mapped: HashSet<(u64, u64)>,
    unseen: u64,
    seen: Instant,
}

impl OpenFiles {
    pub(super) fn look() -> io::Result<Self> {
        let (files, mapped) = (HashSet::new(), HashSet::new());
        let mut found = Self { files, mapped, unseen: 0, seen: Instant::now() };
        found.look_again()?;
        Ok(found)
    }

    /// Looks again when the last look is more than two seconds old. It may take a while, so it comes before the last
    /// look at a file and not after.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        if self.seen.elapsed() > FRESH { self.look_again() } else { Ok(()) }
    }

    /// Whether the file is in use, by the last look.
    pub(super) fn contains(&self, stat: &Stat) -> bool {
        self.files.contains(&(stat.st_dev, stat.st_ino))
    }

    /// Processes that the last look was not allowed to see.
    pub(super) fn unseen(&self) -> u64 {
        self.unseen
    }

    fn look_again(&mut self) -> io::Result<()> {
        self.files.clear();
        self.mapped.clear();
        self.unseen = 0;
        // What is opened while this looks may be missed, so its age counts from here.
        let seen = Instant::now();
        for process in std::fs::read_dir("/proc")? {
            let process = process?;
            if process.file_name().as_bytes().iter().all(u8::is_ascii_digit) {
                match self.process(&process.path()) {
                    Err(error) if !has_ended(&error) => self.unseen += 1,
                    _ => {}
                }
            }
        }
        // Where `/proc` hides what may not be seen, not even the first process is listed.
        if !Path::new("/proc/1").exists() {
            self.unseen += 1;
        }
        self.of_the_kernel()?;
        self.seen = seen;
        Ok(())
    }

    fn process(&mut self, process: &Path) -> io::Result<()> {
        if self.task(process)? {
            return Ok(());
        }
        // The first thread of a process may have ended before the others, and shows nothing then.
        for task in std::fs::read_dir(process.join("task"))? {
            match self.task(&task?.path()) {
                Err(error) if !has_ended(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes in what a process or a thread uses; whether there was anything.
    fn task(&mut self, task: &Path) -> io::Result<bool> {
        let mut any = false;
        for entry in std::fs::read_dir(task.join("fd"))? {
            any = true;
            match identity(&entry?.path()) {
                Ok(Some(file)) => drop(self.files.insert(file)),
                Ok(None) => {}
                Err(error) if has_ended(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let maps = std::fs::read(task.join("maps"))?;
        any |= !maps.is_empty();
        for Mapping { device, inode, path } in maps.split(|byte| *byte == b'\n').filter_map(mapping) {
            if self.mapped.insert((device, inode)) {
                self.files.insert((device, inode));
                // Some file systems show another device here than of the file; what is at the path tells.
                let inside = path.strip_prefix("/").unwrap_or(&path);
                let there = std::fs::metadata(task.join("root").join(inside));
                let same = there.ok().filter(|found| found.ino() == inode);
                self.files.extend(same.map(|found| (found.dev(), found.ino())));
            }
        }
        // Where a process works counts too: an empty directory is not taken from under it.
        for link in ["exe", "cwd"] {
            self.files
                .extend(std::fs::metadata(task.join(link)).ok().map(|found| (found.dev(), found.ino())));
        }
        Ok(any)
    }

    /// Files that the kernel itself uses: it swaps to them, or shows them as block devices.
    fn of_the_kernel(&mut self) -> io::Result<()> {
        let mut paths = swapped_to(&optional(std::fs::read("/proc/swaps"))?.unwrap_or_default());
        for device in optional(std::fs::read_dir("/sys/block"))?.into_iter().flatten() {
            let backing = optional(std::fs::read(device?.path().join("loop/backing_file")))?;
            paths.extend(backing.map(|name| PathBuf::from(std::ffi::OsString::from_vec(line_of(name)))));
        }
        for path in paths {
            let found = optional(std::fs::metadata(path))?;
            self.files.extend(found.map(|found| (found.dev(), found.ino())));
        }
        Ok(())
    }
}

/// A file as a line of `maps` names it.
#[derive(Debug, PartialEq)]
struct Mapping {
    device: u64,
    inode: u64,
    path: PathBuf,
}

/// `55d0-55d1 r--p 00000000 fe:01 1234     /usr/bin/x`; none for memory that is of no file.
fn mapping(line: &[u8]) -> Option<Mapping> {
    let mut fields = line.splitn(6, |byte| *byte == b' ').skip(3);
    let device = std::str::from_utf8(fields.next()?).ok()?;
    let inode = std::str::from_utf8(fields.next()?).ok()?.parse().ok().filter(|inode| *inode != 0)?;
    let (major, minor) = device.split_once(':')?;
    let number = |text| u32::from_str_radix(text, 16).ok();
    let device = rustix::fs::makedev(number(major)?, number(minor)?);
    let path = fields.next().unwrap_or_default().trim_ascii_start();
    Some(Mapping { device, inode, path: unescaped(path) })
}

/// The files of `/proc/swaps`: after the heading, each line begins with a name and what it is.
fn swapped_to(table: &[u8]) -> Vec<PathBuf> {
    let names = table.split(|byte| *byte == b'\n').skip(1).filter_map(|line| {
        let mut words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
        let name = words.next()?;
        (words.next()? == b"file").then(|| unescaped(name))
    });
    names.collect()
}

/// Without the line's end.
fn line_of(mut text: Vec<u8>) -> Vec<u8> {
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    text
}

/// What is not there, or ended meanwhile, is none.
fn optional<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if has_ended(&error) || error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(error),
    }
}

/// A process or descriptor that ended meanwhile has nothing open.
fn has_ended(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// The file behind a descriptor; none for sockets and pipes, which have no path.
fn identity(descriptor: &Path) -> io::Result<Option<(u64, u64)>> {
    if !std::fs::read_link(descriptor)?.is_absolute() {
        return Ok(None);
    }
    let found = std::fs::metadata(descriptor)?;
    Ok(Some((found.dev(), found.ino())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_names_its_file_and_memory_of_no_file_is_none() {
        let line = b"7f5a1000-7f5a2000 r-xp 00001000 fe:01 1234                      /srv/a b\\012c";
        let path = PathBuf::from("/srv/a b\nc");
        assert_eq!(mapping(line), Some(Mapping { device: rustix::fs::makedev(0xfe, 1), inode: 1234, path }));
        assert_eq!(
            mapping(b"7ffd1000-7ffd2000 rw-p 00000000 00:00 0                          [stack]"),
            None
        );
        assert_eq!(mapping(b"7ffd1000-7ffd2000 rw-p 00000000 00:00 0 "), None);
        assert_eq!(mapping(b""), None);
    }

    #[test]
    fn what_the_kernel_swaps_to_is_known_by_its_plain_name_and_devices_are_no_files() {
        let table = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
                      /dev/vda2                               partition\t999\t\t0\t\t-2\n\
                      /srv/swap\\040file                       file\t\t999\t\t0\t\t-3\n";
        assert_eq!(swapped_to(table), [PathBuf::from("/srv/swap file")]);
        assert_eq!(swapped_to(b""), Vec::<PathBuf>::new());
    }
}
