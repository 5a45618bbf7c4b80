//! What eos was about to do, what it did, and what stood there before (tier 2).
//!
//! A saga's records go to one file each, every change is preceded by a checkpoint, and the ledger
//! says what on this machine is eos's own. A crash at any instant leaves enough to go on or to
//! return to the state before.

pub mod checkpoint;
pub mod error;
pub mod file;
pub mod ledger;
pub mod lock;
pub mod record;
pub mod reset;
mod reset_tree;
mod service_files;
pub mod state;
pub mod summary;
pub mod touch;
pub mod way_back;

#[cfg(test)]
mod tests;
