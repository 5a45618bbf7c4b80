//! Typed calls of the master's API; the only user of the HTTP client library.

pub mod chance;
pub mod error;
pub mod holders;
pub mod line;
mod look;
pub mod master;
mod reply;
pub mod snapshots;
pub mod terms;
pub mod webhook;

pub use error::ClientError;
pub use look::{Looked, look};
pub use master::MasterClient;
pub use terms::Terms;
pub use webhook::WebhookError;
