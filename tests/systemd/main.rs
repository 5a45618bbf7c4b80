//! Whole clusters on hosts that real systemd boots and runs: containers with networks of their own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "what a run measured and made is part of its result")]

mod applying;
mod base;
mod cloud_init;
mod cluster;
mod conditions;
mod confinement;
mod data;
mod host;
mod lab;
mod life;
mod receiver;
mod recovery;
mod removal;
mod salt;
mod salt_master;
mod services;
mod storage;
mod support;
mod tools;
mod undoing;
