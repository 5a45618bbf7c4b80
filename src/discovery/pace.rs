//! How much a responder does for askers, so that a flood costs no more than a bound. Pure: the time is an argument.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Answers that one address gets in a second, and at once.
const PER_ADDRESS: Rate = Rate { a_second: 10.0, at_once: 20.0 };

/// Answers that all addresses together get.
const IN_ALL: Rate = Rate { a_second: 500.0, at_once: 500.0 };

/// Datagrams that are read; more wait in the socket, or are lost there.
const READ: Rate = Rate { a_second: 5_000.0, at_once: 1_000.0 };

/// Addresses that are remembered; those beyond share what one address gets.
const REMEMBERED: usize = 4_096;

/// How often it is looked whom to forget: a look goes through all of them.
const FORGET: Duration = Duration::from_secs(1);

/// So much a second, and so much at once after a pause.
#[derive(Debug, Clone, Copy)]
struct Rate {
    a_second: f64,
    at_once: f64,
}

/// What is left of a rate.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    seen: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self { left: rate.at_once, seen: now }
    }

    fn refill(&mut self, rate: Rate, now: Instant) {
        let passed = now.saturating_duration_since(self.seen).as_secs_f64();
        self.left = (self.left + passed * rate.a_second).min(rate.at_once);
        self.seen = now;
    }

    fn take(&mut self, rate: Rate, now: Instant) -> bool {
        self.refill(rate, now);
        let there = self.left >= 1.0;
        if there {
            self.left -= 1.0;
        }
        there
    }
}

/// The bounds of a responder.
#[derive(Debug)]
pub struct Pace {
    read: Bucket,
    in_all: Bucket,
    others: Bucket,
    each: HashMap<IpAddr, Bucket>,
    forgot: Instant,
}

impl Pace {
    /// Nothing was asked so far.
    pub fn new(now: Instant) -> Self {
        let (read, in_all) = (Bucket::full(READ, now), Bucket::full(IN_ALL, now));
        let others = Bucket::full(PER_ADDRESS, now);
        Self { read, in_all, others, each: HashMap::new(), forgot: now }
    }

    /// A datagram was read; when the next may be, if not at once.
    pub fn read(&mut self, now: Instant) -> Option<Duration> {
        self.read.take(READ, now);
        let missing = 1.0 - self.read.left;
        (missing > 0.0).then(|| Duration::from_secs_f64((missing / READ.a_second).max(0.01)))
    }

    /// Whether this address gets an answer now.
    pub fn admits(&mut self, from: IpAddr, now: Instant) -> bool {
        let full = self.each.len() >= REMEMBERED;
        if full && now.saturating_duration_since(self.forgot) >= FORGET && !self.each.contains_key(&from) {
            self.forgot = now;
            self.forget(now);
        }
        let room = self.each.len() < REMEMBERED;
        let own = match self.each.get_mut(&from) {
            Some(own) => own,
            None if room => self.each.entry(from).or_insert(Bucket::full(PER_ADDRESS, now)),
            None => &mut self.others,
        };
        own.take(PER_ADDRESS, now) && self.in_all.take(IN_ALL, now)
    }

    /// Forgets those who asked so little that they would get as much without being remembered.
    fn forget(&mut self, now: Instant) {
        self.each.retain(|_, bucket| {
            bucket.refill(PER_ADDRESS, now);
            bucket.left < PER_ADDRESS.at_once
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    #[test]
    fn one_address_gets_twenty_answers_at_once_and_ten_a_second_after_that() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let answered = |pace: &mut Pace, at| (0..1000).filter(|_| pace.admits(address(1), at)).count();
        assert_eq!(answered(&mut pace, now), 20);
        assert_eq!(answered(&mut pace, now + Duration::from_secs(1)), 10);
        assert!(pace.admits(address(2), now), "another one is not held up by it");
    }

    #[test]
    fn all_addresses_together_get_no_more_than_the_bound_and_memory_is_bounded() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!((0..100_000).filter(|number| pace.admits(address(*number), now)).count(), 500);
        assert_eq!(pace.each.len(), REMEMBERED);
        let later = now + Duration::from_secs(10);
        assert!(pace.admits(address(200_000), later), "those of long ago are forgotten");
        assert_eq!(pace.each.len(), 1);
    }

    #[test]
    fn who_is_not_remembered_shares_what_one_address_gets() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!((0..100_000).filter(|number| pace.admits(address(*number), now)).count(), 500);
        let soon = now + Duration::from_millis(50);
        let answered = (200_000..300_000).filter(|number| pace.admits(address(*number), soon)).count();
        assert!(answered <= 20, "{answered}");
    }

    #[test]
    fn more_datagrams_than_are_read_wait() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let waits = (0..5_000).filter(|_| pace.read(now).is_some()).count();
        assert_eq!(waits, 4_001);
        assert_eq!(pace.read(now), Some(Duration::from_millis(10)));
        assert_eq!(pace.read(now + Duration::from_secs(1)), None);
    }
}
