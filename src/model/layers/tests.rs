//! Tests of the layers: precedence, origins, and every fault with its exact text.

use super::error::samples;
use super::*;
use crate::model::config::Config;
use crate::model::explain::{Exit, Explain, tells};
use serde_yaml::Value;

/// Every key of storage operations with a value, two columns further in than what it stands below.
const STORAGE: &str = "  mode: act
  interval_seconds: 30
  mounts: [/, /srv]
  thresholds: {warning: 60, compress: 70, cleanup: 75, degraded: 80, emergency: 85, critical: 90}
  retention: {logs: 7, compressed: 30, backups: 3, cache: 1}
  classes: {critical: [/etc], important: [/var/backups], standard: [/var/log], expendable: [/var/cache/eos]}
  actions:
    warning: []
    compress: [compress-logs]
    cleanup: [delete-expendable]
    degraded: [stop-services]
    emergency: [refuse-snapshots]
    critical: [notify]
  services: [slurmd]
  notify: {command: [/usr/bin/logger, full], webhook: 'https://10.0.0.1/hook'}
  budget: {files: 1000, bytes: 1000000}
  sysctl: {vm.swappiness: 10, net.ipv4.tcp_rmem: 4096 131072 6291456}
  limits: ['* soft core 0']
";

/// Every key with a value.
fn full() -> String {
    let deeper = STORAGE.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let roles = ["monolith", "edge", "core", "data", "compute"];
    let roles = roles.map(|role| format!("    {role}:\n{deeper}")).concat();
    FULL.replace("@@", &format!("storage:\n{STORAGE}  roles:\n{roles}"))
}

const FULL: &str = "\
cluster:
  id: prod-cluster-001
  master: 10.0.1.10:4600
  port: 4600
  ca_fingerprint: sha256:0000000000000000000000000000000000000000000000000000000000000000
  discovery: {method: none, port: 4605}
  roles:
    assignment: manual
    rebalance_on_join: false
    targets:
      medium: {edge: 1, core: 1, data: 75%, compute: 25%}
      distributed: {edge: 1, core: 2, data: 75%, compute: 25%}
    minimum:
      edge: {cpus: 1, memory_bytes: 1, disk_bytes: 1}
      core: {cpus: 1, memory_bytes: 1, disk_bytes: 1}
      data: {cpus: 1, memory_bytes: 1, disk_bytes: 1}
      compute: {cpus: 1, memory_bytes: 1, disk_bytes: 1}
node:
  name: node2
  advertise_address: 10.0.1.12
  preferred_role: data
  agent_port: 4606
  token_file: /run/secrets/eos
admission:
  addresses: [10.0.0.0/16, 'fd00::/8']
  names: [rack1-*]
  lease_seconds: 60
  silent_seconds: 30
states: {engine: salt, salt_call: /opt/salt/bin/salt-call, salt_master: /etc/salt}
@@snapshot:
  mode: streaming
  embed_bytes: 1000000
  connections: 2
  bandwidth_bytes: 100000000
  pullers: 8
  retention: {count: 7, age_seconds: 604800, bytes: 1000000000}
  sources:
    - name: metrics
      path: /srv/metrics
      roles: [data]
      write_once: ['*.sst']
telemetry:
  otlp_endpoint: http://127.0.0.1:4317
";

fn file(text: &str) -> Layers {
    Layers { files: vec![named("/etc/eos/cluster.yaml", text)], ..Layers::default() }
}

fn named(path: &str, text: &str) -> ConfigFile {
    ConfigFile { path: path.to_owned(), bytes: text.as_bytes().to_vec() }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn fault(layers: &Layers) -> String {
    resolve(layers).expect_err("a fault").to_string()
}

#[test]
fn nothing_is_the_default() -> Result<(), ConfigError> {
    for text in ["", "# nothing\n", "cluster:\nnode:\n", "cluster:\n  id:\n"] {
        let resolved = resolve(&file(text))?;
        assert_eq!(resolved.config, Config::default());
        assert!(resolved.origins.0.iter().all(|leaf| leaf.origin == Origin::Default));
    }
    Ok(())
}

#[test]
fn the_table_of_keys_is_that_of_the_configuration() -> Result<(), ConfigError> {
    fn leaves(prefix: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Mapping(entries) if keys::find(prefix.trim_start_matches('.')).is_none() => {
                for (name, value) in entries {
                    let name = name.as_str().expect("names are text");
                    leaves(&format!("{prefix}.{name}"), value, found);
                }
            }
            _ => found.push(prefix.trim_start_matches('.').to_owned()),
        }
    }
    let resolved = resolve(&file(&full()))?;
    let mut found = Vec::new();
    leaves("", &serde_yaml::to_value(&resolved.config).expect("it is data"), &mut found);
    let (mut known, mut found): (Vec<_>, Vec<_>) = (KEYS.iter().map(|key| key.path).collect(), found);
    known.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, known);
    let unset: Vec<_> =
        resolved.origins.0.iter().filter(|l| l.value.is_null() || l.origin == Origin::Default).collect();
    assert!(unset.is_empty(), "{unset:?}");
    Ok(())
}

