//! How many nodes of a role are wanted: a count, or a share of what the counts leave.

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
