//! The master: admits nodes, gives roles, keeps the cluster's memory and hands out its state (tier 4).

pub mod admission;
pub mod app;
pub mod audit;
pub mod cluster;
pub mod copies;
pub mod crowd;
pub mod entry;
pub mod error;
#[cfg(feature = "testing")]
pub mod faults;
pub mod forecast;
pub mod holdings;
pub mod leases;
pub mod metrics;
pub mod minions;
pub mod naming;
pub mod neighbours;
pub mod orchestration;
pub mod planning;
pub mod precheck;
pub mod presence;
mod remedies;
pub mod run;
pub mod settings;
pub mod slots;
pub mod snapshots;
pub mod strangers;
pub mod turn;

#[cfg(test)]
mod error_tests;
#[cfg(test)]
mod fixture;
mod handlers;

pub use error::MasterError;
