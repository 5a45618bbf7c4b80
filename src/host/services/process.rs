//! One process, told apart from any later one with the same number, and ways to signal and await it.

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A process number with the moment that it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessId {
    /// The number.
    pub pid: u32,
    /// Clock ticks from the start of the kernel to that of the process.
    pub start: u64,
}

impl ProcessId {
    /// The process of that number; none when it is gone or ended.
    pub(super) fn of(pid: u32) -> io::Result<Option<Self>> {
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => Ok(start_of(&stat).map(|start| Self { pid, start })),
            Err(error) if gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// This very process of the machine.
    pub(super) fn own() -> io::Result<Self> {
        Self::of(std::process::id())?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The process of that number and a hold on it, for a child that is not reaped, ended or not.
    pub(super) fn of_child(pid: u32) -> io::Result<(Self, Held)> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or(io::ErrorKind::InvalidInput)?;
        let descriptor = pidfd_open(number, PidfdFlags::empty())?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let start = start_field(&stat).ok_or(io::ErrorKind::InvalidData)?;
        Ok((Self { pid, start }, Held { pid: number, descriptor }))
    }

    /// A hold on the process; none when it ended, or when its number is another's by now.
    pub(super) fn open(self) -> io::Result<Option<Held>> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => descriptor,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Looked at only once the descriptor is held: from here on the number cannot change hands.
        Ok((Self::of(self.pid)? == Some(self)).then_some(Held { pid, descriptor }))
    }
}

fn gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// The start in clock ticks, from `/proc/PID/stat`; none for a process that ended and is not reaped.
fn start_of(stat: &str) -> Option<u64> {
    // The name in parentheses may hold anything, so count from behind it.
    let ended = stat.rsplit_once(')')?.1.trim_start().starts_with(['Z', 'X']);
    if ended { None } else { start_field(stat) }
}

fn start_field(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// A process that is held: signals reach it or nobody.
#[derive(Debug)]
pub(super) struct Held {
    pid: Pid,
    descriptor: OwnedFd,
}

impl Held {
    /// Sends a signal; a process that ended is no error.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.descriptor, signal) {
            Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a signal to all processes of the group that this process leads.
    ///
    /// Only for a process that is known to be there still (running, or not reaped).
    pub(super) fn signal_group(&self, signal: Signal) -> io::Result<()> {
        match rustix::process::kill_process_group(self.pid, signal) {
            Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until it has ended; false when it has not by then. Not from within an async task.
    pub(super) fn ended_by(&self, until: Instant) -> io::Result<bool> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match tokio::time::timeout_at(until.into(), self.ended()).await {
                Ok(ended) => ended.map(|()| true),
                Err(_) => Ok(false),
            }
        })
    }

    /// Resolves when it has ended.
    pub(super) async fn ended(&self) -> io::Result<()> {
        #[expect(
            deprecated,
            reason = "its successor is unsafe for the sake of types that are no true descriptors"
        )]
        let watched = AsyncFd::with_interest(self.descriptor.as_fd(), Interest::READABLE)?;
        watched.readable().await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn a_process_is_found_signalled_and_awaited() -> anyhow::Result<()> {
        let mut child = Command::new("sleep").arg("600").spawn()?;
        let id = ProcessId::of(child.id())?.expect("it runs");
        let held = id.open()?.expect("it runs");
        assert!(!held.ended_by(Instant::now() + Duration::from_millis(20))?);
        held.signal(Signal::TERM)?;
        assert!(held.ended_by(Instant::now() + Duration::from_secs(10))?);
        assert_eq!(ProcessId::of(child.id())?, None, "ended, not reaped");
        child.wait()?;
        held.signal(Signal::TERM)?;
        Ok(())
    }

    #[test]
    fn a_number_that_is_anothers_by_now_is_not_held() -> anyhow::Result<()> {
        let own = ProcessId::own()?;
        assert!(own.open()?.is_some());
        assert!(ProcessId { start: own.start + 1, ..own }.open()?.is_none());
        assert!(ProcessId { pid: 0, ..own }.open()?.is_none());
        assert!(ProcessId { pid: u32::MAX, ..own }.open()?.is_none());
        Ok(())
    }

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_confuse() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1";
        assert_eq!(start_of(stat), Some(4242));
        assert_eq!(start_of(&stat.replace(") S ", ") Z ")), None);
    }
}
