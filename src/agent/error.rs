//! Why an agent stops.

use crate::host::files::FileError;
use crate::identity::IdentityError;
use crate::model::explain::{Code, Exit, Explain};
use std::net::SocketAddr;
use std::path::PathBuf;

/// An agent that cannot go on, or that has something applied in vain. A master that is away is no reason: the agent works on with what it has.
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
    /// What is to be applied for the agent, or what came of that, is not to be believed.
    #[error("{} is not believed: {why}", path.display())]
    Order {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// What is to be applied is for another node, or for another boot of this one.
    #[error("{} is an order for {meant}, and this host is {own}", path.display())]
    OtherNode {
        /// The file.
        path: PathBuf,
        /// The node that it is for.
        meant: String,
        /// This one.
        own: String,
    },
    /// The unit that applies for the agent died.
    #[error("eos-apply ended without an answer: {how}")]
    NoAnswer {
        /// How it ended.
        how: String,
    },
    /// The file of an order could not be written or read.
    #[error(transparent)]
    File(FileError),
}

impl Explain for AgentError {
    fn code(&self) -> Code {
        Code(match self {
            Self::NotMember => "A001",
            Self::Identity(_) => "A002",
            Self::Listen { .. } => "A003",
            Self::Order { .. } => "A004",
            Self::NoAnswer { .. } => "A005",
            Self::OtherNode { .. } => "A006",
            Self::File(error) => return error.code(),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotMember => Exit::Usage,
            Self::OtherNode { .. } => Exit::Refused,
            Self::File(error) => error.exit(),
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
            Self::Order { path, .. } => format!(
                "it is removed, and the agent gives the order again; see who could write it: ls -ld {}",
                path.parent().unwrap_or(path).display()
            ),
            Self::OtherNode { .. } => {
                "it is removed and nothing was done; see which node this host is: eos status".to_owned()
            }
            Self::NoAnswer { .. } => {
                "what it began is undone before it is tried again, which happens by itself; see \
                 what it did: journalctl -u eos-apply -n 50"
                    .to_owned()
            }
            Self::File(error) => error.hints().join("; "),
        }]
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::Order { .. } | Self::OtherNode { .. } | Self::NoAnswer { .. } => true,
            Self::File(error) => error.retry_helps(),
            Self::NotMember | Self::Identity(_) | Self::Listen { .. } => false,
        }
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
        AgentError::Order { path: "/run/eos/order.json".into(), why: "it is for node2 of c-prod".to_owned() },
        AgentError::OtherNode {
            path: "/run/eos/order.json".into(),
            meant: "n-9752d06ff34392e3da20 of c-prod".to_owned(),
            own: "n-00112233445566778899 of c-prod".to_owned(),
        },
        AgentError::NoAnswer { how: "result signal, signal 9".to_owned() },
        AgentError::File(FileError::new(
            "write",
            "/run/eos/order.json",
            std::io::ErrorKind::StorageFull.into(),
        )),
    ]
}
