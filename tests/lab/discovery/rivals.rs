//! Two clusters of one name, and two masters of one cluster.

use super::found;
use crate::support::{Host, Lab, eventually};
use serde_json::Value;

/// Waits until the status of a host has an alarm with these words.
fn alarmed(host: &Host, rivalry: &str, words: &[&str]) {
    eventually(&format!("{} is alarmed of a {rivalry}", host.name), || {
        let status = host.status();
        let alarm = status["neighbours"][0]["rivalry"] == rivalry;
        let warning = |warning: &Value| {
            warning["level"] == "error" && words.iter().all(|word| warning.to_string().contains(word))
        };
        let warned = status["warnings"].as_array().is_some_and(|all| all.iter().any(warning));
        if alarm && warned { Ok(()) } else { Err(status.to_string()) }
    });
}

#[test]
fn a_second_cluster_of_one_name_is_refused_and_one_that_is_founded_all_the_same_alarms_both() {
    let lab = Lab::new(3);
    let [first, second, late] = lab.hosts();
    found(first, "prod");
    let named = [&second.single_arguments()[..], &["--cluster-id", "prod"]].concat();
    let refused = second.eos(&named);
    refused.failed(
        7,
        "EOS-D004",
        &["there is a cluster prod on this network", "10.77.0.11:4507", "--new-cluster"],
    );
    assert!(!second.path("etc/eos").exists() && !second.path("var/lib/eos").exists());
    // Neither its own plan nor another name is in the way.
    second.eos(&[&named[..], &["--new-cluster", "--dry-run"]].concat()).done();
    second.eos(&[&named[..], &["--new-cluster"]].concat()).done();
    let words = ["another cluster on this network is called prod as well", "eos"];
    alarmed(second, "same-name", &[&words[..], &["10.77.0.11:4507"]].concat());
    alarmed(first, "same-name", &[&words[..], &["10.77.0.12:4507"]].concat());
    assert_eq!(first.counted("eos_master_discovery_rivals"), 1);
    let audit = first.read("var/lib/eos/master/audit.jsonl");
    assert_eq!(audit.matches("\"alarm\"").count(), 1, "{audit}");
    let guessed = late.eos(&["bootstrap", "--auto-discover", "--cluster-id", "prod", "--node-name", "node3"]);
    guessed.failed(2, "EOS-D002", &["10.77.0.11:4507", "10.77.0.12:4507"]);
}

#[test]
fn a_copy_of_the_master_that_runs_elsewhere_is_an_alarm() {
    let lab = Lab::new(2);
    let [master, copy] = lab.hosts();
    found(master, "prod");
    for folder in ["etc/eos", "var/lib/eos"] {
        std::fs::create_dir_all(copy.path(folder)).expect("the root is ours");
        let from = format!("{}/.", master.path(folder).display());
        let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(copy.path(folder)).status();
        assert!(copied.expect("cp runs").success());
    }
    copy.set_machine_id(&master.machine_id());
    let configuration = copy.read("etc/eos/cluster.yaml").replace("10.77.0.11", "10.77.0.12");
    copy.write("etc/eos/cluster.yaml", &configuration);
    let _running = copy.start(&["master"]);
    alarmed(master, "second-master", &["a second master of prod answers at 10.77.0.12:4507"]);
}
