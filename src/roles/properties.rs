//! Properties of every plan over random clusters: the best of all, the same for any order, few moves.

use super::input::{ScaleTargets, Target, Targets};
use super::{Assignment, Availability, PlanNode, Reason, RolePlan, RoleRules, difference, plan};
use crate::model::facts::Resources;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;

const GIB: u64 = 1 << 30;

fn any_role() -> impl Strategy<Value = Role> {
    select(Role::REQUESTABLE.to_vec())
}

fn any_resources() -> impl Strategy<Value = Resources> {
    (1u32..9, 0u64..9, 0u64..120).prop_map(|(cpus, memory, disk)| Resources {
        cpus,
        memory_bytes: memory * GIB,
        disk_bytes: disk * GIB,
        disk_free_bytes: 0,
    })
}

fn any_node() -> impl Strategy<Value = PlanNode> {
    let availability = prop_oneof![
        6 => Just(Availability::Available),
        1 => Just(Availability::Leaving),
        2 => Just(Availability::Failing)
    ];
    let current = weighted(0.7, prop_oneof![9 => any_role().boxed(), 1 => Just(Role::Monolith).boxed()]);
    (any_resources(), weighted(0.4, any_role()), current, 0u64..5, availability, weighted(0.1, any_role()))
        .prop_map(|(resources, preferred, current, joined_order, availability, pinned)| PlanNode {
            name: NodeName::parse("x").expect("a valid name"),
            id: None,
            resources,
            preferred,
            current,
            joined_order,
            availability,
            pinned,
        })
}

/// So many nodes with names of their own.
fn cluster(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<PlanNode>> {
    prop::collection::vec(any_node(), sizes).prop_map(|mut nodes| {
        for (index, node) in nodes.iter_mut().enumerate() {
            node.name = NodeName::parse(&format!("n{index:02}")).expect("a valid name");
        }
        nodes
    })
}

/// A table that covers every size: up to two counts, the others by shares.
fn any_table() -> impl Strategy<Value = ScaleTargets> {
    let table =
        (weighted(0.5, 0u32..4), weighted(0.5, 0u32..4), 0u8..=100).prop_map(|(edge, core, percent)| {
            let rest = 100 - percent;
            ScaleTargets {
                edge: edge.map(Target::Count),
                core: core.map_or(Some(Target::Share(rest / 2)), |count| Some(Target::Count(count))),
                data: Some(Target::Share(percent)),
                compute: Some(Target::Share(if core.is_some() { rest } else { rest - rest / 2 })),
            }
        });
    prop_oneof![Just(Targets::default().medium), Just(Targets::default().distributed), table]
}

fn any_rules() -> impl Strategy<Value = RoleRules> {
    (weighted(0.15, Just(())), weighted(0.15, Just(())), any_table(), any_table()).prop_map(
        |(manual, held, medium, distributed)| RoleRules {
            assignment: if manual.is_some() { Assignment::Manual } else { Assignment::Automatic },
            rebalance_on_join: held.is_none(),
            targets: Targets { medium, distributed },
            ..RoleRules::default()
        },
    )
}

fn automatic(rules: RoleRules) -> RoleRules {
    RoleRules { assignment: Assignment::Automatic, rebalance_on_join: true, ..rules }
}

/// The nodes as they are once the plan is carried out.
fn carried_out(nodes: &[PlanNode], plan: &RolePlan) -> Vec<PlanNode> {
    nodes.iter().map(|node| PlanNode { current: plan.role_of(&node.name), ..node.clone() }).collect()
}

/// How many nodes of each role the rules want, as it is written down for people: the counts in the order
/// edge, core, data, compute as far as there are nodes, then the best `share / (2 * seats + 1)` of all.
fn wanted(size: usize, rules: &RoleRules) -> BTreeMap<Role, u64> {
    let (few, some) = ([Role::Edge, Role::Core, Role::Data], Role::REQUESTABLE);
    let table = match size {
        0 => return BTreeMap::new(),
        1 => return BTreeMap::from([(Role::Monolith, 1)]),
        2 | 3 => return few.into_iter().take(size).map(|role| (role, 1)).collect(),
        4..=6 => rules.targets.medium,
        _ => rules.targets.distributed,
    };
    let (mut left, mut seats, mut claims) = (size as u64, BTreeMap::new(), Vec::new());
    for (place, target) in [table.edge, table.core, table.data, table.compute].into_iter().enumerate() {
        match target {
            None => {}
            Some(Target::Count(count)) => {
                seats.insert(some[place], left.min(count.into()));
                left -= left.min(count.into());
            }
            Some(Target::Share(share)) => {
                let divisors = (0..size as u64).map(|held| 2 * held + 1);
                claims
                    .extend(divisors.filter(|_| share > 0).map(|divisor| (u64::from(share), divisor, place)));
            }
        }
    }
    claims.sort_by(|(one, by, place), (other, its, at)| (other * by).cmp(&(one * its)).then(place.cmp(at)));
    for (_, _, place) in claims.into_iter().take(left as usize) {
        *seats.entry(some[place]).or_default() += 1;
    }
    seats.retain(|_, count| *count > 0);
    seats
}

/// The objective as it is written down for people, for a complete assignment of the staying nodes.
struct Objective<'a> {
    nodes: Vec<&'a PlanNode>,
    movable: Vec<bool>,
    targets: BTreeMap<Role, u64>,
    rules: &'a RoleRules,
}

