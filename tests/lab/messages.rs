//! Every message of a join is lost once, on the way there and on the way back; and the master dies in between.

use crate::support::{Fault, Host, Lab, eventually, uses_of_token};

/// The messages of a join, as ARCHITECTURE lists them: what a join says besides turns the first test red.
const MESSAGES: [&str; 11] = [
    "GET /v1/hello",
    "GET /v1/member/desired",
    "GET /v1/snapshots/latest",
    "GET /v1/snapshots/{id}/embedded",
    "POST /v1/dial-back",
    CONFIRM,
    LEASE,
    POLL,
    REGISTER,
    "POST /v1/register dry_run",
    TELL,
];

const CONFIRM: &str = "POST /v1/member/confirm";
const LEASE: &str = "POST /v1/member/lease";
const POLL: &str = "POST /v1/member/poll";
/// The joiner's agent says which snapshots it holds.
const TELL: &str = "POST /v1/snapshots/holdings";
const REGISTER: &str = "POST /v1/register";

/// A message in the middle of a join. A join may be over before its lease is renewed for the first time;
/// while this one is held, it is not.
const MIDDLE: &str = "GET /v1/snapshots/latest";

#[test]
fn a_join_says_what_the_tests_of_lost_messages_know_and_no_more() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--uses", "1"]);
    master.listen();
    master.plan(joiner, &[(MIDDLE, Fault::Hold)]);
    let joining = joiner.start_join(master, &["--token", &token]);
    master.wait_for_fault(Fault::Hold);
    eventually("the lease is renewed", || {
        let heard = master.heard(joiner);
        if heard.contains(LEASE) { Ok(()) } else { Err(format!("{heard:?}")) }
    });
    master.release();
    joining.finish().done();
    master.converged(2);
    let heard = master.heard(joiner);
    let mut known: Vec<&str> = MESSAGES.to_vec();
    known.sort_unstable();
    assert_eq!(heard.iter().map(String::as_str).collect::<Vec<_>>(), known);
}

/// A join that loses the message once, in this way; returns what the master had answered to it.
fn assert_outlives_the_loss(message: &str, fault: Fault) -> String {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--uses", "1"]);
    let mut faults = vec![(message, fault)];
    if message == LEASE {
        faults.push((MIDDLE, Fault::Hold));
    }
    master.plan(joiner, &faults);
    let joining = joiner.start_join(master, &["--token", &token]);
    if message == LEASE {
        master.wait_for_fault(fault);
        master.wait_for_fault(Fault::Hold);
        master.release();
    }
    let done = joining.finish();
    assert_eq!(done.code, 0, "{message}, {fault:?}: {}", done.story());
    let status = master.converged(2);
    assert_eq!(status["cluster"]["generation"], 2, "{message}, {fault:?}: it came in once");
    if message == POLL {
        // The answer that the agent waits for.
        master.eos(&["role", "set", "node2", "compute"]).done();
    }
    let acted = master.wait_for_fault(fault);
    master.converged(2);
    assert_eq!(uses_of_token(master), 1, "{message}, {fault:?}: {}", done.story());
    acted
}

#[test]
fn a_join_completes_whichever_of_its_messages_never_arrives() {
    for message in MESSAGES {
        assert_eq!(assert_outlives_the_loss(message, Fault::Request), "nothing", "{message}");
    }
}

#[test]
fn a_join_completes_whichever_answer_never_arrives() {
    for message in MESSAGES {
        let acted = assert_outlives_the_loss(message, Fault::Reply);
        assert!(["200", "206"].contains(&acted.as_str()), "{message}: the master did not act: {acted}");
    }
}

/// A join during which the master dies between what it stores for this message and its answer.
fn assert_outlives_the_death_of_the_master(message: &str) {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--uses", "1"]);
    let before = master.service_pid("eos-master");
    master.plan(joiner, &[(message, Fault::Abort)]);
    let joining = joiner.start_join(master, &["--token", &token]);
    assert_eq!(master.wait_for_fault(Fault::Abort), "200");
    let done = joining.finish().done();
    let waited = done.events.iter().any(|event| event["event"] == "waiting");
    assert!(waited, "{message}: it waits for the master: {}", done.story());
    let status = master.converged(2);
    assert_ne!(master.service_pid("eos-master"), before, "{message}: it was another process");
    assert_eq!(status["cluster"]["generation"], 2);
    assert_eq!(uses_of_token(master), 1, "{message}");
    let audit = master.read("var/lib/eos/master/audit.jsonl");
    for action in ["register-joining", "confirm"] {
        assert_eq!(audit.matches(&format!("\"{action}\"")).count(), 1, "{message}: {action} in {audit}");
    }
}

#[test]
fn a_master_that_dies_between_storing_a_registration_and_replying_loses_nothing() {
    assert_outlives_the_death_of_the_master(REGISTER);
}

