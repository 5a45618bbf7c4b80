//! Why the Salt master did not do what it was asked.

use crate::host::command::CommandError;
use crate::host::files::FileError;
use crate::model::digest::Fingerprint;
use crate::model::explain::{Code, Explain};
use crate::model::ids::NodeName;

/// Something that was not done with the Salt master.
#[derive(Debug, thiserror::Error)]
pub enum SaltError {
    /// A program of Salt could not be run.
    #[error("{program} could not be run")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: CommandError,
    },
    /// A program of Salt refused, or its answer is not understood.
    #[error("{program} did not do what it was asked: {why}")]
    Answer {
        /// The program.
        program: String,
        /// In its words.
        why: String,
    },
    /// The minion has not asked the Salt master yet.
    #[error("no key of {name} waits at the Salt master")]
    NoKey {
        /// The minion.
        name: NodeName,
    },
    /// Another key is there under the minion's name.
    #[error("the Salt master has another key under the name {name}: {found}, and the node's own is {wanted}")]
    OtherKey {
        /// The minion.
        name: NodeName,
        /// The fingerprint of the key that is there.
        found: Fingerprint,
        /// The one of the node's minion.
        wanted: Fingerprint,
    },
    /// Minions that do not answer, although eos's agents are there.
    #[error(
        "the Salt master hears nothing of the minions of {}, which are left out of the orchestration",
        list(names)
    )]
    Silent {
        /// Their nodes.
        names: Vec<NodeName>,
    },
    /// A file could not be used.
    #[error("a file for Salt could not be used")]
    File(#[from] FileError),
}

impl Explain for SaltError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Start { .. } => "A010",
            Self::Answer { .. } => "A011",
            Self::NoKey { .. } => "A012",
            Self::OtherKey { .. } => "A013",
            Self::File(_) => "A014",
            Self::Silent { .. } => "A015",
        })
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Start { .. } => {
                vec!["see whether Salt is installed as a whole: salt-run --version".to_owned()]
            }
            Self::Answer { .. } => {
                vec!["see whether the Salt master runs: systemctl status salt-master".to_owned()]
            }
            Self::NoKey { name } => {
                vec![format!("on {name}, see what its minion says: journalctl -u salt-minion -n 20")]
            }
            Self::OtherKey { name, .. } => vec![
                format!(
                    "if it is of nobody who should be there, delete it on the Salt master: salt-key -d {name}"
                ),
                format!("see all keys of that name: salt-key --print {name}"),
            ],
            Self::Silent { names } => {
                vec![format!("on {}: systemctl restart salt-minion", list(names))]
            }
            Self::File(source) => source.hints(),
        }
    }
}

/// So many nodes are named in a line.
const NAMED: usize = 10;

fn list(names: &[NodeName]) -> String {
    let mut named: Vec<&str> = names.iter().take(NAMED).map(NodeName::as_str).collect();
    let more = names.len().saturating_sub(NAMED);
    let rest = format!("{more} more");
    named.extend((more > 0).then_some(rest.as_str()));
    named.join(", ")
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<SaltError> {
    let name = || NodeName::parse("node2").expect("it is valid");
    let program = || "/usr/bin/salt-run".to_owned();
    let source = CommandError::TooSlow { program: program(), seconds: 600 };
    let missing = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    vec![
        SaltError::Start { program: program(), source },
        SaltError::Answer { program: program(), why: "its answer is no JSON".to_owned() },
        SaltError::NoKey { name: name() },
        SaltError::OtherKey {
            name: name(),
            found: Fingerprint::from_bytes([1; 32]),
            wanted: Fingerprint::from_bytes([2; 32]),
        },
        SaltError::Silent { names: vec![name()] },
        SaltError::File(FileError::new("write", "/run/eos/salt-run/master", missing)),
    ]
}
