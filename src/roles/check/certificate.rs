//! The certificate of optimality: in the best plan no cycle of moves between roles gains anything.
//!
//! Vertices are the four roles and, fifth, the demand. An edge from a role to another is the cheapest
//! move of one node between them, an edge to the demand lets a role grow by one, an edge from the
//! demand lets it shrink by one. A plan is the best exactly when no cycle has a cost below zero.

use super::expected::{self, Duty};
use super::{RoleAssignment, Violation};
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::roles::input::{PlanNode, RoleRules};
use std::collections::BTreeMap;

/// Nine numbers, compared from the first on.
type Burden = [i64; 9];

const LEVELS: [&str; 9] = [
    "roles that nobody serves",
    "distance to the targets",
    "preferences",
    "nodes moved",
    "data nodes moved",
    "disk minimums",
    "memory minimums",
    "processor minimums",
    "fit",
];

const ROLES: [Role; 4] = [Role::Edge, Role::Core, Role::Data, Role::Compute];
const DEMAND: usize = 4;

fn sum(left: Burden, right: Burden) -> Burden {
    std::array::from_fn(|level| left[level] + right[level])
}

fn gap(left: Burden, right: Burden) -> Burden {
    std::array::from_fn(|level| left[level] - right[level])
}

/// The state of one role in the plan.
#[derive(Default, Clone, Copy)]
struct Holding {
    all: i64,
    serving: i64,
    free: i64,
    target: i64,
}

impl Holding {
    /// The cost of the size of this role when it had `change` more nodes that serve.
    fn burden(&self, change: i64) -> Burden {
        let unserved = self.target > 0 && self.serving + change == 0;
        [i64::from(unserved), (self.all + change - self.target).abs(), 0, 0, 0, 0, 0, 0, 0]
    }
}

/// A cycle of moves that gains, if there is one.
pub(super) fn improvement(
    nodes: &[PlanNode],
    rules: &RoleRules,
    roles: &BTreeMap<&NodeName, &RoleAssignment>,
    targets: &BTreeMap<Role, u64>,
) -> Option<Violation> {
    let mut staying: Vec<&PlanNode> = nodes.iter().filter(|node| expected::counts(node)).collect();
    staying
        .sort_by_key(|node| (i32::from(node.current != Some(Role::Monolith)), node.joined_order, &node.name));
    let size = staying.len();
    let peak = Peak::of(&staying);
    let mut holdings = [Holding::default(); 4];
    for (holding, role) in holdings.iter_mut().zip(ROLES) {
        holding.target = targets.get(&role).map_or(0, |target| *target as i64);
    }
    let mut edges: [[Option<Burden>; 5]; 5] = Default::default();
    for (place, node) in staying.into_iter().enumerate() {
        let role = roles.get(&node.name)?.role;
        let from = ROLES.iter().position(|other| *other == role)?;
        holdings[from].all += 1;
        holdings[from].serving += i64::from(expected::serves(node, size, rules));
        if !matches!(expected::duty(node, size, rules), Duty::Free) {
            continue;
        }
        holdings[from].free += 1;
        let here = burden(node, role, size, place, rules, &peak);
        for (to, other) in ROLES.into_iter().enumerate().filter(|(to, _)| *to != from) {
            let price = gap(burden(node, other, size, place, rules, &peak), here);
            edges[from][to] = Some(edges[from][to].map_or(price, |least| least.min(price)));
        }
    }
    for (role, holding) in holdings.iter().enumerate() {
        edges[role][DEMAND] = Some(gap(holding.burden(1), holding.burden(0)));
        if holding.free > 0 {
            edges[DEMAND][role] = Some(gap(holding.burden(-1), holding.burden(0)));
        }
    }
    gaining_cycle(edges)
}

/// Searches all simple cycles of the five vertices: there are 84 of them.
fn gaining_cycle(edges: [[Option<Burden>; 5]; 5]) -> Option<Violation> {
    fn follow(edges: &[[Option<Burden>; 5]; 5], path: &mut Vec<usize>, cost: Burden) -> Option<Burden> {
        let last = path[path.len() - 1];
        if let Some(back) = edges[last][path[0]]
            && sum(cost, back) < [0; 9]
        {
            return Some(sum(cost, back));
        }
        // Each cycle is searched from its smallest vertex only.
        for next in path[0] + 1..5 {
            if let Some(step) = edges[last][next]
                && !path.contains(&next)
            {
                path.push(next);
                if let Some(found) = follow(edges, path, sum(cost, step)) {
                    return Some(found);
                }
                path.pop();
            }
        }
        None
    }
    (0..5).find_map(|start| {
        let mut path = vec![start];
        let gain = follow(&edges, &mut path, [0; 9])?;
        let level = gain.iter().position(|level| *level != 0)?;
        // Written along the moves: from the role that shrinks, if the demand is part of the cycle.
        if let Some(at) = path.iter().position(|vertex| *vertex == DEMAND) {
            path.rotate_left(at + 1);
            path.pop();
        }
        let along = path.into_iter().map(|vertex| ROLES[vertex]).collect();
        Some(Violation::Improvable { along, gain: LEVELS[level] })
    })
}

/// The largest of each resource among the nodes that stay.
struct Peak {
    cpus: u128,
    memory: u128,
    disk: u128,
}

impl Peak {
    fn of(nodes: &[&PlanNode]) -> Self {
        let peak = |of: fn(&PlanNode) -> u128| nodes.iter().map(|node| of(node)).max().unwrap_or(0).max(1);
        Self {
            cpus: peak(|node| node.resources.cpus.into()),
            memory: peak(|node| node.resources.memory_bytes.into()),
            disk: peak(|node| node.resources.disk_bytes.into()),
        }
    }
}

/// The cost of one node in one role.
fn burden(node: &PlanNode, role: Role, size: usize, place: usize, rules: &RoleRules, peak: &Peak) -> Burden {
    let has = &node.resources;
    let moves = node.current.is_some() && node.current != Some(role);
    let mut burden = [0; 9];
    burden[2] = i64::from(node.preferred.is_some() && node.preferred != Some(role));
    burden[3] = i64::from(moves);
    burden[4] = i64::from(moves && node.current == Some(Role::Data));
    if size <= 3 {
        let seat = ROLES.iter().position(|other| *other == role).unwrap_or(0);
        burden[8] = (seat.abs_diff(place) * seat.abs_diff(place)) as i64;
        return burden;
    }
    let least = rules.minimum.of(role);
    let told = has.cpus > 0 || has.memory_bytes > 0 || has.disk_bytes > 0;
    burden[5] = i64::from(told && has.disk_bytes < least.disk_bytes);
    burden[6] = i64::from(told && has.memory_bytes < least.memory_bytes);
    burden[7] = i64::from(told && has.cpus < least.cpus);
    let permille = |part: u128, whole: u128| -> i64 { (part * 1000 / whole) as i64 };
    let cpus = permille(has.cpus.into(), peak.cpus);
    let memory = permille(has.memory_bytes.into(), peak.memory);
    burden[8] = match role {
        Role::Core => -(memory + memory + cpus),
        Role::Compute => -(cpus + cpus + memory),
        Role::Data => -3 * permille(has.disk_bytes.into(), peak.disk),
        Role::Edge | Role::Monolith => 0,
    };
    burden
}
