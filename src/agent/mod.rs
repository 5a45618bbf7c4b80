//! The node's side: applies what the master assigns, reports, and watches storage (tier 4).

pub mod error;
pub mod generation;
pub mod metrics;
pub mod monitor;
pub mod run;

pub use error::AgentError;
