//! The checker: says whether a plan obeys the rules, sharing no code with the planner.
//!
//! It recomputes who may be moved, compares the targets with what characterises a fair division, and
//! certifies that the plan is the best one: no cycle of moves between the roles makes it cheaper.

mod certificate;
mod expected;
mod seats;
mod violation;

#[cfg(test)]
mod tests;

pub use violation::Violation;

use super::input::{PlanNode, RoleRules};
use super::outcome::{Reason, RoleAssignment, RolePlan, Warning};
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use expected::Duty;
use std::collections::BTreeMap;

/// All the rules that this plan of these nodes breaks; empty for a sound plan.
///
/// The nodes and rules are taken as valid (see [`super::input::validate`]).
pub fn check(nodes: &[PlanNode], rules: &RoleRules, plan: &RolePlan) -> Vec<Violation> {
    let size = nodes.iter().filter(|node| expected::counts(node)).count();
    let mut violations = Vec::new();
    membership(nodes, plan, &mut violations);
    let scale = Scale::of(size);
    if plan.scale != scale {
        violations.push(Violation::WrongScale { stated: plan.scale, expected: scale, nodes: size });
    }
    violations.extend(seats::check(size, rules, &plan.targets));
    let roles: BTreeMap<&NodeName, &RoleAssignment> =
        plan.assignments.iter().map(|assignment| (&assignment.node, assignment)).collect();
    for node in nodes {
        if let Some(assignment) = roles.get(&node.name) {
            duties(node, assignment, size, rules, &mut violations);
        }
    }
    silence(nodes, &roles, size, plan, &mut violations);
    // Only a plan that is complete and lawful can be compared with others.
    if violations.is_empty() && size > 1 {
        violations.extend(certificate::improvement(nodes, rules, &roles, &plan.targets));
    }
    violations
}

/// Every node once, no other, in order.
fn membership(nodes: &[PlanNode], plan: &RolePlan, violations: &mut Vec<Violation>) {
    let known: BTreeMap<&NodeName, &PlanNode> = nodes.iter().map(|node| (&node.name, node)).collect();
    let mut times: BTreeMap<&NodeName, usize> = BTreeMap::new();
    for assignment in &plan.assignments {
        *times.entry(&assignment.node).or_default() += 1;
        if !known.contains_key(&assignment.node) {
            violations.push(Violation::UnknownNode { node: assignment.node.clone() });
        }
    }
    for (name, node) in &known {
        match times.get(name).copied().unwrap_or(0) {
            1 => {}
            0 if !expected::counts(node) && node.current.is_none() => {}
            0 => violations.push(Violation::NoRole { node: (*name).clone() }),
            times => violations.push(Violation::SeveralRoles { node: (*name).clone(), times }),
        }
    }
    if !plan.assignments.is_sorted_by(|left, right| left.node <= right.node) {
        violations.push(Violation::Unsorted);
    }
}

/// What one node's assignment must be, whatever the others have.
fn duties(
    node: &PlanNode,
    assignment: &RoleAssignment,
    size: usize,
    rules: &RoleRules,
    violations: &mut Vec<Violation>,
) {
    let (name, role) = (|| node.name.clone(), assignment.role);
    if assignment.previous != node.current {
        violations.push(Violation::WrongPrevious {
            node: name(),
            stated: assignment.previous,
            current: node.current,
        });
    }
    match expected::duty(node, size, rules) {
        Duty::Must(must, why) if role != must => {
            violations.push(Violation::Forbidden { node: name(), role, must, why });
        }
        Duty::Free if role == Role::Monolith => {
            violations.push(Violation::MonolithAmongMany { node: name(), nodes: size });
        }
        _ => {}
    }
    let unmoved = node.current == Some(role);
    let says_unmoved = matches!(
        assignment.reason,
        Reason::Kept | Reason::Held | Reason::Manual | Reason::Failing | Reason::Leaving
    );
    let says_moved = matches!(
        assignment.reason,
        Reason::StandsIn
            | Reason::Target { .. }
            | Reason::MakesRoom { .. }
            | Reason::Fills { .. }
            | Reason::Order { .. }
    );
    if (says_unmoved && !unmoved) || (says_moved && unmoved) {
        violations.push(Violation::WrongReason { node: name(), reason: assignment.reason.to_string() });
    }
}

/// A target or a preference that is missed must be warned of.
fn silence(
    nodes: &[PlanNode],
    roles: &BTreeMap<&NodeName, &RoleAssignment>,
    size: usize,
    plan: &RolePlan,
    violations: &mut Vec<Violation>,
) {
    let mut have: BTreeMap<Role, u64> = plan.targets.keys().map(|role| (*role, 0)).collect();
    for node in nodes.iter().filter(|node| expected::counts(node)) {
        let Some(assignment) = roles.get(&node.name) else { continue };
        *have.entry(assignment.role).or_default() += 1;
        if size > 1 && node.pinned.is_none() && node.preferred.is_some_and(|role| role != assignment.role) {
            let warned = plan.warnings.iter().any(
                |warning| matches!(warning, Warning::PreferenceMissed { node: named, .. } if *named == node.name),
            );
            if !warned {
                violations.push(Violation::PreferenceNotTold { node: node.name.clone() });
            }
        }
    }
    for (role, have) in have {
        let wanted = plan.targets.get(&role).copied().unwrap_or(0);
        let told = plan.warnings.iter().find_map(|warning| match warning {
            Warning::TargetMissed { role: named, have, target } if *named == role => Some((*have, *target)),
            _ => None,
        });
        if told != (have != wanted).then_some((have, wanted)) {
            violations.push(Violation::TargetNotTold { role, have, wanted });
        }
    }
}
