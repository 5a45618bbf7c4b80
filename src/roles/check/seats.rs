//! Whether the targets of a plan are what the rules give, by what characterises them.
//!
//! They are not computed again: counts must be filled in order, and a division by shares is right if
//! and only if no seat could be given to another role with a better claim.

use super::Violation;
use crate::model::role::Role;
use crate::roles::input::{RoleRules, ScaleTargets, Target};
use std::collections::BTreeMap;

/// The targets that do not follow from the rules.
pub(super) fn check(size: usize, rules: &RoleRules, targets: &BTreeMap<Role, u64>) -> Vec<Violation> {
    let wrong = |role: Role| Violation::WrongTarget {
        role,
        stated: targets.get(&role).copied().unwrap_or(0),
        nodes: size,
    };
    let fixed: &[Role] = match size {
        0 => &[],
        1 => &[Role::Monolith],
        2 => &[Role::Edge, Role::Core],
        3 => &[Role::Edge, Role::Core, Role::Data],
        4..=6 => return divided(size, &rules.targets.medium, targets).into_iter().map(wrong).collect(),
        _ => return divided(size, &rules.targets.distributed, targets).into_iter().map(wrong).collect(),
    };
    let differs = |role: &Role| targets.get(role).copied().unwrap_or(0) != u64::from(fixed.contains(role));
    Role::ALL.into_iter().filter(differs).map(wrong).collect()
}

/// The roles whose target is not a fair division of `size` seats.
fn divided(size: usize, table: &ScaleTargets, targets: &BTreeMap<Role, u64>) -> Vec<Role> {
    let seats = |role: Role| targets.get(&role).copied().unwrap_or(0);
    let mut wrong = Vec::new();
    let mut left = size as u64;
    let mut shares = Vec::new();
    for (role, target) in table.by_role() {
        let exact = match target {
            Some(Target::Share(percent)) if percent > 0 => {
                shares.push((role, u64::from(percent)));
                continue;
            }
            Some(Target::Count(count)) => left.min(count.into()),
            _ => 0,
        };
        left -= exact;
        if seats(role) != exact {
            wrong.push(role);
        }
    }
    if shares.iter().map(|(role, _)| seats(*role)).sum::<u64>() != left {
        wrong.extend(shares.iter().map(|(role, _)| *role));
        return wrong;
    }
    if seats(Role::Monolith) > 0 {
        wrong.push(Role::Monolith);
    }
    for &(role, share) in &shares {
        let claims_more = |&(other, claim): &(Role, u64)| {
            seats(role) > 0 && claim * (2 * seats(role) - 1) > share * (2 * seats(other) + 1)
        };
        if shares.iter().any(claims_more) {
            wrong.push(role);
        }
    }
    wrong
}
