//! The checker finds what is wrong in plans that were sound before they were changed.

use super::{Violation, check};
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::roles::outcome::{Reason, RolePlan, Warning};
use crate::roles::{Assignment, Availability, PlanNode, RoleRules, plan};
use proptest::prelude::*;

fn name(text: &str) -> NodeName {
    NodeName::parse(text).expect("a valid name")
}

fn node(text: &str, order: u64, current: Option<Role>) -> PlanNode {
    PlanNode { current, ..PlanNode::new(name(text), order) }
}

/// Six nodes: one of them pinned, one failing, one leaving, one new that prefers a role.
fn nodes() -> Vec<PlanNode> {
    let mut nodes = vec![
        node("a", 1, Some(Role::Edge)),
        node("b", 2, Some(Role::Core)),
        node("c", 3, Some(Role::Data)),
        node("d", 4, Some(Role::Data)),
        node("e", 5, Some(Role::Compute)),
        node("f", 6, None),
    ];
    nodes[1].pinned = Some(Role::Core);
    nodes[2].availability = Availability::Failing;
    nodes[4].availability = Availability::Leaving;
    nodes[5].preferred = Some(Role::Core);
    nodes
}

fn broken(change: impl FnOnce(&mut RolePlan)) -> Vec<String> {
    broken_under(&RoleRules::default(), change)
}

fn broken_under(rules: &RoleRules, change: impl FnOnce(&mut RolePlan)) -> Vec<String> {
    let nodes = nodes();
    let mut plan = plan(&nodes, rules).expect("a sound plan");
    assert_eq!(check(&nodes, rules, &plan), []);
    change(&mut plan);
    check(&nodes, rules, &plan).iter().map(ToString::to_string).collect()
}

#[test]
fn nodes_that_are_missing_twice_or_unknown_are_found() {
    let gone = broken(|plan| drop(plan.assignments.remove(0)));
    assert_eq!(gone[0], "node a has no role");
    let twice = broken(|plan| plan.assignments.insert(0, plan.assignments[0].clone()));
    assert_eq!(twice[0], "node a has 2 roles");
    let unknown = broken(|plan| plan.assignments[5].node = name("z"));
    assert_eq!(unknown[..2], ["node z has a role and is not in the cluster", "node f has no role"]);
    assert_eq!(broken(|plan| plan.assignments.swap(0, 1)), ["the assignments are not sorted by name"]);
}

#[test]
fn a_wrong_scale_or_target_is_found() {
    assert_eq!(broken(|plan| plan.scale = Scale::Small), ["the scale is small; 5 nodes make it medium"]);
    let targets = broken(|plan| {
        plan.targets.insert(Role::Data, 1);
        plan.targets.insert(Role::Compute, 2);
    });
    assert_eq!(targets[0], "the target of compute is 2, which the rules do not give for 5 nodes");
    let monolith = broken(|plan| {
        plan.targets.insert(Role::Monolith, 0);
    });
    assert_eq!(monolith, Vec::<String>::new(), "a target of none is no target");
    let more = broken(|plan| {
        plan.targets.insert(Role::Edge, 2);
    });
    assert_eq!(more[0], "the target of edge is 2, which the rules do not give for 5 nodes");
    let one = [node("a", 1, None)];
    let mut alone = plan(&one, &RoleRules::default()).expect("a sound plan");
    alone.targets = [(Role::Edge, 1)].into();
    let violations = check(&one, &RoleRules::default(), &alone);
    assert!(matches!(
        violations[..2],
        [
            Violation::WrongTarget { role: Role::Monolith, .. },
            Violation::WrongTarget { role: Role::Edge, stated: 1, nodes: 1 }
        ]
    ));
}

