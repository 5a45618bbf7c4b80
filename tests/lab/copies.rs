//! Disks of members that run in another machine: copies, and those that moved.

use crate::support::{Host, Lab, eventually};
use serde_json::{Value, json};
use std::process::Command;

/// Puts all of a member on another host, as an image of its disk is started there.
fn copy_disk(from: &Host, to: &Host) {
    for folder in ["etc/eos", "etc/systemd", "var/lib/eos"] {
        std::fs::create_dir_all(to.path(folder)).expect("the root is ours");
        let source = format!("{}/.", from.path(folder).display());
        let copied = Command::new("cp").arg("-a").arg(source).arg(to.path(folder)).status();
        assert!(copied.expect("cp runs").success(), "{folder}");
    }
}

/// Has the node on the host think that it joined on a machine of which nothing is here.
fn joined_elsewhere(host: &Host) {
    let recorded = json!({
        "version": 1, "machine_id": "0".repeat(32), "hardware_id": "another board", "cards": ["52:54:00:00:00:99"],
    });
    host.write("var/lib/eos/machine.json", &recorded.to_string());
}

/// A master, a member and a host beside them.
fn with_member(lab: &Lab) -> [&Host; 3] {
    let [master, member, other] = lab.hosts();
    master.be_impatient();
    master.bootstrap_single();
    let token = master.token(&[]);
    member.join(master, &["--token", &token]).done();
    master.converged(2);
    [master, member, other]
}

fn copies(master: &Host) -> Vec<Value> {
    let node = master.node("node2").expect("it is a member");
    node["copies"].as_array().cloned().unwrap_or_default()
}

#[test]
fn an_image_that_was_made_after_a_join_speaks_for_nobody_and_becomes_a_node_of_its_own() {
    let lab = Lab::new(3);
    let [master, member, image] = with_member(&lab);
    copy_disk(member, image);
    joined_elsewhere(image);
    let elsewhere = ["got its identity on another machine", "machine-id", "identity new", "identity keep"];
    for command in [&["bootstrap"][..], &["bootstrap", "--dry-run"], &["agent"]] {
        image.eos(command).failed(7, "EOS-I033", &elsewhere);
    }
    let shown = image.eos(&["identity", "show"]).done();
    assert_eq!(shown.result()["elsewhere"], true, "{}", shown.story());
    assert_eq!(shown.result()["name"], "node2");
    let status = image.eos(&["status"]);
    assert_eq!(status.result()["local"]["identity"]["code"], "EOS-I033", "{}", status.story());
    let given_up = image.eos(&["identity", "new"]).done();
    assert!(given_up.told("the master is not told"), "{}", given_up.story());
    assert!(!image.path("var/lib/eos").exists() && !image.path("etc/eos").exists(), "{}", given_up.story());
    let token = master.token(&[]);
    image.join(master, &["--token", &token]).done();
    master.converged(3);
    assert!(member.status()["nodes"].as_array().is_some_and(|nodes| nodes.len() == 3), "the original stayed");
}

#[test]
fn a_reset_of_an_image_leaves_the_node_that_it_was_made_of_alone() {
    let lab = Lab::new(3);
    let [master, member, image] = with_member(&lab);
    copy_disk(member, image);
    joined_elsewhere(image);
    let reset = image.eos(&["reset"]).done();
    assert!(reset.told("eos node remove"), "{}", reset.story());
    master.converged(2);
    member.status()["nodes"].as_array().expect("it is still a member");
}

#[test]
fn a_disk_that_moved_for_good_is_the_node_once_somebody_says_so() {
    let lab = Lab::new(3);
    let [master, member, chassis] = with_member(&lab);
    member.crash();
    copy_disk(member, chassis);
    joined_elsewhere(chassis);
    chassis.eos(&["bootstrap"]).failed(7, "EOS-I033", &["identity keep"]);
    // The address moves with the disk.
    member.unplug();
    chassis.ip(&["addr", "flush", "dev", "eth0", "scope", "global"]);
    chassis.ip(&["addr", "add", &format!("{}/24", member.address), "dev", "eth0"]);
    chassis.ip(&["route", "replace", "default", "dev", "eth0"]);
    let kept = chassis.eos(&["identity", "keep"]).done();
    assert_eq!(kept.verdict["outcome"], "done", "{}", kept.story());
    assert_eq!(chassis.eos(&["identity", "keep"]).done().verdict["outcome"], "no-change");
    chassis.eos(&["bootstrap"]).done();
    master.wait_until_heard_of("node2");
    master.converged(2);
    assert!(copies(master).is_empty());
}

#[test]
fn of_two_machines_that_speak_as_one_node_the_first_is_believed_and_the_other_is_told_and_named() {
    let lab = Lab::new(3);
    let [master, member, copy] = with_member(&lab);
    assert!(copies(master).is_empty());
    // Whatever can be copied was, so that nothing on it says that it is one.
    copy_disk(member, copy);
    copy.set_machine_id(&member.machine_id());
    let membership = copy.read("var/lib/eos/membership.json").replace(&member.address, &copy.address);
    copy.write("var/lib/eos/membership.json", &membership);
    member.eos(&["identity", "new"]).failed(7, "EOS-U023", &["no other one speaks as it", " reset"]);
    let running = copy.start(&["agent"]);
    let found = eventually("the master hears both", || match &copies(master)[..] {
        [copy] => Ok(copy.clone()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(found["address"], copy.address, "the first one keeps the place: {found}");
    let told = master.eos(&["status"]).story();
    assert!(told.contains("another machine at 10.77.0.13 speaks as node2"), "{told}");
    // It asks again, so it has had its answer.
    let mut silent = 0;
    eventually("the copy asks again", || {
        let before = silent;
        silent = copies(master).first().and_then(|copy| copy["last_seen_ms"].as_u64()).unwrap_or(u64::MAX);
        if silent < before { Ok(()) } else { Err(silent.to_string()) }
    });
    assert_eq!(master.counted("eos_master_nodes_copied_total"), 1);
    assert!(
        master
            .read("var/lib/eos/master/audit.jsonl")
            .contains("another machine speaks as node2 from 10.77.0.13")
    );
    member.status()["nodes"].as_array().expect("the first one works on");
    let ended = running.kill();
    assert!(ended.stderr.contains("EOS-J015"), "{}", ended.stderr);
    copy.eos(&["identity", "new"]).done();
    eventually("the copy is forgotten", || {
        let left = copies(master);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    master.converged(2);
}
