//! The conversation of a node that is not a member yet.

use crate::model::facts::Resources;
use crate::model::ids::{ClusterId, NodeId, NodeName, TokenId};
use crate::model::role::Role;
use crate::wire::version::Versions;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// `GET /v1/hello`: what a master tells anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// What it speaks.
    pub versions: Versions,
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its clock, in milliseconds since 1970.
    pub time_ms: u64,
    /// To be put into the transcript of a registration within five minutes.
    pub challenge: String,
}

/// `POST /v1/dial-back`: asks the master to connect to the caller's own address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialBack {
    /// The port on which the caller listens for a moment.
    pub port: u16,
}

/// The answer to [`DialBack`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialBackResult {
    /// The address that the master saw and tried.
    pub address: IpAddr,
    /// Why it could not connect; none when it could.
    pub failure: Option<String>,
}

/// What a node says of itself (`NodeRegistration`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRegistration {
    /// Its name, unique in the cluster.
    pub hostname: NodeName,
    /// The address at which others reach it.
    pub ip: IpAddr,
    /// What it has to offer.
    pub resources: Resources,
    /// The role it asks for.
    pub request_role: Option<Role>,
    /// `/etc/machine-id`.
    pub machine_id: Option<String>,
    /// DMI product UUID.
    pub hardware_id: Option<String>,
    /// This boot's id.
    pub boot_id: Option<String>,
    /// What it speaks.
    pub versions: Versions,
    /// Its clock, in milliseconds since 1970.
    pub clock_ms: u64,
}

/// How the name of a registration begins that only asks about a token (`dry_run`, without a machine-id).
pub const NOBODY: &str = "nobody-";

/// `POST /v1/register`. Repeating it with the same key is harmless: the key names the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterRequest {
    /// What the node says of itself.
    pub registration: NodeRegistration,
    /// Its certificate request, PEM.
    pub csr: String,
    /// The master's challenge.
    pub challenge: String,
    /// The node's nonce.
    pub nonce: String,
    /// The token and the proof that the node knows it.
    pub token: Option<TokenProof>,
    /// Only ask how the master would judge it; nothing is entered or counted. Only for a master of
    /// protocol 2 or later.
    #[serde(default)]
    pub dry_run: bool,
    /// The node's key over this conversation, base64: the request alone may have been seen by others.
    /// From protocol 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// A proof of knowing a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenProof {
    /// The token's public id.
    pub id: TokenId,
    /// HMAC over the transcript.
    pub proof: String,
}

/// The answer to [`RegisterRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RegisterReply {
    /// Let in: a member, or joining under a lease.
    Accepted(Box<Accepted>),
    /// A person has to decide.
    Pending {
        /// What the person compares: the fingerprint of the node's key.
        key: String,
        /// When to ask again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The judgement of a request that was only asked for; one that would be refused is refused.
    Judged {
        /// `new`, `returning`, `same-machine-reinstalled`.
        verdict: String,
        /// What speaks for it: `token`, `policy`, `known`; `nobody` waits for the operator.
        admitted_by: String,
    },
}

/// What an accepted node receives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Its id.
    pub node: NodeId,
    /// Its certificate, PEM.
    pub certificate: String,
    /// How the master judged its identity: `new`, `returning`, `same-machine-reinstalled`.
    pub verdict: String,
    /// Seconds without progress after which a joining node is forgotten.
    pub lease_seconds: u32,
    /// The master's proof that it knows the token.
    pub proof: Option<String>,
    /// Whether the node is a confirmed member already.
    pub member: bool,
    /// What the master found amiss in the cluster before it let the node in, one line each.
    #[serde(default)]
    pub warnings: Vec<String>,
}
