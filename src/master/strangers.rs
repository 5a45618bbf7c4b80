//! How much strangers may cost: lines of the audit log, so that they cannot fill the disk, and work
//! that is done for them at the same time, so that members are served meanwhile.
//!
//! Each address may cause some lines a minute, and all of them together some more; what is beyond is
//! counted, and told by the next line that is written.

use crate::master::error::MasterError;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lines that one address may cause in a minute.
const PER_ADDRESS: u32 = 10;

/// Lines that all addresses together may cause in a minute.
const IN_ALL: u32 = 120;

const MINUTE_MS: u64 = 60_000;

/// The lines that strangers caused in this minute.
#[derive(Debug, Default)]
pub struct Strangers {
    began_ms: u64,
    written: BTreeMap<IpAddr, u32>,
    in_all: u32,
    left_out: u64,
}

impl Strangers {
    /// Whether to write a line of this address at this time, in milliseconds since 1970; with the
    /// number of lines that were left out since the last one.
    pub fn admits(&mut self, address: IpAddr, now: u64) -> Option<u64> {
        if now.abs_diff(self.began_ms) >= MINUTE_MS {
            *self = Self { began_ms: now, left_out: self.left_out, ..Self::default() };
        }
        let written = self.written.get(&address).copied().unwrap_or(0);
        if written >= PER_ADDRESS || self.in_all >= IN_ALL {
            self.left_out += 1;
            return None;
        }
        // No more addresses than lines: the map is as bounded as the log.
        self.written.insert(address, written + 1);
        self.in_all += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// Work for strangers of which so much is done at a time; more waits for its turn, and not for long.
#[derive(Debug)]
pub struct Turns {
    permits: Arc<Semaphore>,
    patience: Duration,
    waiting: AtomicUsize,
}

impl Turns {
    /// So many at a time; who has no turn after `patience` is told to come later.
    pub fn new(at_a_time: usize, patience: Duration) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_a_time)), patience, waiting: AtomicUsize::new(0) }
    }

    /// Waits for a turn, which lasts until it is dropped.
    ///
    /// # Errors
    /// When none came in time.
    pub async fn take(&self) -> Result<OwnedSemaphorePermit, MasterError> {
        let place = Place::of(&self.waiting);
        let turn = tokio::time::timeout(self.patience, self.permits.clone().acquire_owned()).await;
        let waiting = place.others();
        let turn = turn.map_err(|_| MasterError::Busy { waiting, seconds: self.patience.as_secs() })?;
        Ok(turn.expect("nobody closes it"))
    }
}

/// A place among those that wait, given up when it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn of(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }

    /// How many wait besides.
    fn others(&self) -> usize {
        self.0.load(Ordering::Relaxed).saturating_sub(1)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_no_turn_in_time_is_told_to_come_later() -> anyhow::Result<()> {
        let turns = Turns::new(2, Duration::from_millis(50));
        let held = (turns.take().await?, turns.take().await?);
        let told = tokio::join!(turns.take(), turns.take(), turns.take());
        for told in [told.0, told.1, told.2] {
            let Err(MasterError::Busy { waiting, .. }) = told else { anyhow::bail!("{told:?}") };
            assert!(waiting <= 2, "those that gave up wait no more");
        }
        assert!(matches!(turns.take().await, Err(MasterError::Busy { waiting: 0, .. })));
        drop(held);
        drop(turns.take().await?);
        Ok(())
    }

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn an_address_is_heard_ten_times_a_minute_and_the_rest_is_counted() {
        let mut strangers = Strangers::default();
        let written: Vec<_> = (0..25).filter_map(|at| strangers.admits(address(1), 1_000_000 + at)).collect();
        assert_eq!(written, [0; 10]);
        assert_eq!(strangers.admits(address(2), 1_000_100), Some(15), "the next line tells of them");
        assert_eq!(strangers.admits(address(1), 1_000_200), None);
        assert_eq!(strangers.admits(address(1), 1_060_000), Some(1), "a new minute");
    }

    #[test]
    fn many_addresses_share_a_bound() {
        let mut strangers = Strangers::default();
        let written = (0..=255).filter(|last| strangers.admits(address(*last), 5).is_some()).count();
        assert_eq!(written, IN_ALL as usize);
    }
}
