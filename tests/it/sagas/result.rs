//! What a bootstrap came to: everything that is the same in every run, to be compared.

use crate::support::Machine;
use eos::host::inventory::Node;
use eos::host::paths;
use eos::host::root::Root;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Files with content of their own in every run, and why. That they are there, with which mode and
/// owner, is compared all the same.
const OWN_CONTENT: [(&str, &str); 15] = [
    (paths::IDENTITY, "keys, and certificates with their times and serial numbers"),
    (paths::AUTHORITY_KEY, "a key"),
    (paths::AUTHORITY_CERTIFICATE, "it certifies that key"),
    (paths::SERVER_KEY, "a key"),
    (paths::REGISTRY, "ids of nodes, which follow from their keys, and times"),
    (paths::AUDIT, "times, and ids of nodes"),
    ("var/lib/eos/cluster/registry.db", "as the master's registry"),
    (paths::MEMBERSHIP, "ids; compared without them"),
    (paths::LEDGER, "digests of all of these; compared without them"),
    (paths::JOURNAL, "times; and the journal of a run that died tells that it did"),
    (paths::CHECKPOINTS, "times; what is in them is seen when they are rolled back"),
    (paths::LOGS, "times and process ids"),
    (paths::RUN, "times and process ids"),
    ("var/run/eos", "the same, where /run is a link"),
    ("var/lib/eos/operation.lock", "process id and time of the last command"),
];

/// Paths that come and go while services run, or are named by a digest of what differs.
fn passes(path: &str) -> bool {
    let digests = ["/manifests/", "/parts/", "/incoming/", "/partial/", "/blobs/"];
    let name = path.rsplit('/').next().unwrap_or(path);
    digests.iter().any(|part| path.contains(part))
        || path.ends_with("-wal")
        || path.ends_with("-shm")
        || name.starts_with('.') && name.contains(".eos-")
}

fn is_below(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn has_own_content(path: &str) -> bool {
    OWN_CONTENT.iter().any(|(place, _)| is_below(path, place))
}

fn node(path: &str, node: &Node) -> String {
    match node {
        Node::File { mode, uid, gid, .. } if has_own_content(path) => format!("file {mode:o} {uid}:{gid}"),
        node => format!("{node:?}"),
    }
}

/// The result, a line for each path and for each thing that is known of the node.
pub fn result(machine: &Machine) -> BTreeMap<String, String> {
    let root = machine.root();
    let tree = machine.tree();
    let nodes = tree.nodes().iter().filter(|(path, _)| !passes(path));
    let mut lines: BTreeMap<String, String> =
        nodes.map(|(path, found)| (path.clone(), node(path, found))).collect();
    let status = machine.status();
    membership(&root, &status, &mut lines);
    ledger(&root, &mut lines);
    told(machine, &status, &mut lines);
    lines
}

fn read(root: &Root, path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(root.join(path)).unwrap()).unwrap()
}

/// Role, scale, pillar, confirmed, name, addresses; the generation as how far it is behind the cluster's,
/// because each join and each leave before this run made a new one.
fn membership(root: &Root, status: &Value, lines: &mut BTreeMap<String, String>) {
    let mut membership = read(root, paths::MEMBERSHIP);
    let generation = membership["applied"]["generation"].take().as_u64().unwrap();
    let cluster = status["cluster"]["generation"].as_u64().unwrap();
    assert_eq!(status["local"]["generation"], generation, "{status}");
    lines.insert("generations behind".to_owned(), (cluster - generation).to_string());
    for id in ["node", "authority"] {
        assert!(membership[id].take().is_string(), "{id}: {membership}");
    }
    lines.insert("membership".to_owned(), membership.to_string());
}

/// Every entry, and the state before eos.
fn ledger(root: &Root, lines: &mut BTreeMap<String, String>) {
    let ledger = read(root, paths::LEDGER);
    for (path, entry) in ledger["entries"].as_object().unwrap() {
        let mut entry = entry.clone();
        if has_own_content(path) {
            mask(&mut entry["written"]);
        }
        for (path, node) in entry["contents"].as_object_mut().into_iter().flatten() {
            if has_own_content(path) {
                mask(node);
            }
        }
        lines.insert(format!("ledger: {path}"), entry.to_string());
    }
    for part in ["covered", "baseline"] {
        lines.insert(format!("ledger, {part}"), ledger[part].to_string());
    }
}

fn mask(node: &mut Value) {
    if let Some(digest) = node.get_mut("digest") {
        *digest = Value::Null;
    }
}

/// What `eos status` and the master say.
fn told(machine: &Machine, status: &Value, lines: &mut BTreeMap<String, String>) {
    let local = &status["local"];
    let nodes = status["nodes"].as_array().unwrap();
    let me = nodes.iter().find(|node| node["name"] == machine.name.as_str());
    let me = me.unwrap_or_else(|| panic!("{} is not among {nodes:?}", machine.name));
    for (who, value) in [("itself", local), ("master", me)] {
        let keys =
            ["role", "scale", "confirmed", "state", "master", "preferred", "pinned", "failure", "replaces"];
        let told: BTreeMap<&str, &Value> = keys.into_iter().map(|key| (key, &value[key])).collect();
        lines.insert(format!("told by {who}"), json!(told).to_string());
    }
    assert_eq!(local["confirmed"], true, "{status}");
    assert_eq!(me["state"], "active", "{status}");
    assert_eq!((&me["role"], &me["scale"]), (&local["role"], &local["scale"]), "{status}");
    let services = status["services"].as_array().unwrap();
    for service in services {
        assert_eq!(service["healthy"], true, "{status}");
        lines.insert(format!("service {}", service["name"]), "healthy".to_owned());
    }
    assert!(services.len() >= 2, "{status}");
    lines.insert("operations".to_owned(), status["operations"].to_string());
}

/// Asserts that two results are the same, and tells every line that is not.
#[track_caller]
pub fn assert_equal(wanted: &BTreeMap<String, String>, found: &BTreeMap<String, String>, what: &str) {
    let names: std::collections::BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    let different = names.into_iter().filter(|name| wanted.get(*name) != found.get(*name));
    let lines: Vec<String> = different
        .map(|name| format!("{name}:\n    {:?}\n    {:?}", wanted.get(name), found.get(name)))
        .collect();
    assert!(lines.is_empty(), "{what}: another result:\n  {}", lines.join("\n  "));
}
