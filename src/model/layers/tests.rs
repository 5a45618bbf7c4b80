//! Tests of the layers: precedence, origins, and every fault with its exact text.

use super::error::samples;
use super::*;
use crate::model::config::Config;
use crate::model::explain::{Exit, Explain, tells};
use serde_yaml::Value;

/// Every key with a value.
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
storage:
  mounts: [/, /srv]
  interval_seconds: 30
  thresholds: {warning: 60, compress: 70, cleanup: 75, degraded: 80, emergency: 85, critical: 90}
  retention: {logs: 7, backups: 3, cache: 1}
  mode: act
states: {engine: salt, salt_call: /opt/salt/bin/salt-call}
snapshot:
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
            Value::Mapping(entries) => {
                for (name, value) in entries {
                    let name = name.as_str().expect("names are text");
                    leaves(&format!("{prefix}.{name}"), value, found);
                }
            }
            _ => found.push(prefix.trim_start_matches('.').to_owned()),
        }
    }
    let resolved = resolve(&file(FULL))?;
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
    assert_eq!(config.storage.mounts, ["/", "/srv"]);
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
    assert_eq!(fault(&file(five)), "storage.thresholds lacks critical");
    let environment = vec![pair("EOS_STORAGE_THRESHOLDS_CRITICAL", "90")];
    let resolved = resolve(&Layers { environment, ..file(five) })?;
    assert_eq!(resolved.config.storage.thresholds.map(|t| t.critical), Some(90));
    Ok(())
}

#[test]
fn every_wrong_value_is_named_where_it_stands() {
    for (text, told) in [
        ("cluster:\n  port: 0", ":2: cluster.port must be a whole number from 1 to 65535, not 0"),
        ("cluster:\n  port: [1]", ":2: cluster.port must be a whole number from 1 to 65535, not [1]"),
        ("cluster:\n  id: 7", ":2: cluster.id must be text: put it in quotes, not 7"),
        ("cluster:\n  id: {a: 1}", ":2: cluster.id must be text, not a mapping"),
        (
            "cluster:\n  master: 10.0.1",
            ":2: cluster.master \"10.0.1\" is not an address of a master: \
             an IPv4 address has four numbers from 0 to 255",
        ),
        (
            "cluster:\n  discovery:\n    method: broadcast",
            ":3: cluster.discovery.method must be one of multicast, none, not broadcast",
        ),
        (
            "cluster:\n  roles: {rebalance_on_join: 1}",
            ":2: cluster.roles.rebalance_on_join must be true or false, not 1",
        ),
        ("node:\n  advertise_address: eth0", ":2: node.advertise_address must be an IP address, not eth0"),
        (
            "node:\n  name: a b",
            ":2: node.name \"a b\" is not a valid NodeName: 1 to 63 letters, digits, '-', '_' or '.', \
             starting with a letter or digit",
        ),
        ("node:\n  token_file: eos1.secret", ":2: node.token_file must be an absolute path"),
        (
            "admission:\n  addresses: [10.0.0.0]",
            ":2: admission.addresses must be address ranges such as 10.0.0.0/16, not [10.0.0.0]",
        ),
        ("admission:\n  addresses: 10.0.0.0/8", ":2: admission.addresses must be a list, not 10.0.0.0/8"),
        (
            "admission:\n  names: ['a b']",
            ":2: admission.names must be patterns of node names such as rack1-*, not [a b]",
        ),
        ("storage:\n  mounts: [srv]", ":2: storage.mounts must be an absolute path, not [srv]"),
        (
            "telemetry:\n  otlp_endpoint: http://me:secret@host",
            ":2: telemetry.otlp_endpoint must not hold a user or password",
        ),
        (
            "telemetry:\n  otlp_endpoint: 127.0.0.1:4317",
            ":2: telemetry.otlp_endpoint must be a URL such as http://127.0.0.1:4317",
        ),
        ("cluster: 5", ":1: cluster must hold keys, not a value"),
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
            ":3: unknown key cluster.prot",
            vec![
                "did you mean: cluster.port",
                "cluster may hold: id, master, port, ca_fingerprint, discovery, roles",
            ],
        ),
        (
            "rebalance_on_join: true",
            ":1: unknown key rebalance_on_join",
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
            ":2: unknown key node.token",
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
            "EOS-C021 /etc/eos/cluster.yaml:1: the file must hold keys, not a value | the file may hold: cluster, node".to_owned(),
            "EOS-C021 /etc/eos/cluster.yaml:1: cluster must hold keys, not a value | cluster may hold: id".to_owned(),
            "EOS-C022 /etc/eos/cluster.yaml:3: unknown key cluster.prot | did you mean: cluster.port | cluster may hold: id, port".to_owned(),
            "EOS-C022 /etc/eos/cluster.yaml:3: unknown key token | a token never stands in the configuration: --token-file FILE, or EOS_TOKEN | the file may hold: id, port".to_owned(),
            format!("EOS-C023 /etc/eos/cluster.yaml:4: {number}, not 70000 | {validate}"),
            format!("EOS-C023 /etc/eos/cluster.yaml:4: {number} | {validate}"),
            "EOS-C024 unknown variable EOS_NODE_NAM | did you mean: EOS_NODE_NAME".to_owned(),
            "EOS-C024 unknown variable EOS_NODE_COLOUR | take it away: unset EOS_NODE_COLOUR | see every key: eos config show --origin".to_owned(),
            "EOS-C025 storage.retention lacks backups, cache | give all values of storage.retention, or none of them to have those of the scale".to_owned(),
            format!("EOS-C026 storage.thresholds must ascend: compress 70 is not above warning 80 | {validate}"),
            format!("EOS-C027 the configuration does not fit together | {validate}"),
            format!("EOS-C039 2 faults in the configuration: /etc/eos/cluster.yaml:4: {number}; storage.thresholds must ascend: compress 70 is not above warning 80 | {validate}"),
        ]
    );
    assert!(samples().iter().all(|error| error.exit() == Exit::Usage));
}

#[test]
fn thresholds_that_do_not_ascend_are_a_fault() {
    let text = FULL.replace("compress: 70", "compress: 60");
    assert_eq!(fault(&file(&text)), "storage.thresholds must ascend: compress 60 is not above warning 60");
}

#[test]
fn values_that_make_no_configuration_are_told_as_such() {
    let tree: Value = serde_yaml::from_str("cluster: {port: many}").expect("it is YAML");
    let error = resolve::typed(tree).expect_err("a port is a number");
    tells(&error, "EOS-C027", "the configuration does not fit together");
}
