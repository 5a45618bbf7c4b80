//! How little the services may do: systemd's own judgement of each unit.

use super::cluster::{Cluster, SERVICES};

/// The worst exposure allowed, of 10.
const LIMIT: f64 = 3.0;

#[test]
fn systemd_finds_every_unit_well_confined() {
    let cluster = Cluster::up();
    for service in SERVICES {
        let unit = format!("{service}.service");
        let judged = cluster.first.run(&["systemd-analyze", "security", "--no-pager", &unit]);
        let last = judged.lines().next_back().unwrap_or_default();
        println!("{last}");
        let level = last.split_once(&format!("{unit}: ")).and_then(|(_, rest)| rest.split(' ').next());
        let level: f64 = level.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{judged}"));
        assert!(level <= LIMIT, "{unit} is too exposed:\n{judged}");
    }
}

#[test]
fn nothing_in_the_units_is_unknown_to_systemd() {
    let cluster = Cluster::up();
    for (host, services) in cluster.hosts() {
        for service in services {
            let path = format!("/etc/systemd/system/{service}.service");
            // Manuals are not part of so small a root.
            let done =
                host.try_run(&["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", &path]);
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success() && said.trim().is_empty(), "{service}: {said}");
        }
    }
}
