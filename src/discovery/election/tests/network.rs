//! Machines on a network that loses, delays, repeats and parts, drawn from a seed: the same seed, the same run.

use super::super::candidate::{Announcement, Candidate};
use super::*;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Instant;

/// Numbers that follow from a seed (splitmix64).
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What a run is like. Times are in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub terms: Terms,
    /// How many machines are ever started.
    pub present: usize,
    /// They are started within this time.
    pub starts: u64,
    /// Until then the network and the machines fail; from then on nothing does.
    pub bad_until: u64,
    pub ends: u64,
    pub every: u64,
    pub loss: u64,
    pub delay: u64,
    /// How often in 100 announcements its machine is restarted.
    pub restarts: u64,
    /// A restart forgets the record: the rule is broken on purpose.
    pub disks_are_lost: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Announce { machine: usize, life: u32 },
    Arrive { machine: usize, said: Option<Announcement> },
    Start { machine: usize },
    Part,
}

#[derive(Default)]
struct Host {
    candidate: Option<Candidate>,
    /// How often it was started, so that the timer of an earlier life does nothing.
    life: u32,
    disk: Record,
    founds_at: Option<u64>,
    over: bool,
    side: u64,
}

/// How a run ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub elected: BTreeSet<usize>,
    pub founded: BTreeSet<usize>,
    /// How many found or have a cluster to join.
    pub done: usize,
    /// When the last of them did.
    pub at: u64,
    /// The fewest records that supported somebody when he was elected.
    pub fewest_supporters: Option<usize>,
}

pub(super) struct Network {
    weather: Weather,
    draw: Draw,
    zero: Instant,
    now: u64,
    hosts: Vec<Host>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    count: u64,
    outcome: Outcome,
}

impl Network {
    /// Runs it to its end.
    pub(super) fn run(seed: u64, weather: Weather) -> Outcome {
        let hosts = (0..weather.present).map(|_| Host::default()).collect();
        let (draw, zero, outcome) = (Draw(seed), Instant::now(), Outcome::default());
        let events = BinaryHeap::new();
        let mut network = Self { weather, draw, zero, now: 0, hosts, events, count: 0, outcome };
        for machine in 0..weather.present {
            let at = network.draw.below(weather.starts + 1);
            network.push(at, Event::Start { machine });
        }
        network.push(0, Event::Part);
        while let Some(Reverse((at, _, event))) = network.events.pop() {
            network.now = at;
            if at > weather.ends || network.outcome.done == weather.present {
                break;
            }
            network.happen(event);
        }
        network.outcome
    }

    fn push(&mut self, after: u64, event: Event) {
        self.count += 1;
        self.events.push(Reverse((self.now + after, self.count, event)));
    }

    fn is_bad(&self) -> bool {
        self.now < self.weather.bad_until
    }

    fn at(&self) -> Instant {
        self.zero + Duration::from_millis(self.now)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start { machine } => self.start(machine),
            Event::Announce { machine, life } if self.hosts[machine].life == life => self.announce(machine),
            Event::Announce { .. } => {}
            Event::Arrive { machine, said } => self.arrive(machine, said),
            Event::Part => {
                let sides = if self.is_bad() { 1 + self.draw.below(3) } else { 1 };
                for machine in 0..self.hosts.len() {
                    self.hosts[machine].side = self.draw.below(sides);
                }
                if self.is_bad() {
                    let lasts = (500 + self.draw.below(4_000)).min(self.weather.bad_until - self.now);
                    self.push(lasts, Event::Part);
                }
            }
        }
    }

    fn start(&mut self, at: usize) {
        let now = self.at();
        let host = &mut self.hosts[at];
        host.life += 1;
        host.candidate = Some(Candidate::new(machine(at), self.weather.terms, host.disk, now));
        let life = host.life;
        self.push(0, Event::Announce { machine: at, life });
    }

    fn crash(&mut self, machine: usize) {
        let host = &mut self.hosts[machine];
        (host.candidate, host.founds_at) = (None, None);
        host.life += 1;
        if self.weather.disks_are_lost {
            host.disk = Record::Free;
        }
        let down = self.draw.below(4_000);
        self.push(down, Event::Start { machine });
    }

    fn arrive(&mut self, at: usize, said: Option<Announcement>) {
        let now = self.at();
        let host = &mut self.hosts[at];
        let Some(candidate) = &mut host.candidate else { return };
        match said {
            Some(said) => candidate.hear(said, now),
            None => candidate.master_answers(),
        }
    }

    /// A machine considers, writes, and says; a crash may come before and after each of them.
    fn announce(&mut self, at: usize) {
        if self.outcome.founded.contains(&at) {
            self.send(at, None);
            return self.again(at);
        }
        let now = self.at();
        let Some(step) = self.hosts[at].candidate.as_mut().map(|own| own.consider(now)) else { return };
        let percent = if self.is_bad() { self.weather.restarts } else { 0 };
        let (before, between) = (self.draw.percent(percent), self.draw.percent(percent));
        if before {
            return self.crash(at);
        }
        if let Some(record) = step.write {
            self.hosts[at].disk = record;
        }
        if between {
            return self.crash(at);
        }
        match step.standing {
            Standing::Over => return self.finish(at),
            Standing::Elected => self.elect(at),
            _ => {}
        }
        self.send(at, Some(step.say));
        self.again(at);
    }

    fn again(&mut self, machine: usize) {
        let (every, life) = (self.weather.every, self.hosts[machine].life);
        let after = every * 3 / 4 + self.draw.below(every / 2);
        self.push(after, Event::Announce { machine, life });
    }

    /// It is elected, and founds after a while.
    fn elect(&mut self, at: usize) {
        if self.outcome.elected.insert(at) {
            let supports = |host: &&Host| host.disk == Record::Supports(machine(at));
            // Its own record says that it is elected.
            let supporters = 1 + self.hosts.iter().filter(supports).count();
            let fewest = self.outcome.fewest_supporters.map_or(supporters, |fewest| fewest.min(supporters));
            self.outcome.fewest_supporters = Some(fewest);
        }
        let founds_at = *self.hosts[at].founds_at.get_or_insert(self.now + self.draw.below(3_000));
        if self.now >= founds_at {
            self.outcome.founded.insert(at);
            self.finish(at);
        }
    }

    fn finish(&mut self, at: usize) {
        if !std::mem::replace(&mut self.hosts[at].over, true) {
            self.outcome.done += 1;
            self.outcome.at = self.now;
        }
    }

    fn send(&mut self, from: usize, said: Option<Announcement>) {
        for machine in (0..self.hosts.len()).filter(|to| *to != from) {
            let parted = self.hosts[machine].side != self.hosts[from].side;
            let (loss, delay, repeats) = match self.is_bad() {
                true => (self.weather.loss, self.weather.delay, 10),
                false => (0, 100, 0),
            };
            if parted || self.draw.percent(loss) {
                continue;
            }
            for _ in 0..=u64::from(self.draw.percent(repeats)) {
                let after = self.draw.below(delay + 1);
                self.push(after, Event::Arrive { machine, said });
            }
        }
    }
}
