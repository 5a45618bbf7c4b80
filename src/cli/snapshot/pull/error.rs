//! Why nothing is pulled.

use crate::model::explain::{Code, Exit, Explain};
use crate::model::ids::SnapshotId;

/// A pull that does not begin, or whose result is not kept.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// Nobody else has it.
    #[error("no other node holds snapshot {id}")]
    NoHolder {
        /// The snapshot.
        id: SnapshotId,
    },
    /// The one that was named has it not.
    #[error("{from} is no holder of snapshot {id}, but {} are", if holders.is_empty() { "none".to_owned() } else { holders.join(", ") })]
    NoSuchHolder {
        /// As given.
        from: String,
        /// The snapshot.
        id: SnapshotId,
        /// Who has it.
        holders: Vec<String>,
    },
}

impl Explain for PullError {
    fn code(&self) -> Code {
        Code(match self {
            Self::NoHolder { .. } => "T167",
            Self::NoSuchHolder { .. } => "T168",
        })
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        let who = "on the master, see who holds what: eos snapshot list --cluster";
        vec![match self {
            Self::NoHolder { .. } => who.to_owned(),
            Self::NoSuchHolder { .. } => format!("name one of these, or leave --from out; {who}"),
        }]
    }
}

/// One value of every variant, for the checks of codes and texts.
#[cfg(test)]
pub(crate) fn samples() -> Vec<PullError> {
    let id = || SnapshotId::parse("abcd").expect("an id");
    let holders = vec!["node1 (10.0.0.1:4506)".to_owned(), "master (10.0.0.1:4507)".to_owned()];
    vec![
        PullError::NoHolder { id: id() },
        PullError::NoSuchHolder { from: "node7".to_owned(), id: id(), holders },
    ]
}

#[cfg(test)]
#[test]
fn every_text_is_one_plain_line() {
    let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "no other node holds snapshot abcd",
            "node7 is no holder of snapshot abcd, but node1 (10.0.0.1:4506), master (10.0.0.1:4507) are",
        ]
    );
}
