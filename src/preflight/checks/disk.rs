//! Checks of where state will live: space, speed of a durable write, permission.

use super::{size, unreadable};
use crate::host::disk_probe::Obstacle;
use crate::preflight::measurements::{Measurements, Requirements};
use crate::preflight::report::Verdict;
use std::time::Duration;

pub(super) fn disk_space(m: &Measurements, r: &Requirements) -> Verdict {
    let space = match &m.space {
        Ok(space) => space,
        Err(error) => return unreadable(error),
    };
    let found = format!(
        "{} free of {}, {}% used",
        size(space.free_bytes),
        size(space.total_bytes),
        space.used_percent
    );
    let fix = format!("free some: du -xh {0} | sort -h | tail; df -h {0}", state_parent(m));
    if space.free_bytes < r.free_bytes {
        Verdict::failed(format!("{found}; {} needed", size(r.free_bytes)), fix)
    } else if space.used_percent >= r.used_percent {
        Verdict::failed(format!("{found}; less than {}% needed", r.used_percent), fix)
    } else if let Some(files) = space.free_files.filter(|files| *files < r.free_files) {
        Verdict::failed(format!("{found}; room for {files} files, {} needed", r.free_files), fix)
    } else {
        Verdict::passed(found)
    }
}

fn state_parent(m: &Measurements) -> String {
    format!("{}/var", m.root.trim_end_matches('/'))
}

pub(super) fn disk_fsync(m: &Measurements, r: &Requirements) -> Verdict {
    let times = match &m.sync_times {
        Ok(times) => times,
        Err(error) => return unreadable(error),
    };
    let Some(p99) = percentile(times, 99) else {
        return Verdict::not_measured("no durable write was timed");
    };
    let found = format!("p99 {} over {} writes", milliseconds(p99), times.len());
    let fix = "put the state on a faster disk, or see what loads this one: iostat -x 1 3";
    if p99 >= r.sync_failure {
        Verdict::failed(format!("{found}, less than {} needed", milliseconds(r.sync_failure)), fix)
    } else if p99 >= r.sync_warning {
        Verdict::warning(format!("{found}: every change of the cluster waits for such writes"), fix)
    } else {
        Verdict::passed(found)
    }
}

/// The nearest-rank percentile of sorted times.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

pub(super) fn writable(m: &Measurements, _: &Requirements) -> Verdict {
    let mut found = Vec::new();
    let mut fixes = Vec::new();
    for (path, state) in &m.paths {
        let shown = format!("{}/{path}", m.root.trim_end_matches('/'));
        let (text, fix) = match state {
            Ok(None) => continue,
            Ok(Some(obstacle)) => blocked(&shown, obstacle),
            Err(error) => (error.to_string(), format!("look at it: ls -ld {shown}")),
        };
        found.push(text);
        fixes.push(fix);
    }
    if found.is_empty() {
        let paths: Vec<&str> = m.paths.iter().map(|(path, _)| path.as_str()).collect();
        return Verdict::passed(format!("{} in {}", paths.join(", "), m.root));
    }
    Verdict::failed(found.join("; "), fixes.join("; "))
}

fn blocked(shown: &str, obstacle: &Obstacle) -> (String, String) {
    match obstacle {
        Obstacle::ReadOnly => (
            format!("{shown} is on a read-only file system"),
            format!("find it and mount it writable: findmnt -T {shown}"),
        ),
        Obstacle::NotAllowed => (
            format!("{shown} may not be written by this user"),
            "run the same command with sudo, or with a --root that you own".to_owned(),
        ),
        Obstacle::LeadsOut(link) => (
            format!("{shown} leads out of the root by {}", link.display()),
            format!("replace the link by a directory: ls -l {}", link.display()),
        ),
        Obstacle::NotADirectory(file) => (
            format!("{} is in the way of {shown}", file.display()),
            format!("move it away: mv {0} {0}.before", file.display()),
        ),
    }
}
