//! The configuration of storage operations: `storage-ops.yaml`, version 1.

mod error;
#[cfg(test)]
mod tests;

pub use error::ConfigError;

use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::model::storage_ops::{Retention, Thresholds};
use crate::storage::level::Level;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// The version of the file that this eos reads and writes.
pub const VERSION: u32 = 1;
/// What is critical on every node, whether the configuration names it or not: the state of eos itself.
pub const ALWAYS_CRITICAL: [&str; 3] = ["/etc/eos", "/var/lib/eos", "/run/eos"];

const THRESHOLDS: [&str; 6] = [
    "thresholds.warning",
    "thresholds.compress",
    "thresholds.cleanup",
    "thresholds.degraded",
    "thresholds.emergency",
    "thresholds.critical",
];

/// The whole file. Every key is required, and an unknown one is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageOps {
    /// The version of the format: 1.
    pub version: u32,
    /// The scale of the cluster.
    pub scale: Scale,
    /// The role of this node.
    pub role: Role,
    /// Whether the monitor acts or only reports what it would do.
    pub mode: Mode,
    /// Seconds between two samples.
    pub interval_seconds: u32,
    /// The mounts that are watched.
    pub mounts: Vec<PathBuf>,
    /// Percent used at which each level is entered.
    pub thresholds: Thresholds,
    /// Days for which data is kept.
    pub retention: Retention,
    /// Directories by what their loss would mean.
    pub classes: Classes,
    /// What is done at each level.
    pub actions: Actions,
    /// What the action `stop-services` stops, without `.service`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// Whom the action `notify` tells besides the log and the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notices>,
    /// What one pass of the monitor may do at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<PassBudget>,
}

/// Whom the action `notify` tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notices {
    /// A program with its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// A URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

/// What one pass of the monitor may do at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassBudget {
    /// Files deleted or compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Bytes that these files take on the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// Whether the monitor acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Plans are reported and not executed.
    Observe,
    /// Plans are executed.
    Act,
}

/// Directories by what their loss would mean; a path belongs to the deepest class that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// Never touched, nor anything under it.
    pub critical: Vec<PathBuf>,
    /// Backups and the like: never touched by this version.
    pub important: Vec<PathBuf>,
    /// Logs: compressed when old.
    pub standard: Vec<PathBuf>,
    /// Caches: deleted when old.
    pub expendable: Vec<PathBuf>,
}

/// What is done when a level is entered; a higher level does what the lower ones do as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actions {
    /// At the level `warning`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warning: Vec<Action>,
    /// At the level `compress`.
    pub compress: Vec<Action>,
    /// At the level `cleanup`.
    pub cleanup: Vec<Action>,
    /// At the level `degraded`.
    pub degraded: Vec<Action>,
    /// At the level `emergency`.
    pub emergency: Vec<Action>,
    /// At the level `critical`.
    pub critical: Vec<Action>,
}

/// Something that the monitor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Compress text files of the class `standard` that are older than `retention.logs`.
    CompressLogs,
    /// Delete files of the class `expendable` that are older than `retention.cache`.
    DeleteExpendable,
    /// Delete archived journal files.
    VacuumJournal,
    /// Delete downloaded packages.
    CleanPackageCache,
    /// Have the container engine remove what is not in use.
    PruneContainers,
    /// Stop `services`.
    StopServices,
    /// Refuse new snapshots while the level lasts.
    RefuseSnapshots,
    /// Warn in the log and in the status.
    Notify,
}

impl Action {
    /// The name used in the configuration and the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::CompressLogs => "compress-logs",
            Self::DeleteExpendable => "delete-expendable",
            Self::VacuumJournal => "vacuum-journal",
            Self::CleanPackageCache => "clean-package-cache",
            Self::PruneContainers => "prune-containers",
            Self::StopServices => "stop-services",
            Self::RefuseSnapshots => "refuse-snapshots",
            Self::Notify => "notify",
        }
    }
}

impl Actions {
    /// The actions named for one level alone.
    pub fn at(&self, level: Level) -> &[Action] {
        match level {
            Level::Normal => &[],
            Level::Warning => &self.warning,
            Level::Compress => &self.compress,
            Level::Cleanup => &self.cleanup,
            Level::Degraded => &self.degraded,
            Level::Emergency => &self.emergency,
            Level::Critical => &self.critical,
        }
    }
}

