//! A machine that was copied while it took part.

use super::{elect, hand_out_token};
use crate::support::{Lab, Outcome, Running};

#[test]
fn copies_of_one_machine_found_nothing_and_each_is_told_of_the_other() {
    let lab = Lab::new(2);
    hand_out_token(&lab);
    let [machine, copy] = lab.hosts();
    elect(machine, 2, &["--timeout=2s"]).finish().failed(4, "EOS-D006", &["1 of 2 machines are there"]);
    copy.write("var/lib/eos/election.json", &machine.read("var/lib/eos/election.json"));
    let running = [elect(machine, 2, &["--timeout=20s"]), elect(copy, 2, &["--timeout=20s"])];
    let ended = running.map(Running::finish);
    // The first one that is sure of it ends, and the other one is alone then.
    let sure = |outcome: &Outcome| outcome.error()["code"] == "EOS-D007";
    assert!(ended.iter().any(sure), "{} {}", ended[0].story(), ended[1].story());
    for outcome in ended.into_iter().filter(sure) {
        outcome.failed(7, "EOS-D007", &["takes part in the election as this machine", " reset"]);
    }
    assert!(!machine.path("etc/eos").exists() && !copy.path("etc/eos").exists());
    copy.eos(&["reset"]).done();
    let (one, other) = (elect(machine, 2, &[]), elect(copy, 2, &[]));
    one.finish().done();
    other.finish().done();
}
