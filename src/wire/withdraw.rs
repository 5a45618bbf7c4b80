//! How a node takes back a registration that nobody has decided on.

use serde::{Deserialize, Serialize};

/// `POST /v1/withdraw`. A node that waits has no certificate: its request, signed by its key, names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawRequest {
    /// The certificate request of the registration, PEM.
    pub csr: String,
    /// A challenge of the master.
    pub challenge: String,
}

/// The answer: what the master knew of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Whether there was a registration to forget.
    pub forgotten: bool,
}
