//! What the kernel knows of this process: signals it was told to ignore, and that it leaves no core file.

use rustix::process::{DumpableBehavior, Resource, Rlimit};
use std::io;

/// Leaves no memory of this process and of those it starts in a core file, for tokens and keys are in it.
///
/// # Errors
/// When the kernel refuses.
pub fn leave_no_core() -> io::Result<()> {
    let limited = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // The limit says nothing to a program that the kernel pipes cores to, so one is tried without the other.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(limited?)
}

/// Whether this process ignores the signal of that number since before it began, as under `nohup`.
///
/// # Errors
/// When the kernel does not tell.
pub fn ignores(signal: i32) -> io::Result<bool> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let wrong = || io::Error::other("/proc/self/status has no SigIgn");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).ok_or_else(wrong)?;
    let mask = u64::from_str_radix(mask.trim(), 16).map_err(|_| wrong())?;
    Ok((1..=64).contains(&signal) && mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pipes_signal_is_ignored_from_the_start_and_others_are_not() -> io::Result<()> {
        assert_eq!((ignores(13)?, ignores(15)?, ignores(0)?), (true, false, false));
        Ok(())
    }
}
