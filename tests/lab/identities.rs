//! Nodes that are, or look like, nodes that are there already.

use crate::support::Lab;

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
    // The way out that was named.
    clone.set_machine_id(&uuid::Uuid::new_v4().simple().to_string());
    clone.join(master, &["--token", &token]).done();
    master.converged(3);
}

#[test]
fn a_reinstalled_machine_takes_its_old_place_once_its_old_self_is_silent() {
    let mut lab = Lab::new(3);
    let [master, old, third] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    old.join(master, &["--token", &token]).done();
    third.join(master, &["--token", &token]).done();
    master.converged(3);
    let before = master.node("node2").expect("a member");
    old.crash();
    // Nobody was heard of since the start of a master; its own agent and the third report again at once.
    master.kill_service("eos-master");
    master.wait_until_heard_of("node3");
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
