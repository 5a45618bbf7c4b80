//! The attempts of a state: its conditions, its work and its `check_cmd`, again as its `retry` says.

use super::{Working, in_words};
use crate::model::explain::Failure;
use crate::sls::difference::Outcome;
use crate::sls::plan::State;
use crate::sls::run::Ended;
use crate::steps::error::StepFailure;
use ring::rand::{SecureRandom, SystemRandom};
use std::time::{Duration, Instant};

impl Working<'_> {
    /// The last attempt, with what those before it said. A test run makes one.
    pub(super) fn attempts(&self, state: &State, trial: bool) -> Result<Ended, StepFailure> {
        let mut ended = self.attempt(state, trial);
        let Some(retry) = state.aftermath.retry else { return ended };
        if trial {
            return ended.map(|ended| Ended { comment: retry.would(&ended.comment), ..ended });
        }
        let (began, mut attempt, mut before) = (Instant::now(), 1, String::new());
        while retry.again(succeeded(&ended), attempt) {
            before += &format!(
                "Attempt {attempt}: Returned a result of \"{}\", with the following comment: \"{}\"\n",
                if succeeded(&ended) { "True" } else { "False" },
                match &ended {
                    Ok(ended) => ended.comment.clone(),
                    Err(error) => in_words(&Failure::of(error)),
                }
            );
            let pause = Duration::from_secs(retry.interval + by_chance(retry.splay));
            if !self.env.pause(&format!("another attempt of the state {}", state.id), began, pause) {
                break;
            }
            attempt += 1;
            ended = self.attempt(state, trial);
        }
        ended.map(|ended| Ended { comment: before + &ended.comment, ..ended })
    }

    fn attempt(&self, state: &State, trial: bool) -> Result<Ended, StepFailure> {
        let ended = match self.held_back(state)? {
            Some(comment) => Ended { held_back: true, ..Ended::of(Outcome::Unchanged, comment) },
            None => self.work(state, trial)?,
        };
        self.checked(state, ended)
    }

    /// As in Salt, `check_cmd` has the last word: of what failed, in test runs, and of what a condition held back.
    fn checked(&self, state: &State, ended: Ended) -> Result<Ended, StepFailure> {
        let checks = &state.aftermath.checks;
        if checks.is_empty() {
            return Ok(ended);
        }
        for line in checks {
            if !self.succeeds(line, None)? {
                let comment = "check_cmd determined the state failed".to_owned();
                return Ok(Ended { outcome: Outcome::Failed, comment, ..ended });
            }
        }
        let outcome = if ended.changes.is_empty() { Outcome::Unchanged } else { Outcome::Changed };
        Ok(Ended { outcome, comment: "check_cmd determined the state succeeded".to_owned(), ..ended })
    }
}

fn succeeded(ended: &Result<Ended, StepFailure>) -> bool {
    ended.as_ref().is_ok_and(|ended| ended.outcome != Outcome::Failed)
}

/// Up to so many seconds; all of them without randomness.
fn by_chance(splay: u64) -> u64 {
    let mut bytes = [0; 8];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes) % (splay + 1),
        Err(_) => splay,
    }
}
