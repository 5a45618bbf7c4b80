//! Few whole candidates in every order of messages, loss, repetition, silence and restarts.

use super::super::candidate::{Announcement, Candidate};
use super::*;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Instant;

/// How many states of three machines are looked at from each start: the nearest ones, by breadth.
const NEAREST: usize = 8_000;

/// Machines, and all that was ever told: it can arrive at any time, often, or never.
#[derive(Clone)]
struct World {
    machines: Vec<Candidate>,
    told: BTreeSet<Announcement>,
    elected: BTreeSet<usize>,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "read in the failure of a test")]
enum Move {
    Consider(usize),
    Hear(usize, Announcement),
    Lapse(usize, Fingerprint),
    Restart(usize),
}

/// The time in all of this, by which what was heard at `zero` has long lapsed.
#[derive(Clone, Copy)]
struct Clock {
    zero: Instant,
    now: Instant,
}

impl Clock {
    fn new() -> Self {
        let zero = Instant::now();
        Self { zero, now: zero + Duration::from_secs(60) }
    }
}

impl World {
    fn new(present: usize, terms: Terms, clock: Clock) -> Self {
        let new = |number| Candidate::new(machine(number), terms, Record::Free, clock.now);
        let machines = (0..present).map(new).collect();
        Self { machines, told: BTreeSet::new(), elected: BTreeSet::new() }
    }

    /// All that decides what happens next, in few bytes.
    fn key(&self, clock: Clock) -> Vec<u8> {
        let small =
            |id: Option<Fingerprint>| id.map_or(255, |id| u8::try_from(number(&id)).expect("few machines"));
        let said = |said: &Announcement| {
            let view = said.view.as_bytes();
            [small(Some(said.from)), small(said.supports), small(said.first), view[0], view[1]]
        };
        let mut key = Vec::new();
        for machine in &self.machines {
            let support = &machine.support;
            key.extend([small(support.supports()), u8::from(support.record() == Record::Elected)]);
            for heard in machine.heard.values() {
                key.push(u8::from(heard.at == clock.now));
                key.extend(said(&heard.said));
            }
            key.push(254);
            let given_up = support.given_up.iter();
            key.extend(given_up.flat_map(|(from, whom)| [small(Some(*from)), small(Some(*whom))]));
            key.push(254);
        }
        key.extend(self.told.iter().flat_map(said));
        key
    }

    fn consider(&mut self, at: usize, clock: Clock) {
        let step = self.machines[at].consider(clock.now);
        if step.standing == Standing::Elected {
            self.elected.insert(at);
        }
        self.told.insert(step.say);
    }

    /// All that may happen next.
    fn next(&self, terms: Terms, clock: Clock) -> Vec<(Move, World)> {
        let mut moves = Vec::new();
        let mut then = |step, does: &dyn Fn(&mut World)| {
            let mut next = self.clone();
            does(&mut next);
            moves.push((step, next));
        };
        for (at, own) in self.machines.iter().enumerate() {
            then(Move::Consider(at), &|next| next.consider(at, clock));
            for said in self.told.iter().filter(|said| said.from != machine(at)) {
                then(Move::Hear(at, *said), &|next| next.machines[at].hear(*said, clock.now));
            }
            for from in own.heard.keys() {
                let lapse = |next: &mut World| {
                    next.machines[at].heard.get_mut(from).expect("it was heard").at = clock.zero;
                };
                then(Move::Lapse(at, *from), &lapse);
            }
            let record = own.support.record();
            let again = Candidate::new(machine(at), terms, record, clock.now);
            then(Move::Restart(at), &|next| next.machines[at] = again.clone());
        }
        moves
    }

    /// Lets all hear all of what they say from now on, a few times.
    fn whole(&self, rounds: usize, clock: Clock) -> World {
        let mut world = self.clone();
        for _ in 0..rounds {
            world.told.clear();
            (0..world.machines.len()).for_each(|at| world.consider(at, clock));
            for machine in &mut world.machines {
                world.told.iter().for_each(|said| machine.hear(*said, clock.now));
            }
        }
        world
    }
}

/// From the state after so many rounds in which all hear all.
fn search(
    rounds: usize,
    present: usize,
    terms: Terms,
    most: usize,
    bad: impl Fn(&World, Clock) -> bool,
) -> Explored<Move> {
    let clock = Clock::new();
    let start = World::new(present, terms, clock).whole(rounds, clock);
    let (key, next) = (|world: &World| world.key(clock), |world: &World| world.next(terms, clock));
    explore(start, most, key, next, |world| bad(world, clock))
}

