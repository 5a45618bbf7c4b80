//! Storage operations as pure decisions: configuration, levels, growth, plans, what the agent is asked for, and the
//! monitor's health.

pub mod clock;
pub mod config;
pub mod errand;
pub mod growth;
pub mod level;
pub mod plan;
pub mod status;
pub mod verdict;

pub use config::{ConfigError, StorageOps};
pub use level::Level;
pub use status::MonitorStatus;
pub use verdict::{Health, health, is_fresh};
