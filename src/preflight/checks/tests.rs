//! Every verdict of the checks of machine, identity, disk and earlier state, with its exact text.

use super::*;
use crate::host::disk_probe::Space;
use crate::host::facts::Memory;
use crate::host::files::FileError;
use crate::host::time_sync::TimeSync;
use crate::model::facts::{Address, Facts, Resources};
use crate::preflight::address::Selected;
use crate::preflight::measurements::{Answer, Answers, Previous, Services};
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

pub(super) fn denied() -> FileError {
    FileError::new("read", "/x", std::io::ErrorKind::PermissionDenied.into())
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
    type Field = fn(&mut Answers) -> &mut Option<Answer>;
    let cases: [(&str, Field, &str); 5] = [
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
            Previous { started: true, ledger: true, ..none() },
            None,
            "failed: /var/lib/eos holds keys or data of a node that is no member | \
             remove what eos made here: eos reset",
        ),
        (
            Previous { started: true, ..none() },
            None,
            "failed: /var/lib/eos holds keys or data of a node that is no member | \
             move it away: mv /var/lib/eos /var/lib/eos.before",
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
    assert_eq!(
        crate::model::explain::Explain::hints(&error),
        ["did you mean disk-space? eos preflight --skip-check disk-space"]
    );
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
