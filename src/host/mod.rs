//! TBD

pub mod directory;
