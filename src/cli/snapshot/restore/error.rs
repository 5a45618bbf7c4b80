//! Why it is not known what shall be restored.

use crate::model::explain::{Code, Exit, Explain};

/// Nothing that can be restored is meant.
#[derive(Debug, thiserror::Error)]
pub enum RestoreCommandError {
    /// The configuration has no such source.
    #[error("the configuration has no source {name}; it has {}", listed(known))]
    NoSource {
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
    NoHolder {
        /// As given.
        from: String,
        /// Who has it.
        known: Vec<String>,
    },
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

impl Explain for RestoreCommandError {
    fn code(&self) -> Code {
        Code(match self {
            Self::NoSource { .. } => "U030",
            Self::NoSnapshot { .. } => "U031",
            Self::NoHolder { .. } => "U032",
        })
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::NoSource { .. } => {
                "see the sources: eos config show; or restore it elsewhere: eos snapshot \
                                      restore ID --into DIR"
                    .to_owned()
            }
            Self::NoSnapshot { .. } => "see which there are: eos snapshot list".to_owned(),
            Self::NoHolder { .. } => {
                "name one of these, or leave --from out: eos snapshot restore SOURCE".to_owned()
            }
        }]
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<RestoreCommandError> {
    vec![
        RestoreCommandError::NoSource { name: "metrics".to_owned(), known: vec!["logs".to_owned()] },
        RestoreCommandError::NoSnapshot { source_name: "metrics".to_owned() },
        RestoreCommandError::NoHolder { from: "node9".to_owned(), known: vec!["node2".to_owned()] },
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
            ]
        );
        let none = RestoreCommandError::NoSource { name: "metrics".to_owned(), known: Vec::new() };
        assert_eq!(none.to_string(), "the configuration has no source metrics; it has none");
    }
}
