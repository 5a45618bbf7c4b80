//! Counts connections and turns away those beyond the limits.

use crate::server::limits::Limits;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where every connection passes.
pub(super) struct Gate {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    strangers: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The right to one connection; given back when it is dropped.
pub(super) struct Pass {
    gate: Arc<Gate>,
    address: IpAddr,
    stranger: bool,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in as a stranger's, or says which limit it would break.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Pass, &'static str> {
        let mut counts = self.counts();
        if counts.all >= self.limits.connections {
            return Err("too many connections");
        }
        if counts.strangers >= self.limits.strangers {
            return Err("too many connections of strangers");
        }
        let here = counts.by_address.entry(address).or_default();
        if *here >= self.limits.strangers_per_address {
            return Err("too many connections of strangers from one address");
        }
        *here += 1;
        counts.all += 1;
        counts.strangers += 1;
        Ok(Pass { gate: self.clone(), address, stranger: true })
    }
}

impl Counts {
    fn forget_stranger(&mut self, address: IpAddr) {
        self.strangers -= 1;
        if let Some(here) = self.by_address.get_mut(&address) {
            *here -= 1;
            if *here == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

impl Pass {
    /// It turned out to be a member's: it no longer counts as a stranger's.
    pub(super) fn is_members(&mut self) {
        if std::mem::take(&mut self.stranger) {
            self.gate.counts().forget_stranger(self.address);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.gate.counts();
        counts.all -= 1;
        if self.stranger {
            counts.forget_stranger(self.address);
        }
    }
}

/// Lets one line through in a while, so that a flood fills no log.
pub(super) struct Throttle {
    every: Duration,
    last: Option<Instant>,
    held_back: u64,
}

impl Throttle {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, last: None, held_back: 0 }
    }

    /// How many were held back since the last line, if a line is due; else counts this one.
    pub(super) fn due(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.duration_since(last) < self.every) {
            self.held_back += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(connections: usize, strangers: usize, strangers_per_address: usize) -> Arc<Gate> {
        Gate::new(Limits { connections, strangers, strangers_per_address, ..Limits::agent() })
    }

    #[test]
    fn each_limit_holds_and_a_closed_connection_makes_room() {
        let address = |last: u8| IpAddr::from([10, 0, 0, last]);
        let gate = gate(4, 3, 2);
        let mut first = gate.enter(address(1)).expect("room");
        let second = gate.enter(address(1)).expect("room");
        let refused = gate.enter(address(1)).err();
        assert_eq!(refused, Some("too many connections of strangers from one address"));
        let third = gate.enter(address(2)).expect("room");
        assert_eq!(gate.enter(address(3)).err(), Some("too many connections of strangers"));
        first.is_members();
        let fourth = gate.enter(address(1)).expect("a member is no stranger");
        assert_eq!(gate.enter(address(3)).err(), Some("too many connections"));
        drop((first, second, third, fourth));
        let counts = gate.counts();
        assert_eq!((counts.all, counts.strangers, counts.by_address.len()), (0, 0, 0));
    }

    #[test]
    fn a_flood_makes_one_line_in_a_while_that_tells_how_many_it_stands_for() {
        let mut throttle = Throttle::new(Duration::from_secs(10));
        let now = Instant::now();
        assert_eq!(throttle.due(now), Some(0));
        assert_eq!(throttle.due(now + Duration::from_secs(1)), None);
        assert_eq!(throttle.due(now + Duration::from_secs(9)), None);
        assert_eq!(throttle.due(now + Duration::from_secs(10)), Some(2));
    }
}
