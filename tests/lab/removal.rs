//! Nodes that are removed, and that come back.

use crate::support::{Lab, eventually};

#[test]
fn a_removed_node_is_refused_until_the_operator_accepts_it_again() {
    let lab = Lab::new(3);
    let [master, removed, other] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    removed.join(master, &["--token", &token]).done();
    other.join(master, &["--token", &token]).done();
    master.converged(3);
    master.eos(&["node", "remove", "node2"]).done();
    eventually("the others go on without it", || {
        let roles = master.roles();
        let node = master.node("node3").ok_or("node3 is gone")?;
        if node["converged"] == true { Ok(()) } else { Err(format!("{roles:?}")) }
    });
    assert_eq!(master.node("node2").expect("it is remembered")["state"], "removed");

    // Its certificate is void at once, and a token does not bring it back.
    let status = removed.status();
    let error = status["local"]["master_error"].to_string();
    assert!(error.contains("node2 was removed"), "{status}");
    let again = removed.join(master, &["--token", &token]);
    again.failed(5, "EOS-J010", &["node2 was removed", "eos node accept node2"]);
    assert_eq!(master.node("node2").expect("it is remembered")["state"], "removed");
    removed.eos(&["reset"]).done();
    let rejoin = removed.join(master, &["--token", &token]).done();
    assert_eq!(rejoin.verdict["outcome"], "done", "with a new key it is a new node: {}", rejoin.story());
    eventually("it is a member again", || {
        let status = master.status();
        let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
        let active = nodes.iter().filter(|node| node["state"] == "active" && node["converged"] == true);
        if active.count() == 3 { Ok(()) } else { Err(status.to_string()) }
    });
}

#[test]
fn a_removed_node_that_kept_its_key_works_again_once_it_is_accepted() {
    let lab = Lab::new(2);
    let [master, removed] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    removed.join(master, &["--token", &token]).done();
    let before = master.converged(2);
    master.eos(&["node", "remove", "node2"]).done();
    eventually("it is told", || {
        let error = removed.status()["local"]["master_error"].to_string();
        if error.contains("node2 was removed") { Ok(()) } else { Err(error) }
    });
    assert_eq!(master.converged_members(1)["cluster"]["scale"], "single");
    master.eos(&["node", "accept", "node2"]).done();
    let after = master.converged(2);
    let id = |status: &serde_json::Value| status["nodes"][1]["id"].clone();
    assert_eq!(id(&after), id(&before), "the same node with the same key");
}

#[test]
fn a_host_that_is_reset_is_as_it_was_and_the_others_follow() {
    let lab = Lab::new(3);
    let [master, second, third] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    second.join(master, &["--token", &token]).done();
    third.join(master, &["--token", &token]).done();
    master.converged(3);
    for command in [&["reset"][..], &["rollback", "--to", "0001-bootstrap"]] {
        master.eos(command).failed(7, "EOS-U014", &["the only master of node2, node3", "--force"]);
    }
    master.converged(3);
    // At once, while the others still apply the generation that this leads to.
    second.eos(&["reset", "--verify"]).done();
    third.eos(&["reset", "--verify"]).done();
    let status = master.converged(1);
    assert_eq!(status["cluster"]["scale"], "single");
    master.eos(&["reset", "--verify"]).done();
    for host in [master, second, third] {
        assert_eq!(host.processes(), Vec::<i32>::new());
        let left: Vec<_> =
            std::fs::read_dir(host.path("")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [host.path("etc")], "only the machine-id was there before");
    }
}
