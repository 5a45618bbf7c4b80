//! A minion, or a whole host, that dies while eos believes it there: the others do not wait for it.

use super::{OPS, found, is_in, join, run_of, steps};
use crate::support::{Host, Lab, eventually};
use serde_json::Value;
use std::time::{Duration, Instant};

/// By how much a minion that is silent may hold a run up, as docs/salt.md says it: two questions of ten seconds each.
const HELD_UP: Duration = Duration::from_secs(20);

/// What the start of a program of Salt may take more or less on a busy machine, between two runs.
const JITTER: Duration = Duration::from_secs(60);

/// Gives node2 this role; the run, once it is over, and how long that took.
fn orchestrated(master: &Host, role: &str) -> (Value, Duration) {
    let before = master.status()["cluster"]["generation"].as_u64().unwrap();
    let began = Instant::now();
    master.eos(&["role", "set", "node2", role]).done();
    let run = run_of(master, before + 1);
    assert_eq!((&run["by_salt"], &run["attempt"]), (&true.into(), &1.into()), "{run}");
    (run, began.elapsed())
}

/// The nodes that a run was carried out without.
fn left_out(run: &Value) -> Vec<String> {
    let steps = run["steps"].as_array().unwrap().iter();
    let away = steps.flat_map(|step| step["away"].as_array().cloned().unwrap_or_default());
    away.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Insists that node3 alone was left out and is named with what helps, that all steps succeeded, and that the run was
/// not held up for longer than is said.
fn went_on_without_node3(master: &Host, run: &Value, took: Duration, usually: Duration) {
    assert_eq!(left_out(run), ["node3"], "{run}");
    assert!(steps(run).len() > 1 && steps(run).iter().all(|(_, state)| state == "succeeded"), "{run}");
    assert!(took < usually + HELD_UP + JITTER, "{took:?}, and {usually:?} with all minions");
    let told = String::from_utf8(master.command("text", &["status"]).output().unwrap().stdout).unwrap();
    let words: Vec<&str> = told.split_whitespace().collect();
    let told = words.join(" ");
    for part in ["EOS-A015", "node3", "systemctl restart salt-minion"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_minion_or_a_host_that_is_dead_holds_no_run_up_and_its_node_comes_to_its_generation() {
    let lab = Lab::new(3);
    let [master, second, third] = lab.hosts();
    [master, second, third].into_iter().for_each(Host::forget_routes);
    found(master);
    for host in [second, third] {
        host.install_minion("");
        join(host, master, &master.token(&[]), &[]).done();
    }
    let joined = master.converged(3);
    run_of(master, joined["cluster"]["generation"].as_u64().unwrap());
    let (run, usually) = orchestrated(master, "data");
    assert_eq!(left_out(&run), [""; 0], "{run}");

    third.kill_all("salt-minion");
    let (run, took) = orchestrated(master, "core");
    went_on_without_node3(master, &run, took, usually);
    // Its agent lives: it takes its generation without Salt.
    master.converged(3);

    third.crash();
    let (run, took) = orchestrated(master, "data");
    went_on_without_node3(master, &run, took, usually);
    assert!(second.read(OPS).contains("role: data"));
    assert_eq!(master.node("node3").unwrap()["converged"], false);
    third.eos(&["bootstrap"]).done();
    master.converged(3);

    // With its minion it takes part in the next one, and is for Salt what it is for eos.
    third.kill_all("salt-minion");
    third.start_salt("salt-minion");
    eventually("its minion answers", || {
        let up = master.salt_says("salt-run", &["manage.up"]);
        if up.to_string().contains("node3") { Ok(()) } else { Err(up.to_string()) }
    });
    let (run, _) = orchestrated(master, "core");
    assert_eq!(left_out(&run), [""; 0], "{run}");
    master.converged(3);
    let role = master.node("node3").unwrap()["role"].as_str().unwrap().to_owned();
    is_in(master, "node3", &role);
}
