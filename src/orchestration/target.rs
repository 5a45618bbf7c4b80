//! Which nodes a step is for: targets as Salt writes them, over names and grains.

use crate::orchestration::compound;
use crate::orchestration::seen::Seen;
use crate::sls::matching::{self, glob};
use serde::{Deserialize, Serialize};

/// A target; the kinds are those of `tgt_type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Names that match a pattern.
    Glob(String),
    /// These names.
    List(Vec<String>),
    /// `path:to:grain:pattern`.
    Grain(String),
    /// `G@role:data and not L@n1,n2`.
    Compound(String),
}

impl Target {
    /// Whether the node is meant.
    pub fn matches(&self, node: &Seen) -> bool {
        match self {
            Self::Glob(pattern) => glob(pattern, node.name.as_str()),
            Self::List(names) => names.iter().any(|name| name == node.name.as_str()),
            Self::Grain(text) => grain(text, node),
            // It was parsed when the step was made.
            Self::Compound(text) => compound::parse(text).is_ok_and(|parsed| parsed.matches(node)),
        }
    }
}

/// Whether a grain of the node matches, by the rules of `top.sls`.
pub fn grain(text: &str, node: &Seen) -> bool {
    matching::data(&node.grains(), text)
}
