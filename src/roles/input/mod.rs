//! What the planner is given: the nodes and the rules.

mod node;
mod rules;
mod target;

pub use node::{Availability, PlanNode, validate};
pub use rules::{Assignment, Minimum, Minimums, RoleRules, Targets};
pub use target::{InvalidTarget, ScaleTargets, Target};
