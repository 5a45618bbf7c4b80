//! States: a Salt tree rendered, parsed and put in order, as a plan of what each path and service should be.
//!
//! Pure: the tree is read through [`StateTree`], the machine is described by [`Context`], and the plan is applied
//! by others. What Salt knows and this does not is an error that names file and line, never skipped.

pub mod aftermath;
pub mod arguments;
pub mod condition;
pub mod context;
pub mod declaration;
pub mod difference;
pub mod edit;
pub mod embedded;
pub mod error;
pub mod extend;
mod filters;
pub mod function;
pub mod grains;
pub mod graph;
pub mod inputs;
pub mod jinja;
pub mod load;
mod loads;
pub mod matching;
pub mod mount_options;
pub mod names;
pub mod order;
pub mod plan;
mod python;
pub mod requisite;
pub mod resolve;
pub mod run;
pub mod salt;
pub mod source_lines;
pub mod tables;
pub mod tree;
pub mod unified;
pub mod verdict;
pub mod wants;

pub use context::Context;

pub use difference::{Difference, Existing, FileKind};
pub use error::SlsError;
pub use function::Function;
pub use inputs::Inputs;
pub use plan::{State, StatePlan, Wanted, declarations, render};
pub use tree::StateTree;

#[cfg(test)]
mod tests;
