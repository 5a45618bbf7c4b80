//! Lines that are cut and mended while a node joins.

use crate::support::{Cut, Fault, Lab, uses_of_token};

/// The last message of a join. It is held back until the line is cut, however fast the joiner is.
const LAST: &str = "POST /v1/member/confirm";

/// Joins with the line cut at the beginning of this step and mended once the joiner waits for the master.
fn assert_outlives_a_cut_at(step: &str, cut: Cut) {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--uses", "1"]);
    master.plan(joiner, &[(LAST, Fault::Hold)]);
    let mut joining = joiner.start_join(master, &["--token", &token]);
    joining.wait_for_step(step);
    joiner.cut(cut);
    let held_already = master.holds();
    if held_already {
        master.release();
    }
    let cause = joining.wait_for_wait("10.77.0.11:4507");
    joiner.heal();
    if !held_already {
        master.wait_for_fault(Fault::Hold);
        master.release();
    }
    let done = joining.finish();
    assert_eq!(done.code, 0, "cut at {step} ({cause}): {}", done.story());
    assert_eq!(master.converged(2)["cluster"]["generation"], 2, "cut at {step}");
    assert_eq!(uses_of_token(master), 1, "cut at {step}");
}

/// The same at every step, some of them at a time: most of the time they wait.
fn assert_outlives_a_cut_anywhere(cut: Cut) {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let steps = joiner.steps_of_join(master, &["--token", &master.token(&[])]);
    drop(lab);
    for some in steps.chunks(4) {
        std::thread::scope(|scope| {
            for step in some {
                scope.spawn(move || assert_outlives_a_cut_at(step, cut));
            }
        });
    }
}

#[test]
fn a_line_that_is_reset_at_any_step_and_mended_lets_the_join_complete() {
    assert_outlives_a_cut_anywhere(Cut::Reset);
}

#[test]
fn a_line_that_swallows_everything_from_any_step_on_and_is_mended_lets_the_join_complete() {
    assert_outlives_a_cut_anywhere(Cut::Silent);
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

#[test]
fn a_line_that_swallows_what_is_large_is_told_and_nothing_is_changed() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    // As on a path whose smallest MTU nobody tells: connections open, and certificates never arrive.
    joiner.nft(
        "table inet t { chain input { type filter hook input priority 0; meta length > 400 drop; }; }\n",
    );
    let told = ["no answer from 10.77.0.11:4507", "ping -c 3 -M do -s 1400 10.77.0.11"];
    let silent = joiner.join(master, &["--token", &token, "--timeout", "8s"]).failed(4, "EOS-J020", &told);
    assert!(silent.told("\"waiting\""), "{}", silent.story());
    assert!(!joiner.path("etc/eos").exists() && !joiner.path("var/lib/eos").exists());
    joiner.heal();
    joiner.join(master, &["--token", &token]).done();
    master.converged(2);
}
