//! What can be wrong with a key, a certificate or a token.

use crate::host::files::FileError;
use crate::model::digest::Fingerprint;
use crate::model::explain::{Code, Exit, Explain};
use std::net::IpAddr;

/// An identity that cannot be made, read or believed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The library that makes keys and certificates, or the source of random bytes, refused.
    #[error("could not {action}")]
    Crypto {
        /// `make a key`, `sign a certificate`, `draw random bytes`, ...
        action: &'static str,
        /// What it said.
        #[source]
        source: rcgen::Error,
    },
    /// A text is not the PEM or DER that was expected.
    #[error("{what} is damaged or not in PEM")]
    Damaged {
        /// `the node's certificate`, ...
        what: &'static str,
    },
    /// TLS could not be set up.
    #[error("could not set up TLS")]
    Tls(#[source] rustls::Error),
    /// A key or certificate file.
    #[error("an identity file could not be used")]
    File(#[source] FileError),
    /// A token has not the shape of one.
    #[error("the token is not an eos token: {reason}")]
    TokenShape {
        /// Which part is bad; never the token itself.
        reason: &'static str,
    },
    /// A token whose checksum does not fit.
    #[error("{}", damage(*length, *expected))]
    TokenChecksum {
        /// Its length.
        length: usize,
        /// The length of an undamaged one.
        expected: usize,
    },
    /// The master's authority is not the pinned one.
    #[error("the master's certificate authority is {found}, but {pinned} was expected")]
    WrongAuthority {
        /// What the master presented.
        found: Fingerprint,
        /// What the token, the flag or the configuration said.
        pinned: Fingerprint,
    },
    /// The certificate is not signed by the authority that came with it.
    #[error("the master's certificate is not signed by the authority it presents ({authority})")]
    NotSigned {
        /// The fingerprint of that authority.
        authority: Fingerprint,
    },
    /// The master could not prove that it knows the token.
    #[error("the master could not prove that it knows token {token}")]
    MasterUnproven {
        /// The token's public id.
        token: String,
    },
    /// The membership file is not one.
    #[error("the membership file is damaged: {why}")]
    Membership {
        /// What is wrong with it.
        why: String,
    },
    /// A later eos wrote the membership file.
    #[error("the membership file has format {found}, and this eos knows formats up to {known}")]
    MembershipNewer {
        /// Its format.
        found: u64,
        /// The newest format known here.
        known: u32,
    },
    /// The record of the node's machine is not one that this eos reads.
    #[error("the record of the machine that is this node is not readable: {why}")]
    Machine {
        /// What is wrong with it.
        why: String,
    },
    /// The node got its identity on another machine.
    #[error("this node got its identity on another machine: {}", evidence.join("; "))]
    OtherMachine {
        /// What speaks for it.
        evidence: Vec<String>,
    },
    /// The machine has another address than the one that others know.
    #[error("{address}, at which others reach this node, is on no interface of this machine any more")]
    AddressGone {
        /// The address.
        address: IpAddr,
        /// Whether the master is there.
        master: bool,
    },
    /// A signature that does not verify.
    #[error("the signature on {what} does not verify")]
    BadSignature {
        /// What was signed.
        what: &'static str,
    },
}

impl Explain for IdentityError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Crypto { .. } => "I001",
            Self::Damaged { .. } => "I002",
            Self::Tls(_) => "I003",
            Self::File(_) => "I004",
            Self::TokenShape { .. } => "I010",
            Self::TokenChecksum { .. } => "I011",
            Self::WrongAuthority { .. } => "I012",
            Self::NotSigned { .. } => "I013",
            Self::MasterUnproven { .. } => "I014",
            Self::BadSignature { .. } => "I015",
            Self::Membership { .. } => "I030",
            Self::MembershipNewer { .. } => "I031",
            Self::Machine { .. } => "I032",
            Self::OtherMachine { .. } => "I033",
            Self::AddressGone { .. } => "I034",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::TokenShape { .. } | Self::TokenChecksum { .. } => Exit::Usage,
            Self::WrongAuthority { .. }
            | Self::NotSigned { .. }
            | Self::MasterUnproven { .. }
            | Self::BadSignature { .. } => Exit::Refused,
            Self::OtherMachine { .. } | Self::AddressGone { .. } => Exit::Conflict,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::OtherMachine { .. } => {
                return vec![
                    "if it is a copy, and the machine that it was made of goes on: eos identity new"
                        .to_owned(),
                    "if this machine takes the place of that one for good: eos identity keep".to_owned(),
                ];
            }
            Self::AddressGone { master: false, .. } => {
                "take the address that this machine has now: eos bootstrap"
            }
            Self::AddressGone { address, master: true } => {
                return vec![format!(
                    "all members know the master by it; give it back to an interface: ip address add {address}/PREFIX \
                     dev INTERFACE"
                )];
            }
            Self::Machine { .. } => "write it anew, if this is the node's own machine: eos identity keep",
            Self::Crypto { .. } => "run the command again with -v and report what it says",
            Self::Damaged { .. } => {
                "restore the file from a backup, or join again with a new identity: eos reset && eos bootstrap"
            }
            Self::Membership { .. } => {
                "restore /var/lib/eos/membership.json from a backup, or join again: eos reset && eos bootstrap"
            }
            Self::MembershipNewer { .. } => "use the eos that wrote it, or a later one: eos --version",
            Self::Tls(_) => "compare the certificates under /var/lib/eos/identity with the time: date",
            Self::File(_) => "look at the owner and mode of the files: ls -l /var/lib/eos/identity",
            Self::TokenShape { .. } => "make a token on the master and copy it whole: eos token create",
            Self::TokenChecksum { .. } => {
                "it was probably cut while copying; copy it whole, or put it into a file: --token-file FILE"
            }
            Self::WrongAuthority { .. } => {
                "the token belongs to another cluster, or someone is in between; make one there: eos token create"
            }
            Self::NotSigned { .. } => {
                "someone may be in between; compare the fingerprint on the master: eos status"
            }
            Self::MasterUnproven { .. } => {
                "it is not the master that this token was made for; make a token there: eos token create"
            }
            Self::BadSignature { .. } => {
                "it was changed on the way or on disk; fetch it again: eos bootstrap"
            }
        };
        vec![hint.to_owned()]
    }
}

