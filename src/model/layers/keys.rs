//! The table of every configuration key: its kind, and the variable that sets it.

use super::kind::Kind;
use crate::model::snapshots::MOST_EMBEDDED_BYTES;
use crate::model::storage_settings::ACTIONS;
use std::sync::LazyLock;

/// A key that has a value, as opposed to a section.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// `cluster.discovery.port`.
    pub path: &'static str,
    /// What may stand there.
    pub kind: Kind,
}

const fn key(path: &'static str, kind: Kind) -> Key {
    Key { path, kind }
}

/// Days.
const DAYS: Kind = Kind::Number { least: 1, most: 3650 };

/// Percent of a mount.
const PERCENT: Kind = Kind::Number { least: 1, most: 100 };

/// What may be counted, but not be nothing.
const AMOUNT: Kind = Kind::Number { least: 1, most: u64::MAX };

/// The keys of storage operations, for every node or for those of one role.
macro_rules! storage_keys {
    ($under:literal) => {
        [
            key(concat!($under, ".interval_seconds"), Kind::Number { least: 1, most: 86_400 }),
            key(concat!($under, ".mounts"), Kind::Paths),
            key(concat!($under, ".thresholds.warning"), PERCENT),
            key(concat!($under, ".thresholds.compress"), PERCENT),
            key(concat!($under, ".thresholds.cleanup"), PERCENT),
            key(concat!($under, ".thresholds.degraded"), PERCENT),
            key(concat!($under, ".thresholds.emergency"), PERCENT),
            key(concat!($under, ".thresholds.critical"), PERCENT),
            key(concat!($under, ".retention.logs"), DAYS),
            key(concat!($under, ".retention.compressed"), DAYS),
            key(concat!($under, ".retention.backups"), DAYS),
            key(concat!($under, ".retention.cache"), DAYS),
            key(concat!($under, ".classes.critical"), Kind::Paths),
            key(concat!($under, ".classes.important"), Kind::Paths),
            key(concat!($under, ".classes.standard"), Kind::Paths),
            key(concat!($under, ".classes.expendable"), Kind::Paths),
            key(concat!($under, ".actions.warning"), Kind::Words(&ACTIONS)),
            key(concat!($under, ".actions.compress"), Kind::Words(&ACTIONS)),
            key(concat!($under, ".actions.cleanup"), Kind::Words(&ACTIONS)),
            key(concat!($under, ".actions.degraded"), Kind::Words(&ACTIONS)),
            key(concat!($under, ".actions.emergency"), Kind::Words(&ACTIONS)),
            key(concat!($under, ".actions.critical"), Kind::Words(&ACTIONS)),
            key(concat!($under, ".services"), Kind::Services),
            key(concat!($under, ".notify.command"), Kind::Command),
            key(concat!($under, ".notify.webhook"), Kind::Webhook),
            key(concat!($under, ".budget.files"), AMOUNT),
            key(concat!($under, ".budget.bytes"), AMOUNT),
            key(concat!($under, ".sysctl"), Kind::KernelSettings),
            key(concat!($under, ".limits"), Kind::Limits),
            key(concat!($under, ".mode"), Kind::OneOf(&["observe", "act"])),
        ]
    };
}

/// Every key, in the order in which they are shown.
pub static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let storage = [
        storage_keys!("storage"),
        storage_keys!("storage.roles.monolith"),
        storage_keys!("storage.roles.edge"),
        storage_keys!("storage.roles.core"),
        storage_keys!("storage.roles.data"),
        storage_keys!("storage.roles.compute"),
    ];
    [BEFORE_STORAGE, storage.as_flattened(), AFTER_STORAGE].concat()
});

