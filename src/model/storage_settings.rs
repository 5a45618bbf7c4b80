//! `storage:` of the configuration: what an operator wants of storage operations instead of the roles' defaults.

use crate::model::digest::Digest;
use crate::model::role::Role;
use crate::model::storage_ops::{Retention, Thresholds};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// What storage operations can do, by the names that a level lists.
pub const ACTIONS: [&str; 9] = [
    "compress-logs",
    "delete-compressed-logs",
    "delete-expendable",
    "vacuum-journal",
    "clean-package-cache",
    "prune-containers",
    "stop-services",
    "refuse-snapshots",
    "notify",
];

/// The whole section: for every node, and for nodes of one role over that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageConfig {
    /// For every node.
    #[serde(flatten)]
    pub every: StorageSettings,
    /// For nodes of one role.
    #[serde(skip_serializing_if = "unset")]
    pub roles: RoleSettings,
}

/// What nodes of one role have instead of what every node has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleSettings {
    /// The only node of a cluster.
    #[serde(skip_serializing_if = "unset")]
    pub monolith: StorageSettings,
    /// Entrances.
    #[serde(skip_serializing_if = "unset")]
    pub edge: StorageSettings,
    /// Core services.
    #[serde(skip_serializing_if = "unset")]
    pub core: StorageSettings,
    /// Bulk data.
    #[serde(skip_serializing_if = "unset")]
    pub data: StorageSettings,
    /// Work.
    #[serde(skip_serializing_if = "unset")]
    pub compute: StorageSettings,
}

/// Settings that replace the defaults of role and scale; what is not given stays as they have it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageSettings {
    /// `observe` only reports, `act` does what the levels say; `observe` when left out.
    #[serde(skip_serializing_if = "unset")]
    pub mode: Option<StorageMode>,
    /// Seconds between two looks.
    #[serde(skip_serializing_if = "unset")]
    pub interval_seconds: Option<u32>,
    /// Mounts to watch, instead of `/` and those of the role.
    #[serde(skip_serializing_if = "unset")]
    pub mounts: Option<Vec<String>>,
    /// Percent used at which a level is entered.
    #[serde(skip_serializing_if = "unset", deserialize_with = "null_is_unset")]
    pub thresholds: ThresholdSettings,
    /// Days for which data is kept.
    #[serde(skip_serializing_if = "unset", deserialize_with = "null_is_unset")]
    pub retention: RetentionSettings,
    /// Directories by what their loss would mean; a list that is given replaces that class.
    #[serde(skip_serializing_if = "unset")]
    pub classes: ClassSettings,
    /// What is done at each level; a list that is given replaces that level's.
    #[serde(skip_serializing_if = "unset")]
    pub actions: ActionSettings,
    /// What `stop-services` stops.
    #[serde(skip_serializing_if = "unset")]
    pub services: Option<Vec<String>>,
    /// Whom `notify` tells.
    #[serde(skip_serializing_if = "unset")]
    pub notify: NotifySettings,
    /// What one pass may do at most.
    #[serde(skip_serializing_if = "unset")]
    pub budget: BudgetSettings,
    /// Kernel settings by name; none leaves one to the kernel that the role would set.
    #[serde(skip_serializing_if = "unset")]
    pub sysctl: BTreeMap<String, Option<KernelValue>>,
    /// Lines of limits.conf: domain, type, item, value.
    #[serde(skip_serializing_if = "unset")]
    pub limits: Option<Vec<String>>,
}

/// Whether the storage monitor acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageMode {
    /// Report only.
    #[default]
    Observe,
    /// Report and act.
    Act,
}

/// The value of a kernel setting, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KernelValue {
    /// A number.
    Number(i64),
    /// Anything else, several numbers for one.
    Text(String),
}

/// Thresholds that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the fields are the levels of `Thresholds`")]
pub struct ThresholdSettings {
    #[serde(skip_serializing_if = "unset")]
    pub warning: Option<u8>,
    #[serde(skip_serializing_if = "unset")]
    pub compress: Option<u8>,
    #[serde(skip_serializing_if = "unset")]
    pub cleanup: Option<u8>,
    #[serde(skip_serializing_if = "unset")]
    pub degraded: Option<u8>,
    #[serde(skip_serializing_if = "unset")]
    pub emergency: Option<u8>,
    #[serde(skip_serializing_if = "unset")]
    pub critical: Option<u8>,
}

