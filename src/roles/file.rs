//! The file of nodes that `eos role plan --file` reads: a cluster that may only be thought of.

use super::error::RoleError;
use super::input::{PlanNode, RoleRules};
use serde::{Deserialize, Serialize};

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;

/// Nodes, and the rules to plan them by.
///
/// ```yaml
/// version: 1
/// nodes:
///   - name: gw-1
///     resources: {cpus: 2, memory_bytes: 4294967296, disk_bytes: 21474836480, disk_free_bytes: 0}
///   - name: store-1
///     preferred: data
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// The version of the format.
    pub version: u32,
    /// The nodes. Where none states a `joined_order`, the order of the file counts.
    pub nodes: Vec<PlanNode>,
    /// The rules; those of the cluster, or else the defaults, when there are none here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<RoleRules>,
}

impl PlanFile {
    /// A file of the version that is written today.
    pub fn new(nodes: Vec<PlanNode>, rules: Option<RoleRules>) -> Self {
        Self { version: VERSION, nodes, rules }
    }

    /// The nodes and the rules, once the version is one that is read.
    ///
    /// Errors: `FileVersion` for another version.
    pub fn accept(mut self) -> Result<(Vec<PlanNode>, Option<RoleRules>), RoleError> {
        if self.version != VERSION {
            return Err(RoleError::FileVersion { found: self.version, supported: VERSION });
        }
        if self.nodes.iter().all(|node| node.joined_order == 0) {
            for (node, place) in self.nodes.iter_mut().zip(0..) {
                node.joined_order = place;
            }
        }
        Ok((self.nodes, self.rules))
    }
}