/// Two are elected, or nobody is although all hear all.
fn wrong(world: &World, clock: Clock) -> bool {
    world.elected.len() > 1 || world.whole(8, clock).elected.len() != 1
}

#[test]
fn two_machines_never_elect_two_and_elect_one_once_they_hear_each_other_from_every_state() {
    let explored = search(0, 2, timeless(2), usize::MAX, wrong);
    assert!(explored.bad.is_none(), "{:?}", explored.bad);
    assert!(explored.complete);
    println!("2 machines: {} states", explored.states);
}

#[test]
fn three_machines_never_elect_two_and_elect_one_once_they_hear_each_other_from_the_nearest_states() {
    let elections = Cell::new(0);
    let wrong = |world: &World, clock| {
        elections.set(elections.get() + world.elected.len());
        wrong(world, clock)
    };
    for rounds in 0..=5 {
        let explored = search(rounds, 3, timeless(3), NEAREST, wrong);
        assert!(explored.bad.is_none(), "after {rounds} rounds: {:?}", explored.bad);
        println!("3 machines after {rounds} rounds: {} states", explored.states);
    }
    println!("{} of them with one that is elected", elections.get());
    assert!(elections.get() > NEAREST, "{} states with one that is elected", elections.get());
}

#[test]
fn a_minority_elects_nobody_in_any_order() {
    for (present, expected) in [(1, 2), (1, 3), (2, 4), (2, 5)] {
        let explored =
            search(0, present, timeless(expected), usize::MAX, |world, _| !world.elected.is_empty());
        assert!(explored.bad.is_none(), "{present} of {expected}: {:?}", explored.bad);
        assert!(explored.complete, "{present} of {expected}");
        println!("{present} of {expected} machines: {} states", explored.states);
    }
}

#[test]
fn where_half_elect_a_minority_elects_and_the_search_finds_it() {
    let terms = Terms { quorum: 2, ..timeless(4) };
    let explored = search(0, 2, terms, usize::MAX, |world, _| !world.elected.is_empty());
    let way = explored.bad.expect("two of four machines elect one");
    println!("{} moves: {way:?}", way.len());
}

#[test]
fn one_alone_that_is_all_that_is_expected_is_elected() {
    assert!(search(0, 1, timeless(1), usize::MAX, wrong).bad.is_none());
}

#[test]
fn who_hears_more_machines_than_were_told_elects_nobody_and_says_so() {
    let clock = Clock::new();
    let mut world = World::new(3, timeless(2), clock).whole(8, clock);
    assert!(world.elected.is_empty());
    let standing = world.machines[0].consider(clock.now).standing;
    assert_eq!(standing, Standing::Crowded { expected: 2 });
    assert!(standing.told(&Names::new()).contains("more than 2 machines take part"), "{standing:?}");
}

#[test]
fn who_supports_one_that_is_silent_waits_for_it_and_says_for_whom() {
    let clock = Clock::new();
    let record = Record::Supports(machine(0));
    let mut third = Candidate::new(machine(2), timeless(3), record, clock.now);
    let mut second = Candidate::new(machine(1), timeless(3), Record::Free, clock.now);
    for _ in 0..8 {
        let (one, other) = (second.consider(clock.now), third.consider(clock.now));
        assert_eq!((other.write, other.standing), (None, Standing::Missing { whom: machine(0) }));
        assert!(other.standing.told(&Names::new()).contains("--single-node"), "{:?}", other.standing);
        assert_ne!(one.standing, Standing::Elected);
        second.hear(other.say, clock.now);
        third.hear(one.say, clock.now);
    }
}

#[test]
fn supporters_that_were_not_heard_lately_do_not_elect() {
    let clock = Clock::new();
    let record = Record::Supports(machine(0));
    let started = || Candidate::new(machine(0), timeless(3), record, clock.now);
    let said = Candidate::new(machine(1), timeless(3), record, clock.now).consider(clock.now).say;
    for (heard, standing) in
        [(clock.now, Standing::Elected), (clock.zero, Standing::Few { there: 1, quorum: 2, expected: 3 })]
    {
        let mut own = started();
        own.hear(said, heard);
        assert_eq!(own.consider(clock.now).standing, standing);
    }
}

#[test]
fn a_master_that_answers_ends_the_contest_even_for_the_elected_one() {
    let clock = Clock::new();
    for record in [Record::Free, Record::Supports(machine(0)), Record::Elected] {
        let mut own = Candidate::new(machine(1), timeless(1), record, clock.now);
        own.master_answers();
        let step = own.consider(clock.now);
        assert_eq!((step.write, step.standing), (None, Standing::Over));
    }
}
