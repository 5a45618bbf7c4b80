//! The planner: settles who cannot move, distributes the others, and has the result checked.

use super::check;
use super::cost::{self, Fit};
use super::error::RoleError;
use super::explanation;
use super::input::{self, Assignment, Availability, PlanNode, RoleRules};
use super::optimum::{self, Demand};
use super::outcome::{Reason, RoleAssignment, RolePlan};
use super::targets::{self, Counts};
use crate::model::facts::Resources;
use crate::model::role::Role;
use crate::model::scale::Scale;

/// A node that stays, with its role once it has one.
pub(super) struct Member<'a> {
    pub(super) node: &'a PlanNode,
    /// Its role and why, if nothing may change it.
    pub(super) settled: Option<(Role, Reason)>,
    /// Its role; that of the settled from the beginning.
    pub(super) role: Option<Role>,
    /// Place in the order of joining, from 0, a former monolith first.
    pub(super) place: usize,
}

impl Member<'_> {
    /// Whether it serves its role: it answers, or it is to be told its role anyway.
    pub(super) fn stands(&self) -> bool {
        self.node.availability == Availability::Available || self.settled.is_none()
    }
}

/// Plans the roles of all these nodes; the same plan for any order of the nodes.
///
/// Errors: [`RoleError`] for nodes or rules that cannot be planned, and `Unsound` if the result does
/// not pass [`check::check`], which would be a defect.
pub fn plan(nodes: &[PlanNode], rules: &RoleRules) -> Result<RolePlan, RoleError> {
    rules.validate()?;
    input::validate(nodes)?;
    let mut members = members(nodes, rules);
    let wanted = targets::wanted(members.len(), rules);
    distribute(&mut members, wanted, rules);
    let mut assignments = explanation::assignments(&members, wanted);
    assignments.extend(leaving(nodes));
    assignments.sort_by(|left, right| left.node.cmp(&right.node));
    let plan = RolePlan {
        scale: Scale::of(members.len()),
        targets: table(members.len(), wanted),
        warnings: explanation::warnings(nodes, &members, wanted, rules),
        assignments,
    };
    sound(nodes, rules, plan)
}

/// The plan, when the checker, which knows nothing of how it came about, finds no fault with it.
fn sound(nodes: &[PlanNode], rules: &RoleRules, plan: RolePlan) -> Result<RolePlan, RoleError> {
    match check::check(nodes, rules, &plan).as_slice() {
        [] => Ok(plan),
        violations @ [first, ..] => {
            Err(RoleError::Unsound { count: violations.len(), first: first.to_string() })
        }
    }
}

/// The nodes that stay, in the order of joining.
fn members<'a>(nodes: &'a [PlanNode], rules: &RoleRules) -> Vec<Member<'a>> {
    let mut staying: Vec<&PlanNode> =
        nodes.iter().filter(|node| node.availability != Availability::Leaving).collect();
    staying.sort_by_key(|node| (node.current != Some(Role::Monolith), node.joined_order, &node.name));
    let size = staying.len();
    let seat = |(place, node)| {
        let settled = settled(node, size, rules);
        Member { node, role: settled.as_ref().map(|(role, _)| *role), settled, place }
    };
    staying.into_iter().enumerate().map(seat).collect()
}

/// The role that nothing may change, if there is one.
fn settled(node: &PlanNode, size: usize, rules: &RoleRules) -> Option<(Role, Reason)> {
    if size == 1 {
        return Some((Role::Monolith, Reason::OnlyNode));
    }
    if let Some(role) = node.pinned {
        return Some((role, Reason::Pinned));
    }
    let manual = rules.assignment == Assignment::Manual;
    match node.current.filter(|role| *role != Role::Monolith) {
        Some(role) if node.availability == Availability::Failing => Some((role, Reason::Failing)),
        Some(role) if manual => Some((role, Reason::Manual)),
        Some(role) if !rules.rebalance_on_join => Some((role, Reason::Held)),
        Some(_) => None,
        None if manual => node.preferred.map(|role| (role, Reason::ManualPreference)),
        None => None,
    }
}

/// Gives a role to every member that has none yet.
fn distribute(members: &mut [Member<'_>], wanted: Counts, rules: &RoleRules) {
    let mut demands = wanted.map(|target| Demand { target, ..Demand::default() });
    for member in members.iter() {
        if let Some(index) = member.role.and_then(index_of) {
            demands[index].settled += 1;
            demands[index].standing += u64::from(member.stands());
        }
    }
    let ordered = Scale::of(members.len()) == Scale::Small;
    let largest = largest(members);
    let mut free: Vec<&mut Member<'_>> = members.iter_mut().filter(|member| member.role.is_none()).collect();
    let costs: Vec<_> = free
        .iter()
        .map(|member| {
            let fit = if ordered { Fit::Order(member.place as i64) } else { Fit::Relative(largest) };
            cost::of_roles(member.node, &rules.minimum, fit)
        })
        .collect();
    for (member, index) in free.iter_mut().zip(optimum::distribute(&costs, demands)) {
        member.role = Some(Role::REQUESTABLE[index]);
    }
}

/// The place of a role in [`Role::REQUESTABLE`]; none for the monolith.
pub(super) fn index_of(role: Role) -> Option<usize> {
    Role::REQUESTABLE.into_iter().position(|other| other == role)
}

fn largest(members: &[Member<'_>]) -> Resources {
    members.iter().fold(Resources::default(), |largest, member| Resources {
        cpus: largest.cpus.max(member.node.resources.cpus),
        memory_bytes: largest.memory_bytes.max(member.node.resources.memory_bytes),
        disk_bytes: largest.disk_bytes.max(member.node.resources.disk_bytes),
        disk_free_bytes: 0,
    })
}

fn leaving(nodes: &[PlanNode]) -> impl Iterator<Item = RoleAssignment> {
    let leaving = nodes.iter().filter(|node| node.availability == Availability::Leaving);
    leaving.filter_map(|node| {
        let role = node.current?;
        Some(RoleAssignment { node: node.name.clone(), role, previous: Some(role), reason: Reason::Leaving })
    })
}

fn table(size: usize, wanted: Counts) -> std::collections::BTreeMap<Role, u64> {
    if size == 1 {
        return [(Role::Monolith, 1)].into();
    }
    Role::REQUESTABLE.into_iter().zip(wanted).filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;
    use crate::model::ids::NodeName;

    #[test]
    fn a_plan_that_the_checker_rejects_is_not_given_out() {
        let node = |name| PlanNode::new(NodeName::parse(name).expect("a name"), 1);
        let (nodes, rules) = ([node("n1"), node("n2")], RoleRules::default());
        let mut wrong = plan(&nodes, &rules).expect("two nodes can be planned");
        wrong.assignments.pop();
        let error = sound(&nodes, &rules, wrong).expect_err("n2 has no role");
        let RoleError::Unsound { count, first } = &error else { panic!("{error:?}") };
        let text = format!("the role plan failed its own check ({count} violations, the first: {first})");
        tells(&error, "EOS-R010", &text);
        assert!(first.contains("n2"), "{first}");
    }
}
