//! How little the services may do: systemd's own judgement of each unit.

use super::cluster::Cluster;
use super::host::Host;

/// The worst exposure allowed, of 10.
const LIMIT: f64 = 3.0;

/// The units that have no sandbox, each with the reason: no other one is excused. They listen to nobody.
const UNCONFINED: [(&str, &str); 2] = [
    ("eos-apply", "states add users, install packages and set parameters of the kernel, as a person would"),
    ("eos-recovery", "runs the hooks of the machine's own configuration, as a person would"),
];

fn is_confined(unit: &str) -> bool {
    !UNCONFINED.iter().any(|(excused, _)| unit == format!("{excused}.service"))
}

/// The units of eos that the host has, as its systemd knows them.
fn units(host: &Host) -> Vec<String> {
    let listed = host.run(&["systemctl", "list-unit-files", "--no-legend", "--no-pager", "eos-*"]);
    let mut units: Vec<String> =
        listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    units.sort();
    units
}

#[test]
fn systemd_finds_every_unit_well_confined() {
    let cluster = Cluster::up();
    for (host, services) in cluster.hosts() {
        let units = units(host);
        let mut known: Vec<String> = services
            .iter()
            .chain(UNCONFINED.iter().map(|(unit, _)| unit))
            .map(|unit| format!("{unit}.service"))
            .collect();
        known.sort();
        assert_eq!(units, known, "no unit is there besides those that the other tests look at");
        for unit in units.into_iter().filter(|unit| is_confined(unit)) {
            let judged = host.run(&["systemd-analyze", "security", "--no-pager", &unit]);
            let last = judged.lines().next_back().unwrap_or_default();
            println!("host {}: {last}", host.number());
            let level = last.split_once(&format!("{unit}: ")).and_then(|(_, rest)| rest.split(' ').next());
            let level: f64 = level.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{judged}"));
            assert!(level <= LIMIT, "{unit} of host {} is too exposed:\n{judged}", host.number());
        }
    }
}

#[test]
fn nothing_in_the_units_is_unknown_to_systemd() {
    let cluster = Cluster::up();
    for (host, _) in cluster.hosts() {
        for unit in units(host) {
            let path = format!("/etc/systemd/system/{unit}");
            // Manuals are not part of so small a root.
            let done =
                host.try_run(&["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", &path]);
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success() && said.trim().is_empty(), "{unit}: {said}");
        }
    }
}

#[test]
fn a_confined_master_answers_those_who_look_for_it_and_looks_for_others_itself() {
    let cluster = Cluster::up();
    let found = cluster.second.run(&["eos", "discover"]);
    assert!(found.contains("verified") && !found.contains("not verified"), "{found}");
    let log = cluster.first.run(&["journalctl", "--no-pager", "--unit", "eos-master"]);
    for family in ["IPv4", "IPv6"] {
        assert!(log.contains(&format!("discovery is answered over {family}")), "{log}");
    }
    assert!(!log.contains("discovery is not answered"), "{log}");
    assert!(!log.contains("other masters cannot be looked for"), "{log}");
}
