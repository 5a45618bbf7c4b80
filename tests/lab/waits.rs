//! No wait is silent: what is waited for is told at least every two seconds, in text and in JSON.

use crate::support::{Cut, Fault, Host, Lab, Watched};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// How long the other side says nothing: longer than one attempt to ask it.
const MUTE: Duration = Duration::from_secs(8);

const FORMATS: [&str; 2] = ["text", "json"];

fn join(host: &Host, master: &Host, format: &str, token: Option<&str>) -> Watched {
    let common = ["bootstrap", "--join-cluster", &master.address, "--node-name", &host.name];
    let token = token.map_or_else(Vec::new, |token| vec!["--token", token]);
    Watched::start(&mut host.command(format, &[&common[..], &token].concat()))
}

/// What the lines say of waits: in JSON with all that an event of a wait has.
fn waits(format: &str, lines: &[String]) -> usize {
    let told = |line: &&String| {
        if format == "text" {
            return line.starts_with("waiting: ") && line.contains(" s of ");
        }
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let numbers = ["elapsed_ms", "deadline_ms", "next_retry_ms"].map(|key| event[key].is_u64());
        event["event"] == "waiting" && event["cause"].is_string() && numbers == [true; 3]
    };
    lines.iter().filter(told).count()
}

#[test]
fn a_line_that_falls_silent_in_the_middle_of_a_join_is_told_until_it_is_mended() {
    for format in FORMATS {
        let lab = Lab::new(2);
        let [master, joiner] = lab.hosts();
        master.bootstrap_single();
        let mut joining = join(joiner, master, format, None);
        assert!(joining.until("eos node accept node2"), "it waits for its acceptance");
        joiner.cut(Cut::Silent);
        let (lines, runs) = joining.never_silent_for(MUTE);
        assert!(runs && waits(format, &lines) >= 4, "{format}: {lines:?}");
        joiner.heal();
        master.eos(&["node", "accept", "node2"]).done();
        joining.done();
        master.converged(2);
    }
}

#[test]
fn a_master_that_accepts_connections_and_never_answers_is_told_from_the_beginning() {
    for format in FORMATS {
        let lab = Lab::new(2);
        let [master, joiner] = lab.hosts();
        master.bootstrap_single();
        let token = master.token(&[]);
        let stopped = master.stop_service("eos-master");
        let mut joining = join(joiner, master, format, Some(&token));
        let (lines, runs) = joining.never_silent_for(MUTE);
        assert!(runs && waits(format, &lines) >= 3, "{format}: {lines:?}");
        stopped.go_on();
        joining.done();
        master.converged(2);
    }
}

#[test]
fn a_join_whose_line_is_silent_ends_with_its_timeout_and_undoes_itself() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let began = Instant::now();
    let mut joining = joiner.start_join(master, &["--timeout", "5s"]);
    joining.wait_for_wait("eos node accept node2");
    joiner.cut(Cut::Silent);
    joining.finish().failed(4, "EOS-J031", &["node2"]);
    // After its time it tries for two seconds to tell the master.
    let took = began.elapsed();
    assert!(took <= Duration::from_secs(8), "it took {took:?}");
    assert!(!joiner.path("etc/eos").exists() && !joiner.path("var/lib/eos").exists());
}

#[test]
fn a_master_that_stands_still_at_any_step_of_a_join_is_told() {
    let mut waited = 0;
    for (step, format) in [("pull-snapshot", "json"), ("apply-states", "json"), ("confirm", "json")] {
        let lab = Lab::new(2);
        let [master, joiner] = lab.hosts();
        master.bootstrap_single();
        let token = master.token(&[]);
        let mut joining = join(joiner, master, format, Some(&token));
        assert!(joining.until(&format!("\"step\":\"{step}\"")), "{step} begins");
        let stopped = master.stop_service("eos-master");
        let (lines, _) = joining.never_silent_for(MUTE);
        waited += usize::from(waits(format, &lines) >= 3);
        stopped.go_on();
        joining.done();
        master.converged(2);
    }
    assert!(waited > 0, "the master was stopped too late at every step");
}

#[test]
fn a_step_that_waits_for_an_answer_of_the_master_says_for_which() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    master.plan(joiner, &[("POST /v1/member/confirm", Fault::Hold)]);
    let mut joining = joiner.start_join(master, &["--token", &token]);
    master.wait_for_fault(Fault::Hold);
    let cause = joining.wait_for_wait("/v1/member/confirm");
    let meant = format!("the master at {}:4507 to answer POST /v1/member/confirm", master.address);
    assert!(cause.contains(&meant), "{cause}");
    master.release();
    joining.finish().done();
    master.converged(2);
}

#[test]
fn a_cluster_that_is_founded_is_told_as_founded_however_the_command_ends() {
    for signalled in [false, true] {
        let lab = Lab::new(1);
        let [master] = lab.hosts();
        // The test's wish for the master that will be.
        master.write("run/eos/test-faults.new", "");
        master.plan(master, &[("POST /v1/tokens", Fault::Hold)]);
        let founding = master.start(&master.single_arguments());
        master.wait_for_fault(Fault::Hold);
        if signalled {
            founding.signal(Signal::INT);
        }
        let founded = founding.finish().done();
        assert_eq!(founded.text("node"), "node1");
        assert_eq!(founded.result()["token"], serde_json::Value::Null);
        assert!(founded.told("no token was made for the next node"), "{}", founded.story());
        assert_eq!(founded.told("the interruption came when everything was done"), signalled);
        master.release();
        assert!(master.token(&[]).starts_with("eos1."), "the cluster works");
        master.converged(1);
    }
}

#[test]
fn a_member_whose_renewal_is_interrupted_says_so() {
    let lab = Lab::new(2);
    let [master, member] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    member.join(master, &["--token", &token]).done();
    master.converged(2);
    let stopped = master.stop_service("eos-master");
    std::fs::remove_file(member.path("var/lib/eos/identity/node.crt")).expect("a member has one");
    let mut again = member.start_join(master, &[]);
    again.wait_for_wait("GET /v1/hello");
    again.signal(Signal::INT);
    again.finish().failed(130, "EOS-J032", &["interrupted while waiting for the master at"]);
    stopped.go_on();
}

#[test]
fn a_snapshot_that_does_not_come_in_time_is_no_interruption() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    master.plan(joiner, &[("GET /v1/snapshots/{id}/embedded", Fault::Hold)]);
    let joined = joiner.join(master, &["--token", &token, "--timeout", "6s"]);
    joined.failed(4, "EOS-J020", &["pull-snapshot", "GET /v1/snapshots/", "with all its parts"]);
    assert!(!joiner.path("etc/eos").exists() && !joiner.path("var/lib/eos").exists());
    master.release();
}
