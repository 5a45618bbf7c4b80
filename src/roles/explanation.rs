//! Why each node has its role, and what to be warned of.

use super::input::{Assignment, Availability, PlanNode, RoleRules};
use super::outcome::{Amount, Reason, Resource, RoleAssignment, Warning};
use super::planner::{Member, index_of};
use super::targets::{self, Counts};
use crate::model::role::Role;
use std::collections::BTreeMap;

/// The assignments of the members, with a reason each.
pub(super) fn assignments(members: &[Member<'_>], wanted: Counts) -> Vec<RoleAssignment> {
    let (mut had, mut answering) = ([0u64; 4], [0u64; 4]);
    for member in members {
        if let Some(index) = member.node.current.and_then(index_of) {
            had[index] += 1;
            answering[index] += u64::from(member.stands());
        }
    }
    let assign = |member: &Member<'_>| {
        let role = role_of(member);
        let reason = match &member.settled {
            Some((_, reason)) => reason.clone(),
            None => reason(member, role, members.len(), wanted, had, answering),
        };
        RoleAssignment { node: member.node.name.clone(), role, previous: member.node.current, reason }
    };
    members.iter().map(assign).collect()
}

/// The role of a member after the distribution.
fn role_of(member: &Member<'_>) -> Role {
    member.role.expect("every member has a role after the distribution")
}

/// Why a node that may be moved has this role.
fn reason(
    member: &Member<'_>,
    role: Role,
    size: usize,
    wanted: Counts,
    had: Counts,
    answering: Counts,
) -> Reason {
    let index = index_of(role).expect("only settled members are monoliths");
    let (target, before) = (wanted[index], had[index]);
    let current = member.node.current.filter(|current| *current != Role::Monolith);
    if current == Some(role) {
        return Reason::Kept;
    }
    if target > 0 && before > 0 && answering[index] == 0 {
        return Reason::StandsIn;
    }
    if member.node.preferred == Some(role) {
        return Reason::Preferred;
    }
    match current {
        None if size <= 3 => Reason::Order { position: member.place + 1, nodes: size },
        None => Reason::Fills { role, target, had: before },
        Some(_) if before < target => Reason::Target { role, target, had: before },
        Some(from) => {
            let target = index_of(from).map_or(0, |index| wanted[index]);
            Reason::MakesRoom { from, target }
        }
    }
}

/// Everything an operator should know before the plan is carried out.
pub(super) fn warnings(
    nodes: &[PlanNode],
    members: &[Member<'_>],
    wanted: Counts,
    rules: &RoleRules,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if members.is_empty() {
        warnings.push(Warning::NobodyStays);
    }
    for node in nodes {
        if node.availability == Availability::Leaving && node.current.is_none() {
            warnings.push(Warning::LeftOut { node: node.name.clone() });
        }
    }
    if members.len() > 1 {
        of_roles(members, wanted, &mut warnings);
        let cut = targets::cut_counts(members.len(), rules).into_iter();
        warnings.extend(cut.map(|(role, stated, given)| Warning::CountCut { role, stated, given }));
        warnings.extend(below_minimum(members, rules));
    }
    members.iter().for_each(|member| of_member(member, members.len(), rules, &mut warnings));
    warnings.sort();
    warnings
}

/// Roles that nobody serves, or that are off their target.
fn of_roles(members: &[Member<'_>], wanted: Counts, warnings: &mut Vec<Warning>) {
    for (role, target) in Role::REQUESTABLE.into_iter().zip(wanted) {
        let holders = || members.iter().filter(|member| member.role == Some(role));
        let have = holders().count() as u64;
        if target > 0 && !holders().any(Member::stands) {
            warnings.push(Warning::Unserved { role });
        }
        if have != target {
            warnings.push(Warning::TargetMissed { role, have, target });
        }
    }
}

/// What concerns one node alone.
fn of_member(member: &Member<'_>, size: usize, rules: &RoleRules, warnings: &mut Vec<Warning>) {
    let (node, name, role) = (member.node, &member.node.name, role_of(member));
    if size == 1 {
        if let Some(pinned) = node.pinned {
            warnings.push(Warning::PinWaits { node: name.clone(), pinned });
        }
    } else if let Some(preferred) =
        node.preferred.filter(|preferred| *preferred != role && node.pinned.is_none())
    {
        warnings.push(Warning::PreferenceMissed { node: name.clone(), preferred, role });
    }
    if rules.assignment == Assignment::Manual && member.settled.is_none() {
        warnings.push(Warning::Undecided { node: name.clone(), role });
    }
    if node.current == Some(Role::Data) && role != Role::Data {
        warnings.push(Warning::DataMoves { node: name.clone(), to: role });
    }
}

/// One warning for each role and resource of which its nodes have too little.
fn below_minimum(members: &[Member<'_>], rules: &RoleRules) -> Vec<Warning> {
    let mut found: BTreeMap<(Role, Resource), (u64, &PlanNode)> = BTreeMap::new();
    for member in members.iter().filter(|member| !member.node.resources.is_unknown()) {
        for resource in [Resource::Processors, Resource::Memory, Resource::Disk] {
            let (have, minimum) = amounts(member.node, role_of(member), resource, rules);
            if have < minimum {
                let entry = found.entry((role_of(member), resource)).or_insert((0, member.node));
                entry.0 += 1;
                if member.node.name < entry.1.name {
                    entry.1 = member.node;
                }
            }
        }
    }
    let warn = |((role, resource), (nodes, example)): (_, (u64, &PlanNode))| {
        let (have, minimum) = amounts(example, role, resource, rules);
        Warning::BelowMinimum { role, resource, nodes, example: example.name.clone(), have, minimum }
    };
    found.into_iter().map(warn).collect()
}

/// What a node has of a resource, and what a role should have.
fn amounts(node: &PlanNode, role: Role, resource: Resource, rules: &RoleRules) -> (Amount, Amount) {
    let (has, minimum) = (&node.resources, rules.minimum.of(role));
    match resource {
        Resource::Processors => (Amount::Count(has.cpus.into()), Amount::Count(minimum.cpus.into())),
        Resource::Memory => (Amount::Bytes(has.memory_bytes), Amount::Bytes(minimum.memory_bytes)),
        Resource::Disk => (Amount::Bytes(has.disk_bytes), Amount::Bytes(minimum.disk_bytes)),
    }
}
