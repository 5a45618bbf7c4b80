//! Nodes that a person, a policy or a pre-shared token lets in, or a person refuses.

use crate::support::{Lab, eventually};
use rustix::process::Signal;

#[test]
fn a_node_without_a_token_waits_for_the_operator_and_says_which_command_lets_it_in() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let mut joining = joiner.start_join(master, &[]);
    let cause = joining.wait_for_wait("eos node accept node2");
    let waiting = master.node("node2").expect("it is listed");
    assert_eq!(waiting["state"], "pending");
    let key = waiting["key"].as_str().expect("a text");
    assert!(cause.contains(key), "both sides show the fingerprint {key}: {cause}");
    assert_eq!(master.status()["cluster"]["generation"], 1, "nothing has changed for a node that waits");

    let planned = master.eos(&["node", "accept", "node2", "--plan"]).done();
    assert_eq!(planned.verdict["outcome"], "planned");
    assert_eq!(master.node("node2").expect("it is listed")["state"], "pending");
    master.eos(&["node", "accept", "node2"]).done();
    let done = joining.finish().done();
    assert_eq!(done.text("role"), "core");
    assert!(done.told("trust on first use"), "{}", done.story());
    master.converged(2);
}

#[test]
fn a_rejected_node_is_refused_at_once_and_whenever_it_comes_again() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let mut joining = joiner.start_join(master, &[]);
    joining.wait_for_wait("eos node accept node2");
    master.eos(&["node", "reject", "node2"]).done();
    joining.finish().failed(5, "EOS-J011", &["node2 was rejected", "eos node accept node2"]);
    assert_eq!(master.converged_members(1)["cluster"]["generation"], 1);
    assert!(!joiner.path("etc/eos").exists(), "the refused join is undone");
}

#[test]
fn nobody_decides_in_time_and_the_joiner_gives_up_without_a_trace() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    joiner.join(master, &["--timeout", "2s"]).failed(4, "EOS-J031", &["node2", "eos node accept node2"]);
    assert!(!joiner.path("var/lib/eos").exists() && !joiner.path("etc/eos").exists());
    assert_eq!(master.status()["cluster"]["generation"], 1);
    assert_eq!(master.node("node2"), None, "the master has forgotten it as well");
}

#[test]
fn a_policy_of_addresses_and_names_lets_in_whom_it_fits() {
    let lab = Lab::new(3);
    let [master, fits, other] = lab.hosts();
    let policy = "admission:\n  addresses: [10.77.0.12/32]\n  names: [\"node*\"]\n";
    master.write("etc/eos/cluster.yaml.d/policy.yaml", policy);
    master.bootstrap_single();
    fits.join(master, &[]).done();
    other.start_join(master, &[]).wait_for_wait("eos node accept node3");
    master.converged_members(2);
}

#[test]
fn one_pre_shared_token_founds_the_cluster_and_lets_every_other_node_in() {
    let lab = Lab::new(4);
    let [first, second, third, stranger] = lab.hosts();
    let token = first.eos(&["token", "generate"]).done().text("token");
    for host in [first, second, third] {
        host.write("token", &format!("{token}\n"));
    }
    let file = |host: &crate::support::Host| host.path("token").display().to_string();
    let single = first.single_arguments();
    first.eos(&[&single[..], &["--token-file", &file(first)]].concat()).done();
    let listed = first.eos(&["token", "list"]).done();
    let id = token.split('.').nth(2).expect("five parts").to_owned();
    assert!(listed.result()["tokens"].to_string().contains(&id), "{}", listed.story());

    for host in [second, third] {
        let joined = host.join(first, &["--token-file", &file(host)]).done();
        assert!(joined.told("has to prove that it knows token"), "{}", joined.story());
    }
    first.converged(3);
    // The other side has to prove itself as well: a cluster that does not know the token is not believed.
    let unknown = stranger.eos(&["token", "generate"]).done().text("token");
    stranger.join(first, &["--token", &unknown]).failed(5, "EOS-J002", &["is not valid for this cluster"]);
    first.eos(&["token", "revoke", &id]).done();
    stranger.join(first, &["--token", &token]).failed(5, "EOS-J004", &["was revoked"]);
}

