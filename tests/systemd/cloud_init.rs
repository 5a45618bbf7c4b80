//! Machines that become nodes at their first boot, by a real cloud-init with user data that eos rendered.

use super::host::Host;
use super::lab::Lab;
use super::tools;
use serde_json::Value;
use std::path::Path;

const SEED: &str = "var/lib/cloud/seed/nocloud";

/// cloud-init looks nowhere but on the disk, and leaves the network, the locale and the keys of ssh alone.
const SETTINGS: &str =
    "datasource_list: [NoCloud, None]\nnetwork: {config: disabled}\nlocale: false\nssh_genkeytypes: []\n";

/// User data as an operator renders it, on any machine.
fn rendered(token: &str, line: &[&str]) -> String {
    let token = format!("EOS_TOKEN={token}");
    tools::run(&[&["env", &token, env!("CARGO_BIN_EXE_eos"), "cloud-init", "render"], line].concat())
}

fn meta_data(instance: &str, number: usize) -> String {
    format!("instance-id: {instance}\nlocal-hostname: node{number}\n")
}

fn boot(lab: &Lab, number: usize, user_data: &str) -> Host {
    let (user, meta) = (format!("{SEED}/user-data"), format!("{SEED}/meta-data"));
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/cloud-init");
    let files = [
        ("etc/cloud/cloud.cfg.d/99-test.cfg", SETTINGS),
        (user.as_str(), user_data),
        (meta.as_str(), &meta_data("first", number)),
    ];
    Host::boot_from(lab, number, vec![(examples, "/mnt")], &files)
}

fn marker(host: &Host) -> Value {
    serde_json::from_str(&host.run(&["cat", "/run/eos/status.json"])).unwrap()
}

#[test]
fn machines_become_a_cluster_at_their_first_boot_and_stay_the_same_nodes_under_a_new_instance_id() {
    let lab = Lab::new(2);
    let token = tools::run(&[env!("CARGO_BIN_EXE_eos"), "token", "generate"]);
    let first = boot(&lab, 1, &rendered(token.trim(), &["--single-node"]));
    let mut second = boot(&lab, 2, &rendered(token.trim(), &["--join-cluster", &Lab::address(1)]));
    for (host, name) in [(&first, "node1"), (&second, "node2")] {
        assert!(host.run(&["cloud-init", "status"]).contains("status: done"), "{name}");
        let marker = marker(host);
        assert_eq!((marker["state"].as_str(), marker["node"]["name"].as_str()), (Some("ready"), Some(name)));
        let used =
            host.run(&["cloud-init", "schema", "--config-file", "/var/lib/cloud/instance/user-data.txt"]);
        assert!(used.contains("Valid"), "{used}");
    }
    let nodes = || first.eos(&["status"])["result"]["nodes"].as_array().unwrap().len();
    assert_eq!(nodes(), 2);

    // An image that is started as another instance runs all of its user data again.
    let key =
        || second.run(&["sha256sum", "/var/lib/eos/identity/node.crt", "/var/lib/eos/identity/node.key"]);
    let before = key();
    second.run(&["systemctl", "poweroff", "--no-block"]);
    second.off();
    second.put(&format!("{SEED}/meta-data"), &meta_data("second", 2));
    second.start();
    assert_eq!(second.run(&["cat", "/var/lib/cloud/data/instance-id"]).trim(), "second");
    assert_eq!(marker(&second)["node"]["name"], "node2");
    let said = second.run(&["journalctl", "--no-pager", "--boot", "--unit=cloud-final"]);
    assert!(said.contains("no change: node2 is already a member"), "{said}");
    let key = second.run(&["sha256sum", "/var/lib/eos/identity/node.crt", "/var/lib/eos/identity/node.key"]);
    assert_eq!((key, nodes()), (before, 2));
}

#[test]
fn the_examples_are_valid_for_cloud_init() {
    let lab = Lab::new(1);
    let host = boot(&lab, 1, "#cloud-config\n{}\n");
    let examples = host.run(&["sh", "-c", "ls /mnt/*.yaml"]);
    assert_eq!(examples.lines().count(), 3);
    for example in examples.lines() {
        let said = host.run(&["cloud-init", "schema", "--config-file", example]);
        assert!(said.contains("Valid"), "{example}: {said}");
    }
}
