//! The daemons of a member: what runs on every node.

pub mod monitor;
