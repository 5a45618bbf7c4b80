//! The machine: the only place that touches the operating system (tier 2).

pub mod command;
pub mod disk_probe;
pub mod facts;
pub mod files;
pub mod paths;
pub mod root;
pub mod routes;
pub mod sockets;
