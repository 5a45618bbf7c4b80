//! Every order of what a few machines may do at all under the rules of support, whatever they believe of each other.

use super::super::support::{Record, Support};
use super::*;
use std::collections::BTreeSet;

const MACHINES: usize = 5;

/// A rule that is broken on purpose, to see that a search finds what follows from it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// Half of N elect.
    HalfElects,
    /// A restart forgets the record.
    DiskIsLost,
    /// A restart forgets that it was elected, and knows whom it supports.
    ElectionIsForgotten,
    /// Who waits for long enough supports another one.
    WaitingEnds,
    /// Who gave up for another may found again once that one is silent.
    GivingUpEnds,
}

/// Records on disks, and all that was ever told: it can arrive at any time, often, or never.
///
/// What a machine knows is some of what was told, and all it forgets at a restart can be told again. So it is enough
/// that each acts as if just started, after hearing any of it that matters.
#[derive(Clone)]
struct World {
    records: Vec<Record>,
    told: BTreeSet<(usize, usize)>,
    elected: BTreeSet<usize>,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "read in the failure of a test")]
enum Move {
    Give { machine: usize, to: usize },
    Elect { machine: usize },
    Forget { machine: usize },
}

impl World {
    fn new(machines: usize) -> Self {
        Self { records: vec![Record::Free; machines], told: BTreeSet::new(), elected: BTreeSet::new() }
    }

    /// The same in few bytes.
    fn key(&self) -> Vec<u8> {
        let small = |number: usize| u8::try_from(number).expect("few machines");
        let record = |record: &Record| match record {
            Record::Free => 200,
            Record::Elected => 201,
            Record::Supports(whom) => small(number(whom)),
        };
        let mut key: Vec<u8> = self.records.iter().map(record).collect();
        key.extend(self.told.iter().map(|(from, whom)| 16 * small(*from) + small(*whom)));
        key.push(255);
        key.extend(self.elected.iter().map(|elected| small(*elected)));
        key
    }

    /// All that may happen next.
    fn next(&self, quorum: usize, broken: Broken) -> Vec<(Move, World)> {
        let mut moves = Vec::new();
        let all: BTreeSet<_> = (0..self.records.len()).map(machine).collect();
        for at in 0..self.records.len() {
            let started = || Support::new(machine(at), quorum, self.records[at]);
            // One message of whom it supports lets it leave that one; any other only forbids it more.
            let supported = started().supports().map(|whom| number(&whom));
            let freeing = self.told.iter().filter(|(from, _)| Some(*from) == supported);
            for told in freeing.map(Some).chain([None]) {
                for to in 0..self.records.len() {
                    let mut own = started();
                    told.iter().for_each(|(from, to)| own.hear(machine(*from), Some(machine(*to))));
                    if own.give(machine(to)) {
                        moves.push((Move::Give { machine: at, to }, self.with(at, own.record())));
                    }
                }
            }
            let mut own = started();
            let for_it = self.told.iter().filter(|(_, to)| *to == at);
            for_it.for_each(|(from, to)| own.hear(machine(*from), Some(machine(*to))));
            if own.elect(&all) {
                moves.push((Move::Elect { machine: at }, self.with(at, own.record())));
            }
            if let Some(less) = forgotten(broken, at, self.records[at]) {
                moves.push((Move::Forget { machine: at }, self.with(at, less)));
            }
        }
        moves
    }

    fn with(&self, at: usize, record: Record) -> World {
        let mut next = self.clone();
        next.records[at] = record;
        match record {
            Record::Free => {}
            Record::Elected => _ = next.elected.insert(at),
            // Who supports itself has given up nothing: `Support::hear` makes nothing of it.
            Record::Supports(whom) if number(&whom) == at => {}
            Record::Supports(whom) => _ = next.told.insert((at, number(&whom))),
        }
        next
    }
}

/// What is left of a record where a rule is broken.
fn forgotten(broken: Broken, at: usize, record: Record) -> Option<Record> {
    let own = machine(at);
    match (broken, record) {
        (Broken::DiskIsLost, _) => Some(Record::Free),
        (Broken::ElectionIsForgotten, Record::Elected) => Some(Record::Supports(own)),
        (Broken::WaitingEnds, Record::Supports(whom)) if whom != own => Some(Record::Free),
        (Broken::GivingUpEnds, Record::Supports(whom)) if whom != own => Some(Record::Supports(own)),
        _ => None,
    }
}

fn search(machines: usize, broken: Broken) -> Explored<Move> {
    let quorum = if broken == Broken::HalfElects { machines / 2 } else { timeless(machines).quorum() };
    let next = |world: &World| world.next(quorum, broken);
    let two = |world: &World| world.elected.len() > 1;
    explore(World::new(machines), usize::MAX, World::key, next, two)
}

#[test]
fn up_to_five_machines_never_elect_two_in_any_order_of_all_they_may_do() {
    for machines in 1..=MACHINES {
        let explored = search(machines, Broken::Nothing);
        assert!(explored.bad.is_none(), "{machines} machines: {:?}", explored.bad);
        assert!(explored.complete, "{machines} machines: more than {} states", explored.states);
        println!("{machines} machines: {} states", explored.states);
    }
}

#[test]
fn every_broken_rule_elects_two_so_the_search_would_find_it() {
    let rules = [
        (4, Broken::HalfElects),
        (2, Broken::HalfElects),
        (3, Broken::DiskIsLost),
        (3, Broken::ElectionIsForgotten),
        (3, Broken::WaitingEnds),
        (3, Broken::GivingUpEnds),
    ];
    for (place, (machines, broken)) in rules.into_iter().enumerate() {
        let explored = search(machines, broken);
        let way = explored.bad.unwrap_or_else(|| panic!("rule {place}: two were never elected"));
        println!("rule {place}: {} moves among {} states: {way:?}", way.len(), explored.states);
    }
}