impl Classes {
    /// The critical paths, those of eos itself included.
    pub fn all_critical(&self) -> Vec<PathBuf> {
        self.critical.iter().cloned().chain(ALWAYS_CRITICAL.map(PathBuf::from)).collect()
    }

    /// What a pass over `directory` must leave alone: every critical path, and every path of any class
    /// that lies below the directory.
    pub fn protected_from(&self, directory: &Path) -> Vec<PathBuf> {
        let nested = [&self.important, &self.standard, &self.expendable]
            .into_iter()
            .flatten()
            .filter(|path| path.as_path() != directory && path.starts_with(directory));
        let mut paths = self.all_critical();
        paths.extend(nested.cloned());
        paths
    }

    fn named(&self) -> [(&'static str, &[PathBuf]); 4] {
        [
            ("classes.critical", &self.critical),
            ("classes.important", &self.important),
            ("classes.standard", &self.standard),
            ("classes.expendable", &self.expendable),
        ]
    }
}

impl StorageOps {
    /// Reads and validates the text of a `storage-ops.yaml`.
    ///
    /// # Errors
    /// When it is not YAML of this form, has unknown keys or actions, or says what cannot be.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let parsed: Self = serde_yaml::from_str(text).map_err(ConfigError::form)?;
        parsed.validate()?;
        Ok(parsed)
    }

    /// The time between two samples.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds.into())
    }

    /// Checks what the types cannot express.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.version != VERSION {
            return Err(ConfigError::Version { found: self.version });
        }
        in_range("interval_seconds", self.interval_seconds, 1, 86_400)?;
        in_range("retention.logs", self.retention.logs, 1, 3650)?;
        in_range("retention.backups", self.retention.backups, 1, 3650)?;
        in_range("retention.cache", self.retention.cache, 1, 3650)?;
        self.validate_thresholds()?;
        if self.mounts.is_empty() {
            return Err(ConfigError::NoMounts);
        }
        distinct_paths("mounts", &self.mounts, &mut Vec::new())?;
        let mut seen = Vec::new();
        for (key, paths) in self.classes.named() {
            distinct_paths(key, paths, &mut seen)?;
        }
        self.validate_removable("classes.standard", &self.classes.standard)?;
        self.validate_removable("classes.expendable", &self.classes.expendable)
    }

    fn validate_thresholds(&self) -> Result<(), ConfigError> {
        let mut below: Option<(&'static str, u8)> = None;
        for ((level, key), value) in Level::RAISED.into_iter().zip(THRESHOLDS).zip(self.thresholds.values()) {
            in_range(key, value.into(), 1, 100)?;
            if let Some((lower, lower_value)) = below.filter(|(_, lower)| *lower >= value) {
                return Err(ConfigError::Order { level: level.name(), value, lower, lower_value });
            }
            below = Some((level.name(), value));
        }
        Ok(())
    }

    fn validate_removable(&self, key: &'static str, paths: &[PathBuf]) -> Result<(), ConfigError> {
        let critical = self.classes.all_critical();
        for path in paths {
            if path == Path::new("/") {
                return Err(ConfigError::Path { key, path: path.clone(), problem: "is the whole machine" });
            }
            if let Some(critical) = critical.iter().find(|critical| path.starts_with(critical)) {
                let (path, critical) = (path.clone(), critical.clone());
                return Err(ConfigError::InsideCritical { key, path, critical });
            }
        }
        Ok(())
    }
}

fn in_range(key: &'static str, value: u32, low: u32, high: u32) -> Result<(), ConfigError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::Range { key, value, low, high })
}

fn distinct_paths(key: &'static str, paths: &[PathBuf], seen: &mut Vec<PathBuf>) -> Result<(), ConfigError> {
    for path in paths {
        let wrong = |problem| ConfigError::Path { key, path: path.clone(), problem };
        if !path.is_absolute() {
            return Err(wrong("is not absolute"));
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(wrong("contains `..`"));
        }
        if seen.contains(path) {
            return Err(wrong("is listed twice"));
        }
        seen.push(path.clone());
    }
    Ok(())
}
