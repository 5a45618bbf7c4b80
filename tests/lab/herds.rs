//! Many machines at the same instant, and one that is slow among them.

use crate::support::{Fault, Lab, uses_of_token};

#[test]
fn ten_machines_that_join_at_the_same_instant_are_all_members_of_fewer_generations() {
    let lab = Lab::new(11);
    let master = lab.host(1);
    master.bootstrap_single();
    let token = master.token(&["--uses", "10"]);
    let joining: Vec<_> =
        lab.all()[1..].iter().map(|host| host.start_join(master, &["--token", &token])).collect();
    joining.into_iter().for_each(|one| drop(one.finish().done()));
    let status = master.converged(11);
    assert_eq!(uses_of_token(master), 10);
    let generation = status["cluster"]["generation"].as_u64().expect("a number");
    assert!((2..=11).contains(&generation), "one at the beginning, and one for each crowd: {generation}");
}

#[test]
fn a_joiner_that_stands_still_before_its_last_message_holds_up_nobody() {
    let lab = Lab::new(4);
    let master = lab.host(1);
    master.bootstrap_single();
    let token = master.token(&[]);
    let (slow, others) = (lab.host(2), &lab.all()[2..]);
    master.plan(slow, &[("POST /v1/member/confirm", Fault::Hold)]);
    let held = slow.start_join(master, &["--token", &token]);
    master.wait_for_fault(Fault::Hold);
    let joining: Vec<_> = others.iter().map(|host| host.start_join(master, &["--token", &token])).collect();
    joining.into_iter().for_each(|one| drop(one.finish().done()));
    master.converged_members(3);
    assert_eq!(master.node("node2").expect("it joins")["state"], "joining");
    master.release();
    held.finish().done();
    master.converged(4);
}
