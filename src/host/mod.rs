//! The machine: the only place that touches the operating system (tier 2).

pub mod command;
pub mod files;
pub mod mounts;
pub mod paths;
pub mod root;
pub mod sweep;
pub mod uptime;
pub mod watch;
