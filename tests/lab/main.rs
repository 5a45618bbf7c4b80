//! Several hosts on one machine: real processes in network namespaces, each with its own address and root.
//!
//! Needs root, `ip`, `nft` and `faketime`; a test that misses one of them says which package has it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod addresses;
mod admission;
mod clocks;
mod configured;
mod copies;
mod crashes;
mod data;
mod discovery;
mod elections;
mod growth;
mod herds;
mod identities;
#[path = "../it/salt/installed.rs"]
#[allow(dead_code, reason = "it also applies states, which the lab does not")]
mod installed;
mod links;
mod messages;
mod removal;
mod restarts;
mod salt;
mod secrets;
mod support;
mod tokens;
mod waits;
