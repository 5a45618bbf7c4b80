//! Why no role plan could be made, or was not trusted.

use crate::model::explain::{Code, Exit, Explain};
use crate::model::ids::{NodeId, NodeName};
use crate::model::scale::Scale;

/// What is wrong with the nodes, the rules or the plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// An empty cluster has no plan.
    #[error("there is no node to plan for")]
    NoNodes,
    /// A name occurs twice.
    #[error("two nodes are named {name}")]
    DuplicateName {
        /// The name.
        name: NodeName,
    },
    /// An id occurs twice.
    #[error("nodes {first} and {second} have the same id {id}")]
    DuplicateId {
        /// The id.
        id: NodeId,
        /// The one of them that sorts first.
        first: NodeName,
        /// The other.
        second: NodeName,
    },
    /// Nobody may ask to be the monolith.
    #[error("node {node} has {field}: monolith, which only the single node of a cluster is, by itself")]
    MonolithRequested {
        /// The node.
        node: NodeName,
        /// `preferred` or `pinned`.
        field: &'static str,
    },
    /// Shares do not add up.
    #[error("the shares of the {scale} role targets add up to {percent} %, not to 100 %")]
    SharesNotWhole {
        /// The scale whose table is wrong.
        scale: Scale,
        /// What they add up to.
        percent: u32,
    },
    /// Counts alone do not cover every size of a scale.
    #[error("the {scale} role targets count {counts} nodes and have no share for those beyond")]
    NoShare {
        /// The scale whose table is wrong.
        scale: Scale,
        /// The sum of its counts.
        counts: u64,
    },
    /// A node to be removed does not exist.
    #[error("node {name} is not in the cluster and cannot be taken out of it")]
    RemoveUnknown {
        /// The name that was given.
        name: NodeName,
    },
    /// A node to be added exists already.
    #[error("node {name} is in the cluster already and cannot be added to it")]
    AddExisting {
        /// The name that was given.
        name: NodeName,
    },
    /// A plan file of another format.
    #[error("the file of nodes has version {found}, this eos reads version {supported}")]
    FileVersion {
        /// The version it states.
        found: u32,
        /// The version that is read.
        supported: u32,
    },
    /// The planner made a plan that its checker refuses: a defect of eos.
    #[error("the role plan failed its own check ({} violations, the first: {first})", .count)]
    Unsound {
        /// How many rules it breaks.
        count: usize,
        /// The first of them.
        first: String,
    },
}

impl Explain for RoleError {
    fn code(&self) -> Code {
        Code(match self {
            Self::NoNodes => "R001",
            Self::DuplicateName { .. } => "R002",
            Self::DuplicateId { .. } => "R003",
            Self::MonolithRequested { .. } => "R004",
            Self::SharesNotWhole { .. } => "R005",
            Self::NoShare { .. } => "R006",
            Self::RemoveUnknown { .. } => "R007",
            Self::AddExisting { .. } => "R008",
            Self::FileVersion { .. } => "R009",
            Self::Unsound { .. } => "R010",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unsound { .. } => Exit::Failed,
            _ => Exit::Usage,
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::NoNodes => "see which nodes the cluster has: eos node list".into(),
            Self::DuplicateName { name } => format!("rename one of them, or remove the stale one: eos node remove {name}"),
            Self::DuplicateId { first, second, .. } => {
                format!("one is a copy of the other; compare them: eos node show {first} and eos node show {second}")
            }
            Self::MonolithRequested { .. } => "ask for edge, core, data or compute: eos role set NODE ROLE".into(),
            Self::SharesNotWhole { scale, .. } => {
                format!("correct cluster.roles.targets.{scale} in /etc/eos/cluster.yaml, then: eos config validate")
            }
            Self::NoShare { scale, .. } => format!(
                "give one role a share (data: 100%) in cluster.roles.targets.{scale} of /etc/eos/cluster.yaml, \
                 then: eos config validate"
            ),
            Self::RemoveUnknown { .. } | Self::AddExisting { .. } => "see the names that exist: eos node list".into(),
            Self::FileVersion { supported, .. } => format!("write the file with `version: {supported}`: eos role plan --help"),
            Self::Unsound { .. } => {
                "nothing was changed; keep the input for a report: eos role plan --output json, and set roles by hand \
                 until then: eos role set NODE ROLE"
                    .into()
            }
        }]
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<RoleError> {
    let name = |text: &str| NodeName::parse(text).expect("a valid name");
    vec![
        RoleError::NoNodes,
        RoleError::DuplicateName { name: name("n1") },
        RoleError::DuplicateId {
            id: NodeId::parse("ab12").expect("a valid id"),
            first: name("n1"),
            second: name("n2"),
        },
        RoleError::MonolithRequested { node: name("n1"), field: "preferred" },
        RoleError::SharesNotWhole { scale: Scale::Medium, percent: 90 },
        RoleError::NoShare { scale: Scale::Distributed, counts: 12 },
        RoleError::RemoveUnknown { name: name("n9") },
        RoleError::AddExisting { name: name("n1") },
        RoleError::FileVersion { found: 7, supported: 1 },
        RoleError::Unsound { count: 2, first: "node n1 has no role".into() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_error_says_what_failed_in_one_line() {
        let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
        let expected = [
            "there is no node to plan for",
            "two nodes are named n1",
            "nodes n1 and n2 have the same id ab12",
            "node n1 has preferred: monolith, which only the single node of a cluster is, by itself",
            "the shares of the medium role targets add up to 90 %, not to 100 %",
            "the distributed role targets count 12 nodes and have no share for those beyond",
            "node n9 is not in the cluster and cannot be taken out of it",
            "node n1 is in the cluster already and cannot be added to it",
            "the file of nodes has version 7, this eos reads version 1",
            "the role plan failed its own check (2 violations, the first: node n1 has no role)",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn every_error_has_its_own_code_and_names_a_command() {
        let codes: BTreeSet<_> = samples().iter().map(Explain::code).collect();
        assert_eq!(codes.len(), samples().len());
        for error in samples() {
            assert!(error.hints().iter().all(|hint| hint.contains("eos ")), "{error}");
        }
        assert_eq!(samples()[0].exit(), Exit::Usage);
        assert_eq!(samples()[9].exit(), Exit::Failed);
    }
}
