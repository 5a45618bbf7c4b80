//! The order of execution, exactly as Salt 3008 computes it: after all that a state depends on, and among those
//! that may come next the one with the least `order`, of itself or of a state that waits for it.

use crate::sls::declaration::Declaration;
use crate::sls::error::SlsError;
use crate::sls::order::Requisites;
use crate::sls::requisite::Kind;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A state gets its turn, or is tried first for those that want to know what it would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The state.
    pub state: usize,
    /// Whether it is only tried.
    pub trial: bool,
    /// What it depends on.
    pub needs: Vec<(Kind, usize)>,
}

/// What one place in the order counts; `names` of one id divide it.
const PLACE: i64 = 10_000;
/// The `order` of the first declaration that says none.
const FIRST_UNSAID: i64 = 10_000;
/// What `last` and negative orders are counted from, beyond the largest.
const LAST: i64 = 1_000_000;

/// The states and their trials, each with what comes before it.
pub struct Graph<'a> {
    declarations: &'a [Declaration],
    /// The state of each node; the first ones are the states themselves.
    state: Vec<usize>,
    /// The node in which a state is tried.
    trial: Vec<Option<usize>>,
    incoming: Vec<Vec<(Kind, usize)>>,
    outgoing: Vec<Vec<(Kind, usize)>>,
    orders: Vec<i64>,
    /// The same, once counted from where `last` stands and divided among names.
    settled: Vec<Option<i64>>,
    cap: i64,
}

impl<'a> Graph<'a> {
    /// The graph of these declarations.
    ///
    /// # Errors
    /// When an `order` is none.
    pub fn of(declarations: &'a [Declaration], requisites: &[Requisites]) -> Result<Self, SlsError> {
        let count = declarations.len();
        let mut cap = 1;
        let mut written = Vec::with_capacity(count);
        for declaration in declarations {
            let order = order(declaration)?;
            if let Order::Number(number) = order {
                cap = if number > 0 && number > cap - 1 { number + 100 } else { cap };
            }
            written.push(order);
        }
        let orders = written.into_iter().map(|order| match order {
            Order::Number(number) => number * PLACE,
            Order::Last => (cap + LAST) * PLACE,
        });
        let mut graph = Self {
            declarations,
            state: (0..count).collect(),
            trial: vec![None; count],
            incoming: vec![Vec::new(); count],
            outgoing: vec![Vec::new(); count],
            orders: orders.collect(),
            settled: vec![None; count],
            cap,
        };
        let mut read: Vec<usize> = (0..count).collect();
        read.sort_by_key(|index| (declarations[*index].seniority, *index));
        for index in read {
            for (kind, target) in &requisites[index].edges {
                graph.depend(index, *kind, *target);
            }
        }
        Ok(graph)
    }

    fn depend(&mut self, state: usize, kind: Kind, on: usize) {
        if kind != Kind::Prereq {
            if let Some(trial) = self.trial[state] {
                self.edge(on, trial, kind);
            }
            return self.edge(on, state, kind);
        }
        let trial = match self.trial[on] {
            Some(trial) => trial,
            None => self.tried(on),
        };
        self.edge(trial, state, Kind::Prereq);
        self.edge(state, on, Kind::Require);
        // Where a state is tried itself, what it wants to know must be known before.
        if let Some(own) = self.trial[state] {
            self.edge(trial, own, Kind::Prereq);
        }
    }

    /// A node in which the state is tried, with all that the state itself depends on so far.
    fn tried(&mut self, state: usize) -> usize {
        let node = self.state.len();
        self.state.push(state);
        self.incoming.push(Vec::new());
        self.outgoing.push(Vec::new());
        self.trial[state] = Some(node);
        for (kind, source) in self.incoming[state].clone() {
            if kind != Kind::Prereq {
                self.edge(source, node, kind);
            }
        }
        node
    }

    fn edge(&mut self, from: usize, to: usize, kind: Kind) {
        if !self.incoming[to].contains(&(kind, from)) {
            self.incoming[to].push((kind, from));
            self.outgoing[from].push((kind, to));
        }
    }

