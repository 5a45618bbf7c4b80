//! Hosts that are told by their configuration, and not by flags, what to become.

use crate::support::{Host, Lab};
use std::os::unix::fs::MetadataExt;

/// What stands at a path: mode, owner, group, bytes.
fn standing(host: &Host, path: &str) -> (u32, u32, u32, String) {
    let metadata = std::fs::metadata(host.path(path)).expect("it is there");
    (metadata.mode(), metadata.uid(), metadata.gid(), host.read(path))
}

#[test]
fn a_plain_bootstrap_joins_the_cluster_that_cluster_yaml_names_and_reset_gives_the_file_back() {
    const FILE: &str = "etc/eos/cluster.yaml";
    let mut lab = Lab::new(3);
    let master = lab.host(1);
    master.bootstrap_single();
    let token = master.token(&[]);
    lab.host_mut(2).environment = vec![("EOS_TOKEN".to_owned(), token.clone())];
    let [master, by_environment, by_file] = lab.hosts();
    by_file.write("token", &format!("{token}\n"));
    let token_file = by_file.path("token").display().to_string();
    let hosts = [(by_environment, vec![]), (by_file, vec!["--token-file", token_file.as_str()])];
    for (number, (host, arguments)) in hosts.into_iter().enumerate() {
        let written = format!(
            "# Kept by hand:  spaces and order are mine.\nnode:\n  preferred_role:   data\n  name: {}\n\
             cluster: {{master: {}}}\n",
            host.name, master.address
        );
        host.write(FILE, &written);
        let before = standing(host, FILE);
        let joined = host.eos(&[&["bootstrap"], &arguments[..]].concat()).done();
        assert_eq!(joined.verdict["outcome"], "done", "{}", joined.story());
        let status = master.converged(2 + number);
        let node = master.node(&host.name).expect("a member");
        assert_eq!(node["preferred"], "data", "{status}");
        assert_ne!(host.read(FILE), written, "what was configured is completed");
        assert!(!host.read(FILE).contains(&token));
        if number == 0 {
            host.eos(&["reset", "--verify"]).done();
            assert_eq!(standing(host, FILE), before);
            master.converged(1);
            host.eos(&["bootstrap"]).done();
            master.converged(2);
        }
    }
}

#[test]
fn a_change_of_storage_on_the_master_reaches_every_node_and_a_wrong_one_reaches_none() {
    const FILE: &str = "etc/eos/cluster.yaml.d/50-storage.yaml";
    const OPS: &str = "etc/eos/storage-ops.yaml";
    const KERNEL: &str = "etc/sysctl.d/60-eos.conf";
    const LIMITS: &str = "etc/security/limits.d/60-eos.conf";
    let lab = Lab::new(2);
    let [master, second] = lab.hosts();
    master.bootstrap_single();
    let single = master.read(KERNEL);
    assert!(single.contains("\nvm.dirty_bytes = ") && single.contains("\nvm.swappiness = 10\n"), "{single}");
    second.join(master, &["--token", &master.token(&[]), "--preferred-role", "core"]).done();
    assert_eq!(master.converged(2)["cluster"]["generation"], 2);
    assert!(second.read(KERNEL).ends_with("\nvm.swappiness = 10\n"));
    let of_edge = master.read(KERNEL);
    assert!(
        of_edge.ends_with("\nfs.inotify.max_user_instances = 1024\n") && !of_edge.contains("vm."),
        "{of_edge}"
    );
    assert!(!master.path(LIMITS).exists(), "only compute has limits");

    let wrong = "storage:\n  roles:\n    core:\n      classes: {expendable: [/etc/x]}\n";
    master.write(FILE, wrong);
    let place = format!("{}:4:29: storage.roles.core.classes.expendable", master.path(FILE).display());
    master.eos(&["config", "validate"]).failed(2, "EOS-C029", &[&place, "role core at scale small"]);

    master.write(FILE, "storage:\n  retention: {logs: 9}\n  roles:\n    core: {retention: {logs: 60}, sysctl: {vm.swappiness: null}}\n");
    master.eos(&["config", "validate"]).done();
    master.kill_service("eos-master");
    let status = master.converged(2);
    assert_eq!(status["cluster"]["generation"], 3);
    assert!(master.read(OPS).contains("\n  logs: 9\n"), "{}", master.read(OPS));
    assert!(second.read(OPS).contains("\n  logs: 60\n"), "{}", second.read(OPS));
    assert!(!second.path(KERNEL).exists(), "the only setting was left to the kernel");

    master.eos(&["role", "set", "node2", "compute"]).done();
    master.converged(2);
    assert!(second.read(LIMITS).ends_with("\n* soft core 0\n"));
    master.eos(&["role", "set", "node2", "data"]).done();
    master.converged(2);
    assert!(
        second.read(KERNEL).ends_with("\nvm.dirty_background_bytes = 67108864\nvm.dirty_bytes = 268435456\n")
    );
    assert!(!second.path(LIMITS).exists(), "the limits went with the role");
    second.eos(&["reset", "--verify"]).done();
    assert!(!second.path("etc/sysctl.d").exists() && !second.path("etc/security").exists());
}

#[test]
fn a_proxy_in_the_environment_is_warned_of_and_carries_nothing_of_a_join() {
    let mut lab = Lab::new(2);
    let proxy = |name: &str| (name.to_owned(), "http://10.77.0.99:3128".to_owned());
    lab.host_mut(2).environment =
        ["https_proxy", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"].map(proxy).to_vec();
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    let joined = joiner.join(master, &["--token", &token]).done();
    assert!(joined.told("would send what is meant for 10.77.0.11 to a proxy"), "{}", joined.story());
    master.converged(2);
}
