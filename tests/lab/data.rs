//! Data of users: what one node captures is on the nodes of its role when they join, and on no others.

use crate::support::{Host, Lab, eventually};
use eos::host::inventory::Inventory;
use eos::host::root::Root;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

const SOURCES: &str = "snapshot:\n  sources:\n    - {name: metrics, path: /srv/metrics, roles: [data]}\n";

/// The modification time of a path, and which file it is among its names.
fn times(host: &Host) -> Vec<(i64, i64, u64)> {
    let names = ["", "/text", "/again", "/below", "/below/large", "/below/empty"];
    let of = |name: &str| {
        let metadata = std::fs::metadata(host.path(&format!("srv/metrics{name}"))).expect("it is there");
        (metadata.mtime(), metadata.mtime_nsec(), metadata.nlink())
    };
    names.map(of).to_vec()
}

fn inventory(host: &Host) -> Inventory {
    let root = Root::new(host.path("")).expect("it is there");
    Inventory::of(&root, &["srv/metrics"]).expect("it can be read")
}

/// Some of everything that people keep.
fn fill(host: &Host) {
    host.write("srv/metrics/text", "one\n");
    let large: Vec<u8> =
        (0..3_000_000u32).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    std::fs::create_dir_all(host.path("srv/metrics/below/empty")).expect("the root is ours");
    std::fs::write(host.path("srv/metrics/below/large"), large).expect("the root is ours");
    std::fs::hard_link(host.path("srv/metrics/text"), host.path("srv/metrics/again"))
        .expect("one file system");
    symlink("../text", host.path("srv/metrics/below/link")).expect("the root is ours");
    std::os::unix::fs::chown(host.path("srv/metrics/text"), Some(12), Some(34)).expect("it is run as root");
    let private = std::fs::Permissions::from_mode(0o2750);
    std::fs::set_permissions(host.path("srv/metrics/below"), private).expect("the root is ours");
}

#[test]
fn what_a_node_captures_is_byte_identical_on_a_node_of_its_role_that_joins_and_not_on_one_of_another() {
    let lab = Lab::new(3);
    let [first, second, third] = lab.hosts();
    first.write("etc/eos/cluster.yaml", SOURCES);
    first.bootstrap_single();
    fill(first);
    let created = first.eos(&["snapshot", "create", "metrics"]).done();
    let id = created.result()["snapshots"][0]["id"].as_str().expect("an id").to_owned();
    let known = |names: &[&str]| {
        let listed = first.eos(&["snapshot", "list", "--cluster"]).done();
        let all = listed.result()["snapshots"].as_array().cloned().unwrap_or_default();
        let one = all.iter().find(|one| one["snapshot"]["id"] == id.as_str()).cloned().unwrap_or_default();
        let holders = one["holders"].as_array().cloned().unwrap_or_default();
        let found: Vec<&str> = holders.iter().filter_map(|holder| holder["name"].as_str()).collect();
        if found == names { Ok(()) } else { Err(format!("{found:?} and not {names:?}: {listed:?}")) }
    };
    eventually("the master knows who holds the snapshot", || known(&["node1"]));

    let token = first.token(&[]);
    let joined = second.join(first, &["--token", &token]).done();
    first.converged(2);
    assert!(!second.path("srv/metrics").exists(), "it is for other roles: {}", joined.story());
    let refused = second.eos(&["snapshot", "pull", "metrics"]);
    let why = "the source metrics is for the roles data, and the caller has core (EOS-T162)";
    refused.failed(1, "EOS-T043", &["node1 (10.77.0.11:4506) does not deliver the snapshot", why]);

    let joined = third.join(first, &["--token", &token]).done();
    first.converged(3);
    let role = |name: &str| first.node(name).expect("a member")["role"].as_str().unwrap_or("none").to_owned();
    assert_eq!(["node1", "node2", "node3"].map(role), ["edge", "core", "data"], "{}", joined.story());
    assert_eq!(inventory(first).difference(&inventory(third)), [""; 0], "{}", joined.story());
    assert_eq!(times(first), times(third));
    eventually("nobody else has it", || known(&["node1"]));
}