#[test]
fn a_later_layer_wins_and_says_where_it_is() -> Result<(), ConfigError> {
    let layers = Layers {
        files: vec![
            named("/etc/eos/cluster.yaml", "cluster:\n  port: 1\n  id: a\n  discovery:\n    port: 7\n"),
            named("/etc/eos/cluster.yaml.d/10.yaml", "cluster:\n  port: 2\nnode: {name: b}\n"),
            named("/etc/eos/cluster.yaml.d/20.yaml", "cluster:\n  port: 3\n  id: null\n"),
        ],
        environment: vec![
            pair("EOS_NODE_NAME", "c"),
            pair("EOS_STORAGE_MOUNTS", "/, /srv"),
            pair("EOS_CLUSTER_ROLES_REBALANCE_ON_JOIN", "false"),
            pair("EOS_NODE_PREFERRED_ROLE", ""),
            pair("EOS_TOKEN", "never looked at"),
        ],
        flags: vec![FlagValue { key: "node.name", flag: "--node-name", value: "d".to_owned() }],
    };
    let Resolved { config, origins } = resolve(&layers)?;
    assert_eq!((config.cluster.port, config.cluster.id, config.cluster.discovery.port), (3, None, 7));
    assert_eq!(config.storage.every.mounts, Some(vec!["/".to_owned(), "/srv".to_owned()]));
    assert!(!config.cluster.roles.rebalance_on_join);
    let told = |key: &str| origins.get(key).map(|leaf| leaf.origin.to_string()).expect("a key");
    assert_eq!(told("cluster.port"), "/etc/eos/cluster.yaml.d/20.yaml:2");
    assert_eq!(told("cluster.discovery.port"), "/etc/eos/cluster.yaml:5");
    assert_eq!(told("cluster.id"), "default");
    assert_eq!(told("node.name"), "--node-name");
    assert_eq!(told("node.preferred_role"), "default");
    assert_eq!(told("storage.mounts"), "EOS_STORAGE_MOUNTS");
    let json = serde_json::to_string(origins.get("cluster.port").expect("a key")).expect("it is data");
    assert_eq!(
        json,
        r#"{"key":"cluster.port","value":3,"origin":{"from":"file","path":"/etc/eos/cluster.yaml.d/20.yaml","line":2}}"#
    );
    Ok(())
}

#[test]
fn thresholds_may_be_spread_over_layers() -> Result<(), ConfigError> {
    let five =
        "storage:\n  thresholds: {warning: 60, compress: 70, cleanup: 75, degraded: 80, emergency: 85}\n";
    let with = |critical: &str| {
        let environment = vec![pair("EOS_STORAGE_THRESHOLDS_CRITICAL", critical)];
        resolve(&Layers { environment, ..file(five) })
    };
    assert_eq!(with("90")?.config.storage.every.thresholds.critical, Some(90));
    assert_eq!(
        with("85").expect_err("not above").to_string(),
        "EOS_STORAGE_THRESHOLDS_CRITICAL: storage.thresholds.critical 85 is not above \
         storage.thresholds.emergency 85 (/etc/eos/cluster.yaml:2:81)"
    );
    Ok(())
}

