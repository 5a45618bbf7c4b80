//! Clocks that are wrong, told as wrong clocks; and certificates that ended while everything was off.

use crate::support::{Host, Lab, fake_clock};

#[test]
fn a_clock_ten_minutes_or_a_year_off_or_in_1970_is_named_in_seconds_before_anything_changes() {
    let mut lab = Lab::new(2);
    lab.host(1).bootstrap_single();
    let token = lab.host(1).token(&[]);
    for (offset, seconds, side) in [
        ("-10m", 600, "behind"),
        ("+10m", 600, "ahead of"),
        ("-365d", 31_536_000, "behind"),
        ("+365d", 31_536_000, "ahead of"),
        // About 1970, where a machine without a clock of its own begins.
        ("-20400d", 1_762_560_000, "behind"),
    ] {
        lab.host_mut(2).environment = fake_clock(offset);
        let [master, joiner] = lab.hosts();
        let refused = joiner.join(master, &["--token", &token]);
        let measured = format!("{side} the master's");
        let refused =
            refused.failed(3, "EOS-P020", &["clock-offset", "--skip-check clock-offset", &measured]);
        let error = refused.error().to_string();
        let near = (seconds - 2..=seconds + 2).any(|near| error.contains(&format!("{near} s {side}")));
        assert!(near, "{offset}: {error}");
        assert!(!joiner.path("etc/eos").exists() && !joiner.path("var/lib/eos").exists());
    }
    lab.host_mut(2).environment.clear();
    let [master, joiner] = lab.hosts();
    joiner.join(master, &["--token", &token]).done();
    master.converged(2);
}

/// Has the host, all of whose processes ended, go on so much later.
fn wake_up(host: &mut Host, later: &str) {
    host.crash();
    host.environment = fake_clock(later);
    host.hand_environment_to_services();
}

#[test]
fn a_cluster_that_was_off_past_the_end_of_its_certificates_works_again() {
    let mut lab = Lab::new(3);
    let [master, second, removed] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--expires-hours", "9000"]);
    second.join(master, &["--token", &token]).done();
    removed.join(master, &["--token", &token]).done();
    master.converged(3);
    master.eos(&["node", "remove", "node3"]).done();
    master.converged_members(2);
    for number in 1..=3 {
        wake_up(lab.host_mut(number), "+100d");
    }
    let [master, second, removed] = lab.hosts();
    master.bootstrap_single();
    master.eos(&["token", "list"]).done();
    let back = second.join(master, &[]).done();
    assert_eq!(back.result()["node"], "node2");
    master.converged_members(2);
    second.status()["nodes"].as_array().expect("its own certificate is believed again");
    removed.join(master, &[]).failed(5, "EOS-J010", &["node3 was removed"]);
    assert_eq!(master.node("node3").expect("it is remembered")["state"], "removed");
}

#[test]
fn an_agent_alone_brings_its_node_back_past_the_end_of_its_certificate() {
    let mut lab = Lab::new(2);
    let [master, second] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    second.join(master, &["--token", &token]).done();
    master.converged(2);
    for number in 1..=2 {
        wake_up(lab.host_mut(number), "+100d");
    }
    // The second starts first: its agent runs already when its master comes back.
    let [master, second] = lab.hosts();
    second.join(master, &[]).failed(4, "EOS-J021", &[]);
    master.bootstrap_single();
    master.wait_until_heard_of("node2");
    master.converged(2);
}
