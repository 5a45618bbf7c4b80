//! The configuration of storage operations: `storage-ops.yaml`, version 1.

mod actions;
mod error;
mod notices;
#[cfg(test)]
mod tests;

pub use actions::{Action, Actions};
pub use error::ConfigError;
pub use notices::{Notices, OWN_SERVICES};

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

/// The whole file. An unknown key is an error; what is optional came after the first release.
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

/// What one pass of the monitor may do at most, in all directories together; the next pass goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassBudget {
    /// Files deleted or compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Bytes that these files take on the disk; the file that reaches it is the last.
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

impl Classes {
    /// The critical paths, those of eos itself included.
    pub fn all_critical(&self) -> Vec<PathBuf> {
        self.critical.iter().cloned().chain(ALWAYS_CRITICAL.map(PathBuf::from)).collect()
    }

    /// Whether the deepest class that holds the path is one that is never touched.
    pub fn keeps(&self, path: &Path) -> bool {
        let depth = |classes: &[PathBuf]| {
            let holding = classes.iter().filter(|class| path.starts_with(class));
            holding.map(|class| class.components().count()).max()
        };
        let kept = depth(&self.all_critical()).max(depth(&self.important));
        kept.is_some() && kept >= depth(&self.standard).max(depth(&self.expendable))
    }

    /// What a pass over `directory` must not touch under whatever name, and must not lie in: every critical path, and
    /// every important one; but an important path that holds the directory gave it away, since the deepest class counts.
    pub fn protected_from(&self, directory: &Path) -> Vec<PathBuf> {
        let important = self.important.iter().filter(|path| !directory.starts_with(path)).cloned();
        self.all_critical().into_iter().chain(important).collect()
    }

    /// What a pass over `directory` leaves to the passes over other directories, under whatever name it meets it.
    pub fn spared_from(&self, directory: &Path) -> Vec<PathBuf> {
        let removable = self.standard.iter().chain(&self.expendable);
        removable.filter(|path| !directory.starts_with(path)).cloned().collect()
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
        in_range("retention.compressed", self.retention.compressed.unwrap_or(1), 1, 3650)?;
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
        self.validate_removable("classes.expendable", &self.classes.expendable)?;
        self.validate_budget()?;
        notices::validate_services(&self.services)?;
        self.notify.as_ref().map_or(Ok(()), Notices::validate)
    }

    fn validate_budget(&self) -> Result<(), ConfigError> {
        let budget = self.budget.unwrap_or_default();
        for (key, value) in [("budget.files", budget.files), ("budget.bytes", budget.bytes)] {
            if value == Some(0) {
                return Err(ConfigError::Budget { key });
            }
        }
        Ok(())
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