#[test]
fn every_wrong_value_is_named_where_it_stands() {
    for (text, told) in [
        ("cluster:\n  port: 0", ":2:9: cluster.port must be a whole number from 1 to 65535, not 0"),
        ("cluster:\n  port: [1]", ":2:9: cluster.port must be a whole number from 1 to 65535, not [1]"),
        ("cluster:\n  id: 7", ":2:7: cluster.id must be text: put it in quotes, not 7"),
        ("cluster:\n  id: {a: 1}", ":2:7: cluster.id must be text, not a mapping"),
        (
            "cluster:\n  master: 10.0.1",
            ":2:11: cluster.master \"10.0.1\" is not an address of a master: \
             an IPv4 address has four numbers from 0 to 255",
        ),
        (
            "cluster:\n  discovery:\n    method: broadcast",
            ":3:13: cluster.discovery.method must be one of multicast, none, not broadcast",
        ),
        (
            "cluster:\n  roles: {rebalance_on_join: 1}",
            ":2:30: cluster.roles.rebalance_on_join must be true or false, not 1",
        ),
        ("node:\n  advertise_address: eth0", ":2:22: node.advertise_address must be an IP address, not eth0"),
        (
            "node:\n  name: a b",
            ":2:9: node.name \"a b\" is not a valid NodeName: 1 to 63 letters, digits, '-', '_' or '.', \
             starting with a letter or digit",
        ),
        ("node:\n  token_file: eos1.secret", ":2:15: node.token_file must be an absolute path"),
        (
            "admission:\n  addresses: [10.0.0.0]",
            ":2:15: admission.addresses must be address ranges such as 10.0.0.0/16, not 10.0.0.0",
        ),
        ("admission:\n  addresses: 10.0.0.0/8", ":2:14: admission.addresses must be a list, not 10.0.0.0/8"),
        (
            "admission:\n  names: ['a b']",
            ":2:12: admission.names must be patterns of node names such as rack1-*, not a b",
        ),
        ("storage:\n  mounts: [srv]", ":2:12: storage.mounts must be an absolute path, not srv"),
        (
            "telemetry:\n  otlp_endpoint: http://me:secret@host",
            ":2:18: telemetry.otlp_endpoint must not hold a user or password",
        ),
        (
            "telemetry:\n  otlp_endpoint: 127.0.0.1:4317",
            ":2:18: telemetry.otlp_endpoint must be a URL such as http://127.0.0.1:4317",
        ),
        ("cluster: 5", ":1:1: cluster must hold keys, not a value"),
        ("- a", ": the file must hold keys, not a value"),
    ] {
        assert_eq!(fault(&file(text)), format!("/etc/eos/cluster.yaml{told}"));
    }
}

#[test]
fn bad_roles_and_fingerprints_are_faults() {
    for text in ["node: {preferred_role: boss}", "cluster: {ca_fingerprint: 'sha256:00'}"] {
        assert!(matches!(resolve(&file(text)), Err(ConfigError::BadValue { .. })), "{text}");
    }
}

#[test]
fn an_unknown_key_names_the_one_that_was_meant() {
    for (text, told, hints) in [
        (
            "cluster:\n  id: a\n  prot: 1",
            ":3:3: unknown key cluster.prot",
            vec![
                "did you mean: cluster.port",
                "cluster may hold: id, master, port, ca_fingerprint, discovery, roles",
            ],
        ),
        (
            "rebalance_on_join: true",
            ":1:1: unknown key rebalance_on_join",
            vec![
                "did you mean: cluster.roles.rebalance_on_join",
                "the file may hold: cluster, node, admission, storage, states, snapshot, telemetry",
            ],
        ),
        (
            "cluster.port: 7",
            ": unknown key cluster.port",
            vec![
                "did you mean: cluster.port",
                "the file may hold: cluster, node, admission, storage, states, snapshot, telemetry",
            ],
        ),
        (
            "node:\n  token: eos1.secret",
            ":2:3: unknown key node.token",
            vec![
                "a token never stands in the configuration: --token-file FILE, or EOS_TOKEN",
                "node may hold: name, advertise_address, preferred_role, agent_port, token_file",
            ],
        ),
    ] {
        let error = resolve(&file(text)).expect_err("an unknown key");
        assert_eq!(error.to_string(), format!("/etc/eos/cluster.yaml{told}"));
        assert_eq!(error.hints(), hints);
    }
}

#[test]
fn variables_and_flags_are_checked_like_files() {
    let environment = vec![pair("EOS_CLUSTER_PROT", "1"), pair("EOS_CLUSTER_PORT", "http")];
    let flags = vec![
        FlagValue { key: "node.name", flag: "--node-name", value: "-x".to_owned() },
        FlagValue { key: "node.nmae", flag: "--set", value: String::new() },
    ];
    let error = resolve(&Layers { environment, flags, ..Layers::default() }).expect_err("four faults");
    assert_eq!(
        error.to_string(),
        "4 faults in the configuration: unknown variable EOS_CLUSTER_PROT; \
         EOS_CLUSTER_PORT: cluster.port must be a whole number from 1 to 65535, not http; \
         --node-name: node.name \"-x\" is not a valid NodeName: 1 to 63 letters, digits, '-', '_' or '.', \
         starting with a letter or digit; --set: unknown key node.nmae"
    );
    assert_eq!(error.hints()[0], "did you mean: EOS_CLUSTER_PORT");
}

