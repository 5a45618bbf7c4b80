//! A Salt master and minions as packages install them, on hosts that systemd runs: eos, whose agent is confined there,
//! has keys accepted and orchestrations run all the same.

use super::conditions::until;
use super::host::Host;
use super::lab::Lab;
use super::salt;
use serde_json::Value;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);

/// Programs, a unit, a configuration and a user as the package of 3006 and later has them. Salt's own port for answers is
/// the one of the agent's metrics.
const INSTALL: &str = r#"set -e
for name in salt-call salt-key salt-run salt-minion salt-master salt; do
    printf '#!/bin/sh\nexec env PYTHONPATH=/opt/salt/lib/python3.11/site-packages PYTHONWARNINGS=ignore python3 /opt/salt/bin/%s "$@"\n' $name > /usr/local/bin/$name
    chmod 755 /usr/local/bin/$name
done
for name in salt-master salt-minion; do
    printf '[Unit]\nAfter=network.target\n[Service]\nType=notify\nNotifyAccess=all\nKillMode=%s\nExecStart=/usr/local/bin/%s\n[Install]\nWantedBy=multi-user.target\n' \
        $([ $name = salt-minion ] && echo process || echo mixed) $name > /lib/systemd/system/$name.service
done
systemctl daemon-reload
mkdir -p /etc/salt/minion.d /etc/eos/cluster.yaml.d
echo 'enable_fqdns_grains: false' > /etc/salt/minion
echo 'node: {agent_port: 4516}' > /etc/eos/cluster.yaml.d/port.yaml
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$(hostname)" > /etc/hosts
sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf; rm -f /etc/resolv.conf
"#;

const MASTER: &str = r#"set -e
useradd --system --home-dir /opt/salt --shell /usr/sbin/nologin salt
mkdir -p /etc/salt/pki/master /etc/salt/master.d /srv/pillar /srv/salt
printf 'interface: %s\nuser: salt\nworker_threads: 3\n' "$1" > /etc/salt/master
for place in /etc/salt/pki /var/cache/salt /var/log/salt /var/run/salt; do
    mkdir -p $place && chown -R salt:salt $place
done
chmod 700 /etc/salt/pki/master
systemctl enable --now salt-master
"#;

fn keys(master: &Host) -> Vec<String> {
    let listed = master.run(&["salt-key", "--out=json", "--list", "accepted"]);
    let listed: Value = serde_json::from_str(&listed).unwrap_or_else(|error| panic!("{error}: {listed}"));
    let names = listed["minions"].as_array().cloned().unwrap_or_default();
    names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

#[test]
fn a_salt_master_of_a_package_is_served_by_an_agent_that_systemd_confines() {
    let lab = Lab::new(2);
    let [master, second] = [1, 2].map(|number| Host::boot_with(&lab, number, salt::shown("states")));
    for host in [&master, &second] {
        host.run(&["sh", "-c", INSTALL]);
    }
    master.run(&["sh", "-c", MASTER, "sh", &Lab::address(1)]);
    until("the Salt master has a key", PATIENCE, || {
        let there = master.try_run(&["test", "-e", "/etc/salt/pki/master/master.pub"]);
        if there.status.success() { Ok(()) } else { Err(master.output(&["journalctl", "-u", "salt-master"])) }
    });

    let engine = ["--engine", "salt", "--salt-call", "/usr/local/bin/salt-call"];
    let address = Lab::address(1);
    let founded =
        master.eos(&[&["bootstrap", "--single-node", "--advertise-address", &address][..], &engine].concat());
    assert_eq!(founded["outcome"], "done", "{founded}");
    assert_eq!(keys(&master), ["node1"]);
    assert_eq!(master.property("eos-agent", "ProtectSystem"), "strict", "the agent is confined");

    let token = founded["result"]["token"].as_str().unwrap().to_owned();
    let join = ["bootstrap", "--join-cluster", &address, "--token", &token];
    let joined = second.eos(&[&join[..], &engine].concat());
    assert_eq!(joined["outcome"], "done", "{joined}");
    assert_eq!(keys(&master), ["node1", "node2"]);
    let run = until("the orchestration is over", PATIENCE, || {
        let run = master.eos(&["status"])["result"]["orchestration"].clone();
        let over = run["state"] == "done" && run["sls"] == "orchestration.node_addition";
        if over { Ok(run) } else { Err(run) }
    });
    assert_eq!(run["by_salt"], true, "{run}");
    let steps = run["steps"].as_array().unwrap();
    assert!(steps.len() > 1 && steps.iter().all(|step| step["state"] == "succeeded"), "{run}");
    until("both have converged", PATIENCE, || {
        let status = master.eos(&["status"])["result"].clone();
        let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
        let newest = &status["cluster"]["generation"];
        let all = nodes.len() == 2 && nodes.iter().all(|node| node["generation"] == *newest);
        if all { Ok(()) } else { Err(status) }
    });
    assert!(second.run(&["cat", "/etc/eos/storage-ops.yaml"]).contains("role: core"));
    let said = master.run(&["salt", "--out=json", "--static", "-I", "eos:role:core", "test.ping"]);
    assert!(said.contains("\"node2\": true") && !said.contains("node1"), "{said}");
    // What ran apart is over, and did so as root on the whole machine.
    let units = master.output(&["systemctl", "list-units", "--all", "--no-legend", "eos-salt-*"]);
    assert_eq!(units.trim(), "", "{units}");

    second.eos(&["reset", "--verify"]);
    until("its key is gone", PATIENCE, || {
        let keys = keys(&master);
        if keys == ["node1"] { Ok(()) } else { Err(keys) }
    });
    master.eos(&["reset", "--verify"]);
    assert!(!master.try_run(&["test", "-e", "/etc/salt/master.d/eos.conf"]).status.success());
    assert_eq!(master.property("salt-master", "ActiveState"), "active", "the Salt master is not eos's");
}
