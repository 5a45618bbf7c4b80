//! `storage:` of a configuration on real nodes: what is wrong changes nothing, what is right is what the monitor reads.

use crate::support::{Machine, assert_same};
use eos::model::role::Role;
use eos::storage::StorageOps;
use eos::storage::config::Action;
use std::fs;

const DROP_IN: &str = "etc/eos/cluster.yaml.d/50-storage.yaml";

#[test]
fn a_bootstrap_whose_storage_settings_are_wrong_changes_nothing_and_says_where_and_what_was_meant() {
    let machine = Machine::used("127.0.53.1", "node1");
    for (text, code, place, why) in [
        (
            "storage:\n  actions:\n    cleanup:\n      - delete-expendible\n",
            "EOS-C023",
            "4:9: storage.actions.cleanup must be one of ",
            "hint: did you mean: delete-expendable\n",
        ),
        (
            "storage:\n  clases:\n    critical: [/x]\n",
            "EOS-C022",
            "2:3: unknown key storage.clases",
            "hint: did you mean: storage.classes\n",
        ),
        (
            "storage:\n  roles:\n    data:\n      thresholds: {warning: 66, compress: 66}\n",
            "EOS-C026",
            "4:43: storage.roles.data.thresholds.compress 66 is not above storage.roles.data.thresholds.warning 66",
            "config validate\n",
        ),
        // Of a role that this node will not have: the cluster's next node may get it.
        (
            "storage:\n  roles:\n    data:\n      classes:\n        expendable: [/srv/tmp]\n",
            "EOS-C029",
            "5:21: storage.roles.data.classes.expendable does not fit role data at scale small",
            "classes.expendable lists /srv/tmp, which lies inside critical /srv",
        ),
    ] {
        machine.put(DROP_IN, text, 0o644);
        let before = machine.tree();
        let place = format!("error[{code}]: {}:{place}", machine.path(DROP_IN).display());
        for command in [machine.first_node(), vec!["config", "validate"], vec!["master"]] {
            let run = machine.eos(&command).ends_with(2);
            assert!(run.stderr.contains(&place) && run.stderr.contains(why), "{command:?}: {run:?}");
        }
        assert_same(&before, &machine.tree(), text);
    }
}

#[test]
fn what_is_set_for_every_node_and_for_its_role_is_what_the_monitor_of_a_node_reads() {
    let machine = Machine::empty("127.0.53.11", "node1");
    machine.put(
        "etc/eos/cluster.yaml",
        "storage:\n  mode: act\n  services: [cron]\n  actions: {warning: [notify], cleanup: [prune-containers]}\n  \
         notify: {command: [/usr/bin/logger, 'it is \"full\"']}\n  budget: {files: 100}\n  limits: ['@jobs - nofile 65536']\n",
        0o644,
    );
    let role = "storage:\n  roles:\n    monolith:\n      services: []\n      retention: {logs: 60}\n      \
                classes: {critical: [/boot], important: []}\n      sysctl: {vm.swappiness: null, vm.dirty_bytes: 1048576}\n";
    machine.put(DROP_IN, role, 0o644);
    machine.found();
    let text = fs::read_to_string(machine.path("etc/eos/storage-ops.yaml")).unwrap();
    let ops = StorageOps::parse(&text).unwrap();
    assert_eq!((ops.role, ops.retention.logs, ops.retention.cache), (Role::Monolith, 60, 1));
    assert_eq!(ops.actions.warning, [Action::Notify]);
    assert_eq!(ops.actions.cleanup, [Action::PruneContainers]);
    assert_eq!(ops.actions.compress, [Action::CompressLogs]);
    assert!(ops.services.is_empty() && ops.classes.important.is_empty());
    assert_eq!(ops.classes.critical, [std::path::Path::new("/boot")]);
    assert_eq!(ops.notify.unwrap().command, ["/usr/bin/logger", "it is \"full\""]);
    assert_eq!(ops.budget.unwrap().files, Some(100));
    let kernel = fs::read_to_string(machine.path("etc/sysctl.d/60-eos.conf")).unwrap();
    assert!(kernel.contains("\nvm.dirty_bytes = 1048576\n") && !kernel.contains("swappiness"), "{kernel}");
    let limits = fs::read_to_string(machine.path("etc/security/limits.d/60-eos.conf")).unwrap();
    assert!(limits.ends_with("\n@jobs - nofile 65536\n") && !limits.contains("core"), "{limits}");

    let shown = machine.eos(&["config", "show", "--origin"]).ends_with(0).stdout;
    let told = |key: &str| {
        let line = shown.lines().find(|line| line.split_whitespace().next() == Some(key));
        line.and_then(|line| line.split_whitespace().next_back()).map(str::to_owned)
    };
    let file = |path: &str, line: usize| Some(format!("{}:{line}", machine.path(path).display()));
    assert_eq!(told("storage.roles.monolith.retention.logs"), file(DROP_IN, 5), "{shown}");
    assert_eq!(told("storage.roles.monolith.sysctl"), file(DROP_IN, 7), "{shown}");
    assert_eq!(told("storage.retention.logs").as_deref(), Some("default"), "{shown}");
    assert_eq!(told("storage.roles.data.mode"), None, "what nobody set of a role is not shown: {shown}");
    assert!(told("storage.mode").is_some_and(|origin| origin.contains("cluster.yaml:")), "{shown}");
}
