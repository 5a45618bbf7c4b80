//! Why it is not known what shall be restored.

use crate::model::explain::{Code, Exit, Explain};

/// Nothing that can be restored is meant.
#[derive(Debug, thiserror::Error)]
pub enum RestoreCommandError {
    /// The configuration has no such source.
    #[error("the configuration has no source {name}; it has {}", listed(known))]
    UnknownSource {
        /// The name.
        name: String,
        /// The sources that it has.
        known: Vec<String>,
    },
    /// There is no snapshot of the source.
    #[error("there is no snapshot of {source_name}")]
    NoSnapshot {
        /// The source.
        source_name: String,
    },
    /// A node that was named does not have it.
    #[error("{from} has no such snapshot; it is held by {}", listed(known))]
    NotHeld {
        /// As given.
        from: String,
        /// Who has it.
        known: Vec<String>,
    },
    /// The tree of before is what undoing a join returns to.
    #[error(
        "the tree from before the restore of {source_name} stays until the join of this node is confirmed or undone"
    )]
    Joining {
        /// The source.
        source_name: String,
    },
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

impl Explain for RestoreCommandError {
    fn code(&self) -> Code {
        Code(match self {
            Self::UnknownSource { .. } => "U030",
            Self::NoSnapshot { .. } => "U031",
            Self::NotHeld { .. } => "U032",
            Self::Joining { .. } => "U033",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Joining { .. } => Exit::Conflict,
            Self::UnknownSource { .. } | Self::NoSnapshot { .. } | Self::NotHeld { .. } => Exit::Usage,
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::UnknownSource { .. } => {
                "see the sources: eos config show; or restore it elsewhere: eos snapshot \
                                      restore ID --into DIR"
                    .to_owned()
            }
            Self::NoSnapshot { .. } => {
                "see which are here: eos snapshot list; or, on the master, in the cluster: eos snapshot list --cluster"
                    .to_owned()
            }
            Self::NotHeld { .. } => {
                "name one of these, or leave --from out: eos snapshot restore SOURCE".to_owned()
            }
            Self::Joining { .. } => "go on with the join: eos bootstrap; or undo it: eos rollback".to_owned(),
        }]
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<RestoreCommandError> {
    vec![
        RestoreCommandError::UnknownSource { name: "metrics".to_owned(), known: vec!["logs".to_owned()] },
        RestoreCommandError::NoSnapshot { source_name: "metrics".to_owned() },
        RestoreCommandError::NotHeld { from: "node9".to_owned(), known: vec!["node2".to_owned()] },
        RestoreCommandError::Joining { source_name: "metrics".to_owned() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_one_plain_line() {
        let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "the configuration has no source metrics; it has logs",
                "there is no snapshot of metrics",
                "node9 has no such snapshot; it is held by node2",
                "the tree from before the restore of metrics stays until the join of this node is confirmed or undone",
            ]
        );
        let none = RestoreCommandError::UnknownSource { name: "metrics".to_owned(), known: Vec::new() };
        assert_eq!(none.to_string(), "the configuration has no source metrics; it has none");
    }
}
