//! Why discovery led to no cluster.

use crate::discovery::doctor::Cause;
use crate::host::routes::NetworkError;
use crate::identity::IdentityError;
use crate::model::explain::{Code, Exit, Explain};

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
            Self::Network(source) => return source.code(),
            Self::Identity(source) => return source.code(),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Nobody { .. } | Self::OnlyOthers { .. } => Exit::NoAnswer,
            Self::Several { .. } => Exit::Usage,
            Self::SameName { .. } => Exit::Conflict,
            Self::Incompatible { .. } => Exit::Refused,
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
            Self::Network(source) => source.hints(),
            Self::Identity(source) => source.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::Nobody { .. } | Self::OnlyOthers { .. })
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
                "EOS-D005 5 false"
            ]
        );
        let hints = samples()[1].hints();
        assert_eq!(hints[1], "for test: eos bootstrap --auto-discover --cluster-id test");
    }
}
