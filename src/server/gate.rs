//! Counts connections and turns away those beyond the limits.

use crate::model::digest::Fingerprint;
use crate::server::limits::Limits;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A complaint about callers is told at most once in this time.
pub(super) const TELL: Duration = Duration::from_secs(10);

/// Where every connection passes.
pub(super) struct Gate {
    limits: Limits,
    counts: Mutex<Counts>,
    handshakes: Arc<Semaphore>,
    refusals: Mutex<Throttle>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    strangers: usize,
    by_address: HashMap<IpAddr, usize>,
    by_key: HashMap<Fingerprint, usize>,
}

/// The right to one connection; given back when it is dropped.
pub(super) struct Pass {
    gate: Arc<Gate>,
    address: IpAddr,
    caller: Caller,
}

/// Whose connection it is.
#[derive(Clone, Copy)]
enum Caller {
    /// Not known before the handshake is over.
    Unknown,
    Stranger,
    Member(Fingerprint),
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        let handshakes = Arc::new(Semaphore::new(limits.handshakes));
        let refusals = Mutex::new(Throttle::new(TELL));
        Arc::new(Self { limits, counts: Mutex::default(), handshakes, refusals })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room for one more unfinished handshake. Who comes meanwhile queues in the kernel:
    /// before its handshake nobody can tell a member from a stranger, so nobody is turned away.
    pub(super) async fn handshake(self: &Arc<Self>) -> OwnedSemaphorePermit {
        self.handshakes.clone().acquire_owned().await.expect("the gate never closes it")
    }

    /// Lets a connection in of which nothing is known yet, unless there are too many.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Pass> {
        let mut counts = self.counts();
        if counts.all >= self.limits.connections {
            drop(counts);
            self.refused(address, "too many connections");
            return None;
        }
        counts.all += 1;
        Some(Pass { gate: self.clone(), address, caller: Caller::Unknown })
    }

    fn refused(&self, address: IpAddr, why: &str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held_back) = refusals.due(Instant::now()) {
            tracing::warn!(%address, held_back, "turned a connection away: {why}");
        }
    }
}

fn count<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K, most: usize) -> bool {
    let count = counts.entry(key).or_default();
    let room = *count < most;
    *count += usize::from(room);
    room
}

fn discount<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Pass {
    /// Whether others wait for a handshake to end.
    pub(super) fn is_crowded(&self) -> bool {
        self.gate.handshakes.available_permits() == 0
    }

    /// It turned out to be a member's, or to be nobody's whom the cluster knows; says whether it may stay.
    pub(super) fn is_of(&mut self, member: Option<Fingerprint>) -> bool {
        let (caller, allowed) = match member {
            Some(key) => (Caller::Member(key), self.count_member(key)),
            None => (Caller::Stranger, self.count_stranger()),
        };
        match allowed {
            Ok(()) => self.caller = caller,
            Err(why) => self.gate.refused(self.address, why),
        }
        allowed.is_ok()
    }

    fn count_member(&self, key: Fingerprint) -> Result<(), &'static str> {
        let room = count(&mut self.gate.counts().by_key, key, self.gate.limits.per_key);
        room.then_some(()).ok_or("too many connections with one certificate")
    }

    fn count_stranger(&self) -> Result<(), &'static str> {
        let mut counts = self.gate.counts();
        if counts.strangers >= self.gate.limits.strangers {
            return Err("too many connections of strangers");
        }
        if !count(&mut counts.by_address, self.address, self.gate.limits.strangers_per_address) {
            return Err("too many connections of strangers from one address");
        }
        counts.strangers += 1;
        Ok(())
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.gate.counts();
        counts.all -= 1;
        match self.caller {
            Caller::Unknown => {}
            Caller::Member(key) => discount(&mut counts.by_key, &key),
            Caller::Stranger => {
                counts.strangers -= 1;
                discount(&mut counts.by_address, &self.address);
            }
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

    #[test]
    fn each_limit_holds_and_a_closed_connection_makes_room() {
        let address = |last: u8| IpAddr::from([10, 0, 0, last]);
        let limits = Limits { connections: 5, strangers: 3, strangers_per_address: 2, ..Limits::agent() };
        let gate = Gate::new(limits);
        let stranger = |last: u8| {
            let mut pass = gate.enter(address(last))?;
            pass.is_of(None).then_some(pass)
        };
        let held = [stranger(1), stranger(1)];
        assert!(held.iter().all(Option::is_some));
        assert!(stranger(1).is_none(), "too many from one address");
        let third = stranger(2).expect("another address has room");
        assert!(stranger(3).is_none(), "too many strangers");
        let mut member = gate.enter(address(1)).expect("nobody knows yet whose it is");
        assert!(member.is_of(Some(Fingerprint::from_bytes([1; 32]))), "a member is no stranger");
        let unknown = gate.enter(address(3)).expect("room");
        assert!(gate.enter(address(3)).is_none(), "too many connections");
        drop((held, third, member, unknown));
        let counts = gate.counts();
        let left = (counts.all, counts.strangers, counts.by_address.len(), counts.by_key.len());
        assert_eq!(left, (0, 0, 0, 0));
    }

    #[test]
    fn one_certificate_holds_so_many_connections_and_others_are_not_touched() {
        let gate = Gate::new(Limits { per_key: 2, ..Limits::agent() });
        let member = |key: u8| {
            let mut pass = gate.enter(IpAddr::from([10, 0, 0, 1]))?;
            pass.is_of(Some(Fingerprint::from_bytes([key; 32]))).then_some(pass)
        };
        let held = [member(1), member(1)];
        assert!(held.iter().all(Option::is_some));
        assert!(member(1).is_none(), "whoever shows it, removed or not");
        assert!(member(2).is_some());
        drop(held);
        assert!(member(1).is_some());
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
