//! The grains of a machine, from its facts: those of Salt that states ask for, with Salt's names and values.

use crate::model::facts::Facts;
use serde_json::{Value, json};

/// `ID` of os-release -> `os` and `os_family`.
const SYSTEMS: [(&str, &str, &str); 11] = [
    ("debian", "Debian", "Debian"),
    ("ubuntu", "Ubuntu", "Debian"),
    ("rhel", "RedHat", "RedHat"),
    ("rocky", "Rocky", "RedHat"),
    ("almalinux", "AlmaLinux", "RedHat"),
    ("centos", "CentOS Stream", "RedHat"),
    ("fedora", "Fedora", "RedHat"),
    ("amzn", "Amazon", "RedHat"),
    ("sles", "SUSE", "Suse"),
    ("arch", "Arch", "Arch"),
    ("alpine", "Alpine", "Alpine"),
];

/// The grains of the node of that name.
pub fn of(id: &str, facts: &Facts) -> Value {
    let (system, release) = facts.os.split_once(' ').unwrap_or((&facts.os, ""));
    let known = SYSTEMS.iter().find(|(name, _, _)| *name == system);
    let (os, family) = known.map_or((system, system), |(_, os, family)| (*os, *family));
    let addresses = |v6: bool| -> Vec<String> {
        facts
            .addresses
            .iter()
            .filter(|address| address.ip.is_ipv6() == v6)
            .map(|address| address.ip.to_string())
            .collect()
    };
    let mut grains = json!({
        "id": id,
        "host": facts.hostname.split('.').next().unwrap_or(&facts.hostname),
        "nodename": facts.hostname,
        "kernel": "Linux",
        "kernelrelease": facts.kernel,
        "cpuarch": facts.architecture,
        "num_cpus": facts.resources.cpus,
        "mem_total": facts.resources.memory_bytes >> 20,
        "os": os,
        "os_family": family,
        "osrelease": release,
        "ipv4": addresses(false),
        "ipv6": addresses(true),
    });
    if let Some(major) = release.split('.').next().and_then(|major| major.parse::<u64>().ok()) {
        grains["osmajorrelease"] = json!(major);
    }
    if let Some(machine) = &facts.machine_id {
        grains["machine_id"] = json!(machine);
    }
    grains
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::{Address, Resources};

    #[test]
    fn facts_become_grains_as_salt_names_them() {
        let facts = Facts {
            hostname: "n1.example".into(),
            machine_id: Some("ab".into()),
            hardware_id: None,
            boot_id: None,
            architecture: "x86_64".into(),
            kernel: "6.1.0".into(),
            os: "ubuntu 24.04".into(),
            addresses: vec![Address { interface: "eth0".into(), ip: [10, 0, 0, 1].into(), loopback: false }],
            resources: Resources { cpus: 2, memory_bytes: 3 << 20, ..Resources::default() },
        };
        let grains = of("n1", &facts);
        let wanted = [
            ("host", json!("n1")),
            ("os", json!("Ubuntu")),
            ("os_family", json!("Debian")),
            ("osrelease", json!("24.04")),
            ("osmajorrelease", json!(24)),
            ("mem_total", json!(3)),
            ("ipv4", json!(["10.0.0.1"])),
        ];
        for (name, value) in wanted {
            assert_eq!(grains[name], value, "{name}");
        }
    }
}
