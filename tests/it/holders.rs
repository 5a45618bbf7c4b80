//! Data that nodes hold and others want: holders that die, roles that may not have it, what the master does not know.

use crate::pulls::{incompressible, restart, there};
use crate::restores::{fill, joined, snapshot_by, sources, whole};
use crate::support::waiting::{Stream, Waiting};
use crate::support::{Machine, Run, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
const ALL: &str = "core, data, edge, compute";

/// Kills every process of the machine, as a power cut does.
#[track_caller]
fn cut_off(machine: &Machine) {
    let ended = eventually(SOON, || {
        let running = machine.processes();
        for pid in running.iter().filter_map(|pid| Pid::from_raw(*pid)) {
            let _ = kill_process(pid, Signal::KILL);
        }
        running.is_empty()
    });
    assert!(ended);
}

/// Waits until the master names these holders of the snapshot.
#[track_caller]
fn is_held(master: &Machine, id: &str, names: &[&str]) {
    let held = || {
        let run = master.eos(&["snapshot", "list", "--cluster", "--output", "json"]).ends_with(0);
        let all = run.verdict()["result"]["snapshots"].as_array().cloned().unwrap_or_default();
        let one = all.iter().find(|one| one["snapshot"]["id"] == *id).cloned();
        let holders = one.and_then(|one| one["holders"].as_array().cloned()).unwrap_or_default();
        let mut names: Vec<String> =
            holders.iter().filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect();
        names.sort();
        names
    };
    assert!(eventually(SOON, || held() == names), "{:?} and not {names:?}", held());
}

fn machines<const N: usize>(hosts: [(u8, &str); N]) -> [Machine; N] {
    hosts.map(|(host, name)| Machine::empty(&format!("127.0.53.{}", 100 + host), name))
}

#[test]
fn a_join_takes_an_older_snapshot_or_none_when_the_holder_of_the_newest_is_gone() {
    let [master, holder, first, second] = machines([(1, "node1"), (2, "node2"), (3, "node3"), (4, "node4")]);
    master.put("etc/eos/cluster.yaml", &sources(&master, ALL, "/bin/true"), 0o644);
    master.found();
    fill(&master.path("srv/metrics"), "old");
    let old = snapshot_by(&master, &master, 100);
    let of_old = whole(&master.path("srv/metrics"));
    is_held(&master, &old, &["node1"]);
    joined(&holder, &master, &[]).ends_with(0);
    fs::write(holder.path("srv/metrics/which"), "new").unwrap();
    let new = snapshot_by(&holder, &master, 200);
    is_held(&master, &new, &["node2"]);
    cut_off(&holder);

    let run = joined(&first, &master, &[]).ends_with(0);
    assert!(run.stderr.contains(&format!("snapshot {new} of metrics cannot be had: ")), "{}", run.stderr);
    assert_eq!(whole(&first.path("srv/metrics")), of_old);

    fs::remove_dir_all(master.path("var/lib/eos/snapshots")).unwrap();
    is_held(&master, &old, &[]);
    let run = joined(&second, &master, &[]).ends_with(0);
    let told = "no node that has a snapshot of metrics delivers it, so /srv/metrics stays as it is";
    assert!(
        run.stderr.contains(told) && run.stderr.contains(" snapshot restore metrics\n"),
        "{}",
        run.stderr
    );
    assert!(!second.path("srv/metrics").exists());
}

/// Waits until the command is in the middle of the transfer, kills the machine, and reads on to the end.
#[track_caller]
fn while_it_dies(mut command: Command, holder: &Machine) -> Run {
    let mut restoring = Waiting::until(&mut command, Stream::Output, "\"transfer\"");
    restoring.and_until(|line| there(line).is_some_and(|bytes| bytes > 8_000_000));
    cut_off(holder);
    restoring.finished().ends_with(0)
}

/// Insists that it was told that this holder does not deliver.
#[track_caller]
fn is_named(run: &Run, holder: &Machine, name: &str) {
    let name = format!("{name} ({}:4506)", holder.address);
    let tells = |event: &Value| {
        let text = event["cause"].as_str().or_else(|| event["text"].as_str()).unwrap_or_default();
        matches!(event["event"].as_str(), Some("waiting" | "warning")) && text.contains(&name)
    };
    let events = run.stdout.lines().filter_map(|line| serde_json::from_str(line).ok());
    assert!(events.into_iter().any(|event| tells(&event)), "{name} is not in {}", run.stdout);
}

#[test]
fn a_join_and_a_restore_go_on_with_other_holders_when_one_is_killed_in_the_middle_and_tell_its_name() {
    let all = [(11, "node1"), (12, "node2"), (13, "node3"), (14, "node4")];
    let [master, second, third, node] = machines(all);
    master.put("etc/eos/cluster.yaml", &sources(&master, ALL, "/bin/true"), 0o644);
    master.found();
    joined(&second, &master, &[]).ends_with(0);
    joined(&third, &master, &[]).ends_with(0);
    let (top, bytes) = (master.path("srv/metrics"), incompressible());
    fill(&top, "data");
    fs::write(top.join("random"), &bytes).unwrap();
    let id = snapshot_by(&master, &master, 100);
    is_held(&master, &id, &["node1"]);
    for holder in [&second, &third] {
        holder.eos(&["snapshot", "pull", "metrics"]).ends_with(0);
    }
    is_held(&master, &id, &["node1", "node2", "node3"]);

    // So slowly, and over so few connections, that the holder dies before it has sent its share.
    node.put("etc/eos/cluster.yaml", "snapshot: {bandwidth_bytes: 6000000, connections: 3}\n", 0o644);
    let mut command = node.command(&[&node.join(&master)[..], &["--output", "json"]].concat());
    command.env("EOS_TOKEN", master.token());
    let run = while_it_dies(command, &second);
    is_named(&run, &second, "node2");
    let target = node.path("srv/metrics");
    assert_eq!(whole(&target), whole(&top));
    assert!(fs::read(target.join("random")).unwrap() == bytes);

    // Nothing is here any more that need not be fetched.
    fs::remove_dir_all(node.path("srv")).unwrap();
    fs::create_dir(node.path("srv")).unwrap();
    let command = node.command(&["snapshot", "restore", "metrics", "--output", "json"]);
    let run = while_it_dies(command, &third);
    is_named(&run, &third, "node3");
    assert_eq!(run.verdict()["result"]["id"], Value::from(id));
    assert_eq!(whole(&target), whole(&top));
    assert!(fs::read(target.join("random")).unwrap() == bytes);
}

#[test]
fn a_source_is_refused_to_nodes_of_a_role_from_which_the_masters_configuration_takes_it_while_all_run() {
    let [master, core, edge] = machines([(21, "node1"), (22, "node2"), (23, "node3")]);
    master.put("etc/eos/cluster.yaml", &sources(&master, "core, edge", "/bin/true"), 0o644);
    master.found();
    for (node, role) in [(&core, "core"), (&edge, "edge")] {
        let mut command = node.command(&[&node.join(&master)[..], &["--preferred-role", role]].concat());
        let run = command.env("EOS_TOKEN", master.token()).output().unwrap();
        Run::from(run).ends_with(0);
    }
    master.eos(&["role", "set", "node2", "core"]);
    master.eos(&["role", "set", "node3", "edge"]);
    fill(&core.path("srv/metrics"), "data");
    let id = snapshot_by(&core, &master, 100);
    is_held(&master, &id, &["node2"]);
    let pulls = || edge.eos(&["snapshot", "pull", "metrics", "--from", "node2"]);
    assert!(eventually(SOON, || pulls().status == Some(0)));
    is_held(&master, &id, &["node2", "node3"]);

    let path = master.path("etc/eos/cluster.yaml");
    let config = fs::read_to_string(&path).unwrap();
    let narrower = config.replace("  - edge\n", "").replace("core, edge", "core");
    assert_ne!(narrower, config);
    fs::write(&path, narrower).unwrap();
    is_held(&master, &id, &["node2"]);
    let refused = || {
        // Its agent may look at it meanwhile.
        let _ = fs::remove_dir_all(edge.path("var/lib/eos/snapshots"));
        pulls().stderr.contains("EOS-T162")
    };
    // What was said of a member is remembered for a minute.
    assert!(eventually(3 * SOON, refused));
}

#[test]
fn what_was_captured_a_moment_ago_is_restored_although_the_master_may_not_know_it_yet() {
    let [node] = machines([(31, "node1")]);
    node.put("etc/eos/cluster.yaml", &sources(&node, "", "/bin/true"), 0o644);
    node.found();
    fill(&node.path("srv/metrics"), "first");
    for round in ["second", "third", "fourth"] {
        fs::write(node.path("srv/metrics/which"), round).unwrap();
        let json = |line: &[&str]| -> Value { node.eos(line).ends_with(0).verdict()["result"].clone() };
        let made = json(&["snapshot", "create", "metrics", "--output", "json"]);
        let restored = json(&["snapshot", "restore", "metrics", "--output", "json"]);
        assert_eq!(restored["id"], made["snapshots"][0]["id"], "{made} and {restored}");
        assert_eq!(fs::read_to_string(node.path("srv/metrics/which")).unwrap(), round);
    }
}

#[test]
fn what_was_captured_on_one_node_is_the_newest_for_all_others_at_once_or_it_is_said_that_it_is_not_yet() {
    let [master, node] = machines([(33, "node1"), (34, "node2")]);
    master.put("etc/eos/cluster.yaml", &sources(&master, ALL, "/bin/true"), 0o644);
    master.found();
    joined(&node, &master, &[]).ends_with(0);
    let create = ["snapshot", "create", "--path", "/srv/metrics", "--name", "metrics"];
    fill(&node.path("srv/metrics"), "none");
    let write = |text: &str| fs::write(node.path("srv/metrics/which"), text).unwrap();
    for round in ["first", "second", "third"] {
        write(round);
        let run = node.eos(&[&create[..], &["--output", "json"]].concat()).ends_with(0);
        assert!(!run.stdout.contains("the snapshot before"), "{}", run.stdout);
        let made = run.verdict()["result"]["snapshots"][0]["id"].clone();
        let restored = master.eos(&["snapshot", "restore", "metrics", "--output", "json"]).ends_with(0);
        assert_eq!(restored.verdict()["result"]["id"], made);
    }
    cut_off(&master);
    write("fourth");
    let run = node.eos(&create).ends_with(0);
    let told =
        "warning: others have the snapshot before as the newest until this node's agent reaches the master: ";
    assert!(run.stderr.contains(told) && run.stdout.contains("metrics: snapshot "), "{}", run.stderr);
}

#[test]
fn a_manifest_that_rotted_here_is_asked_of_others_who_have_the_snapshot() {
    let [master, node] = machines([(35, "node1"), (36, "node2")]);
    master.put("etc/eos/cluster.yaml", &sources(&master, ALL, "/bin/true"), 0o644);
    master.found();
    fill(&master.path("srv/metrics"), "first");
    joined(&node, &master, &[]).ends_with(0);
    let id = snapshot_by(&master, &master, 100);
    is_held(&master, &id, &["node1"]);
    node.eos(&["snapshot", "pull", &id]).ends_with(0);
    let manifest = node.path("var/lib/eos/snapshots/manifests").join(format!("{id}.json"));
    assert!(manifest.is_file());
    fs::write(&manifest, "{}").unwrap();
    fs::create_dir_all(node.path("srv")).unwrap();
    for what in ["metrics", &id] {
        let run = node.eos(&["snapshot", "restore", what]).ends_with(0);
        assert!(run.stderr.contains("is of no use, so others are asked: "), "{}", run.stderr);
        assert_eq!(whole(&node.path("srv/metrics")), whole(&master.path("srv/metrics")));
    }
    cut_off(&master);
    fs::remove_dir_all(node.path("srv/metrics")).unwrap();
    let run = node.eos(&["snapshot", "restore", &id]);
    assert_ne!(run.status, Some(0), "nobody else has it");
    assert!(!node.path("srv/metrics").exists());
}

/// The code of the error, and its hints as they are printed.
#[track_caller]
fn refused(node: &Machine, line: &[&str], status: i32) -> (String, String) {
    let run = node.eos(&[line, &["--output", "json"]].concat()).ends_with(status);
    let error = run.verdict()["result"]["error"].clone();
    (error["code"].as_str().unwrap().to_owned(), error["hints"].to_string())
}

/// Has every frame that it sends be wrong.
fn damage(holder: &Machine) {
    for part in fs::read_dir(holder.path("var/lib/eos/snapshots/parts")).unwrap() {
        let path = part.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes.iter_mut().step_by(100).for_each(|byte| *byte ^= 1);
        fs::write(&path, bytes).unwrap();
    }
}

/// Insists that the hints name the older one that node1 has, and the commands that take it.
#[track_caller]
fn is_pointed(hints: &str, command: &str, older: &str) {
    for told in [
        &format!(" snapshot {command} metrics --or-older\""),
        &format!(" snapshot {command} {older}\""),
        &format!("older ones: {older} of "),
        " at node1; ",
    ] {
        assert!(hints.contains(told), "{told:?} is not in {hints}");
    }
}

/// A master that was started anew cannot know what a holder has that is gone.
#[track_caller]
fn is_told_of_the_silent(master: &Machine, node: &Machine) {
    restart(master, "eos-master");
    let told = || {
        let run = node.eos(&["snapshot", "pull", "metrics"]);
        let text = "a newer snapshot of metrics may be at node2, silent since the master started";
        run.status == Some(0) && run.stderr.contains(text)
    };
    assert!(eventually(SOON, told));
}

/// Nobody can say which one is the newest.
#[track_caller]
fn is_asked_for_without_a_master(master: &Machine, node: &Machine, old: &str) {
    cut_off(master);
    let run = node.eos(&["snapshot", "restore", "metrics"]).ends_with(4);
    let told = format!("another node may have a newer one than {} of ", &old[..12]);
    assert!(run.stderr.contains(&told) && run.stderr.contains(" metrics --or-older\n"), "{}", run.stderr);
    let run = node.eos(&["snapshot", "restore", "metrics", "--or-older"]).ends_with(0);
    assert!(run.stderr.contains("the master could not be asked"), "{}", run.stderr);
    node.eos(&["snapshot", "restore", old]).ends_with(0);
}

#[test]
fn an_operator_has_older_data_only_by_saying_so_and_is_told_how_when_the_newest_cannot_be_had() {
    let [master, holder, node] = machines([(41, "node1"), (42, "node2"), (43, "node3")]);
    let config = format!("{}admission: {{silent_seconds: 2}}\n", sources(&master, ALL, "/bin/true"));
    master.put("etc/eos/cluster.yaml", &config, 0o644);
    master.found();
    joined(&holder, &master, &[]).ends_with(0);
    joined(&node, &master, &[]).ends_with(0);
    fs::create_dir_all(node.path("srv")).unwrap();
    fill(&master.path("srv/metrics"), "old");
    let old = snapshot_by(&master, &master, 100);
    let of_old = whole(&master.path("srv/metrics"));
    fill(&holder.path("srv/metrics"), "new");
    let new = snapshot_by(&holder, &master, 200);
    is_held(&master, &old, &["node1"]);
    is_held(&master, &new, &["node2"]);

    damage(&holder);
    let points = |hints: &str, command: &str| is_pointed(hints, command, &old[..12]);
    let target = node.path("srv/metrics");
    for command in ["restore", "pull"] {
        let (code, hints) = refused(&node, &["snapshot", command, "metrics"], 1);
        assert_eq!(code, "EOS-T045");
        points(&hints, command);
    }
    assert!(!target.exists());

    let run = node.eos(&["snapshot", "restore", "metrics", "--or-older", "--output", "json"]).ends_with(0);
    let result = run.verdict()["result"].clone();
    assert_eq!(
        (&result["id"], &result["instead_of"]),
        (&Value::from(old.as_str()), &[new.as_str()][..].into())
    );
    assert!(run.stdout.contains(&format!("snapshot {new} of metrics cannot be had: ")), "{}", run.stdout);
    assert_eq!(whole(&target), of_old);

    // The holder is gone.
    cut_off(&holder);
    let silent = || {
        let run = master.eos(&["snapshot", "list", "--cluster"]).ends_with(0);
        run.stdout.lines().any(|line| line.contains(&new[..12]) && line.contains("silent"))
    };
    assert!(eventually(3 * SOON, silent));
    let (code, hints) = refused(&node, &["snapshot", "pull", "metrics"], 4);
    assert_eq!(code, "EOS-T044");
    points(&hints, "pull");
    let run = node.eos(&["snapshot", "pull", "metrics", "--or-older"]).ends_with(0);
    let told = format!("it is older than what could not be had: {}\n", &new[..12]);
    assert!(run.stdout.starts_with(&old) && run.stdout.ends_with(&told), "{}", run.stdout);
    is_held(&master, &old, &["node1", "node3"]);

    // What this node has itself is taken although the holder that has it too is gone.
    let run = master.eos(&["snapshot", "pull", "metrics", "--or-older"]).ends_with(0);
    assert!(run.stdout.starts_with(&format!("{old}  is here already\n")), "{}", run.stdout);

    is_told_of_the_silent(&master, &node);
    is_asked_for_without_a_master(&master, &node, &old);
}
