//! How many nodes of each role are wanted, and what a node of a role should have: the tables of
//! `cluster.roles` in `cluster.yaml`.

use crate::model::role::Role;
use serde::{Deserialize, Serialize};

/// The wanted number of nodes of one role; written `2` or `25%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Target {
    /// So many nodes.
    Count(u32),
    /// So many percent of the nodes that the counts leave.
    Share(u8),
}

/// A text that is not a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a role target: a count such as 2 or a share such as 25% expected")]
pub struct InvalidTarget {
    /// What was given (at most 40 characters of it).
    pub text: String,
}

/// A number or a text, as YAML has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u32),
    Text(String),
}

/// The targets of one scale; a role that is not named gets no node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleTargets {
    /// Entrances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<Target>,
    /// Core services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<Target>,
    /// Bulk data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Target>,
    /// Computing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Target>,
}

impl ScaleTargets {
    /// The target of a role, in the order edge, core, data, compute; the order in which counts are
    /// filled when there are fewer nodes than counts.
    pub fn by_role(&self) -> [(Role, Option<Target>); 4] {
        [
            (Role::Edge, self.edge),
            (Role::Core, self.core),
            (Role::Data, self.data),
            (Role::Compute, self.compute),
        ]
    }
}

impl TryFrom<Written> for Target {
    type Error = InvalidTarget;
    fn try_from(written: Written) -> Result<Self, InvalidTarget> {
        match written {
            Written::Number(count) => Ok(Self::Count(count)),
            Written::Text(text) => Self::parse(&text),
        }
    }
}

impl From<Target> for Written {
    fn from(target: Target) -> Self {
        match target {
            Target::Count(count) => Self::Number(count),
            Target::Share(percent) => Self::Text(format!("{percent}%")),
        }
    }
}

impl Target {
    /// Parses `2` or `25%` (0 to 100).
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        let parsed = match text.strip_suffix('%') {
            Some(percent) => percent.trim_end().parse().ok().filter(|share| *share <= 100).map(Self::Share),
            None => text.parse().ok().map(Self::Count),
        };
        parsed.ok_or_else(|| InvalidTarget { text: text.chars().take(40).collect() })
    }
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
