//! How a node takes back a registration that nobody has decided on.

use serde::{Deserialize, Serialize};

/// `POST /v1/withdraw`. A node that waits has no certificate: its request names its key, and its
/// signature shows that it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawRequest {
    /// The certificate request of the registration, PEM.
    pub csr: String,
    /// A challenge of the master.
    pub challenge: String,
    /// The node's key over this conversation, base64. From protocol 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// The answer: what the master knew of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Whether there was a registration to forget.
    pub forgotten: bool,
}