#[test]
fn a_token_that_a_cluster_made_founds_no_other_cluster() {
    let lab = Lab::new(2);
    let [master, other] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    let single = other.single_arguments();
    let refused = other.eos(&[&single[..], &["--token", &token]].concat());
    refused.failed(2, "EOS-U020", &["belongs to a cluster", "--join-cluster"]);
    assert!(!other.path("etc/eos").exists());
}

#[test]
fn a_waiting_node_that_is_interrupted_is_undone_and_forgotten() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut joining = joiner.start_join(master, &[]);
        joining.wait_for_wait("eos node accept node2");
        joining.signal(signal);
        joining.finish().failed(130, "EOS-J032", &["acceptance"]);
        assert!(!joiner.path("etc/eos").exists() && !joiner.path("var/lib/eos").exists(), "{signal:?}");
        let status = eventually("the master answers", || Ok(master.status()));
        assert_eq!(status["cluster"]["generation"], 1);
        assert_eq!(status["nodes"].as_array().map(Vec::len), Some(1), "{signal:?}: {status}");
    }
}

#[test]
fn of_several_nodes_that_wait_under_one_name_only_the_named_key_is_let_in() {
    let mut lab = Lab::new(3);
    lab.host_mut(3).name = "node2".to_owned();
    let [master, meant, other] = lab.hosts();
    master.bootstrap_single();
    let mut joining = meant.start_join(master, &[]);
    joining.wait_for_wait("eos node accept node2");
    let meant = master.node("node2").expect("it waits");
    let mut intruding = other.start_join(master, &[]);
    intruding.wait_for_wait("eos node accept node2");

    let (id, key) = (meant["id"].as_str().expect("a text"), meant["key"].as_str().expect("a text"));
    master.eos(&["node", "accept", "node2"]).failed(
        2,
        "EOS-M023",
        &["2 nodes are named node2", id, key, "accept ID"],
    );
    for command in
        [&["node", "show", "node2"][..], &["node", "remove", "node2"], &["role", "set", "node2", "data"]]
    {
        master.eos(command).failed(2, "EOS-M023", &["2 nodes are named node2", id, key, command[1]]);
    }
    assert_eq!(master.eos(&["node", "show", id]).done().text("id"), id);
    let accepted = master.eos(&["node", "accept", id]).done();
    assert_eq!((accepted.text("node"), accepted.text("key")), (id.to_owned(), key.to_owned()));
    joining.finish().done();
    intruding.finish().failed(5, "EOS-J007", &["the name node2 is taken", id]);
    let members = master.converged_members(2);
    assert!(members["nodes"].as_array().expect("a list").iter().any(|node| node["id"] == id));
}

#[test]
fn a_member_that_is_to_be_replaced_stays_until_the_other_one_confirms() {
    let lab = Lab::new(3);
    let [master, old, new] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    old.join(master, &["--token", &token]).done();
    let before = master.converged(2);
    let mut joining = new.start_join(master, &[]);
    joining.wait_for_wait("eos node accept node3");
    master.eos(&["role", "set", "node3", "data"]).failed(7, "EOS-M022", &["node3 is pending, not a member"]);
    master.eos(&["node", "accept", "node3", "--replace", "node1"]).failed(
        7,
        "EOS-M014",
        &["node1", "only master"],
    );
    let planned = master.eos(&["node", "accept", "node3", "--replace", "node2"]).done();
    assert!(planned.result()["changes"].to_string().contains("node2"), "{}", planned.story());
    joining.finish().done();
    let after = master.converged(2);
    assert_eq!(
        after["cluster"]["generation"],
        1 + before["cluster"]["generation"].as_u64().expect("a number")
    );
    assert_eq!(master.node("node2"), None);
    let audit = master.read("var/lib/eos/master/audit.jsonl");
    let at = |action: &str| audit.find(action).unwrap_or_else(|| panic!("{action} is not in {audit}"));
    assert!(at("\"accept\"") < at("\"replace\""), "{audit}");
}
