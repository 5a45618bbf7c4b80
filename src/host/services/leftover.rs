//! What is left in the control group of a unit whose main process was killed: systemd leaves it alone where the unit has
//! `KillMode=process`, and starts the unit beside it.

use super::process::{Held, ProcessId};
use crate::host::files::FileError;
use crate::host::uptime::since_boot;
use rustix::process::Signal;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// For how long what is asked to end may take, and what is killed as well.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends every process in the control group of the service that started within the last `age`, and waits until it has
/// ended; what was there longer is not of the run that was killed, and lives on. How many there were.
///
/// Another eos is left alone: it waits for the lock that the caller holds, or gives up.
///
/// # Errors
/// When processes cannot be looked at, or one does not end though it was killed.
pub fn end(name: &str, age: Duration) -> Result<usize, FileError> {
    let unit = format!("{name}.service");
    let is_left = |pid: u32| {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        belongs(&groups, &unit) && !is_own_program(pid)
    };
    end_all(&is_left, age).map_err(|error| FileError::new("end what is left of", Path::new(&unit), error))
}

/// Until a look finds nobody: what was there may have started more before it ended.
fn end_all(is_left: &dyn Fn(u32) -> bool, age: Duration) -> io::Result<usize> {
    let (until, mut ended) = (Instant::now() + 2 * PATIENCE, 0);
    loop {
        let left = held(is_left, age)?;
        if left.is_empty() {
            return Ok(ended);
        }
        if Instant::now() > until {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "processes are there though they were killed",
            ));
        }
        ended += left.len();
        for (pid, process) in &left {
            tracing::warn!(pid, "ending what a run that was killed has left");
            process.signal(Signal::TERM)?;
        }
        let polite = Instant::now() + PATIENCE;
        for (_, process) in &left {
            if !process.ended_by(polite)? {
                process.signal(Signal::KILL)?;
                process.ended_by(Instant::now() + PATIENCE)?;
            }
        }
    }
}

fn held(is_left: &dyn Fn(u32) -> bool, age: Duration) -> io::Result<Vec<(u32, Held)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if pid == std::process::id() || !is_left(pid) {
            continue;
        }
        let Some(process) = ProcessId::of(pid)? else { continue };
        let started = Duration::from_millis(process.start * 1000 / rustix::param::clock_ticks_per_second());
        if since_boot().saturating_sub(started) > age {
            continue;
        }
        // The number may have changed hands between the look and the hold.
        match process.open()? {
            Some(held) if is_left(pid) => found.push((pid, held)),
            _ => {}
        }
    }
    Ok(found)
}

/// `0::/system.slice/eos-apply.service`, or a line for each controller; a group below it belongs to it.
fn belongs(groups: &str, unit: &str) -> bool {
    groups
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .any(|path| Path::new(path).iter().any(|part| part == unit))
}

fn is_own_program(pid: u32) -> bool {
    let program = |path: String| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let other = program(format!("/proc/{pid}/exe"));
    other.is_some() && other == program("/proc/self/exe".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_belongs_to_the_unit_in_whose_group_it_is_and_to_no_other() {
        let unit = "eos-apply.service";
        for groups in
            ["0::/system.slice/eos-apply.service\n", "2:cpu:/x\n1:name=systemd:/a/eos-apply.service/below\n"]
        {
            assert!(belongs(groups, unit), "{groups}");
        }
        for groups in ["", "0::/system.slice/my-eos-apply.service\n", "0::/\n", "0::/eos-apply.services\n"] {
            assert!(!belongs(groups, unit), "{groups}");
        }
    }

    #[test]
    fn what_is_left_is_ended_though_it_does_not_want_to_and_what_is_older_lives_on() -> anyhow::Result<()> {
        let mut polite = Command::new("sleep").arg("600").spawn()?;
        let deaf = "trap '' TERM; echo ready; while :; do read -r line || exec sleep 600; done";
        let mut deaf =
            Command::new("sh").args(["-c", deaf]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        BufReader::new(deaf.stdout.take().expect("piped")).read_line(&mut String::new())?;
        let own = [polite.id(), deaf.id()];
        let is_left = |pid| own.contains(&pid);
        assert_eq!(end_all(&is_left, Duration::ZERO)?, 0, "both were there before");
        assert!(polite.try_wait()?.is_none());
        let ended = end_all(&is_left, Duration::from_secs(3600))?;
        assert_eq!((ended, polite.wait()?.code(), deaf.wait()?.code()), (2, None, None));
        assert_eq!(end("eos-no-such-unit", Duration::MAX)?, 0);
        Ok(())
    }
}
