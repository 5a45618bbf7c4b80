//! What the agent was asked and has not answered yet.

use crate::agent::monitor::MonitorError;
use crate::model::explain::Failure;
use crate::storage::config::Action;
use crate::storage::errand::{Errand, Errands, Event};
use crate::storage::level::Level;
use crate::storage::status::{ActionRecord, MonitorStatus, Outcome};
use jiff::{SignedDuration, Timestamp};
use std::path::Path;

/// Errands that wait at the same time; the oldest makes room.
const MOST: usize = 16;
/// An agent that did not answer for so long will not, and what it would tell is no news any more.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// The errands that wait, and up to where the agent was heard.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) errands: Vec<Errand>,
    pub(super) heard: u64,
    begun: Timestamp,
    given: u64,
}

impl Outbox {
    /// Goes on with what an earlier monitor asked.
    pub(super) fn new(before: Option<&MonitorStatus>, now: Timestamp) -> Self {
        let (errands, heard) =
            before.map_or((Vec::new(), 0), |before| (before.errands.clone(), before.heard));
        Self { errands, heard, begun: now, given: 0 }
    }

    /// Asks for something, unless the same is asked for already.
    pub(super) fn ask(&mut self, action: Action, to: (&Path, Level), event: Option<Event>, now: Timestamp) {
        let (mount, level) = to;
        if action != Action::Notify && self.errands.iter().any(|errand| errand.action == action) {
            return;
        }
        self.given += 1;
        let id = format!("{}-{}-{}", self.begun.as_millisecond(), std::process::id(), self.given);
        self.errands.push(Errand { id, at: now, mount: mount.to_owned(), level, action, event });
    }

    /// Takes over what the agent did since it was last heard.
    pub(super) fn hear(&mut self, told: &Errands) -> Vec<ActionRecord> {
        self.errands.retain(|errand| !told.answered(&errand.id));
        let newest = told.results.last().map_or(0, |last| last.number);
        // An agent whose record was begun anew counts from the beginning.
        let heard = if newest < self.heard { 0 } else { self.heard };
        self.heard = newest;
        told.results
            .iter()
            .filter(|answer| answer.number > heard)
            .map(|answer| answer.record.clone())
            .collect()
    }

    /// Gives up what waits for too long, or is too much.
    pub(super) fn give_up(&mut self, now: Timestamp) -> Vec<ActionRecord> {
        let surplus = self.errands.len().saturating_sub(MOST);
        let mut place = 0;
        let given_up = self.errands.extract_if(.., |errand| {
            place += 1;
            place <= surplus || now.duration_since(errand.at) > PATIENCE
        });
        given_up.map(|errand| failed(&errand, now)).collect()
    }
}

fn failed(errand: &Errand, now: Timestamp) -> ActionRecord {
    let seconds = now.duration_since(errand.at).as_secs();
    let error = MonitorError::NotCarriedOut { action: errand.action.name(), seconds };
    ActionRecord {
        failure: Some(Failure::of(&error)),
        ..ActionRecord::of((&errand.mount, errand.level, errand.action), Outcome::Failed, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time of this century")
    }

    fn asked(outbox: &mut Outbox, seconds: i64) {
        outbox.ask(Action::Notify, (Path::new("/"), Level::Degraded), None, at(seconds));
    }

    #[test]
    fn what_the_agent_answered_is_taken_over_once() {
        let mut outbox = Outbox::new(None, at(0));
        asked(&mut outbox, 0);
        asked(&mut outbox, 1);
        let (first, second) = (outbox.errands[0].clone(), outbox.errands[1].clone());
        assert_ne!(first.id, second.id);
        let mut told = Errands::default();
        let key = (first.mount.as_path(), first.level, first.action);
        told.answer(Some(first.id), ActionRecord::of(key, Outcome::Done, at(2)));
        assert_eq!(outbox.hear(&told).len(), 1);
        assert_eq!(outbox.errands, [second]);
        assert_eq!(outbox.hear(&told), []);
        assert_eq!(outbox.hear(&Errands::default()), []);
        told.results.truncate(0);
        told.answer(None, ActionRecord::of(key, Outcome::Done, at(3)));
        assert_eq!(outbox.hear(&told).len(), 1, "a record that was begun anew counts from the beginning");
    }

    #[test]
    fn what_no_agent_carries_out_is_told_as_failed() {
        let mut outbox = Outbox::new(None, at(0));
        (0..18).for_each(|second| asked(&mut outbox, second));
        assert_eq!(outbox.give_up(at(20)).len(), 2);
        assert_eq!(outbox.errands.len(), MOST);
        let late = outbox.give_up(at(3700));
        assert_eq!((late.len(), outbox.errands.len()), (16, 0));
        assert_eq!(late[0].failure.as_ref().map(|failure| failure.code.as_str()), Some("EOS-V023"));
        outbox.ask(Action::PruneContainers, (Path::new("/"), Level::Degraded), None, at(4000));
        outbox.ask(Action::PruneContainers, (Path::new("/srv"), Level::Degraded), None, at(4001));
        assert_eq!(outbox.errands.len(), 1, "one cleanup of containers is enough");
    }
}
