//! Why discovery led to no cluster.

use crate::discovery::doctor::Cause;
use crate::host::files::FileError;
use crate::host::routes::NetworkError;
use crate::identity::IdentityError;
use crate::model::explain::{Code, Exit, Explain};
use std::net::IpAddr;

/// What discovery could not do, or what it found in the way.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// Silence.
    #[error("{}; likely: {cause}", listened(*milliseconds))]
    Nobody {
        /// How long was listened, in milliseconds.
        milliseconds: u64,
        /// What most likely is the reason.
        cause: Cause,
    },
    /// More than one, and nothing says which.
    #[error("{} clusters or masters answered: {}", found.len(), found.join(", "))]
    Several {
        /// Each with its authority and its address.
        found: Vec<String>,
        /// Their ids.
        ids: Vec<String>,
    },
    /// Others answered than the one that was named.
    #[error("{wanted} did not answer; these did: {}", found.join(", "))]
    OnlyOthers {
        /// What was named.
        wanted: String,
        /// Each with its authority and its address.
        found: Vec<String>,
    },
    /// A new cluster would have the name of another one.
    #[error("there is a cluster {cluster} on this network already: {}", found.join(", "))]
    SameName {
        /// The name.
        cluster: String,
        /// Each with its authority and its address.
        found: Vec<String>,
    },
    /// The cluster is there, and speaks nothing that this eos speaks.
    #[error("{cluster} speaks {theirs}, and this eos {ours}")]
    Incompatible {
        /// The cluster with its address.
        cluster: String,
        /// What it speaks.
        theirs: String,
        /// What this build speaks.
        ours: String,
    },
    /// An election that came to no end in time.
    #[error("no cluster came about within {seconds} s: {standing}")]
    Unelected {
        /// How long this machine took part.
        seconds: u64,
        /// Where it stands, in words.
        standing: String,
    },
    /// A copy of this machine takes part in the election.
    #[error(
        "{node} at {at} takes part in the election as this machine: one of them is a copy of the other's disk"
    )]
    Copied {
        /// What its node is called.
        node: String,
        /// Where it is.
        at: IpAddr,
    },
    /// What this machine recorded of an election is damaged, or of a later eos.
    #[error("{path} holds nothing that this eos reads: {what}")]
    Record {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// What this machine stands by could not be read or written.
    #[error(transparent)]
    File(FileError),
    /// The interfaces could not be listed.
    #[error(transparent)]
    Network(NetworkError),
    /// There is no randomness.
    #[error(transparent)]
    Identity(IdentityError),
}

fn listened(milliseconds: u64) -> String {
    match milliseconds {
        // Where nothing can be heard, nobody listens.
        0..100 => "no cluster can be heard here".to_owned(),
        _ => format!("no cluster answered within {:.1} s", milliseconds as f64 / 1000.0),
    }
}

