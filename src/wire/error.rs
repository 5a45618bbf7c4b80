//! An error on the wire: the same facts that the other side would have printed.

use crate::model::explain::Failure;
use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Code, text, causes, hints and exit status.
    pub error: Failure,
}
