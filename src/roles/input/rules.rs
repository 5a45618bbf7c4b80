//! The rules of role assignment: the `cluster.roles` part of `cluster.yaml`.

use super::target::{ScaleTargets, Target};
pub use crate::model::config::Assignment;
use crate::model::config::RolesConfig;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::roles::error::RoleError;
use serde::{Deserialize, Serialize};

/// How roles are assigned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleRules {
    /// Who decides.
    pub assignment: Assignment,
    /// Whether nodes that have a role may be moved to another.
    pub rebalance_on_join: bool,
    /// How many nodes of each role are wanted, by scale.
    pub targets: Targets,
    /// What a role should have at least; given up, with a warning, where the targets ask for it.
    pub minimum: Minimums,
}

/// The targets of the scales whose roles are not fixed. A scale that is given replaces its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Targets {
    /// Four to six nodes.
    pub medium: ScaleTargets,
    /// Seven nodes and more.
    pub distributed: ScaleTargets,
}

/// The least resources by role. A role that is given replaces its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Minimums {
    /// Entrances.
    pub edge: Minimum,
    /// Core services.
    pub core: Minimum,
    /// Bulk data.
    pub data: Minimum,
    /// Computing.
    pub compute: Minimum,
}

/// The least resources of one role; what is not named is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Minimum {
    /// Logical processors; the first that is given up.
    pub cpus: u32,
    /// Memory in bytes; the second that is given up.
    pub memory_bytes: u64,
    /// Size in bytes of the file system that holds the state; given up last.
    pub disk_bytes: u64,
}

const GIB: u64 = 1 << 30;

impl Default for RoleRules {
    fn default() -> Self {
        Self {
            assignment: Assignment::Automatic,
            rebalance_on_join: true,
            targets: Targets::default(),
            minimum: Minimums::default(),
        }
    }
}

impl From<&RolesConfig> for RoleRules {
    /// The configured switches, with the default targets and minimums.
    fn from(config: &RolesConfig) -> Self {
        Self { assignment: config.assignment, rebalance_on_join: config.rebalance_on_join, ..Self::default() }
    }
}

impl Default for Targets {
    /// Chosen so that each further node adds one seat to one role, across the scales too.
    fn default() -> Self {
        Self {
            medium: ScaleTargets {
                edge: Some(Target::Count(1)),
                core: Some(Target::Count(1)),
                data: Some(Target::Share(75)),
                compute: Some(Target::Share(25)),
            },
            distributed: ScaleTargets {
                edge: Some(Target::Share(10)),
                core: Some(Target::Share(20)),
                data: Some(Target::Share(50)),
                compute: Some(Target::Share(20)),
            },
        }
    }
}

impl Default for Minimums {
    fn default() -> Self {
        Self {
            edge: Minimum { cpus: 1, memory_bytes: GIB / 2, disk_bytes: 0 },
            core: Minimum { cpus: 2, memory_bytes: 2 * GIB, disk_bytes: 10 * GIB },
            data: Minimum { cpus: 1, memory_bytes: GIB, disk_bytes: 50 * GIB },
            compute: Minimum { cpus: 2, memory_bytes: 2 * GIB, disk_bytes: 0 },
        }
    }
}

impl Minimums {
    /// The least resources of a role; a monolith has none, it is all there is.
    pub fn of(&self, role: Role) -> Minimum {
        match role {
            Role::Monolith => Minimum::default(),
            Role::Edge => self.edge,
            Role::Core => self.core,
            Role::Data => self.data,
            Role::Compute => self.compute,
        }
    }
}

impl RoleRules {
    /// Refuses targets that leave a node without a role, or shares that are not a whole.
    pub fn validate(&self) -> Result<(), RoleError> {
        for (scale, largest, table) in [
            (Scale::Medium, Some(6), &self.targets.medium),
            (Scale::Distributed, None, &self.targets.distributed),
        ] {
            let (mut counts, mut shares) = (0u64, None);
            for (_, target) in table.by_role() {
                match target {
                    Some(Target::Count(count)) => counts += u64::from(count),
                    Some(Target::Share(percent)) => shares = Some(shares.unwrap_or(0) + u32::from(percent)),
                    None => {}
                }
            }
            match shares {
                Some(100) => {}
                Some(percent) => return Err(RoleError::SharesNotWhole { scale, percent }),
                None if largest.is_some_and(|largest| counts >= largest) => {}
                None => return Err(RoleError::NoShare { scale, counts }),
            }
        }
        Ok(())
    }
}