/// Days that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSettings {
    /// Logs.
    #[serde(skip_serializing_if = "unset")]
    pub logs: Option<u32>,
    /// Logs once they are compressed.
    #[serde(skip_serializing_if = "unset")]
    pub compressed: Option<u32>,
    /// Backups.
    #[serde(skip_serializing_if = "unset")]
    pub backups: Option<u32>,
    /// Caches.
    #[serde(skip_serializing_if = "unset")]
    pub cache: Option<u32>,
}

/// Classes that differ.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassSettings {
    /// Never touched, nor anything under it.
    #[serde(skip_serializing_if = "unset")]
    pub critical: Option<Vec<String>>,
    /// Kept.
    #[serde(skip_serializing_if = "unset")]
    pub important: Option<Vec<String>>,
    /// Compressed when old.
    #[serde(skip_serializing_if = "unset")]
    pub standard: Option<Vec<String>>,
    /// Deleted when old.
    #[serde(skip_serializing_if = "unset")]
    pub expendable: Option<Vec<String>>,
}

/// Actions that differ.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the fields are the levels of `Thresholds`")]
pub struct ActionSettings {
    #[serde(skip_serializing_if = "unset")]
    pub warning: Option<Vec<String>>,
    #[serde(skip_serializing_if = "unset")]
    pub compress: Option<Vec<String>>,
    #[serde(skip_serializing_if = "unset")]
    pub cleanup: Option<Vec<String>>,
    #[serde(skip_serializing_if = "unset")]
    pub degraded: Option<Vec<String>>,
    #[serde(skip_serializing_if = "unset")]
    pub emergency: Option<Vec<String>>,
    #[serde(skip_serializing_if = "unset")]
    pub critical: Option<Vec<String>>,
}

/// Whom `notify` tells besides the log and the status.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifySettings {
    /// A program with its arguments.
    #[serde(skip_serializing_if = "unset")]
    pub command: Option<Vec<String>>,
    /// A URL.
    #[serde(skip_serializing_if = "unset")]
    pub webhook: Option<String>,
}

/// What one pass may do at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSettings {
    /// Files.
    #[serde(skip_serializing_if = "unset")]
    pub files: Option<u64>,
    /// Bytes of these.
    #[serde(skip_serializing_if = "unset")]
    pub bytes: Option<u64>,
}

fn unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An eos before these settings had optional values sends null for a set that is not given.
fn null_is_unset<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

impl StorageConfig {
    /// What nodes of this role have: what stands for the role, over what stands for every node.
    pub fn of(&self, role: Role) -> StorageSettings {
        let own = match role {
            Role::Monolith => &self.roles.monolith,
            Role::Edge => &self.roles.edge,
            Role::Core => &self.roles.core,
            Role::Data => &self.roles.data,
            Role::Compute => &self.roles.compute,
        };
        own.over(&self.every)
    }

    /// The same for the same settings, and for no others.
    pub fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("settings are plain data"))
    }
}

/// For each field, what is given here, or else there.
macro_rules! over {
    ($own:expr, $under:expr, $kind:ident { $($field:ident),* $(,)? }) => {
        $kind { $($field: $own.$field.clone().or_else(|| $under.$field.clone())),* }
    };
}

