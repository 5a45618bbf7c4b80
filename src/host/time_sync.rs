//! Whether something keeps the wall clock of this machine right.

use super::{command, files};
use std::path::Path;
use std::time::Duration;

/// For how long each program that knows is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether something keeps the clock right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeSync {
    /// The named service says it does.
    Synchronized(&'static str),
    /// The named service runs and says it has not.
    NotSynchronized(&'static str),
    /// No service that eos knows is there to ask.
    Unknown,
}

/// Asks systemd-timesyncd by the file it keeps, and chrony by its own client.
pub fn ask(deadline: Duration) -> TimeSync {
    let there = |path: &str| matches!(files::exists(Path::new(path)), Ok(true));
    if there("/run/systemd/timesync/synchronized") {
        return TimeSync::Synchronized("systemd-timesyncd");
    }
    if there("/run/chrony/chronyd.pid") || there("/run/chronyd.pid") {
        return match command::run(&["chronyc", "-n", "tracking"], deadline) {
            Ok(output) => chrony(&output.stdout),
            Err(_) => TimeSync::Unknown,
        };
    }
    if there("/run/systemd/timesync") {
        return TimeSync::NotSynchronized("systemd-timesyncd");
    }
    TimeSync::Unknown
}

fn chrony(tracking: &str) -> TimeSync {
    let leap = tracking.lines().find_map(|line| line.strip_prefix("Leap status")?.split_once(':'));
    match leap.map(|(_, status)| status.trim()) {
        Some("Not synchronised") => TimeSync::NotSynchronized("chrony"),
        Some(_) => TimeSync::Synchronized("chrony"),
        None => TimeSync::Unknown,
    }
}

/// Whether the clock is synchronised now, as far as anything says so: systemd-timesyncd, chrony, or the kernel, which
/// any other service tells. Where nothing does, it is not known to be.
pub fn is_synchronised() -> bool {
    match ask(PATIENCE) {
        TimeSync::Synchronized(_) => true,
        TimeSync::NotSynchronized(_) => false,
        TimeSync::Unknown => {
            // No system call of its own: the kernel's word is with what may also set the clock, which a confined
            // service may not. systemd asks on behalf of everybody.
            let words = ["timedatectl", "show", "--property=NTPSynchronized", "--value"];
            match command::run_clean(&words, &[], PATIENCE) {
                Ok(output) => output.status == Some(0) && kernel(&output.stdout),
                Err(error) => {
                    tracing::debug!(%error, "the kernel's word about its clock is not known");
                    false
                }
            }
        }
    }
}

fn kernel(said: &str) -> bool {
    said.trim() == "yes"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chrony_and_the_kernel_are_understood() {
        assert_eq!(chrony("Stratum : 3\nLeap status     : Normal\n"), TimeSync::Synchronized("chrony"));
        assert_eq!(chrony("Leap status     : Not synchronised\n"), TimeSync::NotSynchronized("chrony"));
        assert_eq!(chrony("506 Cannot talk to daemon\n"), TimeSync::Unknown);
        assert!(kernel("yes\n") && !kernel("no\n") && !kernel(""));
    }
}
