//! What can go wrong between a node and the master.

use crate::client::chance::apart;
use crate::identity::IdentityError;
use crate::model::explain::{Code, Exit, Explain, Failure};
use std::net::SocketAddr;
use std::time::Duration;

/// The codes with which a master says that the same call may succeed later: a fresh challenge is
/// needed, or too many wait already.
const LATER: [&str; 3] = ["EOS-J009", "EOS-J012", "EOS-J014"];

/// The codes with which a master says that the operator removed or rejected a node.
const PUT_OUT: [&str; 2] = ["EOS-J010", "EOS-J011"];

/// The code with which a master says that it does not know a node.
const UNKNOWN: &str = "EOS-M012";

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answered.
    #[error("no answer from {address} to {action} within {:.1} s", waited.as_secs_f64())]
    TimedOut {
        /// The master.
        address: SocketAddr,
        /// What was asked, `GET /v1/hello`.
        action: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The connection was refused or broke.
    #[error("could not reach {address} to {action}")]
    Unreachable {
        /// The master.
        address: SocketAddr,
        /// What was asked.
        action: String,
        /// What the library said.
        #[source]
        source: reqwest::Error,
    },
    /// TLS failed: the certificate is not believed.
    #[error("{address} is not believed: TLS failed on {action}")]
    Distrusted {
        /// The master.
        address: SocketAddr,
        /// What was asked.
        action: String,
        /// What the library said.
        #[source]
        source: reqwest::Error,
    },
    /// Something answers there that does not speak eos.
    #[error("{address} answers, but not as an eos master ({status} to {action})")]
    Foreign {
        /// The address.
        address: SocketAddr,
        /// What was asked.
        action: String,
        /// What it answered.
        status: String,
    },
    /// What answers there sends more than such an answer has.
    #[error("the answer from {address} to {action} is longer than {most} bytes")]
    TooLong {
        /// The address.
        address: SocketAddr,
        /// What was asked.
        action: String,
        /// How many bytes are read.
        most: usize,
    },
    /// The master refused, with its own words.
    #[error("{}", failure.message)]
    Refused {
        /// What the master said.
        failure: Failure,
        /// When the same call may come again, where the master says so.
        again: Option<Duration>,
    },
    /// This node's own keys.
    #[error("the connection to {address} could not be set up")]
    Identity {
        /// The master.
        address: SocketAddr,
        /// What is wrong with them.
        #[source]
        source: IdentityError,
    },
}

impl ClientError {
    pub(crate) fn of(address: SocketAddr, action: &str, waited: Duration, source: reqwest::Error) -> Self {
        let action = action.to_owned();
        if source.is_timeout() {
            return Self::TimedOut { address, action, waited };
        }
        if chain(&source)
            .any(|cause| cause.is::<rustls::Error>() || cause.to_string().contains("certificate"))
        {
            return Self::Distrusted { address, action, source };
        }
        Self::Unreachable { address, action, source }
    }

    /// Whether the same call may succeed a little later: the other side is away, not unwilling.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Unreachable { .. } => true,
            Self::Refused { failure, .. } => LATER.contains(&failure.code.as_str()),
            _ => false,
        }
    }

    /// How long to pause before the same call is made again: until the slot that the master gave, or `usual`, of which
    /// the latter half is left to chance.
    pub fn pause(&self, usual: Duration) -> Duration {
        match self {
            Self::Refused { again: Some(again), .. } => *again + apart(usual),
            _ => apart(usual),
        }
    }

    /// Whether the master may have heard what was asked, and done it: only the answer did not come.
    pub fn may_have_been_heard(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::Unreachable { source, .. } => !source.is_connect(),
            _ => false,
        }
    }

    /// Whether the master says that the operator removed or rejected this node.
    pub fn is_put_out(&self) -> bool {
        matches!(self, Self::Refused { failure, .. } if PUT_OUT.contains(&failure.code.as_str()))
    }

    /// Whether the master says that it does not know this node: its lease ended, or it left.
    pub fn is_forgotten(&self) -> bool {
        matches!(self, Self::Refused { failure, .. } if failure.code == UNKNOWN)
    }
}

fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        error
            .downcast_ref::<std::io::Error>()
            .and_then(|io| io.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static)))
            .or_else(|| error.source())
    })
}

impl Explain for ClientError {
    fn code(&self) -> Code {
        Code(match self {
            Self::TimedOut { .. } => "J020",
            Self::Unreachable { .. } => "J021",
            Self::Distrusted { .. } => "J022",
            Self::Foreign { .. } => "J023",
            Self::Identity { .. } => "J024",
            Self::Refused { .. } => "J026",
            Self::TooLong { .. } => "J027",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::TimedOut { .. }
            | Self::Unreachable { .. }
            | Self::Foreign { .. }
            | Self::TooLong { .. } => Exit::NoAnswer,
            Self::Distrusted { .. } => Exit::Refused,
            Self::Identity { source, .. } => source.exit(),
            Self::Refused { failure, .. } => match failure.exit {
                2 => Exit::Usage,
                3 => Exit::Preflight,
                4 => Exit::NoAnswer,
                5 => Exit::Refused,
                7 => Exit::Conflict,
                _ => Exit::Failed,
            },
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::TimedOut { address, .. } => vec![
                format!("a firewall may drop it; try from here: nc -vz {} {}", address.ip(), address.port()),
                format!(
                    "or the way there drops what is large; try: ping -c 3 -M do -s 1400 {}",
                    address.ip()
                ),
                "see whether the master runs, there: eos status".to_owned(),
            ],
            Self::Unreachable { address, .. } => vec![
                format!("see whether the master listens there: ss -ltn 'sport = :{}'", address.port()),
                "and whether it runs, on its host: eos status".to_owned(),
            ],
            Self::Distrusted { .. } => vec![
                "compare this machine's clock with the master's: date -u".to_owned(),
                "or its identity is of another cluster: eos reset".to_owned(),
            ],
            Self::Foreign { .. } | Self::TooLong { .. } => {
                vec![
                    "give the master's own address and port: eos bootstrap --join-cluster ADDRESS:PORT"
                        .to_owned(),
                ]
            }
            Self::Identity { source, .. } => source.hints(),
            Self::Refused { failure, .. } => failure.hints.clone(),
        }
    }

    fn retry_helps(&self) -> bool {
        self.is_transient()
    }

    /// What the master refused has the master's code: `eos explain` knows it.
    fn handed_on(&self) -> Option<&Failure> {
        match self {
            Self::Refused { failure, .. } => Some(failure),
            _ => None,
        }
    }
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<ClientError> {
    let address = SocketAddr::from(([10, 0, 1, 10], 4507));
    let action = || "GET /v1/hello".to_owned();
    let library = || reqwest::Client::new().get("no url").build().expect_err("no url");
    let failure = Failure {
        code: "EOS-J003".to_owned(),
        message: "token 0a1b2c expired 60 s ago".to_owned(),
        causes: Vec::new(),
        hints: vec!["make a new one on the master: eos token create".to_owned()],
        exit: 5,
    };
    vec![
        ClientError::TimedOut { address, action: action(), waited: Duration::from_millis(5040) },
        ClientError::Unreachable { address, action: action(), source: library() },
        ClientError::Distrusted { address, action: action(), source: library() },
        ClientError::Foreign { address, action: action(), status: "404 Not Found".to_owned() },
        ClientError::TooLong { address, action: action(), most: 65536 },
        ClientError::Refused { failure, again: None },
        ClientError::Identity { address, source: IdentityError::Damaged { what: "this node's certificate" } },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_master_refuses_keeps_the_masters_code_and_words() {
        let failure = Failure {
            code: "EOS-J003".to_owned(),
            message: "token 0a1b2c expired 60 s ago".to_owned(),
            causes: Vec::new(),
            hints: vec!["make a new one on the master: eos token create".to_owned()],
            exit: 5,
        };
        assert_eq!(Failure::of(&ClientError::Refused { failure: failure.clone(), again: None }), failure);
    }
}
