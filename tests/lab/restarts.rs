//! A master that restarts while its agents are connected.

use crate::support::{Host, Lab, eventually};
use std::process::Command;

#[test]
fn agents_reconnect_to_a_restarted_master_and_follow_the_next_generation() {
    let lab = Lab::new(3);
    let [master, second, third] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    second.join(master, &["--token", &token]).done();
    third.join(master, &["--token", &token]).done();
    master.converged(3);
    let before = master.service_pid("eos-master");
    master.kill_service("eos-master");
    master.wait_until_heard_of("node2");
    master.wait_until_heard_of("node3");
    assert_ne!(master.service_pid("eos-master"), before);

    master.eos(&["role", "set", "node3", "compute"]).done();
    let status = master.converged(3);
    assert_eq!(status["cluster"]["generation"], 4);
    assert!(third.read("etc/eos/storage-ops.yaml").contains("\nrole: compute\n"));
}

#[test]
fn a_node_whose_cable_was_pulled_works_on_and_catches_up() {
    let lab = Lab::new(3);
    let [master, second, third] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    second.join(master, &["--token", &token]).done();
    master.converged(2);
    second.unplug();
    third.join(master, &["--token", &token]).done();
    let lagging = eventually("node2 has not converged", || {
        let node = master.node("node2").ok_or("node2 is gone")?;
        if node["converged"] == false { Ok(node) } else { Err(node.to_string()) }
    });
    assert_eq!(lagging["generation"], 2);
    assert!(
        second.read("etc/eos/storage-ops.yaml").contains("\nrole: core\n"),
        "it works on with what it has"
    );
    second.plug_in();
    assert_eq!(master.converged(3)["cluster"]["generation"], 3);
}

#[test]
fn both_sides_of_a_partition_tell_since_when_and_why_and_so_does_a_node_whose_master_failed() {
    let lab = Lab::new(2);
    let [master, node] = lab.hosts();
    master.be_impatient();
    master.bootstrap_single();
    let token = master.token(&[]);
    node.join(master, &["--token", &token]).done();
    master.converged(2);
    assert!(node.status()["local"]["master_lost"].is_null());
    let lost = |why: &str| {
        eventually(&format!("node2 tells that it lost its master: {why}"), || {
            let told = node.eos(&["status"]);
            let lost = &told.result()["local"]["master_lost"];
            if lost["since"].is_string() { Ok(lost.clone()) } else { Err(told.story()) }
        })
    };
    lab.part(&[2]);
    let parted = lost("the line is apart");
    assert!(parted["message"].as_str().is_some_and(|why| why.contains("10.77.0.11:4507")), "{parted}");
    eventually("the master tells that node2 is silent", || {
        let told = master.status();
        let silent = told["nodes"][1]["last_seen_ms"].as_u64().is_some_and(|silent| silent > 5_000);
        if silent { Ok(()) } else { Err(told.to_string()) }
    });
    let found = || {
        eventually("node2 found its master again", || {
            let told = node.status();
            if told["local"]["master_lost"].is_null() { Ok(()) } else { Err(told.to_string()) }
        });
    };
    lab.unite(&[2]);
    found();
    master.crash();
    let failed = lost("the master failed");
    assert!(failed["since"].as_str() > parted["since"].as_str(), "{failed}");
    let told = node.eos(&["status"]).story();
    assert!(told.contains("the agent here lost it"), "{told}");
    master.bootstrap_single();
    found();
    master.converged(2);
}

/// Runs `sqlite3` on the master's registry.
fn sqlite(master: &Host, command: &str) {
    let registry = master.path("var/lib/eos/master/registry.db");
    let done = Command::new("sqlite3").arg(registry).arg(command).status();
    assert!(done.expect("sqlite3: apt-get install sqlite3").success(), "sqlite3 {command}");
}

#[test]
fn members_follow_a_registry_that_was_restored_from_before_their_generation() {
    let lab = Lab::new(3);
    let [master, second, third] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    second.join(master, &["--token", &token]).done();
    master.converged(2);
    let copy = master.path("registry.copy");
    sqlite(master, &format!(".backup '{}'", copy.display()));
    third.join(master, &["--token", &token]).done();
    master.eos(&["role", "set", "node2", "compute"]).done();
    assert_eq!(master.converged(3)["cluster"]["generation"], 4);

    second.unplug();
    third.crash();
    master.crash();
    sqlite(master, &format!(".restore '{}'", copy.display()));
    master.eos(&["bootstrap"]).done();
    master.eos(&["role", "set", "node2", "data"]).done();
    second.plug_in();
    eventually("node2 has not its role", || {
        let configured = second.read("etc/eos/storage-ops.yaml");
        let role = configured.lines().find(|line| line.starts_with("role:"));
        if role == Some("role: data") { Ok(()) } else { Err(format!("{role:?}")) }
    });
    assert!(master.read("var/lib/eos/master/audit.jsonl").contains("\"renumber\""));
}