#[test]
fn forbidden_moves_are_found() {
    for (at, role, text) in [
        (1, Role::Data, "node b is data and must be core: it was given that role by hand"),
        (2, Role::Core, "node c is core and must be data: it does not answer and keeps its role"),
        (4, Role::Core, "node e is core and must be compute: it is leaving and keeps its role"),
        (0, Role::Monolith, "node a is the monolith of a cluster of 5"),
    ] {
        let found = broken(|plan| plan.assignments[at].role = role);
        assert_eq!(found[0], text);
    }
    let held = RoleRules { rebalance_on_join: false, ..RoleRules::default() };
    let found = broken_under(&held, |plan| plan.assignments[0].role = Role::Data);
    assert_eq!(found[0], "node a is data and must be edge: rebalance_on_join is off");
    let manual = RoleRules { assignment: Assignment::Manual, ..RoleRules::default() };
    let found = broken_under(&manual, |plan| plan.assignments[0].role = Role::Data);
    assert_eq!(found[0], "node a is data and must be edge: roles are assigned by hand");
    let found = broken_under(&manual, |plan| plan.assignments[5].role = Role::Data);
    assert_eq!(found[0], "node f is data and must be core: it asks for it and roles are assigned by hand");
    let one = [node("a", 1, Some(Role::Core))];
    let mut alone = plan(&one, &RoleRules::default()).expect("a sound plan");
    alone.assignments[0].role = Role::Core;
    let found = check(&one, &RoleRules::default(), &alone);
    assert_eq!(found[0].to_string(), "node a is core and must be monolith: it is the only node");
}

#[test]
fn reasons_and_warnings_that_do_not_fit_are_found() {
    assert_eq!(
        broken(|plan| plan.assignments[5].reason = Reason::Kept),
        [
            "the reason for node f contradicts its role: has this role already, and nothing is gained by moving it"
        ]
    );
    assert_eq!(
        broken(|plan| plan.assignments[0].reason = Reason::StandsIn),
        ["the reason for node a contradicts its role: stands in: no other node of this role answers"]
    );
    assert_eq!(
        broken(|plan| plan.assignments[5].previous = Some(Role::Edge)),
        ["node f is said to have had edge, it has no role"]
    );
    assert_eq!(
        broken(|plan| plan.warnings.retain(|warning| !matches!(warning, Warning::PreferenceMissed { .. }))),
        ["node f does not get what it prefers and no warning says so"]
    );
    assert_eq!(
        broken(|plan| plan.warnings.push(Warning::TargetMissed { role: Role::Edge, have: 0, target: 1 })),
        ["edge has 1 of 1 nodes and the warnings say otherwise"]
    );
}

#[test]
fn a_plan_that_is_lawful_but_not_the_best_is_found() {
    let mut nodes: Vec<_> = [Role::Edge, Role::Core, Role::Data, Role::Data]
        .iter()
        .zip(1..)
        .map(|(role, order)| node(&format!("n{order}"), order, Some(*role)))
        .collect();
    let rules = RoleRules::default();
    let mut swapped = plan(&nodes, &rules).expect("a sound plan");
    for (at, role) in [(0, Role::Core), (1, Role::Edge)] {
        swapped.assignments[at].role = role;
        swapped.assignments[at].reason = Reason::Preferred;
    }
    let found = check(&nodes, &rules, &swapped);
    assert_eq!(
        found[0].to_string(),
        "a better plan exists: moving nodes along edge -> core gains in nodes moved"
    );
    for node in &mut nodes {
        node.current = None;
        node.resources.cpus = 1;
    }
    nodes[0].resources.disk_bytes = 1 << 40;
    let mut poor = plan(&nodes, &rules).expect("a sound plan");
    let at =
        (1..4).find(|at| poor.assignments[*at].role == Role::Edge).expect("the large node is not the edge");
    assert_eq!(poor.assignments[0].role, Role::Data);
    poor.assignments[0].role = Role::Edge;
    poor.assignments[at].role = Role::Data;
    let found = check(&nodes, &rules, &poor);
    assert!(matches!(found[..], [Violation::Improvable { gain: "disk minimums", .. }]), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn every_change_of_one_role_is_found(
        currents in prop::collection::vec(prop::option::of(prop::sample::select(Role::REQUESTABLE.to_vec())), 1..20),
        at in any::<prop::sample::Index>(),
        other in prop::sample::select(Role::ALL.to_vec()),
    ) {
        let nodes: Vec<_> =
            currents.iter().zip(1..).map(|(current, order)| node(&format!("n{order}"), order, *current)).collect();
        let rules = RoleRules::default();
        let mut plan = plan(&nodes, &rules).expect("a sound plan");
        let at = at.index(plan.assignments.len());
        prop_assume!(plan.assignments[at].role != other);
        plan.assignments[at].role = other;
        prop_assert!(!check(&nodes, &rules, &plan).is_empty());
    }
}
