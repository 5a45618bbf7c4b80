//! The integration tests: the rules of the package, its installer, and whole runs of the binary.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod archives;
mod captures;
mod cleaning;
mod cloud_init;
mod databases;
mod errors;
mod exit_codes;
mod flow;
mod generated;
mod holders;
mod install;
mod machine_states;
mod orchestration;
mod output;
mod pulls;
mod refreshed;
mod restores;
mod sagas;
mod salt;
mod salt_nodes;
mod scarcity;
mod site_states;
mod snapshots;
mod storage;
mod storage_settings;
mod support;
mod tidy;
mod traces;
mod undone_services;
