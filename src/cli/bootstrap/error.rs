//! Why a bootstrap does not begin, or does not go on, on this host.

use crate::model::explain::{Code, Exit, Explain};
use crate::model::ids::ClusterId;
use std::net::SocketAddr;

/// A bootstrap that is refused or given up by this host itself.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The master is of another cluster than the one that was named.
    #[error("the master at {master} is of cluster {found}, not of {wanted}")]
    WrongCluster {
        /// The master.
        master: SocketAddr,
        /// Its cluster.
        found: ClusterId,
        /// What the flag, the environment or the file named.
        wanted: ClusterId,
    },
    /// The time that the whole command was given is over.
    #[error("the {seconds} s of --timeout were over before the step {step}")]
    OutOfTime {
        /// How long the command was given.
        seconds: u64,
        /// The step that was not begun.
        step: &'static str,
    },
}

impl Explain for BootstrapError {
    fn code(&self) -> Code {
        Code(match self {
            Self::WrongCluster { .. } => "J040",
            Self::OutOfTime { .. } => "J042",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::WrongCluster { .. } => Exit::Conflict,
            Self::OutOfTime { .. } => Exit::NoAnswer,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::WrongCluster { found, wanted, .. } => vec![
                format!("name a master of {wanted}: eos bootstrap --join-cluster ADDRESS:PORT"),
                format!(
                    "or, to join {found} (and with cluster.id in /etc/eos/cluster.yaml corrected): eos bootstrap \
                     --cluster-id {found}"
                ),
            ],
            Self::OutOfTime { .. } => vec!["give it more time: eos bootstrap --timeout 10m".to_owned()],
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::OutOfTime { .. })
    }
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<BootstrapError> {
    let cluster = |text: &str| ClusterId::parse(text).expect("an id");
    let master = SocketAddr::from(([10, 0, 1, 10], 4507));
    vec![
        BootstrapError::WrongCluster { master, found: cluster("eos-0a1b"), wanted: cluster("prod") },
        BootstrapError::OutOfTime { seconds: 5, step: "found-cluster" },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_text_code_exit_and_hints() {
        let told: Vec<String> = samples()
            .iter()
            .map(|e| format!("{} {} {e} | {}", e.code(), e.exit() as u8, e.hints().join(" | ")))
            .collect();
        assert_eq!(
            told,
            [
                "EOS-J040 7 the master at 10.0.1.10:4507 is of cluster eos-0a1b, not of prod | \
                 name a master of prod: eos bootstrap --join-cluster ADDRESS:PORT | \
                 or, to join eos-0a1b (and with cluster.id in /etc/eos/cluster.yaml corrected): \
                 eos bootstrap --cluster-id eos-0a1b",
                "EOS-J042 4 the 5 s of --timeout were over before the step found-cluster | \
                 give it more time: eos bootstrap --timeout 10m",
            ]
        );
    }
}
