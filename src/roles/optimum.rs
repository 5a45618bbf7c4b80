//! The cheapest distribution of nodes over four roles: an exact transportation problem.
//!
//! Nodes are inserted one by one. Each insertion takes the cheapest chain: the node takes a role, a
//! node of that role takes another, and so on; each role occurs once, so a chain moves at most three
//! nodes. The cheapest exit from a role to another comes from a heap for each pair of roles. The cost
//! of a role's size is convex, so that the distribution is the optimum after each insertion: this is
//! the method of successive shortest paths. O(n log n).

use super::cost::{Cost, DEVIATION, UNSERVED};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The demand for one role, and how much of it is met before any node is distributed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Demand {
    /// How many nodes are wanted.
    pub(super) target: u64,
    /// How many have the role and cannot be moved.
    pub(super) settled: u64,
    /// How many of the settled ones answer.
    pub(super) standing: u64,
}

impl Demand {
    /// What it costs when one more node gets the role that `free` distributed ones have.
    fn marginal(&self, free: u64) -> Cost {
        let mut cost = Cost::default();
        cost.0[UNSERVED] = -i64::from(self.target > 0 && self.standing + free == 0);
        cost.0[DEVIATION] = if self.settled + free < self.target { -1 } else { 1 };
        cost
    }
}

/// An exit from a role to another, the cheapest first; entries of nodes that left are skipped late.
type Exits = BinaryHeap<Reverse<(Cost, usize)>>;

struct Distribution<'a> {
    costs: &'a [[Cost; 4]],
    demands: [Demand; 4],
    role_of: Vec<usize>,
    held: [u64; 4],
    exits: [[Exits; 4]; 4],
}

/// The role (as an index) of each node, such that the sum of all costs is the least.
pub(super) fn distribute(costs: &[[Cost; 4]], demands: [Demand; 4]) -> Vec<usize> {
    let mut distribution = Distribution {
        costs,
        demands,
        role_of: vec![usize::MAX; costs.len()],
        held: [0; 4],
        exits: Default::default(),
    };
    for node in 0..costs.len() {
        distribution.insert(node);
    }
    distribution.role_of
}

impl Distribution<'_> {
    /// Gives the node a role along the cheapest chain.
    fn insert(&mut self, node: usize) {
        let exits = self.cheapest_exits();
        let (reach, via) = shortest(self.costs[node], &exits);
        let end = (0..4)
            .min_by_key(|&role| reach[role] + self.demands[role].marginal(self.held[role]))
            .expect("there are four roles");
        self.held[end] += 1;
        let mut role = end;
        while let Some(before) = via[role] {
            let (_, mover) = exits[before][role].expect("a chain goes along exits that exist");
            self.place(mover, role);
            role = before;
        }
        self.place(node, role);
    }

    fn place(&mut self, node: usize, role: usize) {
        self.role_of[node] = role;
        for other in (0..4).filter(|&other| other != role) {
            let price = self.costs[node][other] - self.costs[node][role];
            self.exits[role][other].push(Reverse((price, node)));
        }
    }

    fn cheapest_exits(&mut self) -> [[Option<(Cost, usize)>; 4]; 4] {
        let mut cheapest = [[None; 4]; 4];
        for (from, row) in self.exits.iter_mut().enumerate() {
            for (to, heap) in row.iter_mut().enumerate() {
                while heap.peek().is_some_and(|Reverse((_, node))| self.role_of[*node] != from) {
                    heap.pop();
                }
                cheapest[from][to] = heap.peek().map(|Reverse(exit)| *exit);
            }
        }
        cheapest
    }
}

/// The cheapest way into each role, and the role before it on that way.
fn shortest(entry: [Cost; 4], exits: &[[Option<(Cost, usize)>; 4]; 4]) -> ([Cost; 4], [Option<usize>; 4]) {
    let (mut reach, mut via) = (entry, [None; 4]);
    // No cycle of moves is worth it in an optimum, so four rounds reach every way of four roles.
    for _ in 0..4 {
        for from in 0..4 {
            for to in 0..4 {
                let Some((price, _)) = exits[from][to] else { continue };
                if reach[from] + price < reach[to] {
                    reach[to] = reach[from] + price;
                    via[to] = Some(from);
                }
            }
        }
    }
    (reach, via)
}
