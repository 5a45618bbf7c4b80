//! Checks of the machine itself: user, kernel, processor, memory, limits, services, clock.

use super::{size, unreadable};
use crate::host::time_sync::TimeSync;
use crate::preflight::measurements::{Measurements, Requirements, Services};
use crate::preflight::report::Verdict;

pub(super) fn privilege(m: &Measurements, _: &Requirements) -> Verdict {
    match (m.user_id, m.root_is_host, m.root_writable) {
        (0, ..) => Verdict::passed("root"),
        (user, false, true) => Verdict::passed(format!("user {user}, who may write in {}", m.root)),
        (user, false, false) => Verdict::failed(
            format!("user {user} may not write in {}", m.root),
            format!("name a directory of your own with --root, or: sudo chown {user} {}", m.root),
        ),
        (user, true, _) => Verdict::failed(
            format!("user {user} is not root"),
            "run the same command with sudo, or with a --root that you own",
        ),
    }
}

pub(super) fn kernel(m: &Measurements, r: &Requirements) -> Verdict {
    let (major, minor) = r.kernel;
    let release = &m.facts.kernel;
    match major_and_minor(release) {
        Some(found) if found >= r.kernel => Verdict::passed(release),
        Some(_) => Verdict::failed(
            format!("kernel {release}, {major}.{minor} or later needed"),
            "install a later kernel and reboot: apt install linux-image-amd64",
        ),
        None => Verdict::failed(
            format!("kernel {release:?} is not a release that eos can read"),
            "look at it: uname -r",
        ),
    }
}

fn major_and_minor(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

pub(super) fn salt(m: &Measurements, _: &Requirements) -> Verdict {
    let answer = m.answers.salt.as_ref();
    match answer {
        None => Verdict::passed("not needed: eos applies the states of this node itself"),
        Some(_) => super::answered(answer, ""),
    }
}

pub(super) fn architecture(m: &Measurements, r: &Requirements) -> Verdict {
    let found = &m.facts.architecture;
    if r.architectures.contains(found) {
        Verdict::passed(found)
    } else {
        Verdict::failed(
            format!("{found}, eos is made for {}", r.architectures.join(" and ")),
            "use another machine, or build eos for this one and go on",
        )
    }
}

pub(super) fn memory(m: &Measurements, r: &Requirements) -> Verdict {
    let memory = match &m.memory {
        Ok(memory) => memory,
        Err(error) => return unreadable(error),
    };
    let available = size(memory.available_bytes);
    if memory.available_bytes >= r.memory_bytes {
        Verdict::passed(format!("{available} available of {}", size(memory.total_bytes)))
    } else {
        Verdict::failed(
            format!("{available} available, {} needed", size(r.memory_bytes)),
            "stop what uses the most: ps aux --sort=-rss | head",
        )
    }
}

pub(super) fn file_descriptors(m: &Measurements, r: &Requirements) -> Verdict {
    match m.open_files {
        None => Verdict::passed("unlimited"),
        Some(limit) if limit >= r.open_files => Verdict::passed(format!("limit {limit}")),
        Some(limit) => Verdict::failed(
            format!("limit {limit}, {} needed", r.open_files),
            format!("raise it in this shell: ulimit -n {}", r.open_files),
        ),
    }
}

pub(super) fn service_manager(m: &Measurements, _: &Requirements) -> Verdict {
    match &m.services {
        Services::Systemd => Verdict::passed("systemd"),
        Services::Processes(why) if m.root_is_host => Verdict::warning(
            format!(
                "supervised processes, because {why}: they do not come back after a reboot by themselves"
            ),
            "start them again after a reboot: eos bootstrap",
        ),
        Services::Processes(why) => Verdict::passed(format!("supervised processes, because {why}")),
    }
}

pub(super) fn time_synced(m: &Measurements, _: &Requirements) -> Verdict {
    match m.time_sync {
        TimeSync::Synchronized(by) => Verdict::passed(format!("synchronised by {by}")),
        TimeSync::NotSynchronized(by) => Verdict::warning(
            format!(
                "{by} has not synchronised the clock: certificates and tokens may be judged by a wrong time"
            ),
            "see what it says: timedatectl timesync-status, or chronyc tracking",
        ),
        TimeSync::Unknown => Verdict::not_measured("neither systemd-timesyncd nor chrony runs here"),
    }
}
