//! Every verdict of the checks of machine, identity, disk and earlier state, with its exact text.

use super::*;
use crate::host::disk_probe::{Obstacle, Space};
use crate::host::facts::{FactsError, Memory};
use crate::host::files::FileError;
use crate::model::facts::{Address, Facts, Resources};
use crate::preflight::address::Selected;
use crate::preflight::measurements::{Answer, Answers, Previous, Services, TimeSync};
use crate::preflight::report::Report;
use std::time::Duration;

/// A first node on a machine that lacks nothing.
pub(super) fn healthy() -> Measurements {
    let address = Address { interface: "eth0".to_owned(), ip: [10, 0, 1, 12].into(), loopback: false };
    Measurements {
        root: "/".to_owned(),
        root_is_host: true,
        user_id: 0,
        root_writable: true,
        node_name: "node2".to_owned(),
        ports: Vec::new(),
        address: Ok(Selected {
            address: address.ip,
            interface: "eth0".to_owned(),
            why: "10.0.1.12 on eth0: the only address of this machine".to_owned(),
            warning: None,
        }),
        facts: Facts {
            hostname: "node2".to_owned(),
            machine_id: Some("0123456789abcdef0123456789abcdef".to_owned()),
            hardware_id: None,
            boot_id: None,
            architecture: "x86_64".to_owned(),
            kernel: "6.1.0-13-amd64".to_owned(),
            os: "debian 12".to_owned(),
            addresses: vec![address],
            resources: Resources::default(),
        },
        master: None,
        space: Ok(Space {
            total_bytes: 40 << 30,
            free_bytes: 20 << 30,
            used_percent: 50,
            free_files: Some(9999),
        }),
        sync_times: Ok(vec![Duration::from_millis(1); 20]),
        memory: Ok(Memory { total_bytes: 4 << 30, available_bytes: 3 << 30 }),
        open_files: Some(1024),
        previous: Ok(Previous::default()),
        paths: vec![("etc/eos".to_owned(), Ok(None)), ("run/eos".to_owned(), Ok(None))],
        services: Services::Systemd,
        proxy: Vec::new(),
        time_sync: TimeSync::Synchronized("chrony"),
        answers: Answers::default(),
    }
}

/// A check's name, what differs from a healthy first node, and the verdict.
pub(super) type Case = (&'static str, fn(&mut Measurements), &'static str);

pub(super) fn assert_verdicts(cases: &[Case]) {
    for (name, change, wanted) in cases {
        let mut measurements = healthy();
        change(&mut measurements);
        let check = find(name).expect("the case names a check");
        let verdict = (check.judge)(&measurements, &Requirements::default());
        assert_eq!(verdict.to_string(), *wanted, "{name}");
    }
}

fn denied() -> FileError {
    FileError::new("read", "/x", std::io::ErrorKind::PermissionDenied.into())
}

const USER: &str = "run the same command with sudo, or with a --root that you own";

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

#[test]
fn the_identity_is_judged() {
    let set = "set it: hostnamectl set-hostname NAME, or give this node a name: --node-name NAME";
    let wrong = "is not valid: letters, digits and '-' in parts between dots, no '-' at the edge of one";
    for (name, fault) in [
        ("", "is no hostname"),
        ("(none)", "is no hostname"),
        ("localhost", "is the name of every machine"),
        ("LOCALHOST.localdomain", "is the name of every machine"),
        ("my_node", wrong),
        ("-node", wrong),
        ("node-", wrong),
        ("a..b", wrong),
        (&"x".repeat(64), "has 64 characters, at most 63 allowed"),
    ] {
        let verdict = identity::hostname(
            &Measurements { node_name: name.to_owned(), ..healthy() },
            &Requirements::default(),
        );
        assert_eq!(verdict, Verdict::failed(format!("{name:?} {fault}"), set));
    }
    assert_verdicts(&[
        ("hostname", |_| {}, "passed: node2"),
        ("hostname", |m| m.node_name = "n2.example.org".to_owned(), "passed: n2.example.org"),
        ("machine-id", |_| {}, "passed: 0123456789abcdef0123456789abcdef"),
        (
            "machine-id",
            |m| m.facts.machine_id = None,
            "failed: there is none | make a new one: rm -f /etc/machine-id && systemd-machine-id-setup",
        ),
        (
            "machine-id",
            |m| {
                (m.facts.machine_id, m.root_is_host, m.root) =
                    (Some("0".repeat(32)), false, "/srv/n1".to_owned())
            },
            "failed: all zeros | make a new one: rm -f /srv/n1/etc/machine-id && \
             systemd-machine-id-setup --root=/srv/n1",
        ),
        (
            "machine-id",
            |m| m.facts.machine_id = Some("uninitialized".to_owned()),
            "failed: not initialised since the image was made | \
             make a new one: rm -f /etc/machine-id && systemd-machine-id-setup",
        ),
        (
            "machine-id",
            |m| m.facts.machine_id = Some("0123".to_owned()),
            "failed: \"0123\" is not 32 hexadecimal digits | \
             make a new one: rm -f /etc/machine-id && systemd-machine-id-setup",
        ),
    ]);
}

