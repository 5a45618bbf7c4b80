//! Elections: the same command on N blank machines, which become one cluster or none.

mod copies;
mod obstacles;
mod partitions;

use crate::support::{Cut, Host, Lab, Outcome, Running, eventually};
use serde_json::Value;
use std::collections::BTreeSet;

/// A token that was made before there is a cluster, in a file of each host.
fn hand_out_token(lab: &Lab) -> String {
    let token = lab.host(1).eos(&["token", "generate"]).done().text("token");
    lab.all().iter().for_each(|host| host.write("token", &token));
    token
}

/// The command, which is the same everywhere but for the name that hosts of one machine cannot tell apart.
fn elect(host: &Host, machines: usize, more: &[&str]) -> Running {
    let (expect, file) = (format!("--expect={machines}"), host.path("token").display().to_string());
    let common = ["bootstrap", "--auto-discover", &expect, "--token-file", &file, "--node-name", &host.name];
    host.start(&[&common, more].concat())
}

/// The one host that founded a cluster.
fn founder(lab: &Lab) -> &Host {
    let founders: Vec<&Host> =
        lab.all().iter().filter(|host| host.path("var/lib/eos/master/authority.key").exists()).collect();
    let [founder] = founders[..] else {
        panic!("{:?}", founders.iter().map(|host| &host.name).collect::<Vec<_>>())
    };
    founder
}

/// Insists that all of them are members of one cluster with the roles that are planned for so many.
fn one_cluster(lab: &Lab, ended: Vec<Outcome>) {
    let clusters: BTreeSet<String> =
        ended.into_iter().map(|outcome| outcome.done().text("cluster")).collect();
    assert_eq!(clusters.len(), 1, "{clusters:?}");
    let founder = founder(lab);
    let status = founder.converged(lab.all().len());
    let roles = founder.roles();
    let with = |role: &str| roles.iter().filter(|(_, own)| own == role).count();
    assert_eq!(with("none") + with("monolith"), 0, "{status}");
    assert!(with("core") > 0 && (roles.len() < 3 || with("data") > 0), "{status}");
    for host in lab.all() {
        assert!(!host.path("var/lib/eos/election.json").exists(), "{} remembers the election", host.name);
    }
}

/// Each host starts when the time of its turn has come, in hundredths of a second.
fn in_turns(lab: &Lab, turns: &[u64]) {
    hand_out_token(lab);
    let began = std::time::Instant::now();
    let mut running: Vec<(usize, Running)> = Vec::new();
    let mut left: Vec<(u64, &Host)> = turns.iter().copied().zip(lab.all()).collect();
    left.sort_by_key(|(turn, _)| *turn);
    for (turn, host) in left {
        eventually(&format!("the turn of {}", host.name), || {
            let passed = u64::try_from(began.elapsed().as_millis()).expect("tests are short") / 10;
            if passed >= turn { Ok(()) } else { Err(format!("{passed}")) }
        });
        running.push((running.len(), elect(host, lab.all().len(), &[])));
    }
    one_cluster(lab, running.into_iter().map(|(_, running)| running.finish()).collect());
}

#[test]
fn two_machines_that_start_at_once_become_one_cluster() {
    in_turns(&Lab::new(2), &[0, 0]);
}

#[test]
fn three_machines_on_lines_that_lose_a_tenth_become_one_cluster() {
    let lab = Lab::new(3);
    lab.all().iter().for_each(|host| host.cut(Cut::Some(10)));
    in_turns(&lab, &[0, 0, 0]);
}

#[test]
fn five_machines_that_start_one_after_the_other_become_one_cluster() {
    in_turns(&Lab::new(5), &[120, 0, 250, 40, 180]);
}

#[test]
fn nine_machines_of_which_one_comes_much_later_become_one_cluster() {
    in_turns(&Lab::new(9), &[0, 0, 20, 0, 600, 70, 0, 0, 110]);
}

#[test]
fn one_machine_that_is_all_founds_a_cluster() {
    let lab = Lab::new(1);
    hand_out_token(&lab);
    let founded = elect(lab.host(1), 1, &[]).finish().done();
    assert!(
        founded.told("elected by more than half of 1 machines, and no cluster answered"),
        "{}",
        founded.story()
    );
    assert_eq!(founded.text("role"), "monolith");
}

/// Whether it records that it was elected.
fn is_elected(host: &Host) -> bool {
    let text = std::fs::read_to_string(host.path("var/lib/eos/election.json")).unwrap_or_default();
    let record: Value = serde_json::from_str(&text).unwrap_or_default();
    record["standing"] == "elected"
}
