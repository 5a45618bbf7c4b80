//! How large a compressed file may become: what relieves a disk must not fill it.

use crate::host::sweep::Reason;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

/// Bytes between two looks at what is free while a file is written.
const LOOK: u64 = 1 << 20;

/// The room for one compressed file, which is there beside its original for a while.
pub(super) struct Room<'a> {
    directory: &'a OwnedFd,
    /// Half of what was free: the other half is left to everybody else.
    half: u64,
    /// As much as the original takes; nothing is gained by more.
    gain: u64,
}

impl<'a> Room<'a> {
    /// What there is now on the file system of the directory.
    pub(super) fn of(directory: &'a OwnedFd, allocated: u64) -> io::Result<Self> {
        Ok(Self { directory, half: available(directory)? / 2, gain: allocated })
    }

    /// Whether so many bytes may be written.
    pub(super) fn holds(&self, bytes: u64) -> bool {
        bytes <= self.half && bytes < self.gain
    }

    /// Why so many bytes are not written.
    pub(super) fn reason(&self, bytes: u64) -> Reason {
        if bytes >= self.gain { Reason::NoGain } else { Reason::NoRoom }
    }

    /// Whether others left as much as this takes.
    fn lasts(&self) -> io::Result<bool> {
        Ok(available(self.directory)? >= self.half)
    }
}

/// Bytes that an unprivileged process may still write.
fn available(directory: &OwnedFd) -> io::Result<u64> {
    let found = rustix::fs::fstatvfs(directory)?;
    Ok(found.f_bavail.saturating_mul(if found.f_frsize == 0 { found.f_bsize } else { found.f_frsize }))
}

/// Why a writer was refused.
#[derive(Debug, thiserror::Error)]
#[error("a compressed file of more than {bytes} bytes has no room")]
pub(super) struct TooLarge {
    /// How many it would have.
    pub(super) bytes: u64,
}

/// A target that takes no more than there is room for.
pub(super) struct Bounded<'a, W> {
    pub(super) target: W,
    room: &'a Room<'a>,
    written: u64,
    looked: u64,
}

impl<'a, W: Write> Bounded<'a, W> {
    pub(super) fn new(target: W, room: &'a Room<'a>) -> Self {
        Self { target, room, written: 0, looked: 0 }
    }

    fn check(&mut self, more: usize) -> io::Result<()> {
        let bytes = self.written + more as u64;
        let looks = bytes - self.looked >= LOOK;
        if looks {
            self.looked = bytes;
        }
        if !self.room.holds(bytes) || (looks && !self.room.lasts()?) {
            return Err(io::Error::other(TooLarge { bytes }));
        }
        Ok(())
    }
}

impl<W: Write> Write for Bounded<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check(bytes.len())?;
        let written = self.target.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.target.flush()
    }
}
