//! What came of a task reaches the master though the agent dies between the deed and the report, and the deed is done once.

use super::{ADDITION, SOON, STATES, becomes, converged, run_is, step};
use crate::pulls::{joins, service};
use crate::support::{Machine, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// A step whose states add a line to `srv/deeds` and wait at a gate, and one that follows if they changed something.
const STEPS: &str = "
deed:
  salt.state:
    - tgt: n2
    - sls: site.deed
    - order: last
follows:
  salt.state:
    - tgt: n2
    - sls: site.follows
    - order: last
    - onchanges:
      - salt: deed
";

/// Kills a service with its supervisor: nobody starts it again.
fn end(machine: &Machine, name: &str) {
    let record: Value =
        serde_json::from_slice(&fs::read(machine.path(&format!("run/eos/{name}.pid"))).unwrap()).unwrap();
    for of in ["supervisor", "child"] {
        let pid = record[of]["pid"].as_i64().unwrap_or_else(|| panic!("{record}"));
        kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
    }
}

/// The records of the sagas of tasks on a node.
fn of_tasks(node: &Machine) -> String {
    let journals = fs::read_dir(node.path("var/lib/eos/journal")).unwrap().flatten();
    let journals = journals.filter(|entry| entry.file_name().to_string_lossy().ends_with("-task.jsonl"));
    journals.map(|entry| fs::read_to_string(entry.path()).unwrap()).collect()
}

/// A master and a node that has done this deed, which the master has not heard of: it is dead, and so is the agent that
/// did it.
fn unheard(host: u8, ending: &str) -> [Machine; 2] {
    let nodes = [("1", "m1"), ("2", "n2")]
        .map(|(last, name)| Machine::empty(&format!("127.0.88.{host}{last}"), name));
    let [master, second] = &nodes;
    master.found();
    let shipped = fs::read_to_string(master.path(ADDITION)).unwrap();
    master.put(ADDITION, &format!("{shipped}{STEPS}"), 0o644);
    let place = second.path("srv").display().to_string();
    let deed =
        format!("deed:\n  cmd.run:\n    - name: 'echo done >> {place}/deeds; cat {place}/gate; {ending}'\n");
    master.put(&format!("{STATES}/site/deed.sls"), &deed, 0o644);
    let follows = format!("follows:\n  file.managed:\n    - name: {place}/followed\n    - contents: x\n");
    master.put(&format!("{STATES}/site/follows.sls"), &follows, 0o644);
    fs::create_dir_all(second.path("srv")).unwrap();
    let gate = second.path("srv/gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    joins(second, master);
    assert!(eventually(SOON, || second.path("srv/deeds").exists()), "{:?}", master.eos(&["status"]));
    end(master, "eos-master");
    fs::write(&gate, "open\n").unwrap();
    assert!(eventually(SOON, || of_tasks(second).contains("\"finished\"")), "{}", of_tasks(second));
    kill_process(service(second, "eos-agent").unwrap(), Signal::KILL).unwrap();
    master.eos(&["bootstrap"]).ends_with(0);
    nodes
}

fn deeds(node: &Machine) -> usize {
    fs::read_to_string(node.path("srv/deeds")).unwrap().lines().count()
}

#[test]
fn an_agent_that_dies_between_a_deed_and_its_report_does_nothing_twice_and_the_master_hears_of_it() {
    let [master, second] = unheard(5, "true");
    let told =
        becomes(&master, "the run", |status| run_is(status, "done") && converged(status, &["m1", "n2"]));
    assert_eq!((deeds(&second), step(&told, "deed")["state"].as_str()), (1, Some("succeeded")), "{told:#}");
    assert_eq!(told["orchestration"]["attempt"], 1, "{told:#}");
    assert!(second.path("srv/followed").exists(), "it is told that something changed: {told:#}");
}

#[test]
fn an_agent_that_dies_before_it_tells_of_a_failure_tells_of_the_same_afterwards() {
    let [master, second] = unheard(6, "false");
    let told = becomes(&master, "the failure", |status| run_is(status, "failed"));
    assert_eq!(step(&told, "deed")["state"], "failed");
    let comment = step(&told, "deed")["comment"].as_str().unwrap();
    assert!(comment.starts_with("n2: EOS-S030: state deed (cmd.run) at site/deed.sls:2 failed"), "{comment}");
    assert_eq!((deeds(&second), second.path("srv/followed").exists()), (1, false));
}
