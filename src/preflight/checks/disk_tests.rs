//! Every verdict of the checks of where state will live, with its exact text.

use super::tests::{assert_verdicts, denied, healthy};
use super::*;
use crate::host::disk_probe::{Obstacle, Space};
use crate::host::files::FileError;
use std::time::Duration;

const USER: &str = "run the same command with sudo, or with a --root that you own";

#[test]
fn the_disk_is_judged() {
    assert_verdicts(&[
        ("disk-space", |_| {}, "passed: 20.0 GiB free of 40.0 GiB, 50% used"),
        (
            "disk-space",
            |m| {
                m.space = Ok(Space {
                    total_bytes: 1 << 30,
                    free_bytes: 100 << 20,
                    used_percent: 90,
                    free_files: None,
                })
            },
            "failed: 100 MiB free of 1.0 GiB, 90% used; 512 MiB needed | \
             free some: du -xh /var | sort -h | tail; df -h /var",
        ),
        (
            "disk-space",
            |m| {
                m.space = Ok(Space {
                    total_bytes: 100 << 30,
                    free_bytes: 5 << 30,
                    used_percent: 95,
                    free_files: None,
                });
            },
            "failed: 5.0 GiB free of 100.0 GiB, 95% used; less than 95% needed | \
             free some: du -xh /var | sort -h | tail; df -h /var",
        ),
        (
            "disk-space",
            |m| {
                m.space = Ok(Space {
                    total_bytes: 9 << 30,
                    free_bytes: 5 << 30,
                    used_percent: 44,
                    free_files: Some(7),
                });
            },
            "failed: 5.0 GiB free of 9.0 GiB, 44% used; room for 7 files, 1024 needed | \
             free some: du -xh /var | sort -h | tail; df -h /var",
        ),
        (
            "disk-space",
            |m| m.space = Err(denied()),
            "failed: could not read /x: permission denied | run the command as root, or with a --root that you own",
        ),
    ]);
}

#[test]
fn the_speed_of_the_disk_is_judged() {
    assert_verdicts(&[
        ("disk-fsync", |_| {}, "passed: p99 1.0 ms over 20 writes"),
        (
            "disk-fsync",
            |m| m.sync_times = Ok(vec![Duration::from_millis(3), Duration::from_millis(60)]),
            "warning: p99 60.0 ms over 2 writes: every change of the cluster waits for such writes | \
             put the state on a faster disk, or see what loads this one: iostat -x 1 3",
        ),
        (
            "disk-fsync",
            |m| m.sync_times = Ok(vec![Duration::from_millis(500)]),
            "failed: p99 500.0 ms over 1 writes, less than 500.0 ms needed | \
             put the state on a faster disk, or see what loads this one: iostat -x 1 3",
        ),
        ("disk-fsync", |m| m.sync_times = Ok(Vec::new()), "not measured: no durable write was timed"),
        (
            "disk-fsync",
            |m| m.sync_times = Err(denied()),
            "failed: could not read /x: permission denied | run the command as root, or with a --root that you own",
        ),
    ]);
}

#[test]
fn unwritable_paths_are_all_named() {
    assert_verdicts(&[("writable", |_| {}, "passed: etc/eos, run/eos in /")]);
    let judged = |state: Result<Option<Obstacle>, FileError>| {
        let paths = vec![("etc/eos".to_owned(), state), ("run/eos".to_owned(), Ok(Some(Obstacle::ReadOnly)))];
        disk::writable(&Measurements { paths, ..healthy() }, &Requirements::default()).to_string()
    };
    let rest = |text: &str, fix: &str| {
        format!(
            "failed: {text}; /run/eos is on a read-only file system | {fix}; \
             find it and mount it writable: findmnt -T /run/eos"
        )
    };
    assert_eq!(
        judged(Ok(Some(Obstacle::NotAllowed))),
        rest("/etc/eos may not be written by this user", USER)
    );
    assert_eq!(
        judged(Ok(Some(Obstacle::LeadsOut("/etc".into())))),
        rest("/etc/eos leads out of the root by /etc", "replace the link by a directory: ls -l /etc")
    );
    assert_eq!(
        judged(Ok(Some(Obstacle::NotADirectory("/etc".into())))),
        rest("/etc is in the way of /etc/eos", "move it away: mv /etc /etc.before")
    );
    assert_eq!(judged(Err(denied())), rest("could not read /x", "look at it: ls -ld /etc/eos"));
}
