//! The stores of snapshots as operators use them: shown, verified, and pruned while a node pulls.

use crate::support::{Machine, Run, eventually};
use serde_json::Value;
use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

const STORE: &str = "var/lib/eos/master/snapshots";

fn result(machine: &Machine, line: &str) -> Value {
    let arguments: Vec<&str> = line.split(' ').chain(["--output", "json"]).collect();
    machine.eos(&arguments).ends_with(0).verdict()["result"].clone()
}

fn joining(node: &Machine, master: &Machine) -> Child {
    let mut command = node.command(&node.join(master));
    command.env("EOS_TOKEN", master.token()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn ends_well(child: Child) {
    Run::from(child.wait_with_output().unwrap()).ends_with(0);
}

/// A member of a new cluster, and the id of the snapshot that it pulled.
fn member(master: &Machine, node: &Machine) -> String {
    master.found();
    ends_well(joining(node, master));
    let listed = result(node, "snapshot list");
    listed["snapshots"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_snapshot_is_shown_by_the_beginning_of_its_id_and_its_signature_is_judged() {
    let (master, node) = (Machine::empty("127.0.76.1", "node1"), Machine::empty("127.0.76.2", "node2"));
    let id = member(&master, &node);
    for machine in [&master, &node] {
        let shown = result(machine, &format!("snapshot show {} --entries", &id[..8]));
        assert_eq!(
            (&shown["id"], &shown["signature"]["trusted"]),
            (&Value::from(id.as_str()), &Value::from(true))
        );
        let by = shown["signature"]["by"].as_str().unwrap();
        assert!(by.starts_with("the master of cluster "), "{by}");
        assert_eq!(shown["readers"], serde_json::json!([]), "the pull is over");
        let paths: Vec<_> = shown["entry_list"].as_array().unwrap().iter().map(|one| &one["path"]).collect();
        assert!(paths.contains(&&Value::from("registry.db")), "{paths:?}");
        assert_eq!(shown["entries"], paths.len());
    }
    let text = node.eos(&["snapshot", "show", &id[..8]]).ends_with(0).stdout;
    assert!(text.contains("\nsignature   the cluster's authority vouches for it\n"), "{text}");
    let short = node.eos(&["snapshot", "show", &id[..7]]).ends_with(1);
    assert!(short.stderr.contains("error[EOS-T022]"), "{}", short.stderr);

    // Another cluster's authority vouches for nothing here.
    let other = Machine::empty("127.0.76.3", "other");
    other.found();
    let authority = "var/lib/eos/identity/authority.crt";
    fs::copy(other.path(authority), node.path(authority)).unwrap();
    let shown = result(&node, &format!("snapshot show {id}"));
    assert_eq!(shown["signature"]["trusted"], false, "{shown}");
    assert!(shown["signature"]["why"].is_string(), "{shown}");
}

#[test]
fn a_quick_look_finds_a_cut_part_and_a_changed_manifest_and_only_a_full_one_a_changed_byte() {
    let (master, node) = (Machine::empty("127.0.76.4", "node1"), Machine::empty("127.0.76.5", "node2"));
    let id = member(&master, &node);
    let verify = |more: &[&str]| node.eos(&[&["snapshot", "verify"], more].concat());
    assert_eq!(verify(&["--quick"]).ends_with(0).stdout, format!("{id}  sound\n"));
    let part =
        fs::read_dir(node.path("var/lib/eos/snapshots/parts")).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&part).unwrap();
    let mut bad = good.clone();
    bad[9] ^= 1;
    fs::write(&part, &bad).unwrap();
    verify(&["--quick", &id[..10]]).ends_with(0);
    let said = verify(&[&id[..10]]).ends_with(1).stderr;
    assert!(said.contains(": frame 0 at byte 0 of part "), "{said}");
    fs::write(&part, &good[1..]).unwrap();
    let said = verify(&["--quick"]).ends_with(1).stderr;
    assert!(said.contains("error[EOS-T028]") && said.contains(" bytes, and its manifest says "), "{said}");
    fs::write(&part, &good).unwrap();
    let manifest = node.path("var/lib/eos/snapshots/manifests").join(format!("{id}.json"));
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("node", "nude").replace("states", "stales")).unwrap();
    let said = verify(&["--quick"]).ends_with(1).stderr;
    assert!(said.contains("error[EOS-T028]") && said.contains("damaged: its manifest: "), "{said}");
}

#[test]
fn a_snapshot_that_a_node_pulls_survives_a_prune_by_another_process_and_goes_after_it() {
    let [master, slow, quick] = [(6, "node1"), (7, "node2"), (8, "node3")]
        .map(|(host, name)| Machine::empty(&format!("127.0.76.{host}"), name));
    master.found();
    // The slow one knows which snapshot it is, and the master holds its bytes back.
    let held = serde_json::json!([
        {"message": "GET /v1/snapshots/{id}/embedded", "from": slow.address, "fault": "hold"}
    ]);
    master.put("run/eos/test-faults.json", &held.to_string(), 0o600);
    let pulling = joining(&slow, &master);
    let taken = master.path("run/eos/test-fault-hold.taken");
    assert!(eventually(Duration::from_secs(30), || taken.exists()));
    let first = result(&master, "snapshot list")["snapshots"][0]["id"].as_str().unwrap().to_owned();
    master.eos(&["role", "set", "node1", "core"]).ends_with(0);
    ends_well(joining(&quick, &master));

    let shown = result(&master, &format!("snapshot show {first}"));
    assert!(shown["readers"][0].as_str().unwrap().starts_with("node "), "{shown}");
    let planned = result(&master, "snapshot prune --keep 1 --dry-run");
    assert_eq!(planned["removed"], 0, "{planned}");
    let pruned = result(&master, "snapshot prune --keep 1");
    let kept = pruned["snapshots"].as_array().unwrap().iter().find(|one| one["id"] == *first).unwrap();
    assert_eq!(
        (&kept["removed"], &kept["why"]),
        (&Value::from(false), &Value::from("being-read")),
        "{pruned}"
    );

    fs::remove_file(&taken).unwrap();
    ends_well(pulling);
    let pruned = master.eos(&["snapshot", "prune", "--keep", "1"]).ends_with(0);
    assert!(pruned.stdout.contains("enough newer ones\n"), "{}", pruned.stdout);
    assert!(pruned.stdout.contains("\n1 snapshot removed, "), "{}", pruned.stdout);
    assert_eq!(fs::read_dir(master.path(STORE).join("manifests")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(master.path(STORE).join("leases")).unwrap().count(), 0);
    master.eos(&["snapshot", "verify"]).ends_with(0);
    let again = master.eos(&["snapshot", "prune", "--keep", "1", "--output", "json"]).ends_with(0);
    assert_eq!(again.verdict()["outcome"], "no-change");
    master.eos(&["snapshot", "prune"]).ends_with(2);
}

#[test]
fn a_node_joins_while_other_processes_prune_all_the_time() {
    let (master, node) = (Machine::empty("127.0.76.9", "node1"), Machine::empty("127.0.76.10", "node2"));
    master.found();
    let mut joining = joining(&node, &master);
    let mut prunes = 0;
    while joining.try_wait().unwrap().is_none() {
        master.eos(&["snapshot", "prune", "--keep", "1", "--max-bytes", "0"]).ends_with(0);
        prunes += 1;
    }
    ends_well(joining);
    assert!(prunes > 0);
    for machine in [&master, &node] {
        machine.eos(&["snapshot", "verify"]).ends_with(0);
    }
}
