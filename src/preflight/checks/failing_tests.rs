//! Every check has a case in which it finds something: measured, with a fix, and with its name to skip it.

use super::tests::{denied, healthy};
use super::*;
use crate::host::disk_probe::Space;
use crate::host::facts::{FactsError, Memory};
use crate::host::routes::{self, Reach};
use crate::host::sockets::{Holder, PortState};
use crate::host::time_sync::TimeSync;
use crate::preflight::address::AddressError;
use crate::preflight::measurements::{Answer, MasterMeasured, PortMeasured, Previous, Services};
use crate::preflight::report::Report;
use std::net::IpAddr;
use std::time::Duration;

/// What differs from a healthy machine.
type Change = fn(&mut Measurements);

/// The checks that stop a command, each with a machine on which it does.
const STOPS: &[(&str, Change)] = &[
    ("privilege", |m| m.user_id = 1000),
    ("kernel", |m| m.facts.kernel = "3.2.0".to_owned()),
    ("architecture", |m| m.facts.architecture = "riscv64".to_owned()),
    ("memory", |m| m.memory = Ok(Memory { total_bytes: 1 << 26, available_bytes: 1 << 20 })),
    ("file-descriptors", |m| m.open_files = Some(256)),
    ("salt", |m| m.answers.salt = bad()),
    ("hostname", |m| m.node_name = "localhost".to_owned()),
    ("hostname-unique", |m| m.answers.hostname_unique = bad()),
    ("machine-id", |m| m.facts.machine_id = None),
    ("machine-id-unique", |m| m.answers.machine_id_unique = bad()),
    ("token-shape", |m| m.answers.token = bad()),
    ("address", |m| m.address = Err(AddressError::MasterIsHere { master: MASTER })),
    ("port-free", |m| {
        let state = Ok(PortState::Held(Holder { port: 4507, owner: None }));
        m.ports = vec![PortMeasured { port: 4507, purpose: "the master's API".to_owned(), state }];
    }),
    ("route-to-master", |m| m.master = joins(Reach::Refused)),
    ("master-reachable", |m| m.master = joins(Reach::TimedOut(Duration::from_secs(2)))),
    ("dial-back", |m| m.answers.dial_back = bad()),
    ("clock-offset", |m| {
        m.master = joins(Reach::Connected(Duration::ZERO));
        m.answers.clock_ahead_seconds = Some(86_400);
    }),
    ("version", |m| {
        m.master = joins(Reach::Connected(Duration::ZERO));
        m.answers.master_version = Some("99.0.0".to_owned());
    }),
    ("disk-space", |m| {
        let (total_bytes, free_bytes, used_percent) = (1 << 30, 1 << 20, 99);
        m.space = Ok(Space { total_bytes, free_bytes, used_percent, free_files: None });
    }),
    ("disk-fsync", |m| m.sync_times = Ok(vec![Duration::from_secs(5); 20])),
    ("writable", |m| m.paths = vec![("etc/eos".to_owned(), Err(denied()))]),
    ("previous-state", |m| m.previous = Ok(Previous { started: true, ..Previous::default() })),
    ("operation-lock", |m| m.answers.operation_lock = bad()),
];

/// The checks that only warn, since what they find may be meant so.
const WARNS: &[(&str, Change)] = &[
    ("service-manager", |m| m.services = Services::Processes("systemd does not run here".to_owned())),
    ("time-synced", |m| m.time_sync = TimeSync::NotSynchronized("chrony")),
    ("proxy", |m| {
        m.master = joins(Reach::Connected(Duration::ZERO));
        m.proxy = vec![("HTTPS_PROXY".to_owned(), "http://proxy:3128".to_owned())];
    }),
];

const MASTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 1, 10));

fn bad() -> Option<Answer> {
    Some(Answer::Bad { measured: "taken by node7".to_owned(), fix: "see it: eos node list".to_owned() })
}

fn joins(reach: Reach) -> Option<MasterMeasured> {
    let route = Err(routes::samples().remove(0));
    Some(MasterMeasured { target: (MASTER, 4507).into(), route, reach })
}

#[test]
fn every_check_has_a_case_in_which_it_finds_something() {
    let cases = STOPS.iter().chain(WARNS);
    let listed: Vec<&str> = CHECKS
        .iter()
        .map(|check| check.name)
        .filter(|name| cases.clone().any(|(case, _)| case == name))
        .collect();
    let all: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(listed, all, "a check without a case; add one to STOPS or WARNS");
    assert_eq!(STOPS.len() + WARNS.len(), CHECKS.len(), "a case without a check, or twice");
}

fn found(name: &str, change: Change) -> (Vec<CheckResult>, CheckResult) {
    let mut measurements = healthy();
    change(&mut measurements);
    let results = judge(&measurements, &Requirements::default());
    let result = results.iter().find(|result| result.name == name).expect("a check").clone();
    (results, result)
}

#[test]
fn what_stops_is_measured_has_a_fix_and_can_be_skipped_by_its_name() {
    for (name, change) in STOPS {
        let (results, result) = found(name, *change);
        let Verdict::Failed { measured, fix } = &result.verdict else {
            panic!("{name}: {:?}", result.verdict)
        };
        assert!(!measured.is_empty() && !fix.is_empty(), "{name}: {:?}", result.verdict);
        assert_eq!(result.skip_flag, format!("--skip-check {name}"));
        let hints = Report::new(results.clone(), &[]).into_result().expect_err("it stops");
        let hints = crate::model::explain::Explain::hints(&hints).join("\n");
        assert!(hints.contains(fix) && hints.contains(&result.skip_flag), "{name}: {hints}");
        let skipped = find_all(&[(*name).to_owned()]).expect("the flag names a check");
        let report = Report::new(results, &skipped);
        assert!(report.failures().iter().all(|failed| failed.name != *name), "{name} stops although skipped");
        assert!(
            report.warnings().iter().any(|shown| shown.name == *name),
            "{name} is shown although skipped"
        );
    }
}

#[test]
fn what_warns_is_measured_and_has_a_fix() {
    for (name, change) in WARNS {
        let (_, result) = found(name, *change);
        let Verdict::Warning { measured, fix } = &result.verdict else {
            panic!("{name}: {:?}", result.verdict)
        };
        assert!(!measured.is_empty() && !fix.is_empty(), "{name}: {:?}", result.verdict);
    }
}

#[test]
fn what_cannot_be_measured_stops_as_well() {
    let unknown: [(&str, Change); 4] = [
        ("memory", |m| m.memory = Err(FactsError::Missing { path: "/proc/meminfo", field: "MemAvailable" })),
        ("disk-space", |m| m.space = Err(denied())),
        ("disk-fsync", |m| m.sync_times = Err(denied())),
        ("previous-state", |m| m.previous = Err(denied())),
    ];
    for (name, change) in unknown {
        assert_eq!(found(name, change).1.verdict.word(), "failed", "{name}");
    }
}