    /// Every turn in its order.
    ///
    /// # Errors
    /// When states wait for each other.
    pub fn turns(mut self) -> Result<Vec<Turn>, SlsError> {
        let mut waits: Vec<usize> = self.incoming.iter().map(Vec::len).collect();
        let mut ready = BinaryHeap::new();
        let free: Vec<usize> = (0..self.state.len()).filter(|node| self.incoming[*node].is_empty()).collect();
        for node in free {
            ready.push(Reverse((self.key(node), node)));
        }
        let mut turns = Vec::with_capacity(self.state.len());
        while let Some(Reverse((_, node))) = ready.pop() {
            turns.push(self.turn(node));
            for (_, next) in self.outgoing[node].clone() {
                waits[next] -= 1;
                if waits[next] == 0 {
                    ready.push(Reverse((self.key(next), next)));
                }
            }
        }
        if turns.len() < self.state.len() {
            return Err(self.cycle());
        }
        Ok(turns)
    }

    fn turn(&self, node: usize) -> Turn {
        let needs = self.incoming[node].iter().map(|(kind, source)| (*kind, self.state[*source]));
        Turn { state: self.state[node], trial: node >= self.declarations.len(), needs: needs.collect() }
    }

    /// What decides among those that are ready: the least order of those that wait for it, its own, its name.
    fn key(&mut self, node: usize) -> (i64, i64, String) {
        let state = self.state[node];
        let declaration = &self.declarations[state];
        let own = *self.settled[state].get_or_insert_with(|| {
            let order = self.orders[state] + declaration.name_order;
            if order < 0 { order + (self.cap + LAST) * PLACE } else { order }
        });
        let (mut weight, mut least) = (Kind::OnFail, i64::MAX);
        for (kind, next) in &self.outgoing[node] {
            // As in Salt, a weaker requisite does not count after a stronger one.
            if weight <= *kind {
                weight = *kind;
                let next = self.state[*next];
                least = least.min(self.settled[next].unwrap_or(self.orders[next]));
            }
        }
        let function = declaration.function.split('.').nth(1).unwrap_or("");
        let label = format!("{}{}{function}", declaration.module(), declaration.name());
        (own.min(least), own, label)
    }

    fn cycle(&self) -> SlsError {
        let mut walk = Walk { graph: self, done: vec![false; self.state.len()], path: Vec::new() };
        let found = (0..self.state.len()).find_map(|node| walk.visit(node)).unwrap_or_default();
        let first = found.first().copied().unwrap_or(0);
        let shown = |state: &usize| {
            let declaration = &self.declarations[*state];
            declaration.rendered.shown(&declaration.id)
        };
        SlsError::Cycle {
            place: self.declarations[first].place.clone(),
            ids: found.iter().chain(found.first()).map(shown).collect(),
        }
    }
}

enum Order {
    Number(i64),
    Last,
}

fn order(declaration: &Declaration) -> Result<Order, SlsError> {
    // Far from where places times their count overflow, and further than any tree has states.
    const MOST: i64 = 1_000_000_000;
    // The last one counts, so that `extend` replaces it.
    let Some(argument) = declaration.arguments.iter().rev().find(|argument| argument.name == "order") else {
        return Ok(Order::Number(FIRST_UNSAID + declaration.position));
    };
    match (argument.value.as_str(), argument.value.as_i64()) {
        (Some("first"), _) => Ok(Order::Number(0)),
        (Some("last"), _) => Ok(Order::Last),
        (_, Some(number)) if (-MOST..=MOST).contains(&number) => Ok(Order::Number(number)),
        _ => Err(SlsError::BadArgument {
            place: argument.place.clone(),
            function: declaration.rendered.shown(&declaration.function),
            argument: "order".to_owned(),
            wanted: "a whole number, first or last",
        }),
    }
}

/// Looks for a way from a node back to itself.
struct Walk<'g, 'a> {
    graph: &'g Graph<'a>,
    done: Vec<bool>,
    path: Vec<usize>,
}

impl Walk<'_, '_> {
    fn visit(&mut self, node: usize) -> Option<Vec<usize>> {
        if self.done[node] {
            return None;
        }
        if let Some(start) = self.path.iter().position(|earlier| *earlier == node) {
            let mut states: Vec<usize> =
                self.path[start..].iter().map(|node| self.graph.state[*node]).collect();
            states.dedup();
            return Some(states);
        }
        self.path.push(node);
        let found = self.graph.incoming[node].iter().find_map(|(_, before)| self.visit(*before));
        self.path.pop();
        self.done[node] = true;
        found
    }
}
