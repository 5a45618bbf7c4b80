//! The machine: the only place that touches the operating system (tier 2).

pub mod accounts;
pub mod clock;
pub mod command;
pub mod confined;
pub mod descriptors;
pub mod directory;
pub mod disk_probe;
pub mod entry;
pub mod facts;
pub mod files;
pub mod inventory;
pub mod lock_file;
pub mod mounts;
pub mod notify;
pub mod own_process;
pub mod paths;
pub mod root;
pub mod routes;
pub mod services;
pub mod sockets;
pub mod stream;
pub mod sweep;
pub mod threads;
pub mod tree;
pub mod uptime;
pub mod watch;
