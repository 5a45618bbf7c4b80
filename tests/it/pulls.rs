//! Snapshots pulled from any node that holds them: killed holders, liars, forgetful masters, removed nodes.

use crate::support::waiting::{Stream, Waiting};
use crate::support::{Machine, Run, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

const STORE: &str = "var/lib/eos/snapshots";
const SOON: Duration = Duration::from_secs(30);

/// The result of a command that ends well.
pub fn result(machine: &Machine, line: &str) -> Value {
    let arguments: Vec<&str> = line.split(' ').chain(["--output", "json"]).collect();
    machine.eos(&arguments).ends_with(0).verdict()["result"].clone()
}

pub fn joins(node: &Machine, master: &Machine) {
    let mut command = node.command(&node.join(master));
    Run::from(command.env("EOS_TOKEN", master.token()).output().unwrap()).ends_with(0);
}

/// So many bytes that they are not sent in one reply, and that do not become fewer by compression.
pub fn incompressible() -> Vec<u8> {
    let mut bytes = vec![0u8; 24 << 20];
    let mut state = 7u64;
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        chunk.copy_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    bytes
}

/// A master whose states are so large that a snapshot of them is not sent in one reply.
fn large(master: &Machine) {
    master.found();
    fs::write(master.path("var/lib/eos/cluster/states/large.bin"), incompressible()).unwrap();
}

/// The snapshot that a node pulled when it joined.
fn own(node: &Machine) -> String {
    result(node, "snapshot list")["snapshots"][0]["id"].as_str().unwrap().to_owned()
}

/// Who holds the snapshot, as the master says; nobody as long as it does not answer, as while it starts.
fn held(master: &Machine, id: &str) -> Vec<String> {
    let run = master.eos(&["snapshot", "list", "--cluster", "--output", "json"]);
    if run.status == Some(4) {
        return Vec::new();
    }
    let all = run.ends_with(0).verdict()["result"].clone();
    let one = all["snapshots"].as_array().unwrap().iter().find(|one| one["snapshot"]["id"] == *id).cloned();
    let names = one.iter().flat_map(|one| one["holders"].as_array().unwrap());
    let mut names: Vec<String> = names.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Waits until these hold the snapshot, for the master.
#[track_caller]
pub fn is_held(master: &Machine, id: &str, names: &[&str]) {
    let known = eventually(SOON, || held(master, id) == names);
    assert!(known, "{:?} and not {names:?}", held(master, id));
}

pub fn service(machine: &Machine, name: &str) -> Option<Pid> {
    let status = fs::read(machine.path(&format!("run/eos/{name}.pid"))).ok()?;
    let status: Value = serde_json::from_slice(&status).ok()?;
    Pid::from_raw(i32::try_from(status["child"]["pid"].as_i64()?).ok()?)
}

/// Kills the service and waits until its supervisor has started another one.
pub fn restart(machine: &Machine, name: &str) {
    let before = service(machine, name).unwrap();
    kill_process(before, Signal::KILL).unwrap();
    assert!(eventually(SOON, || service(machine, name).is_some_and(|now| now != before)));
}

fn names(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect()
}

#[test]
fn what_one_node_holds_another_pulls_and_holds_from_then_on_also_after_a_restart_of_the_master() {
    let [master, first, second] = [(1, "node1"), (2, "node2"), (3, "node3")]
        .map(|(host, name)| Machine::empty(&format!("127.0.43.{host}"), name));
    master.found();
    joins(&first, &master);
    let id = own(&first);
    joins(&second, &master);
    is_held(&master, &id, &["master", "node2"]);
    assert!(
        !fs::read_dir(second.path(STORE).join("manifests"))
            .unwrap()
            .any(|one| { one.unwrap().file_name().to_string_lossy().starts_with(&id) })
    );

    let refused = second.eos(&["snapshot", "pull", &id, "--from", "nobody"]).ends_with(2);
    assert!(refused.stderr.contains("error[EOS-T168]") && refused.stderr.contains("node2 (127.0.43.2:4506)"));
    let pulled = result(&second, &format!("snapshot pull {} --from node2", &id[..12]));
    assert_eq!((&pulled["id"], names(&pulled["sources"])), (&Value::from(id.as_str()), vec!["node2"]));
    let received = pulled["received_bytes"].as_u64().unwrap();
    assert!(received > 0, "{pulled}");
    let told = |what: &str| metric(&first.address, 4506, &format!("eos_agent_snapshot_sent_{what}_total"));
    assert_eq!(told("bytes"), received, "what one sent the other received");
    assert!(told("ranges") > 0, "by ranges");
    second.eos(&["snapshot", "verify", &id]).ends_with(0);
    let again = second.eos(&["snapshot", "pull", &id, "--output", "json"]).ends_with(0);
    assert_eq!(again.verdict()["outcome"], "no-change");
    let text = fs::read(second.path(STORE).join("tally.json")).unwrap();
    let pulls = &serde_json::from_slice::<Value>(&text).unwrap()["pulls"];
    assert_eq!((&pulls["count"], &pulls["failures"]["EOS-T168"]), (&Value::from(1), &Value::from(1)));
    assert_eq!(pulls["received_bytes"], pulled["received_bytes"]);
    is_held(&master, &id, &["master", "node2", "node3"]);

    restart(&master, "eos-master");
    is_held(&master, &id, &["master", "node2", "node3"]);
    let text = master.eos(&["snapshot", "list", "--cluster"]).ends_with(0).stdout;
    assert!(text.contains(&id) && text.contains("HELD BY"), "{text}");
    first.eos(&["snapshot", "list", "--cluster"]).ends_with(5);

    master.eos(&["node", "remove", "node3"]).ends_with(0);
    is_held(&master, &id, &["master", "node2"]);
    fs::remove_dir_all(second.path(STORE)).unwrap();
    let refused = second.eos(&["snapshot", "pull", &id]).ends_with(5);
    assert!(refused.stderr.contains("EOS-J010"), "{}", refused.stderr);
}

#[test]
fn a_holder_that_is_killed_is_waited_for_and_a_puller_that_is_killed_goes_on_where_it_stopped() {
    let [master, first, second] = [(5, "node1"), (6, "node2"), (7, "node3")]
        .map(|(host, name)| Machine::empty(&format!("127.0.43.{host}"), name));
    large(&master);
    joins(&first, &master);
    let id = own(&first);
    joins(&second, &master);
    is_held(&master, &id, &["master", "node2"]);
    // Nothing of it is there, also nothing that the other snapshot has in common with it.
    fs::remove_dir_all(second.path(STORE)).unwrap();

    let slowly = ["snapshot", "pull", &id, "--from", "node2", "--bandwidth", "6000000", "--output", "json"];
    let mut command = second.command(&slowly);
    let mut pulling = Waiting::until(&mut command, Stream::Output, "\"transfer\"");
    restart(&first, "eos-agent");
    let partial = second.path(STORE).join("partial").join(&id);
    // It goes on with the holder that is back, which counts from its start what it sends.
    pulling.and_until(|line| there(line).is_some_and(|bytes| bytes > 8_000_000));
    let killed = pulling.killed_and_read();
    assert_eq!(killed.status, None, "by a signal that nothing can answer");
    assert!(partial.exists(), "what came stays");
    let before = killed.stdout.lines().filter_map(there).max().unwrap();

    let pulled = result(&second, &format!("snapshot pull {id} --from node2"));
    let (received, all) = (pulled["received_bytes"].as_u64().unwrap(), pulled["bytes"].as_u64().unwrap());
    assert!(before + received <= all, "{before} were there, {received} came again, of {all}");
    assert!(before < all && received > 0, "it was in the middle");
    assert!(!partial.exists());
    second.eos(&["snapshot", "verify", &id]).ends_with(0);
}

/// Bytes that are there, as a line of progress tells.
pub fn there(line: &str) -> Option<u64> {
    let event: Value = serde_json::from_str(line).ok()?;
    event["done_bytes"].as_u64()
}

/// A number that a daemon counts for its metrics.
#[track_caller]
pub fn metric(address: &str, port: u16, name: &str) -> u64 {
    let url = format!("https://{address}:{port}/metrics");
    let told =
        Command::new("curl").args(["--silent", "--insecure", "--noproxy", "*", &url]).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {told}")).trim().parse().unwrap()
}

#[test]
fn a_pull_that_is_killed_in_the_middle_costs_less_than_a_frame_for_each_connection() {
    const CONNECTIONS: u64 = 3;
    const FRAME: u64 = 2 << 20;
    /// What may lie in the sockets of a connection, sent and not read.
    const SOCKETS: u64 = 1 << 20;
    let [master, first] =
        [(13, "node1"), (14, "node2")].map(|(host, name)| Machine::empty(&format!("127.0.43.{host}"), name));
    large(&master);
    joins(&first, &master);
    let id = own(&first);
    is_held(&master, &id, &["master", "node2"]);
    fs::remove_dir_all(first.path(STORE)).unwrap();

    let sent = || metric(&master.address, 4507, "eos_master_snapshot_sent_bytes_total");
    let sending = || metric(&master.address, 4507, "eos_master_snapshot_sent_milliseconds_total");
    let (sent_before, sending_before, began) = (sent(), sending(), Instant::now());
    let pull = format!("snapshot pull {id} --connections {CONNECTIONS}");
    let slowly = format!("{pull} --bandwidth 8000000 --output json");
    let mut command = first.command(&slowly.split(' ').collect::<Vec<_>>());
    let mut pulling = Waiting::until(&mut command, Stream::Output, "\"transfer\"");
    pulling.and_until(|line| there(line).is_some_and(|bytes| bytes > 10_000_000));
    let killed = pulling.killed_and_read();
    assert_eq!(killed.status, None, "by a signal that nothing can answer");
    let before = killed.stdout.lines().filter_map(there).max().unwrap();
    let mut files = killed.stdout.lines().filter_map(|line| {
        let files = &serde_json::from_str::<Value>(line).ok()?["files"];
        Some((files["done"].as_u64()?, files["total"].as_u64()?))
    });
    // The large file alone is missing.
    assert!(files.next_back().is_some_and(|(done, total)| done > 0 && done < total), "{}", killed.stdout);

    let pulled = result(&first, &pull);
    let (received, all) = (pulled["received_bytes"].as_u64().unwrap(), pulled["bytes"].as_u64().unwrap());
    assert!(before + received <= all, "{before} were there, {received} came again, of {all}");
    assert!(before < all && received > 0, "it was in the middle");
    // What the source has sent in both runs, and what of it was lost on the way or in the sockets of the killed one.
    let twice = (sent() - sent_before).saturating_sub(all);
    assert!(twice < CONNECTIONS * (FRAME + SOCKETS), "{twice} bytes came twice");
    // The sockets take a frame faster than the puller does; the answers of three connections add up.
    let (sending, took) = (sending() - sending_before, began.elapsed().as_millis() as u64);
    assert!(sending > 0 && sending <= CONNECTIONS * took, "{sending} ms of {took} ms");
    first.eos(&["snapshot", "verify", &id]).ends_with(0);
}

#[test]
fn of_two_holders_the_one_that_sends_wrong_bytes_is_named_and_left() {
    let [master, first, second] = [(9, "node1"), (10, "node2"), (11, "node3")]
        .map(|(host, name)| Machine::empty(&format!("127.0.43.{host}"), name));
    large(&master);
    joins(&first, &master);
    let id = own(&first);
    joins(&second, &master);
    is_held(&master, &id, &["master", "node2"]);
    fs::remove_dir_all(second.path(STORE)).unwrap();
    // Every frame that it sends is wrong.
    for part in fs::read_dir(first.path(STORE).join("parts")).unwrap() {
        let path = part.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes.iter_mut().step_by(1000).for_each(|byte| *byte ^= 1);
        fs::write(&path, bytes).unwrap();
    }
    let pulled = result(&second, &format!("snapshot pull {id} --connections 4"));
    assert_eq!(names(&pulled["sources"]), ["node2", "master"]);
    let dropped = pulled["dropped"].to_string();
    assert!(dropped.contains("node2 (127.0.43.10:4506) delivers wrong bytes for frame"), "{dropped}");
    second.eos(&["snapshot", "verify", &id]).ends_with(0);

    // Sizes are right, so that only who reads it sees the damage; a sound copy takes its place.
    let run = first.eos(&["snapshot", "verify", &id]).ends_with(1);
    assert!(run.stderr.contains(&format!("snapshot pull {id} --repair")), "{}", run.stderr);
    let received =
        |line: &str| result(&first, &format!("snapshot pull {id}{line}"))["received_bytes"].clone();
    assert_eq!(received(""), 0);
    assert_ne!(received(" --repair"), 0);
    first.eos(&["snapshot", "verify", &id]).ends_with(0);
    assert_eq!(received(" --repair"), 0);
}
