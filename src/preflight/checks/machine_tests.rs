//! Every verdict of the checks of the machine itself, with its exact text.

use super::tests::assert_verdicts;
use crate::host::facts::{FactsError, Memory};
use crate::host::time_sync::TimeSync;
use crate::preflight::measurements::Services;

#[test]
fn the_machine_is_judged() {
    assert_verdicts(&[
        ("privilege", |_| {}, "passed: root"),
        (
            "privilege",
            |m| (m.user_id, m.root_is_host, m.root) = (1000, false, "/home/a/n1".to_owned()),
            "passed: user 1000, who may write in /home/a/n1",
        ),
        (
            "privilege",
            |m| {
                (m.user_id, m.root_is_host, m.root_writable, m.root) =
                    (1000, false, false, "/srv/n1".to_owned())
            },
            "failed: user 1000 may not write in /srv/n1 | name a directory of your own with --root, or: \
             sudo chown 1000 /srv/n1",
        ),
        (
            "privilege",
            |m| m.user_id = 1000,
            "failed: user 1000 is not root | run the same command with sudo, or with a --root that you own",
        ),
        ("kernel", |_| {}, "passed: 6.1.0-13-amd64"),
        ("kernel", |m| m.facts.kernel = "5.6.0".to_owned(), "passed: 5.6.0"),
        (
            "kernel",
            |m| m.facts.kernel = "5.4.0-42-generic".to_owned(),
            "failed: kernel 5.4.0-42-generic, 5.6 or later needed | \
             install a later kernel and reboot: apt install linux-image-amd64",
        ),
        (
            "kernel",
            |m| m.facts.kernel = "next".to_owned(),
            "failed: kernel \"next\" is not a release that eos can read | look at it: uname -r",
        ),
        ("architecture", |_| {}, "passed: x86_64"),
        (
            "architecture",
            |m| m.facts.architecture = "riscv64".to_owned(),
            "failed: riscv64, eos is made for x86_64 and aarch64 | \
             use another machine, or build eos for this one and go on",
        ),
        ("memory", |_| {}, "passed: 3.0 GiB available of 4.0 GiB"),
        (
            "memory",
            |m| m.memory = Ok(Memory { total_bytes: 1 << 30, available_bytes: 64 << 20 }),
            "failed: 64 MiB available, 128 MiB needed | stop what uses the most: ps aux --sort=-rss | head",
        ),
        (
            "memory",
            |m| m.memory = Err(FactsError::Missing { path: "/proc/meminfo", field: "MemAvailable" }),
            "failed: /proc/meminfo has no MemAvailable | \
             see whether /proc is that of a Linux kernel: cat /proc/meminfo",
        ),
    ]);
}

#[test]
fn limits_services_and_the_clock_are_judged() {
    assert_verdicts(&[
        ("file-descriptors", |_| {}, "passed: limit 1024"),
        ("file-descriptors", |m| m.open_files = None, "passed: unlimited"),
        (
            "file-descriptors",
            |m| m.open_files = Some(256),
            "failed: limit 256, 1024 needed | raise it in this shell: ulimit -n 1024",
        ),
        ("service-manager", |_| {}, "passed: systemd"),
        (
            "service-manager",
            |m| m.services = Services::Processes("systemd does not run here".to_owned()),
            "warning: supervised processes, because systemd does not run here: they do not come back after \
             a reboot by themselves | start them again after a reboot: eos bootstrap",
        ),
        (
            "service-manager",
            |m| {
                m.root_is_host = false;
                m.services = Services::Processes("the root is /srv/n1, not /".to_owned());
            },
            "passed: supervised processes, because the root is /srv/n1, not /",
        ),
        ("time-synced", |_| {}, "passed: synchronised by chrony"),
        (
            "time-synced",
            |m| m.time_sync = TimeSync::NotSynchronized("systemd-timesyncd"),
            "warning: systemd-timesyncd has not synchronised the clock: certificates and tokens may be judged \
             by a wrong time | see what it says: timedatectl timesync-status, or chronyc tracking",
        ),
        (
            "time-synced",
            |m| m.time_sync = TimeSync::Unknown,
            "not measured: neither systemd-timesyncd nor chrony runs here",
        ),
    ]);
}
