//! Nodes that are, or look like, nodes that are there already.

use crate::support::{Lab, eventually};

#[test]
fn a_second_node_of_the_same_name_is_refused_with_both_ways_out() {
    let mut lab = Lab::new(3);
    lab.host_mut(3).name = "node2".to_owned();
    let [master, holder, late] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    holder.join(master, &["--token", &token]).done();
    let refused = late.join(master, &["--token", &token]);
    refused.failed(
        5,
        "EOS-J007",
        &["the name node2 is taken", "10.77.0.12", "--node-name", "eos node remove node2"],
    );
    let status = master.converged(2);
    assert_eq!(status["cluster"]["generation"], 2);
    assert!(!late.path("etc/eos").exists());
}

#[test]
fn a_node_that_waits_is_refused_once_another_one_has_its_name() {
    let mut lab = Lab::new(3);
    lab.host_mut(3).name = "node2".to_owned();
    let [master, holder, late] = lab.hosts();
    master.bootstrap_single();
    let mut waiting = late.start_join(master, &[]);
    waiting.wait_for_wait("eos node accept node2");
    let token = master.token(&[]);
    holder.join(master, &["--token", &token]).done();
    waiting.finish().failed(5, "EOS-J007", &["the name node2 is taken", "10.77.0.12"]);
    late.join(master, &["--token", &token]).failed(5, "EOS-J007", &["the name node2 is taken"]);
    assert_eq!(master.converged(2)["cluster"]["generation"], 2);
}

#[test]
fn a_clone_of_a_live_node_is_refused_and_named() {
    let lab = Lab::new(3);
    let [master, original, clone] = lab.hosts();
    clone.set_machine_id(&original.machine_id());
    master.bootstrap_single();
    let token = master.token(&[]);
    original.join(master, &["--token", &token]).done();
    let refused = clone.join(master, &["--token", &token]);
    let id = original.machine_id();
    refused.failed(5, "EOS-J008", &["clone of node2", "s ago", &id, "systemd-machine-id-setup"]);
    master.converged(2);
    // A master that has just started has heard of nobody, which makes nobody absent.
    let before = master.service_pid("eos-master");
    master.kill_service("eos-master");
    eventually("another process is the master", || match master.service_pid("eos-master") {
        pid if pid.is_some() && pid != before => Ok(()),
        pid => Err(format!("{pid:?}, before {before:?}")),
    });
    clone.join(master, &["--token", &token]).failed(5, "EOS-J008", &["clone of node2"]);
    // The way out that was named.
    clone.set_machine_id(&uuid::Uuid::new_v4().simple().to_string());
    clone.join(master, &["--token", &token]).done();
    master.converged(3);
}

#[test]
fn a_reinstalled_machine_takes_its_old_place_once_its_old_self_is_silent() {
    let mut lab = Lab::new(3);
    let [master, old, third] = lab.hosts();
    master.be_impatient();
    master.bootstrap_single();
    let token = master.token(&[]);
    old.join(master, &["--token", &token]).done();
    third.join(master, &["--token", &token]).done();
    master.converged(3);
    let before = master.node("node2").expect("a member");
    old.crash();
    master.wait_until_silent("node2");
    lab.host_mut(2).reinstall();
    let [master, old, _] = lab.hosts();
    old.join(master, &["--token", &token]).done();
    let after = master.converged(3);
    let node = master.node("node2").expect("a member");
    assert_ne!(node["id"], before["id"], "it has a new key");
    assert_eq!((&node["order"], &node["role"]), (&before["order"], &before["role"]), "{after}");
    let audit = master.read("var/lib/eos/master/audit.jsonl");
    assert!(audit.contains("same-machine-reinstalled"), "{audit}");
}

