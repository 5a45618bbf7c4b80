//! What crosses the network between joiner, agent, operator and master, version 1.
//!
//! Field names live here and nowhere else. A field may be added with a default; a change of
//! meaning needs a new protocol number.

pub mod admin;
pub mod embedded;
pub mod error;
pub mod join;
pub mod member;
pub mod salt;
pub mod snapshots;
pub mod version;
pub mod withdraw;

pub use error::ErrorBody;

#[cfg(test)]
mod tests;
