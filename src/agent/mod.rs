//! The node's side: applies what the master assigns, reports, and watches storage (tier 4).

mod addressee;
mod attempts;
pub mod certificate;
mod contact;
mod deeds;
pub mod deputy;
pub mod endpoint;
pub mod error;
mod fullness;
pub mod generation;
pub mod holdings;
pub mod link;
pub mod metrics;
pub mod monitor;
pub mod order;
mod outcome;
pub mod readers;
pub mod recovery;
pub mod run;
pub mod salt;

#[cfg(test)]
mod fixture;

pub use error::AgentError;