impl<'a> Objective<'a> {
    fn of(nodes: &'a [PlanNode], rules: &'a RoleRules) -> Self {
        let mut nodes: Vec<_> = nodes.iter().filter(|n| n.availability != Availability::Leaving).collect();
        nodes.sort_by_key(|n| (n.current != Some(Role::Monolith), n.joined_order, &n.name));
        let movable = |node: &&PlanNode| {
            let has = node.current.is_some_and(|role| role != Role::Monolith);
            let manual = rules.assignment == Assignment::Manual;
            let stuck =
                has && (node.availability == Availability::Failing || manual || !rules.rebalance_on_join);
            node.pinned.is_none() && !stuck && !(manual && node.preferred.is_some())
        };
        let targets = wanted(nodes.len(), rules);
        Self { movable: nodes.iter().map(movable).collect(), nodes, targets, rules }
    }

    fn value(&self, roles: &[Role]) -> [i64; 9] {
        let mut value = [0; 9];
        for role in Role::REQUESTABLE {
            let target = self.targets.get(&role).map_or(0, |target| *target as i64);
            let holders: Vec<usize> = (0..roles.len()).filter(|index| roles[*index] == role).collect();
            let serves = |index: &usize| {
                self.movable[*index] || self.nodes[*index].availability == Availability::Available
            };
            value[0] += i64::from(target > 0 && !holders.iter().any(serves));
            value[1] += (holders.len() as i64 - target).abs();
        }
        for (place, (node, role)) in
            self.nodes.iter().zip(roles).enumerate().filter(|(at, _)| self.movable[*at])
        {
            value[2] += i64::from(node.preferred.is_some_and(|wish| wish != *role));
            value[3] += i64::from(node.current.is_some_and(|had| had != *role));
            value[4] += i64::from(node.current == Some(Role::Data) && *role != Role::Data);
            self.resources(node, *role, place, &mut value);
        }
        value
    }

    fn resources(&self, node: &PlanNode, role: Role, place: usize, value: &mut [i64; 9]) {
        if roles_by_order(self.nodes.len()) {
            let seat = Role::REQUESTABLE.iter().position(|other| *other == role).expect("no monolith") as i64;
            value[8] += (seat - place as i64) * (seat - place as i64);
            return;
        }
        let (has, least) = (node.resources, self.rules.minimum.of(role));
        let known = !has.is_unknown();
        value[5] += i64::from(known && has.disk_bytes < least.disk_bytes);
        value[6] += i64::from(known && has.memory_bytes < least.memory_bytes);
        value[7] += i64::from(known && has.cpus < least.cpus);
        let share = |of: fn(&Resources) -> u64| {
            let largest = self.nodes.iter().map(|node| of(&node.resources)).max().unwrap_or(1).max(1);
            (of(&has) * 1000 / largest) as i64
        };
        let (cpus, memory) = (share(|r| r.cpus.into()), share(|r| r.memory_bytes / GIB));
        value[8] -= match role {
            Role::Core => 2 * memory + cpus,
            Role::Compute => 2 * cpus + memory,
            Role::Data => 3 * share(|r| r.disk_bytes / GIB),
            Role::Edge | Role::Monolith => 0,
        };
    }

