//! What a plan costs: levels compared one after the other, added one by one.

use super::input::{Minimum, Minimums, PlanNode};
use crate::model::facts::Resources;
use crate::model::role::Role;
use std::ops::{Add, Sub};

/// The levels of a cost, the most important first.
///
/// Lexicographic order is kept when the same cost is added to both sides, so shortest paths over
/// such costs are as exact as over numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Cost(pub(super) [i64; 9]);

pub(super) const UNSERVED: usize = 0;
pub(super) const DEVIATION: usize = 1;
const PREFERENCE: usize = 2;
const MOVES: usize = 3;
const DATA_MOVES: usize = 4;
const DISK: usize = 5;
const MEMORY: usize = 6;
const PROCESSORS: usize = 7;
const FIT: usize = 8;

impl Add for Cost {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(left, right)| *left += right);
        self
    }
}

impl Sub for Cost {
    type Output = Self;
    fn sub(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(left, right)| *left -= right);
        self
    }
}

/// What decides between plans that are equal otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fit {
    /// Two or three nodes: place in the order of joining, from 0.
    Order(i64),
    /// The largest of each resource in the cluster.
    Relative(Resources),
}

/// What it costs that this node has each of the four roles.
pub(super) fn of_roles(node: &PlanNode, minimums: &Minimums, fit: Fit) -> [Cost; 4] {
    let mut costs = [Cost::default(); 4];
    for (index, role) in Role::REQUESTABLE.into_iter().enumerate() {
        let levels = &mut costs[index].0;
        levels[PREFERENCE] = i64::from(node.preferred.is_some_and(|preferred| preferred != role));
        levels[MOVES] = i64::from(node.current.is_some_and(|current| current != role));
        levels[DATA_MOVES] = i64::from(node.current == Some(Role::Data) && role != Role::Data);
        match fit {
            Fit::Order(place) => levels[FIT] = (place - index as i64).pow(2),
            Fit::Relative(largest) => {
                let Minimum { cpus, memory_bytes, disk_bytes } = minimums.of(role);
                let known = !node.resources.is_unknown();
                levels[DISK] = i64::from(known && node.resources.disk_bytes < disk_bytes);
                levels[MEMORY] = i64::from(known && node.resources.memory_bytes < memory_bytes);
                levels[PROCESSORS] = i64::from(known && node.resources.cpus < cpus);
                levels[FIT] = -usefulness(role, &node.resources, &largest);
            }
        }
    }
    costs
}

/// How useful these resources are for a role, 0 to 3000: an edge node takes what is left over.
fn usefulness(role: Role, has: &Resources, largest: &Resources) -> i64 {
    let share = |part: u64, whole: u64| (u128::from(part) * 1000 / u128::from(whole.max(1))) as i64;
    let processors = share(u64::from(has.cpus), u64::from(largest.cpus));
    let memory = share(has.memory_bytes, largest.memory_bytes);
    match role {
        Role::Monolith | Role::Edge => 0,
        Role::Core => 2 * memory + processors,
        Role::Data => 3 * share(has.disk_bytes, largest.disk_bytes),
        Role::Compute => 2 * processors + memory,
    }
}
