//! Sagas: lists of steps that are carried out whole or not at all, across failures and crashes (tier 3).

pub mod engine;
pub mod error;
pub mod faults;
pub mod recovery;
pub mod reset;
mod running;
pub mod step;
mod unwinding;

#[cfg(test)]
mod tests;
