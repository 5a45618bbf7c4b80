//! The machine: the only place that touches the operating system (tier 2).

pub mod accounts;
pub mod command;
pub mod files;
pub mod notify;
pub mod paths;
pub mod root;
pub mod services;