impl StorageSettings {
    fn over(&self, under: &Self) -> Self {
        let (own, sysctl) = (self, under.sysctl.clone().into_iter().chain(self.sysctl.clone()).collect());
        Self {
            mode: own.mode.or(under.mode),
            interval_seconds: own.interval_seconds.or(under.interval_seconds),
            // Nothing to watch is no wish: an empty list leaves the mounts to the role.
            mounts: own.mounts.clone().or_else(|| under.mounts.clone()).filter(|mounts| !mounts.is_empty()),
            thresholds: over!(
                own.thresholds,
                under.thresholds,
                ThresholdSettings { warning, compress, cleanup, degraded, emergency, critical }
            ),
            retention: over!(
                own.retention,
                under.retention,
                RetentionSettings { logs, compressed, backups, cache }
            ),
            classes: over!(
                own.classes,
                under.classes,
                ClassSettings { critical, important, standard, expendable }
            ),
            actions: over!(
                own.actions,
                under.actions,
                ActionSettings { warning, compress, cleanup, degraded, emergency, critical }
            ),
            services: own.services.clone().or_else(|| under.services.clone()),
            notify: over!(own.notify, under.notify, NotifySettings { command, webhook }),
            budget: over!(own.budget, under.budget, BudgetSettings { files, bytes }),
            sysctl,
            limits: own.limits.clone().or_else(|| under.limits.clone()),
        }
    }
}

impl ThresholdSettings {
    /// The thresholds of a scale with these instead.
    pub fn over(&self, scale: Thresholds) -> Thresholds {
        Thresholds {
            warning: self.warning.unwrap_or(scale.warning),
            compress: self.compress.unwrap_or(scale.compress),
            cleanup: self.cleanup.unwrap_or(scale.cleanup),
            degraded: self.degraded.unwrap_or(scale.degraded),
            emergency: self.emergency.unwrap_or(scale.emergency),
            critical: self.critical.unwrap_or(scale.critical),
        }
    }
}

impl RetentionSettings {
    /// The retention of a scale with these instead.
    pub fn over(&self, scale: Retention) -> Retention {
        Retention {
            logs: self.logs.unwrap_or(scale.logs),
            compressed: self.compressed.or(scale.compressed),
            backups: self.backups.unwrap_or(scale.backups),
            cache: self.cache.unwrap_or(scale.cache),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_stands_for_a_role_is_laid_over_what_stands_for_every_node_value_by_value() {
        let config: StorageConfig = serde_json::from_value(json!({
            "mode": "act", "retention": {"logs": 10, "cache": 2}, "services": ["cron"],
            "classes": {"standard": ["/var/log"]}, "sysctl": {"vm.swappiness": 1, "vm.dirty_bytes": "5"},
            "roles": {"data": {"mode": "observe", "retention": {"logs": 60}, "classes": {"expendable": ["/x"]},
                               "sysctl": {"vm.swappiness": null}, "services": []}},
        }))
        .expect("it is of the form");
        let of = |role| serde_json::to_value(config.of(role)).expect("it is data");
        let every = of(Role::Core);
        assert_eq!(every, {
            let mut whole = serde_json::to_value(&config).expect("it is data");
            whole.as_object_mut().expect("a mapping").remove("roles");
            whole
        });
        assert_eq!(
            of(Role::Data),
            json!({
                "mode": "observe", "retention": {"logs": 60, "cache": 2}, "services": [],
                "classes": {"standard": ["/var/log"], "expendable": ["/x"]},
                "sysctl": {"vm.swappiness": null, "vm.dirty_bytes": "5"},
            })
        );
    }

    #[test]
    fn what_is_unset_is_not_written_and_what_is_unknown_is_refused() {
        let nothing = serde_json::to_value(StorageConfig::default()).expect("it is data");
        assert_eq!(nothing, json!({}));
        for unknown in [
            json!({"mod": "act"}),
            json!({"retention": {"log": 1}}),
            json!({"roles": {"dat": {}}}),
            json!({"roles": {"data": {"mod": "act"}}}),
            json!({"roles": {"data": {"roles": {}}}}),
        ] {
            let error = serde_json::from_value::<StorageConfig>(unknown.clone()).expect_err("an unknown key");
            assert!(error.to_string().contains("unknown field"), "{unknown}: {error}");
        }
    }

    #[test]
    fn what_an_earlier_eos_sends_is_understood() {
        let sent = json!({
            "mounts": ["/", "/srv"], "interval_seconds": null, "thresholds": null, "retention": null, "mode": "observe",
        });
        let storage: StorageConfig = serde_json::from_value(sent).expect("it is understood");
        assert_eq!(storage.every.mounts.as_deref(), Some(&["/".to_owned(), "/srv".to_owned()][..]));
    }
}
