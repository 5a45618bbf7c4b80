//! Too few machines, networks that are apart for a while, and the death of the one that was elected.

use super::{elect, founder, hand_out_token, is_elected, one_cluster};
use crate::support::{Host, Lab, Running, eventually};
use std::collections::BTreeMap;

#[test]
fn fewer_than_a_quorum_found_nothing_say_for_whom_they_wait_and_go_on_once_the_others_are_there() {
    let lab = Lab::new(5);
    hand_out_token(&lab);
    let [first, second, ..] = lab.hosts::<5>();
    let few: Vec<Running> =
        [first, second].map(|host| elect(host, 5, &["--timeout=6s"])).into_iter().collect();
    for (host, running) in [first, second].into_iter().zip(few) {
        let standing = "2 of 5 machines are there: waits until 3 are (now: ";
        let ended = running.finish().failed(4, "EOS-D006", &[standing, "--single-node", " discover"]);
        assert!(ended.told(standing), "it is told while it waits: {}", ended.story());
        assert_eq!(host.processes(), Vec::<i32>::new());
        assert!(!host.path("etc/eos").exists(), "{} was changed", host.name);
        let left: Vec<String> = std::fs::read_dir(host.path("var/lib/eos"))
            .expect("the record is there")
            .map(|entry| entry.expect("it is readable").file_name().to_string_lossy().into_owned())
            .collect();
        assert_eq!(left, ["election.json"]);
    }
    // Who resets meanwhile takes part as a new machine.
    let reset = second.eos(&["reset", "--verify"]).done();
    assert_eq!(reset.result()["election_forgotten"], true, "{}", reset.story());
    assert!(!second.path("var").exists(), "a reset leaves nothing");
    let all: Vec<Running> = lab.all().iter().map(|host| elect(host, 5, &[])).collect();
    one_cluster(&lab, all.into_iter().map(Running::finish).collect());
}

#[test]
fn a_minority_that_is_apart_waits_and_joins_when_the_network_heals() {
    let lab = Lab::new(5);
    hand_out_token(&lab);
    lab.part(&[2, 4]);
    let mut running: BTreeMap<usize, Running> =
        (1..=5).map(|number| (number, elect(lab.host(number), 5, &[]))).collect();
    let of_majority = [1, 3, 5].map(|number| running.remove(&number).expect("it runs").finish().done());
    let founder = founder(&lab).name.clone();
    assert!(["node1", "node3", "node5"].contains(&founder.as_str()), "{founder}");
    for waiting in running.values_mut() {
        waiting.wait_for_wait("2 of 5 machines are there: waits until 3 are");
    }
    lab.unite(&[2, 4]);
    let later = running.into_values().map(Running::finish);
    one_cluster(&lab, of_majority.into_iter().chain(later).collect());
}

/// Waits until one of them was elected, and which.
fn elected(lab: &Lab) -> &Host {
    eventually("one is elected", || {
        lab.all().iter().find(|host| is_elected(host)).ok_or_else(|| "none is".to_owned())
    })
}

#[test]
fn who_was_elected_and_died_is_waited_for_by_its_name_and_founds_when_it_is_back() {
    let lab = Lab::new(3);
    hand_out_token(&lab);
    let mut running: BTreeMap<String, Running> =
        lab.all().iter().map(|host| (host.name.clone(), elect(host, 3, &[]))).collect();
    let first = elected(&lab);
    running.remove(&first.name).expect("it runs").kill();
    first.crash();
    let words = format!("waits for {}, which may have founded the cluster and is not heard", first.name);
    for waiting in running.values_mut() {
        waiting.wait_for_wait(&words);
    }
    running.insert(first.name.clone(), elect(first, 3, &[]));
    let ended = running.into_values().map(Running::finish).collect();
    assert_eq!(founder(&lab).name, first.name);
    one_cluster(&lab, ended);
}

#[test]
fn who_was_elected_and_comes_back_to_a_cluster_that_another_one_founded_by_hand_joins_it() {
    let lab = Lab::new(3);
    let token = hand_out_token(&lab);
    let mut running: BTreeMap<String, Running> =
        lab.all().iter().map(|host| (host.name.clone(), elect(host, 3, &[]))).collect();
    let first = elected(&lab);
    running.remove(&first.name).expect("it runs").kill();
    first.crash();
    let other = lab.all().iter().find(|host| host.name != first.name).expect("there are three");
    running.remove(&other.name).expect("it runs").kill();
    other.crash();
    let by_hand = other.start(&["bootstrap", "--single-node", "--node-name", &other.name, "--token", &token]);
    let mut ended = vec![by_hand.finish()];
    running.insert(first.name.clone(), elect(first, 3, &[]));
    ended.extend(running.into_values().map(Running::finish));
    assert_eq!(founder(&lab).name, other.name);
    one_cluster(&lab, ended);
}
