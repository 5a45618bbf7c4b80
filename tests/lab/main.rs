//! Several hosts on one machine: real processes in network namespaces, each with its own address and root.
//!
//! Needs root, `ip`, `nft` and `faketime`; a test that misses one of them says which package has it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod addresses;
mod admission;
mod clocks;
mod configured;
mod crashes;
mod data;
mod discovery;
mod growth;
mod identities;
mod links;
mod messages;
mod removal;
mod restarts;
mod secrets;
mod support;
mod tokens;
mod waits;
