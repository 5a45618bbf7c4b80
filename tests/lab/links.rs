//! Lines that are cut and mended while a node joins.

use crate::support::{Cut, Lab};

#[test]
fn a_line_cut_at_any_step_and_mended_lets_the_join_complete() {
    for step in ["register", "pull-snapshot", "apply-states", "confirm"] {
        let lab = Lab::new(2);
        let [master, joiner] = lab.hosts();
        master.bootstrap_single();
        let token = master.token(&["--uses", "1"]);
        let mut joining = joiner.start_join(master, &["--token", &token]);
        joining.wait_for_step(step);
        joiner.cut(Cut::Reset);
        joining.wait_for_wait_or_end("");
        joiner.heal();
        let done = joining.finish();
        assert_eq!(done.code, 0, "cut at {step}: {}", done.story());
        master.converged(2);
    }
}

/// A joiner whose connections to the master are reset from a certain byte on, until it says that it waits.
fn assert_outlives_a_cut_after(bytes: u64) -> String {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--uses", "1"]);
    joiner.cut(Cut::ResetAfter { port: 4507, bytes });
    let mut joining = joiner.start_join(master, &["--token", &token]);
    let waited = joining.wait_for_wait_or_end("");
    joiner.heal();
    let done = joining.finish();
    assert_eq!(done.code, 0, "cut after {bytes} bytes ({waited}): {}", done.story());
    master.converged(2);
    waited
}

/// A join sends about thirteen thousand bytes.
#[test]
fn a_line_cut_in_the_first_half_of_what_is_said_lets_the_join_complete() {
    let waited: Vec<String> = (500..6500).step_by(1000).map(assert_outlives_a_cut_after).collect();
    assert!(waited.iter().any(|cause| cause.contains("/v1/register")), "{waited:?}");
}

#[test]
fn a_line_cut_in_the_second_half_of_what_is_said_lets_the_join_complete() {
    let waited: Vec<String> = (6500..13_500).step_by(1000).map(assert_outlives_a_cut_after).collect();
    assert!(waited.iter().any(|cause| cause.contains("/v1/member/confirm")), "{waited:?}");
}

/// The joiner waits with a reason while its line is cut so, and goes on when it is mended.
fn assert_waits_for_the_line(cut: Cut) {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    joiner.cut(cut);
    let mut joining = joiner.start_join(master, &["--token", &token]);
    let cause = joining.wait_for_wait("10.77.0.11:4507");
    assert!(cause.contains("the master at 10.77.0.11:4507"), "{cause}");
    joiner.heal();
    joining.finish().done();
    master.converged(2);
}

#[test]
fn a_line_that_swallows_what_is_sent_is_waited_for_with_a_reason() {
    assert_waits_for_the_line(Cut::Outgoing);
}

#[test]
fn a_line_that_swallows_what_is_answered_is_waited_for_with_a_reason() {
    assert_waits_for_the_line(Cut::Incoming);
}

#[test]
fn a_line_that_swallows_everything_in_the_middle_of_a_join_is_waited_for() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--uses", "1"]);
    let mut joining = joiner.start_join(master, &["--token", &token]);
    joining.wait_for_step("pull-snapshot");
    joiner.cut(Cut::Silent);
    let cause = joining.wait_for_wait_or_end("");
    joiner.heal();
    let done = joining.finish();
    assert_eq!(done.code, 0, "{cause}: {}", done.story());
    master.converged(2);
}

#[test]
fn a_master_that_nobody_reaches_is_named_and_nothing_is_changed() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    joiner.join(master, &["--timeout", "2s"]).failed(4, "EOS-J021", &["10.77.0.11:4507"]);
    assert!(!joiner.path("etc/eos").exists() && !joiner.path("var/lib/eos").exists());
}

#[test]
fn a_master_that_cannot_call_back_is_found_before_anything_changes() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    joiner.cut(Cut::Port(4506));
    let refused = joiner.join(master, &["--token", &token]);
    refused.failed(3, "EOS-P020", &["10.77.0.12:4506", "tcp dport 4506"]);
    assert!(!joiner.path("etc/eos").exists());
}