    /// The least value over all assignments of the movable nodes.
    fn least(&self, roles: &mut [Role], from: usize) -> [i64; 9] {
        match (from..roles.len()).find(|index| self.movable[*index]) {
            None => self.value(roles),
            Some(index) => {
                let values = Role::REQUESTABLE.map(|role| {
                    roles[index] = role;
                    self.least(roles, index + 1)
                });
                values.into_iter().min().expect("there are four")
            }
        }
    }
}

fn roles_by_order(size: usize) -> bool {
    size <= 3
}

/// How many nodes other than `except` change their role.
fn moved(before: &[PlanNode], after: &RolePlan, except: &NodeName) -> u64 {
    let moved = |node: &&PlanNode| {
        node.name != *except && after.role_of(&node.name).is_some_and(|role| node.current != Some(role))
    };
    before.iter().filter(moved).count() as u64
}

/// The most moves of others that a node which comes or goes may cause: one, and one for each holder by
/// which the roles become more or fewer.
///
/// Between the two plans, nodes move along ways: the one that came pushes another one on, or others fill
/// the place of the one that went, and each further change of two roles by one holder is a way as well;
/// that makes `(1 + changed) / 2`. A circle is none of them, since it gains nothing: the plan before was
/// an optimum. And a way moves no more than two: take three in a row, `a` from 0 to 1, `b` from 1 to 2, `c`
/// from 2 to 3. Does `b` wish for 2, then so does `c`, or both would have changed places before: `b` going
/// to 3 at once costs the same. Does it not, then `a` going to 2 at once costs no more: when `a` wishes
/// for 1, so does `b`, for the same reason. Fewer moves are better, so no plan has three in a row.
fn bound(before: &RolePlan, after: &RolePlan) -> u64 {
    let held = |plan: &RolePlan, role| {
        let staying = plan.assignments.iter().filter(|node| !matches!(node.reason, Reason::Leaving));
        staying.filter(|node| node.role == role).count() as u64
    };
    1 + Role::ALL.into_iter().map(|role| held(before, role).abs_diff(held(after, role))).sum::<u64>()
}

/// A node of a settled cluster, all of the same size.
fn plain(name: &str, preferred: Option<Role>, current: Option<Role>) -> PlanNode {
    PlanNode {
        name: NodeName::parse(name).expect("a valid name"),
        id: None,
        resources: Resources { cpus: 8, memory_bytes: 64 * GIB, disk_bytes: 512 * GIB, disk_free_bytes: 0 },
        preferred,
        current,
        joined_order: 0,
        availability: Availability::Available,
        pinned: None,
    }
}

