//! Which node has which role: an exact planner, and a checker that shares no code with it.
//!
//! Everything here is a pure function of its arguments. The rules of the game:
//!
//! - A cluster of one node is a `monolith`, whatever the settings say, and `monolith` exists nowhere
//!   else: these are the only two changes of a role that no setting holds back.
//! - Two nodes are `edge` and `core`, three are `edge`, `core` and `data`, in the order in which they
//!   joined, a former monolith first. From four nodes on the targets of the scale decide.
//! - A leaving node keeps its role and does not count. A failing node keeps its role and counts; when
//!   it was the last of its role, another node stands in for it.
//! - `assignment: manual` and `rebalance_on_join: false` keep every node that has a role where it is.
//!   A node without a role takes what it prefers (manual) or what the targets lack.
//! - Among all plans that remain, the best is found exactly. Compared in this order: roles that nobody
//!   serves, distance to the targets, preferences not honoured, nodes moved, `data` nodes moved, nodes
//!   below the minimum of their role (processors are given up first, then memory, disk last), fit.
//!
//! **Bound on moves.** When a node comes or goes, at most 3 other nodes change their role as long as
//! the targets are met before and after, and in any case at most 3 for the node itself and 3 for each
//! seat by which the targets changed: an improvement is a chain of moves that visits each of the four
//! roles at most once. The default targets change by one seat for each node, across scales too.

pub mod check;
pub mod difference;
pub mod error;
pub mod file;
pub mod input;
pub mod outcome;
pub mod simulate;

mod cost;
mod explanation;
mod optimum;
mod planner;
mod targets;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use check::{Violation, check};
pub use difference::{RoleChange, RoleDifference, difference};
pub use error::RoleError;
pub use file::PlanFile;
pub use input::{Assignment, Availability, PlanNode, RoleRules};
pub use outcome::{Reason, RoleAssignment, RolePlan, Warning};
pub use planner::plan;
pub use simulate::{Simulation, simulate};
