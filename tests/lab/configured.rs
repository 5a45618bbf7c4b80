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
