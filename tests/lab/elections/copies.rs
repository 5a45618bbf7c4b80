//! A machine that was copied while it took part.

use super::{elect, hand_out_token};
use crate::support::Lab;

#[test]
fn copies_of_one_machine_found_nothing_and_each_is_told_of_the_other() {
    let lab = Lab::new(2);
    hand_out_token(&lab);
    let [machine, copy] = lab.hosts();
    elect(machine, 2, &["--timeout=2s"]).finish().failed(4, "EOS-D006", &["1 of 2 machines are there"]);
    copy.write("var/lib/eos/election.json", &machine.read("var/lib/eos/election.json"));
    let (one, other) = (elect(machine, 2, &[]), elect(copy, 2, &[]));
    one.finish().failed(
        7,
        "EOS-D007",
        &["node2 at 10.77.0.12 takes part in the election as this machine", "eos reset"],
    );
    other.finish();
    assert!(!machine.path("etc/eos").exists() && !copy.path("etc/eos").exists());
    copy.eos(&["reset"]).done();
    let (one, other) = (elect(machine, 2, &[]), elect(copy, 2, &[]));
    one.finish().done();
    other.finish().done();
}
