//! Processes that are killed in the middle of a join: it completes on the next run, or disappears from both sides.

use crate::support::{Host, Lab, eventually, uses_of_token};

/// A cluster whose joiners' leases end after so many seconds.
fn bootstrap_with_lease(master: &Host, seconds: u32) {
    master.write("etc/eos/cluster.yaml.d/lease.yaml", &format!("admission:\n  lease_seconds: {seconds}\n"));
    master.bootstrap_single();
}

#[test]
fn a_joiner_killed_after_it_got_its_certificate_completes_with_the_same_identity() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--uses", "1"]);
    let mut joining = joiner.start_join(master, &["--token", &token]);
    joining.wait_for_step("register");
    eventually("the certificate is there", || {
        let there = joiner.path("var/lib/eos/identity/node.crt").exists();
        if there { Ok(()) } else { Err("not yet".to_owned()) }
    });
    joining.kill();
    let before = master.node("node2").expect("it is joining");
    assert_eq!(uses_of_token(master), 1);

    let done = joiner.join(master, &["--token", &token]).done();
    assert!(done.told("going on with the unfinished bootstrap"), "{}", done.story());
    master.converged(2);
    assert_eq!(master.node("node2").expect("a member")["id"], before["id"]);
    assert_eq!(uses_of_token(master), 1, "no second use of the token");
}

#[test]
fn a_joiner_killed_at_any_step_completes_on_the_next_run() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--uses", "1"]);
    for step in joiner.steps_of_join(master, &["--token", &token]) {
        let mut joining = joiner.start_join(master, &["--token", &token]);
        joining.wait_for_step(&step);
        joining.kill();
    }
    joiner.join(master, &["--token", &token]).done();
    master.converged(2);
    assert_eq!(uses_of_token(master), 1);
}

#[test]
fn a_lease_that_ends_removes_the_half_member_and_nothing_else_happened() {
    let lab = Lab::new(3);
    let [master, member, joiner] = lab.hosts();
    bootstrap_with_lease(master, 2);
    let token = master.token(&[]);
    member.join(master, &["--token", &token]).done();
    let before = master.converged(2);
    let uses = uses_of_token(master);

    let mut joining = joiner.start_join(master, &["--token", &token]);
    joining.wait_for_step("pull-snapshot");
    joining.kill();
    joiner.crash();
    assert_eq!(master.node("node3").expect("it is joining")["state"], "joining");
    let after = eventually("the half-member is forgotten", || match master.node("node3") {
        None => Ok(master.status()),
        Some(node) => Err(node.to_string()),
    });
    assert_eq!(after["cluster"]["generation"], before["cluster"]["generation"]);
    assert_eq!(master.roles().len(), 2);
    assert_eq!(uses_of_token(master), uses, "its use of the token is given back");
    // The next run makes it whole.
    joiner.join(master, &["--token", &token]).done();
    master.converged(3);
}
