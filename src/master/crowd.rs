//! Joins that are confirmed together: what came while the last ones were written down gets one plan, one generation
//! and one transaction.
//!
//! A generation is news for every member, so a herd that joins one by one would have each of them ask as often as
//! there are joins. Who confirms waits until the last crowd is a moment ago, longer in a larger cluster; the first
//! waits for nothing. Nothing of it is written down: a master that dies has confirmed whom it wrote down, and the
//! others ask again.

use crate::master::error::MasterError;
use crate::server::Peer;
use crate::wire::member::{Confirm, Confirmed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot::{self, Receiver, Sender};
use tokio::time::{Instant, sleep_until};

/// The pause after a generation, for each member that it wakes.
const PER_MEMBER: Duration = Duration::from_millis(1);

/// The longest of these pauses.
const LONGEST: Duration = Duration::from_secs(2);

/// One that confirms.
pub struct Waiting {
    /// Who.
    pub peer: Peer,
    /// What it says.
    pub confirm: Confirm,
    answer: Sender<Result<Confirmed, MasterError>>,
}

impl Waiting {
    /// Gives the answer; one that does not wait any more asks again.
    pub fn told(self, answer: Result<Confirmed, MasterError>) {
        drop(self.answer.send(answer));
    }
}

/// Those that wait.
#[derive(Default)]
pub struct Crowd {
    waiting: Mutex<Vec<Waiting>>,
    /// Until when the last crowd shall be looked after; whoever holds it answers the next one.
    rest: tokio::sync::Mutex<Option<Instant>>,
}

impl Crowd {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Confirms with all that came meanwhile. `settle` answers all of them at once and says how many members there
    /// are then; it runs for one crowd at a time.
    ///
    /// # Errors
    /// What `settle` answers this one.
    pub async fn join<F>(
        &self,
        peer: Peer,
        confirm: Confirm,
        settle: impl FnOnce(Vec<Waiting>) -> F,
    ) -> Result<Confirmed, MasterError>
    where
        F: Future<Output = usize>,
    {
        let (answer, mut told) = oneshot::channel();
        self.waiting().push(Waiting { peer, confirm, answer });
        let mut rest = self.rest.lock().await;
        if let Some(answer) = heard(&mut told) {
            return answer;
        }
        if let Some(end) = *rest {
            sleep_until(end).await;
        }
        // Who went away meanwhile did not hear an answer, and is not a member without asking again.
        let crowd = std::mem::take(&mut *self.waiting());
        let members = settle(crowd.into_iter().filter(|one| !one.answer.is_closed()).collect()).await;
        *rest = Some(Instant::now() + pause(members));
        heard(&mut told).unwrap_or(Err(MasterError::Busy { ahead: 0, after: Duration::from_secs(1) }))
    }
}

fn heard(told: &mut Receiver<Result<Confirmed, MasterError>>) -> Option<Result<Confirmed, MasterError>> {
    told.try_recv().ok()
}

fn pause(members: usize) -> Duration {
    (PER_MEMBER * u32::try_from(members).unwrap_or(u32::MAX)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::member::Report;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn peer() -> Peer {
        Peer { address: [10, 0, 0, 7].into(), subject: None }
    }

    fn confirm(applied: u64) -> Confirm {
        Confirm { applied, report: Report::default() }
    }

    /// Answers each that it is crowded by as many as there are.
    async fn answer(crowd: Vec<Waiting>) -> usize {
        let count = crowd.len();
        crowd.into_iter().for_each(|one| one.told(Err(MasterError::Crowded { waiting: count, of_one: 0 })));
        count
    }

    #[test]
    fn the_pause_grows_with_the_cluster_and_has_an_end() {
        let pauses = [0, 1, 500, 5000, usize::MAX].map(|members| pause(members).as_millis());
        assert_eq!(pauses, [0, 1, 500, 2000, 2000]);
    }

    #[tokio::test]
    async fn who_comes_in_the_pause_is_answered_with_all_others_that_did() {
        let (crowd, began) = (Crowd::default(), Instant::now());
        let first = crowd.join(peer(), confirm(0), |crowd| async { answer(crowd).await + 99 }).await;
        assert!(matches!(first, Err(MasterError::Crowded { waiting: 1, .. })), "{first:?}");
        let together = (0..9).map(|at| crowd.join(peer(), confirm(at), answer));
        for told in futures_util::future::join_all(together).await {
            assert!(matches!(told, Err(MasterError::Crowded { waiting: 9, .. })), "{told:?}");
        }
        assert!(began.elapsed() >= Duration::from_millis(100));
    }

    #[tokio::test]
    async fn who_went_away_is_not_confirmed_and_whoever_comes_next_is_answered() {
        let (crowd, settled) = (Crowd::default(), AtomicUsize::new(0));
        let count = |crowd: Vec<Waiting>| {
            settled.fetch_add(crowd.len(), Ordering::Relaxed);
            answer(crowd)
        };
        drop(crowd.join(peer(), confirm(0), |crowd| async { answer(crowd).await + 100 }).await);
        let gone = crowd.join(peer(), confirm(1), count);
        assert!(tokio::time::timeout(Duration::from_millis(5), gone).await.is_err());
        let told = crowd.join(peer(), confirm(2), count).await;
        assert!(matches!(told, Err(MasterError::Crowded { waiting: 1, .. })), "{told:?}");
        assert_eq!(settled.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn who_is_forgotten_by_a_failure_is_told_to_ask_again() {
        let crowd = Crowd::default();
        let told = crowd.join(peer(), confirm(0), |_| async { 0 }).await;
        assert!(matches!(told, Err(MasterError::Busy { .. })), "{told:?}");
    }
}