#[test]
fn what_others_answered_is_passed_on() {
    let cases: [(&str, fn(&mut Answers) -> &mut Option<Answer>, &str); 5] = [
        ("hostname-unique", |a| &mut a.hostname_unique, "no master has been asked"),
        ("machine-id-unique", |a| &mut a.machine_id_unique, "no master has been asked"),
        ("token-shape", |a| &mut a.token, "no token was given"),
        ("dial-back", |a| &mut a.dial_back, "no master has tried"),
        ("operation-lock", |a| &mut a.operation_lock, "nobody looked at the lock"),
    ];
    for (name, answer, unasked) in cases {
        let judged = |given: Option<Answer>| {
            let mut measurements = healthy();
            *answer(&mut measurements.answers) = given;
            (find(name).expect("a check").judge)(&measurements, &Requirements::default()).to_string()
        };
        assert_eq!(judged(None), format!("not measured: {unasked}"));
        assert_eq!(judged(Some(Answer::Good("free".to_owned()))), "passed: free");
        let bad = Answer::Bad { measured: "taken".to_owned(), fix: "eos status".to_owned() };
        assert_eq!(judged(Some(bad)), "failed: taken | eos status");
    }
}

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

#[test]
fn earlier_state_is_judged() {
    let stray = || vec!["photos".to_owned(), "x".to_owned()];
    let judged = |previous: Previous, unfinished: Option<&str>| {
        let mut measurements = healthy();
        measurements.previous = Ok(previous);
        measurements.answers.unfinished = unfinished.map(str::to_owned);
        state::previous_state(&measurements, &Requirements::default()).to_string()
    };
    let none = Previous::default;
    let half = "warning: half-finished: bootstrap stopped at configure; it will be taken up where it stopped | \
                to undo it instead: eos rollback";
    for (previous, unfinished, wanted) in [
        (none(), None, "passed: clean"),
        (none(), Some("bootstrap stopped at configure"), half),
        (Previous { started: true, ..none() }, Some("bootstrap stopped at configure"), half),
        (Previous { member: true, started: true, ..none() }, None, "passed: a member already"),
        (
            Previous { member: true, foreign_state: stray(), ..none() },
            None,
            "passed: a member already; not made by eos and left alone: photos, x",
        ),
        (
            Previous { started: true, ..none() },
            None,
            "failed: /var/lib/eos holds keys or data of a node that is no member | \
             remove what eos made here: eos reset",
        ),
        (
            Previous { foreign_state: stray(), ..none() },
            None,
            "failed: /var/lib/eos holds what eos did not make: photos, x | \
             move it away: mv /var/lib/eos /var/lib/eos.before",
        ),
        (
            Previous { foreign_configuration: vec!["token".to_owned()], ..none() },
            None,
            "warning: clean; not made by eos and left alone: token | look at it: ls -l /etc/eos",
        ),
    ] {
        assert_eq!(judged(previous, unfinished), wanted);
    }
    assert_verdicts(&[(
        "previous-state",
        |m| m.previous = Err(denied()),
        "failed: could not read /x: permission denied | run the command as root, or with a --root that you own",
    )]);
}

#[test]
fn all_failures_are_reported_at_once_and_a_skipped_one_is_shown() -> anyhow::Result<()> {
    let mut measurements = healthy();
    measurements.open_files = Some(256);
    measurements.facts.architecture = "riscv64".to_owned();
    let results = || judge(&measurements, &Requirements::default());
    let error = Report::new(results(), &[]).into_result().expect_err("two failures");
    assert_eq!(
        error.to_string(),
        "2 preflight checks failed: architecture (riscv64, eos is made for x86_64 and aarch64); \
         file-descriptors (limit 256, 1024 needed)"
    );
    let skipped = find_all(&["architecture".to_owned(), "file-descriptors".to_owned(), "kernel".to_owned()])?;
    let report = Report::new(results(), &skipped).into_result()?;
    let shown: Vec<String> =
        report.warnings().iter().map(|r| format!("{} {}", r.name, r.verdict.word())).collect();
    assert_eq!(shown, ["architecture skipped", "file-descriptors skipped"]);
    let text = serde_json::to_string(&report)?;
    assert_eq!(serde_json::from_str::<Report>(&text)?, report);
    assert!(text.contains(r#"{"name":"kernel","skip_flag":"--skip-check kernel","verdict":"passed","measured":"6.1.0-13-amd64"}"#), "{text}");
    Ok(())
}

#[test]
fn an_unknown_check_is_a_usage_error_that_names_the_one_meant() {
    let error = find("disk-spcae").expect_err("no such check");
    assert_eq!(error.to_string(), "there is no preflight check \"disk-spcae\"");
    assert_eq!(crate::model::explain::Explain::hints(&error), ["did you mean: --skip-check disk-space"]);
}

#[test]
fn names_are_unique_and_fit_for_a_command_line() {
    let mut names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
    assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')), "{names:?}");
    assert!(CHECKS.iter().all(|check| !check.measures.is_empty()));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CHECKS.len());
}
