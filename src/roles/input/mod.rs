//! What the planner is given: the nodes and the rules.

mod node;
mod rules;

pub use crate::model::role_targets::{InvalidTarget, Minimum, Minimums, ScaleTargets, Target, Targets};
pub use node::{Availability, PlanNode, validate};
pub use rules::{Assignment, RoleRules};
