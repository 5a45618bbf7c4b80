//! The nouns of eos: data and parsing only, no I/O (tier 0).

pub mod bootstrap_status;
pub mod config;
pub mod digest;
pub mod explain;
pub mod facts;
pub mod glob;
pub mod ids;
pub mod layers;
pub mod progress;
pub mod role;
pub mod role_targets;
pub mod scale;
pub mod snapshots;
pub mod storage_ops;
pub mod storage_settings;
pub mod yaml;