#[test]
fn what_is_no_yaml_is_named_with_its_line() {
    let twice = resolve(&file("cluster: {id: a, id: b}\n")).expect_err("a key twice");
    assert_eq!(
        twice.to_string(),
        "/etc/eos/cluster.yaml:1: the key id is given twice in the mapping that starts here"
    );
    let error = resolve(&file("cluster:\n  id: [a\n")).expect_err("no YAML");
    assert!(error.to_string().starts_with("/etc/eos/cluster.yaml:"), "{error}");
    assert_eq!(error.code().to_string(), "EOS-C004");
    let unfit = super::resolve::typed(Value::from(7)).expect_err("seven is no configuration");
    assert_eq!(unfit.to_string(), "the configuration does not fit together");
}

#[test]
fn every_fault_has_its_text_code_and_hints() {
    let told: Vec<String> =
        samples().iter().map(|e| format!("{} {e} | {}", e.code(), e.hints().join(" | "))).collect();
    let validate = "correct it and look again: eos config validate";
    let number = "cluster.port must be a whole number from 1 to 65535";
    assert_eq!(
        told,
        [
            "EOS-C005 a.yaml:2: the key id is given twice in the mapping that starts here | look at the line: sed -n 2p a.yaml".to_owned(),
            "EOS-C021 /etc/eos/cluster.yaml:1:1: the file must hold keys, not a value | the file may hold: cluster, node".to_owned(),
            "EOS-C021 /etc/eos/cluster.yaml:1:1: cluster must hold keys, not a value | cluster may hold: id".to_owned(),
            "EOS-C022 /etc/eos/cluster.yaml:3:3: unknown key cluster.prot | did you mean: cluster.port | cluster may hold: id, port".to_owned(),
            "EOS-C022 /etc/eos/cluster.yaml:3:3: unknown key token | a token never stands in the configuration: --token-file FILE, or EOS_TOKEN | the file may hold: id, port".to_owned(),
            format!("EOS-C023 /etc/eos/cluster.yaml:4:9: {number}, not 70000 | {validate}"),
            format!("EOS-C023 /etc/eos/cluster.yaml:4:9: {number} | {validate}"),
            "EOS-C024 unknown variable EOS_NODE_NAM | did you mean: EOS_NODE_NAME".to_owned(),
            "EOS-C024 unknown variable EOS_NODE_COLOUR | take it away: unset EOS_NODE_COLOUR | see every key: eos config show --origin".to_owned(),
            format!("EOS-C023 /etc/eos/cluster.yaml:9:7: storage.actions.cleanup must be one of delete-expendable, notify, not delete-expendible | did you mean: delete-expendable | {validate}"),
            format!("EOS-C026 /etc/eos/cluster.yaml:12:15: storage.thresholds.compress 70 is not above storage.thresholds.warning 80 (/etc/eos/cluster.yaml:11:14) | {validate}"),
            format!("EOS-C027 the configuration does not fit together | {validate}"),
            format!("EOS-C039 2 faults in the configuration: /etc/eos/cluster.yaml:4:9: {number}; /etc/eos/cluster.yaml:12:15: storage.thresholds.compress 70 is not above storage.thresholds.warning 80 (/etc/eos/cluster.yaml:11:14) | {validate}"),
        ]
    );
    assert!(samples().iter().all(|error| error.exit() == Exit::Usage));
}

#[test]
fn thresholds_that_do_not_ascend_are_a_fault() {
    let every = "storage:\n  thresholds: {warning: 60, compress: 60, cleanup: 75}\n";
    let equal = "/etc/eos/cluster.yaml:2:39: storage.thresholds.compress 60 is not above storage.thresholds.warning 60 \
                 (/etc/eos/cluster.yaml:2:25)";
    assert_eq!(fault(&file(every)), equal);
    let role = "  roles: {data: {thresholds: {cleanup: 60}}}\n";
    assert_eq!(
        fault(&file(&(every.replace("compress: 60", "compress: 70") + role))),
        "/etc/eos/cluster.yaml:3:40: storage.roles.data.thresholds.cleanup 60 is not above \
         storage.thresholds.compress 70 (/etc/eos/cluster.yaml:2:39)"
    );
    assert_eq!(fault(&file(&(every.to_owned() + role))).matches("is not above").count(), 2);
}