const BEFORE_STORAGE: &[Key] = &[
    key("cluster.id", Kind::ClusterId),
    key("cluster.master", Kind::Endpoint),
    key("cluster.port", Kind::Number { least: 1, most: 65535 }),
    key("cluster.ca_fingerprint", Kind::Fingerprint),
    key("cluster.discovery.method", Kind::OneOf(&["multicast", "none"])),
    key("cluster.discovery.port", Kind::Number { least: 1, most: 65535 }),
    key("cluster.roles.assignment", Kind::OneOf(&["automatic", "manual"])),
    key("cluster.roles.rebalance_on_join", Kind::Bool),
    key("cluster.roles.targets.medium.edge", Kind::Target),
    key("cluster.roles.targets.medium.core", Kind::Target),
    key("cluster.roles.targets.medium.data", Kind::Target),
    key("cluster.roles.targets.medium.compute", Kind::Target),
    key("cluster.roles.targets.distributed.edge", Kind::Target),
    key("cluster.roles.targets.distributed.core", Kind::Target),
    key("cluster.roles.targets.distributed.data", Kind::Target),
    key("cluster.roles.targets.distributed.compute", Kind::Target),
    key("cluster.roles.minimum.edge.cpus", Kind::Number { least: 0, most: 65_536 }),
    key("cluster.roles.minimum.edge.memory_bytes", Kind::Number { least: 0, most: u64::MAX }),
    key("cluster.roles.minimum.edge.disk_bytes", Kind::Number { least: 0, most: u64::MAX }),
    key("cluster.roles.minimum.core.cpus", Kind::Number { least: 0, most: 65_536 }),
    key("cluster.roles.minimum.core.memory_bytes", Kind::Number { least: 0, most: u64::MAX }),
    key("cluster.roles.minimum.core.disk_bytes", Kind::Number { least: 0, most: u64::MAX }),
    key("cluster.roles.minimum.data.cpus", Kind::Number { least: 0, most: 65_536 }),
    key("cluster.roles.minimum.data.memory_bytes", Kind::Number { least: 0, most: u64::MAX }),
    key("cluster.roles.minimum.data.disk_bytes", Kind::Number { least: 0, most: u64::MAX }),
    key("cluster.roles.minimum.compute.cpus", Kind::Number { least: 0, most: 65_536 }),
    key("cluster.roles.minimum.compute.memory_bytes", Kind::Number { least: 0, most: u64::MAX }),
    key("cluster.roles.minimum.compute.disk_bytes", Kind::Number { least: 0, most: u64::MAX }),
    key("node.name", Kind::NodeName),
    key("node.advertise_address", Kind::Address),
    key("node.preferred_role", Kind::Role),
    key("node.agent_port", Kind::Number { least: 1, most: 65535 }),
    key("node.token_file", Kind::TokenFile),
    key("admission.addresses", Kind::Networks),
    key("admission.names", Kind::Patterns),
    key("admission.lease_seconds", Kind::Number { least: 1, most: 86_400 }),
    key("admission.silent_seconds", Kind::Number { least: 1, most: 86_400 }),
];

const AFTER_STORAGE: &[Key] = &[
    key("states.engine", Kind::OneOf(&["embedded", "salt"])),
    key("states.salt_call", Kind::Path),
    key("states.salt_master", Kind::PathOrNone),
    key("snapshot.mode", Kind::OneOf(&["auto", "embedded", "streaming"])),
    key("snapshot.embed_bytes", Kind::Number { least: 0, most: MOST_EMBEDDED_BYTES }),
    key("snapshot.connections", Kind::Number { least: 1, most: 64 }),
    key("snapshot.bandwidth_bytes", Kind::Number { least: 1 << 16, most: u64::MAX }),
    key("snapshot.pullers", Kind::Number { least: 1, most: 10_000 }),
    key("snapshot.retention.count", Kind::Number { least: 1, most: 1_000_000 }),
    key("snapshot.retention.age_seconds", Kind::Number { least: 1, most: 3_155_760_000 }),
    key("snapshot.retention.bytes", Kind::Number { least: 1, most: u64::MAX }),
    key("snapshot.sources", Kind::Sources),
    key("telemetry.otlp_endpoint", Kind::Url),
];

impl Key {
    /// The environment variable that sets it, `EOS_CLUSTER_DISCOVERY_PORT`.
    pub fn variable(&self) -> String {
        format!("EOS_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }
}

/// The key of that path.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether the path is a section: something that holds keys. The empty path holds them all.
pub fn is_section(path: &str) -> bool {
    path.is_empty() || KEYS.iter().any(|key| below(key.path, path).is_some())
}

/// The names that may stand directly in a section, each once.
pub fn names_in(section: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for key in KEYS.iter() {
        let rest = if section.is_empty() { Some(key.path) } else { below(key.path, section) };
        let name = rest.map(|rest| rest.split('.').next().unwrap_or(rest));
        if let Some(name) = name.filter(|name| !names.contains(name)) {
            names.push(name);
        }
    }
    names
}

/// Whether a variable has the form of one that sets a key of some section.
pub fn is_for_a_section(variable: &str) -> bool {
    names_in("").iter().any(|section| variable.starts_with(&format!("EOS_{}_", section.to_ascii_uppercase())))
}

fn below<'a>(path: &'a str, section: &str) -> Option<&'a str> {
    path.strip_prefix(section)?.strip_prefix('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_their_names_follow_from_the_table() {
        assert_eq!(
            names_in(""),
            ["cluster", "node", "admission", "storage", "states", "snapshot", "telemetry"]
        );
        assert_eq!(names_in("cluster.roles"), ["assignment", "rebalance_on_join", "targets", "minimum"]);
        assert_eq!(names_in("storage.roles"), ["monolith", "edge", "core", "data", "compute"]);
        assert!(is_section("storage.thresholds") && !is_section("storage.mode") && !is_section("clust"));
    }

    #[test]
    fn every_key_has_a_variable_of_its_own() {
        let mut variables: Vec<String> = KEYS.iter().map(Key::variable).collect();
        assert!(variables.contains(&"EOS_CLUSTER_DISCOVERY_PORT".to_owned()));
        assert!(variables.iter().all(|variable| is_for_a_section(variable)));
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), KEYS.len());
        assert!(!is_for_a_section("EOS_TOKEN") && !is_for_a_section("EOS_ARTIFACT"));
    }
}