#[test]
fn a_master_that_dies_between_storing_a_confirmation_and_replying_loses_nothing() {
    assert_outlives_the_death_of_the_master(CONFIRM);
}

fn named(node: &serde_json::Value) -> (&str, &str) {
    (node["id"].as_str().expect("a text"), node["key"].as_str().expect("a text"))
}

fn generation(host: &Host) -> serde_json::Value {
    host.status()["cluster"]["generation"].clone()
}

#[test]
fn a_master_that_dies_between_storing_an_acceptance_and_replying_has_stored_it() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let mut joining = joiner.start_join(master, &[]);
    joining.wait_for_wait("eos node accept node2");
    let before = master.node("node2").expect("it waits");
    assert_eq!(generation(master), 1);
    let accept = &["node", "accept", "node2"];
    master.plan(master, &[("POST /v1/nodes/{name}/accept", Fault::Abort)]);
    // The command asks the master that is back once more.
    let accepted = master.eos(accept).done();
    assert_eq!((accepted.text("node").as_str(), accepted.text("key").as_str()), named(&before));
    assert_eq!(master.wait_for_fault(Fault::Abort), "200");
    // Asked again, at every later instant of the join, it says that it is so.
    for held in [MIDDLE, CONFIRM] {
        master.plan(joiner, &[(held, Fault::Hold)]);
        master.wait_for_fault(Fault::Hold);
        let again = master.eos(accept).done();
        assert_eq!((again.text("node").as_str(), again.text("key").as_str()), named(&before));
        master.release();
    }
    joining.finish().done();
    assert_eq!(master.eos(accept).done().text("node"), named(&before).0);
    assert_eq!(master.converged(2)["cluster"]["generation"], 2);
    assert_eq!(master.node("node2").expect("a member")["id"], before["id"]);
    let audit = master.read("var/lib/eos/master/audit.jsonl");
    assert_eq!(audit.matches("\"accept\"").count(), 1, "{audit}");
}

/// A member node2, and a node that asked to be let in under the same name; the ids of both.
fn namesakes(lab: &Lab) -> [String; 2] {
    let [master, member, other] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    let mut asking = other.start_join(master, &[]);
    asking.wait_for_wait("eos node accept node2");
    let waits = id(&master.node("node2").expect("it waits"));
    // It says no more, and is not taken back.
    asking.kill();
    member.join(master, &["--token", &token]).done();
    master.converged_members(2);
    let member = id(&master.eos(&["node", "show", "node2"]).done().result().clone());
    assert_ne!(member, waits);
    [member, waits]
}

fn id(node: &serde_json::Value) -> String {
    node["id"].as_str().expect("a text").to_owned()
}

fn state(master: &Host, id: &str) -> String {
    master.eos(&["node", "show", id]).done().text("state")
}

fn three_of_which_two_bear_one_name() -> Lab {
    let mut lab = Lab::new(3);
    lab.host_mut(3).name = "node2".to_owned();
    lab
}

#[test]
fn a_removal_whose_answer_was_lost_takes_no_namesake_as_well() {
    let lab = three_of_which_two_bear_one_name();
    let [member, waits] = namesakes(&lab);
    let master = lab.host(1);
    master.plan(master, &[("POST /v1/nodes/{name}/remove", Fault::Abort)]);
    let removed = master.eos(&["node", "remove", "node2"]).done();
    assert_eq!(master.wait_for_fault(Fault::Abort), "200");
    assert_eq!(removed.text("node"), member);
    assert_eq!(removed.result()["namesakes"], serde_json::json!([waits]));
    assert_eq!([&member, &waits].map(|id| state(master, id)), ["removed", "pending"]);
    let audit = master.read("var/lib/eos/master/audit.jsonl");
    assert_eq!(audit.matches("\"remove\"").count(), 1, "{audit}");
}

#[test]
fn a_rejection_and_a_role_whose_answers_were_lost_are_done_once() {
    let lab = three_of_which_two_bear_one_name();
    let [member, waits] = namesakes(&lab);
    let master = lab.host(1);
    let lost = [("POST /v1/nodes/{name}/reject", Fault::Reply), ("POST /v1/roles/set", Fault::Abort)];
    master.plan(master, &lost);
    assert_eq!(master.eos(&["node", "reject", "node2"]).done().text("node"), waits);
    assert_eq!(master.wait_for_fault(Fault::Reply), "200");
    assert_eq!([&member, &waits].map(|id| state(master, id)), ["active", "rejected"]);
    let before = generation(master).as_u64().expect("a number");
    assert_eq!(master.eos(&["role", "set", "node2", "compute"]).done().text("node"), member);
    assert_eq!(master.wait_for_fault(Fault::Abort), "200");
    assert_eq!(generation(master), before + 1, "it was done once");
    let audit = master.read("var/lib/eos/master/audit.jsonl");
    for action in ["reject", "role"] {
        assert_eq!(audit.matches(&format!("\"{action}\"")).count(), 1, "{action} in {audit}");
    }
}
