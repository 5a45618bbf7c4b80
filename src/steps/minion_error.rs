//! Why the minion of a node does not become one of the cluster's Salt master.

use crate::model::explain::{Code, Explain};

/// A minion that does not join.
#[derive(Debug, thiserror::Error)]
pub enum MinionError {
    /// It could not be set up.
    #[error("the minion of this node could not be set up: {why}")]
    Unusable {
        /// What is wrong.
        why: String,
    },
    /// The master did not take its key.
    #[error("the Salt master did not accept the key of this node's minion, {key}, within {seconds} s{}", problem.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    NotAccepted {
        /// The fingerprint of the key.
        key: String,
        /// How long it was given.
        seconds: u64,
        /// What is wrong, in the master's words.
        problem: Option<String>,
    },
    /// It trusts another Salt master, and would not speak to this one.
    #[error("this machine's minion belongs to another Salt master, whose key is {path}")]
    OfAnother {
        /// The other master's key.
        path: String,
    },
    /// What eos tells it would have no effect.
    #[error("{path} says which master the minion has, and comes after what eos writes")]
    Overruled {
        /// The file.
        path: String,
    },
}

impl Explain for MinionError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Unusable { .. } => "S086",
            Self::NotAccepted { .. } => "S087",
            Self::OfAnother { .. } => "S088",
            Self::Overruled { .. } => "S089",
        })
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unusable { .. } => vec![
                "install salt-minion of the same release as salt-call, then run the same command again"
                    .to_owned(),
                "see what it says: systemctl status salt-minion".to_owned(),
            ],
            Self::NotAccepted { .. } => vec![
                "on the master, see what its agent did with the key: eos audit list".to_owned(),
                "on this node, see what the minion says: journalctl -u salt-minion -n 20".to_owned(),
            ],
            Self::OfAnother { path } => vec![
                format!("if it shall leave that one: rm {path}, and on the other master: salt-key -d NAME"),
                "or join without Salt: eos bootstrap --engine=embedded".to_owned(),
            ],
            Self::Overruled { path } => {
                vec![format!(
                    "take the master out of it, then run the same command again: sed -i '/^master/d' {path}"
                )]
            }
        }
    }
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<MinionError> {
    vec![
        MinionError::Unusable { why: "salt-minion is not installed".to_owned() },
        MinionError::NotAccepted {
            key: "sha256:0a".to_owned(),
            seconds: 600,
            problem: Some("no key of node2 waits at the Salt master".to_owned()),
        },
        MinionError::OfAnother { path: "/etc/salt/pki/minion/minion_master.pub".to_owned() },
        MinionError::Overruled { path: "/etc/salt/minion.d/zz.conf".to_owned() },
    ]
}
