//! Work for strangers of which so much is done at a time; more waits for its turn, and not for long. Who has none by
//! then is given a slot: a time at which it may come again, behind all others that were given one.
//!
//! Slots are as far apart as the work takes, so whoever comes at its time finds room. Nothing is kept for a stranger but
//! the time of the last slot, and none is further away than half a minute: a flood gets neither memory nor the future.

use crate::master::error::MasterError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The first slot is not sooner: who asks again at once has waited for nothing.
const SOONEST: Duration = Duration::from_secs(1);

/// No slot is further away.
const LATEST: Duration = Duration::from_secs(30);

/// How long a piece of work takes before one was measured.
const USUAL: Duration = Duration::from_millis(20);

/// A new measurement counts for one part of so many.
const SMOOTHED: u32 = 8;

/// Who may do how much at a time.
#[derive(Debug)]
pub struct Turns {
    permits: Arc<Semaphore>,
    at_a_time: u32,
    patience: Duration,
    slots: Arc<Mutex<Slots>>,
}

#[derive(Debug)]
struct Slots {
    /// How long a piece of work takes.
    takes: Duration,
    /// The time of the last slot that was given.
    last: Instant,
}

/// A place in the order, and how long it is until then.
#[derive(Debug, PartialEq, Eq)]
struct Slot {
    ahead: u32,
    after: Duration,
}

impl Slots {
    /// The next slot, where so much is done at a time.
    fn next(&mut self, now: Instant, at_a_time: u32) -> Slot {
        let apart = (self.takes / at_a_time).max(Duration::from_millis(1));
        let first = now + SOONEST;
        self.last = (self.last.max(first) + apart).min(now + LATEST);
        let behind = self.last.duration_since(first).as_nanos() / apart.as_nanos();
        Slot { ahead: u32::try_from(behind).unwrap_or(u32::MAX), after: self.last.duration_since(now) }
    }

    fn took(&mut self, time: Duration) {
        self.takes = self.takes - self.takes / SMOOTHED + time / SMOOTHED;
    }
}

/// A turn, which lasts until it is dropped.
#[derive(Debug)]
pub struct Held {
    began: Instant,
    slots: Arc<Mutex<Slots>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Held {
    fn drop(&mut self) {
        locked(&self.slots).took(self.began.elapsed());
    }
}

fn locked(slots: &Mutex<Slots>) -> MutexGuard<'_, Slots> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turns {
    /// So many at a time; who has no turn after `patience` is told when to come again.
    pub fn new(at_a_time: u32, patience: Duration) -> Self {
        let slots = Slots { takes: USUAL, last: Instant::now() };
        let permits = Arc::new(Semaphore::new(at_a_time as usize));
        Self { permits, at_a_time, patience, slots: Arc::new(Mutex::new(slots)) }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// When none came in time; the error has the caller's place in the order and the time of its slot.
    pub async fn take(&self) -> Result<Held, MasterError> {
        match tokio::time::timeout(self.patience, self.permits.clone().acquire_owned()).await {
            Ok(permit) => {
                let permit = permit.expect("nobody closes it");
                Ok(Held { began: Instant::now(), slots: self.slots.clone(), _permit: permit })
            }
            Err(_) => {
                let Slot { ahead, after } = locked(&self.slots).next(Instant::now(), self.at_a_time);
                Err(MasterError::Busy { ahead, after })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_no_turn_in_time_is_told_how_many_come_before_it_and_when() -> anyhow::Result<()> {
        let turns = Turns::new(2, Duration::from_millis(50));
        let held = (turns.take().await?, turns.take().await?);
        let told = tokio::join!(turns.take(), turns.take(), turns.take());
        let mut places: Vec<(u32, Duration)> = Vec::new();
        for told in [told.0, told.1, told.2] {
            let Err(MasterError::Busy { ahead, after }) = told else { anyhow::bail!("{told:?}") };
            places.push((ahead, after));
        }
        places.sort();
        assert!(places.is_sorted_by(|one, other| one < other), "each has a time of its own: {places:?}");
        assert!(places.iter().all(|(ahead, after)| *ahead <= 3 && *after >= SOONEST), "{places:?}");
        drop(held);
        drop(turns.take().await?);
        Ok(())
    }

    #[test]
    fn slots_are_as_far_apart_as_the_work_takes_and_none_is_far_away() {
        let now = Instant::now();
        let mut slots = Slots { takes: Duration::from_millis(160), last: now };
        let given: Vec<Slot> = (0..40).map(|_| slots.next(now, 16)).collect();
        let wanted =
            (1..=40).map(|place| Slot { ahead: place, after: SOONEST + Duration::from_millis(10) * place });
        assert_eq!(given, wanted.collect::<Vec<_>>());
        let later = now + Duration::from_secs(5);
        assert_eq!(slots.next(later, 16).ahead, 1, "those before it have had their turn");
        for _ in 0..100_000 {
            assert!(slots.next(later, 16).after <= LATEST);
        }
    }

    #[test]
    fn what_the_work_takes_is_learnt() {
        let now = Instant::now();
        let mut slots = Slots { takes: USUAL, last: now };
        (0..100).for_each(|_| slots.took(Duration::from_millis(800)));
        assert!((790..=800).contains(&slots.takes.as_millis()), "{:?}", slots.takes);
        (0..100).for_each(|_| slots.took(Duration::ZERO));
        assert!(slots.takes < Duration::from_millis(1), "{:?}", slots.takes);
    }
}
