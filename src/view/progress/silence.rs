//! How long nothing was told, and what is told then: what goes on, since when and until when.

use crate::model::progress::{Event, Wait};
use std::time::{Duration, Instant};

/// The longest silence: below two seconds by what a busy machine may need to wake up.
const LONGEST: Duration = Duration::from_millis(1800);

/// What goes on while nothing is told.
pub struct Silence {
    until: Instant,
    told: Instant,
    /// What is going on by its phase and step, and since when.
    doing: (String, Instant),
    /// What is waited for until it is taken back.
    expected: Option<Wait>,
    /// What was told to be waited for, until anything else is told.
    announced: Option<Wait>,
}

impl Silence {
    /// Of a command that begins now and ends then at the latest.
    pub fn new(now: Instant, until: Instant) -> Self {
        let doing = ("the preparation to end".to_owned(), now);
        Self { until, told: now, doing, expected: None, announced: None }
    }

    /// Something is waited for from now on, or nothing any more.
    pub fn expect(&mut self, wait: Option<Wait>) {
        (self.expected, self.announced) = (wait, None);
    }

    /// An event came; `shown` when anybody saw it.
    pub fn event(&mut self, event: &Event, shown: bool, now: Instant) {
        if shown {
            self.told = now;
        }
        self.announced = None;
        match event {
            Event::Phase { name } => self.doing = (format!("phase {name} to end"), now),
            Event::StepStarted { step, .. } => self.doing = (format!("step {step} to end"), now),
            Event::StepEnded { step, .. } => self.doing = (format!("what follows step {step}"), now),
            Event::Waiting { cause, elapsed_ms, deadline_ms, next_retry_ms } => {
                let milliseconds = Duration::from_millis;
                let began = now.checked_sub(milliseconds(*elapsed_ms)).unwrap_or(now);
                self.announced = Some(Wait {
                    cause: cause.clone(),
                    began,
                    until: began + milliseconds(*deadline_ms),
                    retry: now + milliseconds(*next_retry_ms),
                });
            }
            Event::Transfer { .. } | Event::Note { .. } | Event::Warning { .. } => {}
        }
    }

    /// How long nothing needs to be told yet.
    pub fn left(&self, now: Instant) -> Duration {
        (self.told + LONGEST).saturating_duration_since(now)
    }

    /// What goes on, when nothing was told of it for so long.
    pub fn broken(&self, now: Instant) -> Option<Event> {
        if !self.left(now).is_zero() {
            return None;
        }
        let announced = self.announced.as_ref().filter(|wait| now <= wait.until);
        Some(match self.expected.as_ref().or(announced) {
            Some(wait) => wait.at(now),
            None => {
                let (cause, began) = self.doing.clone();
                Wait { cause, began, until: self.until.max(began), retry: now }.at(now)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(cause: &str, began: Instant, until: u64, retry: u64) -> Wait {
        let at = |seconds| began + Duration::from_secs(seconds);
        Wait { cause: cause.to_owned(), began, until: at(until), retry: at(retry) }
    }

    fn waiting(cause: &str, elapsed_ms: u64, deadline_ms: u64, next_retry_ms: u64) -> Event {
        Event::Waiting { cause: cause.to_owned(), elapsed_ms, deadline_ms, next_retry_ms }
    }

    #[test]
    fn what_lasts_is_told_before_two_seconds_are_over_and_again_and_again() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut silence = Silence::new(start, at(60_000));
        silence.expect(Some(wait("an answer", start, 10, 5)));
        assert_eq!(silence.broken(at(1_799)), None);
        let told = silence.broken(at(1_800)).expect("it is due");
        assert_eq!(told, waiting("an answer", 1_800, 10_000, 3_200));
        silence.event(&told, true, at(1_800));
        assert_eq!(silence.left(at(1_900)), Duration::from_millis(1_700));
        assert_eq!(silence.broken(at(3_600)), Some(waiting("an answer", 3_600, 10_000, 1_400)));
        silence.expect(None);
        assert_eq!(silence.broken(at(3_600)), Some(waiting("the preparation to end", 3_600, 60_000, 0)));
    }

    #[test]
    fn work_of_this_machine_is_told_by_its_phase_and_step() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::new(start, at(60));
        silence.event(&Event::Phase { name: "preflight".to_owned() }, true, at(10));
        assert_eq!(silence.broken(at(12)), Some(waiting("phase preflight to end", 2_000, 50_000, 0)));
        let (step, description) = ("start-agent".to_owned(), "start it".to_owned());
        silence.event(&Event::StepStarted { number: 1, total: 2, step, description }, true, at(20));
        assert_eq!(silence.broken(at(25)), Some(waiting("step start-agent to end", 5_000, 40_000, 0)));
    }

    #[test]
    fn a_wait_that_was_announced_is_told_until_something_else_is() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::new(start, at(60));
        silence.event(&waiting("acceptance", 1_000, 20_000, 5_000), true, at(1));
        assert_eq!(silence.broken(at(4)), Some(waiting("acceptance", 4_000, 20_000, 2_000)));
        silence.event(&Event::Note { text: "there".to_owned() }, true, at(5));
        assert_eq!(silence.broken(at(8)), Some(waiting("the preparation to end", 8_000, 60_000, 0)));
    }

    #[test]
    fn what_nobody_saw_ends_no_silence() {
        let start = Instant::now();
        let mut silence = Silence::new(start, start + Duration::from_secs(60));
        silence.event(&Event::transfer("x".to_owned(), 1, 10, 1), false, start + Duration::from_secs(1));
        assert!(silence.broken(start + LONGEST).is_some());
    }
}
