//! eos turns a fresh Linux machine into a working member of a storage cluster.
//!
//! Modules in reading order; each may import only those above it (`tests/it/tidy.rs` holds that).

// Tier 0: data and parsing.
pub mod model;

// Tier 1: pure.
pub mod lifecycle;
pub mod orchestration;
pub mod roles;
pub mod salt;
pub mod sls;
pub mod storage;
pub mod wire;

// Tier 2: the machine, the network and the disk.
pub mod client;
pub mod discovery;
pub mod host;
pub mod identity;
pub mod journal;
pub mod preflight;
pub mod registry;
pub mod server;
pub mod snapshot;
pub mod telemetry;

// Tier 3: sagas, and what both daemons hand out.
pub mod saga;
pub mod serving;
pub mod steps;

// Tier 4: the daemons.
pub mod agent;
pub mod master;

// Tier 5: the edge.
pub mod cli;
pub mod view;