#[test]
fn a_stranger_that_claims_a_silent_member_evicts_nobody_by_asking() {
    let mut lab = Lab::new(3);
    lab.host_mut(3).name = "node2".to_owned();
    let [master, member, stranger] = lab.hosts();
    master.be_impatient();
    master.bootstrap_single();
    let token = master.token(&[]);
    member.join(master, &["--token", &token]).done();
    let before = master.converged(2);
    stranger.set_machine_id(&member.machine_id());
    member.crash();
    master.wait_until_silent("node2");
    let mut asking = stranger.start_join(master, &[]);
    asking.wait_for_wait("eos node accept node2");
    let ids = |status: &serde_json::Value, state: &str| -> Vec<serde_json::Value> {
        let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
        nodes.into_iter().filter(|node| node["state"] == state).map(|node| node["id"].clone()).collect()
    };
    let waiting = master.status();
    assert_eq!(ids(&waiting, "active"), ids(&before, "active"), "nobody is gone");
    assert_eq!(waiting["cluster"]["generation"], before["cluster"]["generation"]);
    assert_eq!(waiting["cluster"]["scale"], "small");
    let claimed =
        waiting["nodes"].as_array().and_then(|nodes| nodes.iter().find(|node| node["state"] == "pending"));
    assert_eq!(claimed.map(|node| &node["replaces"]), ids(&before, "active").last(), "{waiting}");

    // The member comes back before anybody is fooled: now there are two of it.
    member.eos(&["bootstrap"]).done();
    let alive = || {
        let node = master.status()["nodes"].as_array().cloned().unwrap_or_default();
        let node = node.into_iter().find(|node| node["state"] == "active" && node["name"] == "node2");
        let node = node.ok_or("it is gone")?;
        if node["last_seen_ms"].as_u64().is_some_and(|ms| ms < 5_000) {
            Ok(())
        } else {
            Err(node.to_string())
        }
    };
    eventually("the member reports again", alive);
    asking.finish().failed(5, "EOS-J008", &["this machine is a clone of node2"]);
    let after = master.converged_members(2);
    assert_eq!(ids(&after, "active"), ids(&before, "active"));
}

#[test]
fn nobody_takes_the_place_of_the_masters_own_node() {
    let mut lab = Lab::new(2);
    lab.host_mut(2).name = "node1".to_owned();
    let [master, other] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    other.set_machine_id(&master.machine_id());
    other.join(master, &["--token", &token]).failed(5, "EOS-J008", &["this machine is a clone of node1"]);
    assert_eq!(master.converged(1)["cluster"]["generation"], 1);
}

#[test]
fn a_member_that_runs_bootstrap_again_changes_nothing_even_with_an_expired_token() {
    let lab = Lab::new(2);
    let [master, member] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--uses", "1"]);
    member.join(master, &["--token", &token]).done();
    master.converged(2);
    let expired = master.token(&["--expires-seconds", "0"]);
    let before = member.read("var/lib/eos/membership.json");
    for token in [&token, &expired] {
        let again = member.join(master, &["--token", token]).done();
        assert_eq!(again.verdict["outcome"], "no-change", "{}", again.story());
    }
    assert_eq!(member.read("var/lib/eos/membership.json"), before);
    assert_eq!(master.converged(2)["cluster"]["generation"], 2);
    // Another cluster is another matter.
    member.eos(&["bootstrap", "--join-cluster", "10.77.0.99"]).failed(7, "EOS-U005", &["node2", " reset"]);
}

#[test]
fn two_bootstraps_at_once_on_one_host_are_one_that_wins_and_one_that_names_it() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let mut first = joiner.start_join(master, &[]);
    first.wait_for_wait("eos node accept node2");
    let second = joiner.join(master, &[]);
    second.failed(7, "EOS-G010", &["another operation is in progress", &format!("process {}", first.pid())]);
    master.eos(&["node", "accept", "node2"]).done();
    first.finish().done();
    master.converged(2);

    let lab = Lab::new(1);
    let host = lab.host(1);
    let racers = [host.start(&host.single_arguments()), host.start(&host.single_arguments())];
    let ended = racers.map(crate::support::Running::finish);
    let codes = ended.each_ref().map(|outcome| (outcome.code, outcome.verdict["outcome"].to_string()));
    let won = codes.iter().filter(|(code, outcome)| *code == 0 && outcome == "\"done\"").count();
    let lost = codes.iter().filter(|(code, _)| *code == 7).count();
    assert_eq!((won, lost), (1, 1), "{codes:?}");
    host.converged(1);
}