impl Explain for DiscoveryError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Nobody { .. } => "D001",
            Self::Several { .. } => "D002",
            Self::OnlyOthers { .. } => "D003",
            Self::SameName { .. } => "D004",
            Self::Incompatible { .. } => "D005",
            Self::Unelected { .. } => "D006",
            Self::Copied { .. } => "D007",
            Self::Record { .. } => "D008",
            Self::File(source) => return source.code(),
            Self::Network(source) => return source.code(),
            Self::Identity(source) => return source.code(),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Nobody { .. } | Self::OnlyOthers { .. } | Self::Unelected { .. } => Exit::NoAnswer,
            Self::Several { .. } => Exit::Usage,
            Self::SameName { .. } | Self::Copied { .. } => Exit::Conflict,
            Self::Incompatible { .. } => Exit::Refused,
            Self::Record { .. } => Exit::Failed,
            Self::File(source) => source.exit(),
            Self::Network(source) => source.exit(),
            Self::Identity(source) => source.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Nobody { cause, .. } => cause.hints(),
            Self::Several { ids, .. } => {
                let mut hints: Vec<String> = ids
                    .iter()
                    .map(|id| format!("for {id}: eos bootstrap --auto-discover --cluster-id {id}"))
                    .collect();
                hints.push(
                    "name its master where an id does not tell them apart: eos bootstrap --join-cluster ADDRESS"
                        .to_owned(),
                );
                hints
            }
            Self::OnlyOthers { .. } => vec![
                "see all that answer: eos discover".to_owned(),
                "name the master: eos bootstrap --join-cluster ADDRESS".to_owned(),
            ],
            Self::SameName { cluster, .. } => vec![
                format!("join it: eos bootstrap --auto-discover --cluster-id {cluster}"),
                "or found another one of that name all the same: eos bootstrap --new-cluster".to_owned(),
            ],
            Self::Incompatible { .. } => {
                vec!["bring the older side up to date, and look again: eos discover".to_owned()]
            }
            Self::Unelected { .. } => vec![
                "start the machines that are missing, and see what this one hears: eos discover".to_owned(),
                "go on waiting for them: eos bootstrap".to_owned(),
                "or found the cluster on this machine, for the others to join: eos bootstrap --single-node"
                    .to_owned(),
            ],
            Self::Copied { .. } => {
                vec![
                    "give one of the two an identity of its own, there: eos reset && eos bootstrap"
                        .to_owned(),
                ]
            }
            Self::Record { .. } => {
                vec![
                    "use the eos that wrote it, or forget that election on this machine: eos reset"
                        .to_owned(),
                ]
            }
            Self::File(source) => source.hints(),
            Self::Network(source) => source.hints(),
            Self::Identity(source) => source.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::Nobody { .. } | Self::OnlyOthers { .. } | Self::Unelected { .. } => true,
            Self::File(source) => source.retry_helps(),
            _ => false,
        }
    }
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<DiscoveryError> {
    let found = || vec!["prod (0a0a0a0a0a0a) at 10.0.1.10:4507".to_owned()];
    vec![
        DiscoveryError::Nobody { milliseconds: 3000, cause: Cause::Nobody(4505) },
        DiscoveryError::Several {
            found: [found(), vec!["test (0b0b0b0b0b0b) at 10.0.1.20:4507".to_owned()]].concat(),
            ids: vec!["prod".to_owned(), "test".to_owned()],
        },
        DiscoveryError::OnlyOthers { wanted: "test".to_owned(), found: found() },
        DiscoveryError::SameName { cluster: "prod".to_owned(), found: found() },
        DiscoveryError::Incompatible {
            cluster: found().remove(0),
            theirs: "protocols 8 to 9 (0.9.0)".to_owned(),
            ours: "protocols 1 to 2 (0.1.0)".to_owned(),
        },
        DiscoveryError::Unelected {
            seconds: 600,
            standing: "2 of 5 machines are there: waits until 3 are (now: node1, node4)".to_owned(),
        },
        DiscoveryError::Copied { node: "node2".to_owned(), at: IpAddr::from([10, 0, 1, 12]) },
        DiscoveryError::Record {
            path: "/var/lib/eos/election.json".to_owned(),
            what: "it has format 2, and this eos knows formats up to 1".to_owned(),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::interfaces::Obstacle;
    use crate::model::explain::tells;

    #[test]
    fn silence_is_told_with_its_time_and_its_likely_reason() {
        let cause = || Cause::Interface("eth0".to_owned(), Obstacle::NoMulticast);
        let told = |milliseconds| DiscoveryError::Nobody { milliseconds, cause: cause() };
        let likely = "likely: the interface eth0 lacks the multicast flag";
        tells(&told(3004), "EOS-D001", &format!("no cluster answered within 3.0 s; {likely}"));
        tells(&told(0), "EOS-D001", &format!("no cluster can be heard here; {likely}"));
    }

    #[test]
    fn every_error_has_its_code_and_exit_and_whether_a_retry_helps() {
        let told: Vec<String> = samples()
            .iter()
            .map(|error| format!("{} {} {}", error.code(), error.exit() as u8, error.retry_helps()))
            .collect();
        assert_eq!(
            told,
            [
                "EOS-D001 4 true",
                "EOS-D002 2 false",
                "EOS-D003 4 true",
                "EOS-D004 7 false",
                "EOS-D005 5 false",
                "EOS-D006 4 true",
                "EOS-D007 7 false",
                "EOS-D008 1 false"
            ]
        );
        let hints = samples()[1].hints();
        assert_eq!(hints[1], "for test: eos bootstrap --auto-discover --cluster-id test");
    }
}
