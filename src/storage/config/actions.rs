//! What the monitor can do, and at which level it does it.

use crate::storage::level::Level;
use serde::{Deserialize, Serialize};

/// What is done when a level is entered; a higher level does what the lower ones do as well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Actions {
    /// At the level `warning`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
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

/// Something that the monitor can do, or has the agent do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Compress text files of the class `standard` that are older than `retention.logs`.
    CompressLogs,
    /// Delete what `compress-logs` made when it is older than `retention.compressed`.
    DeleteCompressedLogs,
    /// Delete files of the class `expendable` that are older than `retention.cache`.
    DeleteExpendable,
    /// Delete archived journal files whose last entry is older than `retention.logs`.
    VacuumJournal,
    /// Delete downloaded packages that have lain there for longer than `retention.cache`.
    CleanPackageCache,
    /// Have the container engine remove stopped containers and dangling images, networks and build cache
    /// that are older than `retention.cache`.
    PruneContainers,
    /// Stop `services`, and start those that ran again once the level is left.
    StopServices,
    /// Refuse new snapshots while the level lasts.
    RefuseSnapshots,
    /// Tell people: in the log, the status, and by `notify`.
    Notify,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 9] = [
        Self::CompressLogs,
        Self::DeleteCompressedLogs,
        Self::DeleteExpendable,
        Self::VacuumJournal,
        Self::CleanPackageCache,
        Self::PruneContainers,
        Self::StopServices,
        Self::RefuseSnapshots,
        Self::Notify,
    ];

    /// The name used in the configuration and the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::CompressLogs => "compress-logs",
            Self::DeleteCompressedLogs => "delete-compressed-logs",
            Self::DeleteExpendable => "delete-expendable",
            Self::VacuumJournal => "vacuum-journal",
            Self::CleanPackageCache => "clean-package-cache",
            Self::PruneContainers => "prune-containers",
            Self::StopServices => "stop-services",
            Self::RefuseSnapshots => "refuse-snapshots",
            Self::Notify => "notify",
        }
    }

    /// Whether it removes or replaces files by their age, which a clock that jumps makes meaningless.
    pub fn goes_by_age(self) -> bool {
        self.sweeps() || self == Self::PruneContainers
    }

    /// Whether the monitor itself does it to files, in passes that a budget bounds.
    pub fn sweeps(self) -> bool {
        matches!(
            self,
            Self::CompressLogs
                | Self::DeleteCompressedLogs
                | Self::DeleteExpendable
                | Self::VacuumJournal
                | Self::CleanPackageCache
        )
    }

    /// Whether it is a state that lasts as long as the level, so that doing it again means nothing.
    pub fn lasts(self) -> bool {
        matches!(self, Self::StopServices | Self::RefuseSnapshots)
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

    /// The lowest level that names the action.
    pub fn lowest(&self, action: Action) -> Option<Level> {
        Level::RAISED.into_iter().find(|level| self.at(*level).contains(&action))
    }
}
