//! The rules of role assignment: the `cluster.roles` part of `cluster.yaml`.

pub use crate::model::config::Assignment;
use crate::model::config::RolesConfig;
use crate::model::role_targets::{Minimums, Target, Targets};
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
        Self {
            assignment: config.assignment,
            rebalance_on_join: config.rebalance_on_join,
            targets: config.targets,
            minimum: config.minimum,
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