/// A wrong value below `storage:`, what is told, and the first hint.
const WRONG_IN_STORAGE: &[(&str, &str, &str)] = &[
    (
        "storage:\n  actions:\n    cleanup:\n    - compress-logs\n    - delete-expendible\n",
        ":5:7: storage.actions.cleanup must be one of compress-logs, delete-compressed-logs, delete-expendable, vacuum-journal, \
         clean-package-cache, prune-containers, stop-services, refuse-snapshots, notify, not delete-expendible",
        "did you mean: delete-expendable",
    ),
    (
        "storage:\n  roles:\n    data: {mode: atc}\n",
        ":3:18: storage.roles.data.mode must be one of observe, act, not atc",
        "did you mean: act",
    ),
    (
        "storage:\n  roles:\n    dta: {mode: act}\n",
        ":3:5: unknown key storage.roles.dta",
        "did you mean: storage.roles.data",
    ),
    (
        "storage:\n  roles:\n    data:\n      retention: {log: 60}\n",
        ":4:19: unknown key storage.roles.data.retention.log",
        "did you mean: storage.roles.data.retention.logs",
    ),
    (
        "storage:\n  limits: ['* soft noflie 1']\n",
        ":2:20: storage.limits must be one of core, data, fsize, memlock, nofile, rss, stack, cpu, nproc, as, \
         maxlogins, maxsyslogins, nonewprivs, priority, locks, sigpending, msgqueue, nice, rtprio, not noflie",
        "did you mean: nofile",
    ),
    (
        "storage:\n  services:\n    - slurmd\n    - eos-agent\n",
        ":4:7: storage.services must not be a service of eos itself, not eos-agent",
        LOOK_AGAIN,
    ),
    (
        "storage:\n  sysctl:\n    vm.swappiness: 10\n    dirty_bytes: 1\n",
        ":4:5: storage.sysctl must have names of kernel settings such as vm.swappiness, not dirty_bytes",
        LOOK_AGAIN,
    ),
    (
        "storage:\n  classes: {standard: [/var/log, /var/../etc]}\n",
        ":2:34: storage.classes.standard must be a path without `.` and `..`, not /var/../etc",
        LOOK_AGAIN,
    ),
    (
        "storage:\n  retention:\n    cache: 0\n",
        ":3:12: storage.retention.cache must be a whole number from 1 to 3650, not 0",
        LOOK_AGAIN,
    ),
    (
        "storage:\n  notify:\n    command: [logger]\n",
        ":3:14: storage.notify.command must begin with the absolute path of a program, not [logger]",
        LOOK_AGAIN,
    ),
];

const LOOK_AGAIN: &str = "correct it and look again: eos config validate";

#[test]
fn a_wrong_word_in_storage_names_its_place_and_the_one_that_was_meant() {
    for (text, told, meant) in WRONG_IN_STORAGE {
        for path in ["/etc/eos/cluster.yaml", "/etc/eos/cluster.yaml.d/90-site.yaml"] {
            let layers = Layers { files: vec![named(path, text)], ..Layers::default() };
            let error = resolve(&layers).expect_err("a fault");
            assert_eq!(error.to_string(), format!("{path}{told}"));
            assert_eq!(error.hints()[0], *meant, "{text}");
        }
    }
}

#[test]
fn storage_of_one_role_is_laid_layer_by_layer_and_says_where_it_is() -> Result<(), ConfigError> {
    let layers = Layers {
        files: vec![
            named(
                "a.yaml",
                "storage:\n  retention: {logs: 9}\n  roles:\n    data:\n      retention: {logs: 60}\n",
            ),
            named("b.yaml", "storage: {roles: {data: {sysctl: {vm.swappiness: 1}}}}\n"),
        ],
        environment: vec![pair("EOS_STORAGE_ROLES_DATA_SERVICES", "rsync, nfs-server")],
        ..Layers::default()
    };
    let Resolved { config, origins } = resolve(&layers)?;
    let data = config.storage.of(crate::model::role::Role::Data);
    assert_eq!(data.retention.logs, Some(60));
    assert_eq!(data.services, Some(vec!["rsync".to_owned(), "nfs-server".to_owned()]));
    let told = |key: &str| origins.get(key).map(|leaf| leaf.origin.to_string()).expect("a key");
    assert_eq!(told("storage.retention.logs"), "a.yaml:2");
    assert_eq!(told("storage.roles.data.retention.logs"), "a.yaml:5");
    assert_eq!(told("storage.roles.data.sysctl"), "b.yaml:1");
    assert_eq!(told("storage.roles.data.services"), "EOS_STORAGE_ROLES_DATA_SERVICES");
    assert_eq!(told("storage.roles.core.services"), "default");
    Ok(())
}

#[test]
fn values_that_make_no_configuration_are_told_as_such() {
    let tree: Value = serde_yaml::from_str("cluster: {port: many}").expect("it is YAML");
    let error = resolve::typed(tree).expect_err("a port is a number");
    tells(&error, "EOS-C027", "the configuration does not fit together");
}
