//! Orchestration: the steps by which a cluster comes to a new generation, and the record of how far they are.
//!
//! Pure: the state files are read through [`crate::sls::StateTree`], what is known of the nodes is given as
//! [`Seen`], and the master carries out what a run says. The steps are those of `orchestration/*.sls`, as
//! `salt-run state.orchestrate` would run them.

pub mod advance;
pub mod arguments;
pub mod compile;
pub mod compound;
pub mod error;
pub mod functions;
pub mod judge;
pub mod plan;
pub mod requisites;
pub mod run;
pub mod seen;
pub mod step;
pub mod target;

pub use advance::advance;
pub use compile::compile;
pub use error::OrchestrationError;
pub use plan::RolesPlan;
pub use run::{Cause, Progress, Run, Stage, StepState};
pub use seen::Seen;
pub use step::{Step, Work};
pub use target::Target;

#[cfg(test)]
mod tests;