/// Two seats change hands, edge to compute, besides the one for the new node: two ways of two moves.
#[test]
fn the_bound_of_the_moves_is_reached() {
    let table = |edge| ScaleTargets {
        edge: Some(Target::Count(edge)),
        core: Some(Target::Count(2)),
        data: Some(Target::Count(2)),
        compute: Some(Target::Share(100)),
    };
    let targets = Targets { medium: table(2), distributed: table(1) };
    let rules = RoleRules { targets, ..RoleRules::default() };
    let wishes = |role| (role == Role::Core).then_some(Role::Compute);
    let mut nodes: Vec<PlanNode> = [Role::Edge, Role::Core, Role::Data]
        .into_iter()
        .flat_map(|role| ["a", "b"].map(|name| plain(&format!("{role}-{name}"), wishes(role), Some(role))))
        .collect();
    let before = plan(&nodes, &rules).expect("a sound plan");
    assert_eq!(difference(&nodes, &before).moved(), 0, "it is settled");
    let new = plain("new", Some(Role::Data), None);
    nodes.push(new.clone());
    let after = plan(&nodes, &rules).expect("a sound plan");
    assert_eq!((moved(&nodes, &after, &new.name), bound(&before, &after)), (4, 4), "{after:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn no_other_assignment_is_better_up_to_seven_nodes(nodes in cluster(2..8), rules in any_rules()) {
        let plan = plan(&nodes, &rules).expect("a sound plan");
        let objective = Objective::of(&nodes, &rules);
        prop_assert_eq!(&plan.targets, &objective.targets);
        if objective.nodes.len() > 1 {
            let mut roles: Vec<Role> = objective
                .nodes
                .iter()
                .map(|node| plan.role_of(&node.name).expect("every node has a role"))
                .collect();
            let planned = objective.value(&roles);
            prop_assert_eq!(planned, objective.least(&mut roles, 0));
        }
    }

    #[test]
    fn the_order_of_the_nodes_does_not_matter(
        (nodes, shuffled) in cluster(1..30).prop_flat_map(|nodes| (Just(nodes.clone()), Just(nodes).prop_shuffle())),
        rules in any_rules(),
    ) {
        prop_assert_eq!(plan(&nodes, &rules), plan(&shuffled, &rules));
    }

    #[test]
    fn a_plan_that_was_carried_out_is_not_planned_away(mut nodes in cluster(1..40), rules in any_rules()) {
        for node in &mut nodes {
            // A node that fails before it has a role is told one, and needs a stand-in from then on.
            if node.availability == Availability::Failing {
                node.current = node.current.filter(|role| *role != Role::Monolith).or(Some(Role::Data));
            }
        }
        let first = plan(&nodes, &rules).expect("a sound plan");
        let nodes = carried_out(&nodes, &first);
        let second = plan(&nodes, &rules).expect("a sound plan");
        prop_assert_eq!(difference(&nodes, &second).moved(), 0);
    }

    #[test]
    fn one_node_more_or_less_moves_few_others(
        nodes in cluster(2..40),
        rules in any_rules().prop_map(automatic),
        at in any::<prop::sample::Index>(),
    ) {
        let at = at.index(nodes.len());
        let mut fewer = nodes.clone();
        let one = fewer.remove(at);
        if one.availability != Availability::Leaving && fewer.iter().any(|n| n.availability != Availability::Leaving) {
            let settled = |nodes: &[PlanNode]| nodes
                .iter()
                .map(|n| PlanNode { availability: match n.availability {
                    Availability::Failing if n.current.is_none_or(|role| role == Role::Monolith) => Availability::Available,
                    other => other,
                }, ..n.clone() })
                .collect::<Vec<_>>();
            let (all, fewer) = (settled(&nodes), settled(&fewer));
            let small = plan(&fewer, &rules).expect("a sound plan");
            let mut live = carried_out(&fewer, &small);
            live.push(PlanNode { current: None, availability: Availability::Available, ..one.clone() });
            let joined = plan(&live, &rules).expect("a sound plan");
            prop_assert!(moved(&live, &joined, &one.name) <= bound(&small, &joined), "{small:?}\n{joined:?}");

            let large = plan(&all, &rules).expect("a sound plan");
            let mut live = carried_out(&all, &large);
            live.remove(at);
            let left = plan(&live, &rules).expect("a sound plan");
            prop_assert!(moved(&live, &left, &one.name) <= bound(&large, &left), "{large:?}\n{left:?}");
        }
    }

    #[test]
    fn what_settings_hold_stays(nodes in cluster(2..40), rules in any_rules()) {
        let plan = plan(&nodes, &rules).expect("a sound plan");
        let held = rules.assignment == Assignment::Manual || !rules.rebalance_on_join;
        for moved in plan.moves() {
            let node = nodes.iter().find(|node| node.name == moved.node).expect("it was given");
            prop_assert!(node.availability != Availability::Leaving);
            let by_hand = node.pinned == Some(moved.role);
            let forced = moved.role == Role::Monolith || node.current == Some(Role::Monolith);
            prop_assert!(by_hand || forced || (!held && node.availability == Availability::Available), "{moved:?}");
        }
    }
}
