//! The pillar that the shipped tree reads, from typed values.

use crate::model::config::StorageMode;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::model::storage_ops::{Retention, Thresholds};
use serde_json::{Value, json};

/// Seconds between two looks of the storage monitor when nothing else is configured.
pub const DEFAULT_INTERVAL_SECONDS: u32 = 300;

/// Directories outside eos's own in which the shipped states write: what the unit of the agent must allow.
pub const WRITABLE: [&str; 3] = ["var/backups", "var/cache", "srv"];

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
    /// Mount points to watch.
    pub mounts: Vec<String>,
    /// Percent used at which each level is entered.
    pub thresholds: Thresholds,
    /// Days for which data is kept.
    pub retention: Retention,
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
            thresholds: Thresholds::of(scale),
            retention: Retention::of(scale),
            services: true,
        }
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
            "services": self.services,
        }})
    }
}
