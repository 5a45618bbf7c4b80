//! Why an agent stops.

use crate::identity::IdentityError;
use crate::model::explain::{Code, Exit, Explain};
use std::net::SocketAddr;

/// An agent that cannot go on. A master that is away is no reason: the agent works on with what it has.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The host is no member.
    #[error("this host is not a member of a cluster, so its agent has nothing to do")]
    NotMember,
    /// Its keys or certificates.
    #[error("the agent's identity cannot be used")]
    Identity(#[source] IdentityError),
    /// Its address cannot be listened on.
    #[error("the agent cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

impl Explain for AgentError {
    fn code(&self) -> Code {
        Code(match self {
            Self::NotMember => "A001",
            Self::Identity(_) => "A002",
            Self::Listen { .. } => "A003",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotMember => Exit::Usage,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::NotMember => "make it a member: eos bootstrap".to_owned(),
            Self::Identity(source) => source.hints().join("; "),
            Self::Listen { address, .. } => {
                format!("see who holds it: ss -ltnp 'sport = :{}'", address.port())
            }
        }]
    }
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<AgentError> {
    let io = || std::io::Error::from(std::io::ErrorKind::AddrInUse);
    vec![
        AgentError::NotMember,
        AgentError::Identity(IdentityError::Damaged { what: "the membership file" }),
        AgentError::Listen { address: SocketAddr::from(([10, 0, 1, 12], 4506)), source: io() },
    ]
}