/// What is wrong with a token whose checksum does not fit, as far as its length tells.
fn damage(length: usize, expected: usize) -> String {
    if length < expected {
        return format!("the token is truncated: {length} of its {expected} characters were given");
    }
    format!(
        "the token is damaged: its checksum does not fit ({length} characters given, {expected} expected)"
    )
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<IdentityError> {
    let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
    vec![
        IdentityError::Crypto { action: "make a key", source: rcgen::Error::RemoteKeyError },
        IdentityError::Damaged { what: "the node's certificate" },
        IdentityError::Membership { why: "EOF while parsing an object at line 3 column 1".to_owned() },
        IdentityError::MembershipNewer { found: 2, known: 1 },
        IdentityError::Tls(rustls::Error::HandshakeNotComplete),
        IdentityError::File(FileError::new("read", "/var/lib/eos/identity/node.key", missing())),
        IdentityError::TokenShape { reason: "it does not begin with eos1." },
        IdentityError::TokenChecksum { length: 90, expected: 124 },
        IdentityError::TokenChecksum { length: 124, expected: 124 },
        IdentityError::WrongAuthority {
            found: Fingerprint::from_bytes([1; 32]),
            pinned: Fingerprint::from_bytes([2; 32]),
        },
        IdentityError::NotSigned { authority: Fingerprint::from_bytes([1; 32]) },
        IdentityError::MasterUnproven { token: "k3v9".to_owned() },
        IdentityError::BadSignature { what: "the snapshot's manifest" },
        IdentityError::Machine { why: "EOF while parsing an object at line 3 column 1".to_owned() },
        IdentityError::AddressGone { address: IpAddr::from([10, 0, 1, 12]), master: false },
        IdentityError::OtherMachine { evidence: vec!["the machine-id is 0123, and it was 4567".to_owned()] },
    ]
}
