//! The node's side: applies what the master assigns, reports, and watches storage (tier 4).

mod attempts;
pub mod certificate;
pub mod error;
pub mod generation;
pub mod metrics;
pub mod monitor;
pub mod run;

#[cfg(test)]
mod fixture;

pub use error::AgentError;
