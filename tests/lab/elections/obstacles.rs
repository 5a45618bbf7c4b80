//! What is amiss in an election and said: another number, another token, another cluster, no token at all.

use super::{elect, hand_out_token, one_cluster};
use crate::support::{Lab, Running};

#[test]
fn machines_that_were_told_another_number_elect_nobody_until_they_agree() {
    let lab = Lab::new(3);
    hand_out_token(&lab);
    let [one, two, three] = lab.hosts();
    let mut running = [elect(one, 3, &[]), elect(two, 3, &[]), elect(three, 2, &[])];
    running[0].wait_for_wait("node3 at 10.77.0.13 was told --expect 2, and this machine --expect 3");
    running[2].wait_for_wait("--expect 3, and this machine --expect 2");
    let [first, second, wrong] = running;
    wrong.kill();
    let ended = [first, second, elect(three, 3, &[])].map(Running::finish);
    one_cluster(&lab, ended.into());
}

#[test]
fn a_machine_with_another_token_is_no_part_of_it_and_is_told() {
    let lab = Lab::new(3);
    hand_out_token(&lab);
    let [one, two, stranger] = lab.hosts();
    let other = one.eos(&["token", "generate"]).done().text("token");
    stranger.write("token", &other);
    let mut running = [elect(one, 3, &[]), elect(stranger, 3, &[])];
    running[0].wait_for_wait("a machine at 10.77.0.13 takes part with another token");
    running[0].wait_for_wait("1 of 3 machines are there");
    let [first, strange] = running;
    let ended = [first, elect(two, 3, &[])].map(|running| running.finish().done().text("cluster"));
    assert_eq!(ended[0], ended[1]);
    strange.kill();
}

#[test]
fn a_cluster_that_does_not_know_the_token_is_another_one() {
    let lab = Lab::new(3);
    hand_out_token(&lab);
    let [other, one, two] = lab.hosts();
    other.eos(&[&other.single_arguments()[..], &["--cluster-id", "other"]].concat()).done();
    let ended = [elect(one, 2, &[]), elect(two, 2, &[])].map(|running| running.finish().done());
    for outcome in ended {
        assert!(outcome.told("does not know the token: it is another cluster"), "{}", outcome.story());
        assert_ne!(outcome.text("cluster"), "other");
    }
}

#[test]
fn an_election_needs_a_token_that_no_cluster_made_and_a_machine_that_could_found() {
    let lab = Lab::new(2);
    let [master, host] = lab.hosts();
    let expect = ["bootstrap", "--auto-discover", "--expect=3", "--node-name=node2"];
    let with = |more: &[&str]| host.eos(&[&expect[..], more].concat());
    with(&[]).failed(2, "EOS-U022", &["--expect needs a token", " token generate"]);
    master.eos(&master.single_arguments()).done();
    let of_cluster = master.token(&[]);
    with(&["--token", &of_cluster]).failed(2, "EOS-U020", &["belongs to a cluster that exists"]);
    let pre_shared = master.eos(&["token", "generate"]).done().text("token");
    with(&["--token", &pre_shared, "--advertise-address=10.9.9.9"]).failed(3, "EOS-P020", &["10.9.9.9"]);
    host.eos(&["bootstrap", "--expect=3"]).failed(2, "EOS-U002", &["--auto-discover"]);
    assert!(!host.path("var/lib/eos").exists() && !host.path("etc/eos").exists());
}

#[test]
fn a_plan_tells_of_the_election_and_takes_no_part_in_it() {
    let lab = Lab::new(1);
    let token = hand_out_token(&lab);
    let host = lab.host(1);
    let plan =
        ["bootstrap", "--dry-run", "--auto-discover", "--expect=3", "--token", &token, "--node-name=node1"];
    let planned = host.eos(&plan).done();
    assert!(planned.told("would take part in the election of a founder among 3"), "{}", planned.story());
    assert_eq!(planned.result()["decision"]["kind"], "first-node", "{}", planned.story());
    assert!(!host.path("var/lib/eos").exists());
}

#[test]
fn what_is_no_record_of_an_election_is_left_alone_until_it_is_reset() {
    let lab = Lab::new(1);
    let token = hand_out_token(&lab);
    let host = lab.host(1);
    host.write("var/lib/eos/election.json", "{\"version\":2}");
    let line = ["bootstrap", "--auto-discover", "--expect=1", "--token", &token, "--node-name=node1"];
    host.eos(&line).failed(1, "EOS-D008", &["election.json", "format 2", "knows formats up to 1"]);
    assert_eq!(host.read("var/lib/eos/election.json"), "{\"version\":2}");
    host.eos(&["reset"]).done();
    host.eos(&line).done();
}
