//! Elections of few machines in every order, and of many in thousands of random ones.

mod candidates;
mod network;
mod simulated;

mod supports;

use super::*;
use crate::model::digest::Fingerprint;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// The machine with this number; the smaller number is the smaller fingerprint.
pub(super) fn machine(number: usize) -> Fingerprint {
    let mut bytes = [0u8; 32];
    bytes[30..].copy_from_slice(&u16::try_from(number).expect("few machines").to_be_bytes());
    Fingerprint::from_bytes(bytes)
}

/// The number of this machine.
pub(super) fn number(machine: &Fingerprint) -> usize {
    let bytes = machine.as_bytes();
    usize::from(u16::from_be_bytes([bytes[30], bytes[31]]))
}

/// Terms for so many machines, under which time decides nothing.
pub(super) fn timeless(expected: usize) -> Terms {
    terms(expected, Duration::from_secs(5), Duration::ZERO)
}

pub(super) fn terms(expected: usize, fresh: Duration, settle: Duration) -> Terms {
    Terms::new(expected.try_into().expect("some machines"), fresh, settle)
}

/// All states that can be reached, breadth first, each by its shortest way.
pub(super) struct Explored<Step> {
    /// How many states there are.
    pub states: usize,
    /// The shortest way to a bad state.
    pub bad: Option<Vec<Step>>,
    /// Whether nothing was left out.
    pub complete: bool,
}

/// Explores from `start`: `next` gives all steps from a state, `bad` whether one must not be. Stops at the first bad
/// one, or after so many states.
pub(super) fn explore<State: Clone, Key: Hash + Eq + Clone, Step: Copy>(
    start: State,
    most: usize,
    key: impl Fn(&State) -> Key,
    next: impl Fn(&State) -> Vec<(Step, State)>,
    bad: impl Fn(&State) -> bool,
) -> Explored<Step> {
    let mut ways: HashMap<Key, Option<(Key, Step)>> = HashMap::from([(key(&start), None)]);
    let mut waiting = VecDeque::from([start]);
    let result = |states, bad, complete| Explored { states, bad, complete };
    while let Some(state) = waiting.pop_front() {
        let from = key(&state);
        for (step, state) in next(&state) {
            let to = key(&state);
            if ways.contains_key(&to) {
                continue;
            }
            ways.insert(to.clone(), Some((from.clone(), step)));
            if bad(&state) {
                return result(ways.len(), Some(way_to(&ways, to)), false);
            }
            waiting.push_back(state);
        }
        if ways.len() > most {
            return result(ways.len(), None, false);
        }
    }
    result(ways.len(), None, true)
}

fn way_to<Key: Hash + Eq + Clone, Step: Copy>(
    ways: &HashMap<Key, Option<(Key, Step)>>,
    mut at: Key,
) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some((before, step)) = &ways[&at] {
        steps.push(*step);
        at = before.clone();
    }
    steps.reverse();
    steps
}
