//! The pillar that the shipped tree reads, from typed values.

use crate::model::config::{StorageConfig, StorageMode};
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::model::storage_ops::{Retention, Thresholds};
use crate::model::storage_settings::StorageSettings;
use serde_json::{Value, json};

/// Seconds between two looks of the storage monitor when nothing else is configured.
pub const DEFAULT_INTERVAL_SECONDS: u32 = 300;

/// Directories outside eos's own in which the shipped states write: what the unit of the agent must allow.
pub const WRITABLE: [&str; 6] =
    ["var/backups", "var/cache", "var/crash", "srv", "etc/sysctl.d", "etc/security/limits.d"];

/// What the states of one node depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The node's name.
    pub node: String,
    /// What it is for.
    pub role: Role,
    /// How large its cluster is.
    pub scale: Scale,
    /// Empty for the host itself, otherwise an absolute path without a slash at its end.
    pub root: String,
    /// Absolute path of the eos program.
    pub binary: String,
    /// Whether the monitor acts.
    pub mode: StorageMode,
    /// Seconds between two looks of the monitor.
    pub interval_seconds: u32,
    /// Mount points to watch on every node.
    pub mounts: Vec<String>,
    /// Every mount point of the node, as it sees them: those of its role are watched where they are among these.
    pub mounted: Vec<String>,
    /// Percent used at which each level is entered, for its scale.
    pub thresholds: Thresholds,
    /// Days for which data is kept, for its scale.
    pub retention: Retention,
    /// What the operator wants instead of what role and scale have.
    pub settings: StorageSettings,
    /// Whether services are run; false while an image is built.
    pub services: bool,
}

impl Inputs {
    /// The defaults of a role and a scale for a node, watching `/`.
    pub fn of(node: &str, role: Role, scale: Scale) -> Self {
        Self {
            node: node.to_owned(),
            role,
            scale,
            root: String::new(),
            binary: "/usr/local/bin/eos".to_owned(),
            mode: StorageMode::default(),
            interval_seconds: DEFAULT_INTERVAL_SECONDS,
            mounts: vec!["/".to_owned()],
            mounted: Vec::new(),
            thresholds: Thresholds::of(scale),
            retention: Retention::of(scale),
            settings: StorageSettings::default(),
            services: true,
        }
    }

    /// The same with what the configuration says instead of the defaults. Mounts, thresholds and retention are set
    /// beside the settings too: a tree of before there were settings looks for them there.
    pub fn configured(mut self, storage: &StorageConfig) -> Self {
        let settings = storage.of(self.role);
        self.mounts = settings.mounts.clone().unwrap_or(self.mounts);
        self.mode = settings.mode.unwrap_or(self.mode);
        self.interval_seconds = settings.interval_seconds.unwrap_or(self.interval_seconds);
        self.thresholds = settings.thresholds.over(self.thresholds);
        self.retention = settings.retention.over(self.retention);
        self.settings = settings;
        self
    }

    /// The pillar: everything under the key `eos`.
    pub fn pillar(&self) -> Value {
        json!({"eos": {
            "node": self.node,
            "role": self.role,
            "scale": self.scale,
            "root": self.root,
            "binary": self.binary,
            "mode": self.mode,
            "interval_seconds": self.interval_seconds,
            "mounts": self.mounts,
            "thresholds": self.thresholds,
            "retention": self.retention,
            "mounted": self.mounted,
            "storage": self.settings,
            "services": self.services,
        }})
    }
}
