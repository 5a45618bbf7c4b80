//! What a state does when its turn comes, from how those that it depends on ended: Salt's rules, one by one.

use crate::sls::difference::{Outcome, StateResult};
use crate::sls::requisite::Kind;
use std::collections::BTreeSet;

/// What is known of a state that another one depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it changed something, or would.
    pub changed: bool,
    /// Whether it ran at all.
    pub ran: bool,
}

impl Seen {
    /// Of a result.
    pub fn of(result: &StateResult) -> Self {
        Self { outcome: result.outcome, changed: !result.changes.is_empty(), ran: result.ran }
    }
}

/// What the state does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Runs.
    Met,
    /// Runs, and reacts to changes unless it changes something itself.
    Change,
    /// Fails without running, because one that it depends on failed.
    Fail,
    /// Succeeds without running, for this reason.
    Skip(&'static str),
}

/// What one kind of requisites says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Met,
    Fail,
    Change,
    /// One of `onfail` succeeded.
    Succeeded,
    /// One of `onchanges` changed nothing.
    Same,
    /// One of `onchanges` changed something.
    Changed,
    /// One of `prereq` would change something.
    Would,
    /// One of `prereq` would change nothing.
    WouldNot,
}

/// The status of a state, from its requisites and what is known of each.
pub fn status(needs: impl Iterator<Item = (Kind, Option<Seen>)>) -> Status {
    let needs: Vec<_> = needs.collect();
    let mut words = BTreeSet::new();
    for kind in Kind::all() {
        let seen: Vec<Option<Seen>> =
            needs.iter().filter(|(other, _)| *other == kind).map(|(_, seen)| *seen).collect();
        words.extend(words_of(kind, &seen));
    }
    let has = |word: Word| words.contains(&word);
    if has(Word::Fail) {
        Status::Fail
    } else if has(Word::WouldNot) && !has(Word::Would) {
        Status::Skip("No changes detected")
    } else if has(Word::Would) && has(Word::WouldNot) {
        Status::Met
    } else if has(Word::Succeeded) && !has(Word::Changed) {
        Status::Skip("State was not run because onfail req did not change")
    } else if has(Word::Same) && !has(Word::Changed) {
        Status::Skip("State was not run because none of the onchanges reqs changed")
    } else if has(Word::Change) {
        Status::Change
    } else if has(Word::Succeeded) {
        Status::Skip("State was not run because onfail req did not change")
    } else {
        Status::Met
    }
}

fn words_of(kind: Kind, seen: &[Option<Seen>]) -> BTreeSet<Word> {
    // One without a result never got its turn: the run was stopped before, and nothing depends on it now.
    let mut words: BTreeSet<Word> = seen.iter().flatten().filter_map(|seen| word(kind, *seen)).collect();
    let any = matches!(
        kind,
        Kind::OnFail | Kind::OnFailAny | Kind::RequireAny | Kind::WatchAny | Kind::OnChangesAny
    );
    if any {
        if words.contains(&Word::Met) || words.contains(&Word::Change) {
            words.remove(&Word::Fail);
        }
        if words.contains(&Word::Changed) {
            words.remove(&Word::Same);
        }
        if words.contains(&Word::Met) {
            words.remove(&Word::Succeeded);
        }
    }
    words
}

fn word(kind: Kind, seen: Seen) -> Option<Word> {
    let failed = seen.outcome == Outcome::Failed;
    let succeeded = matches!(seen.outcome, Outcome::Unchanged | Outcome::Changed);
    let ran = seen.ran.then_some(Word::Met);
    match kind {
        Kind::OnFail | Kind::OnFailAny | Kind::OnFailAll if succeeded => Some(Word::Succeeded),
        Kind::OnFail | Kind::OnFailAny | Kind::OnFailAll => ran,
        Kind::OnChanges | Kind::OnChangesAny if failed || !seen.changed => Some(Word::Same),
        Kind::OnChanges | Kind::OnChangesAny => Some(Word::Changed),
        _ if failed => Some(Word::Fail),
        Kind::Watch | Kind::WatchAny if seen.changed => Some(Word::Change),
        Kind::Prereq if seen.outcome == Outcome::WouldChange => Some(Word::Would),
        Kind::Prereq => Some(Word::WouldNot),
        _ => ran,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::*;

    const DONE: Seen = Seen { outcome: Outcome::Changed, changed: true, ran: true };
    const SAME: Seen = Seen { outcome: Outcome::Unchanged, changed: false, ran: true };
    const BAD: Seen = Seen { outcome: Outcome::Failed, changed: false, ran: true };
    const WOULD: Seen = Seen { outcome: Outcome::WouldChange, changed: true, ran: true };

    fn of(needs: &[(Kind, Seen)]) -> Status {
        status(needs.iter().map(|(kind, seen)| (*kind, Some(*seen))))
    }

    fn skips(status: Status) -> bool {
        matches!(status, Status::Skip(_))
    }

    #[test]
    fn all_of_require_and_one_of_require_any_must_not_fail() {
        assert_eq!(of(&[]), Status::Met);
        assert_eq!(of(&[(Require, DONE), (Require, BAD)]), Status::Fail);
        assert_eq!(of(&[(RequireAny, DONE), (RequireAny, BAD)]), Status::Met);
        assert_eq!(of(&[(RequireAny, BAD), (RequireAny, BAD)]), Status::Fail);
    }

    #[test]
    fn changes_of_what_is_watched_are_reacted_to() {
        assert_eq!(of(&[(Watch, SAME)]), Status::Met);
        assert_eq!(of(&[(Watch, SAME), (Watch, DONE)]), Status::Change);
        assert_eq!(of(&[(Watch, BAD), (Watch, DONE)]), Status::Fail);
        assert_eq!(of(&[(WatchAny, BAD), (WatchAny, DONE)]), Status::Change);
    }

    #[test]
    fn onchanges_wants_one_change_and_does_not_mind_failures() {
        assert!(skips(of(&[(OnChanges, SAME), (OnChanges, BAD)])));
        assert_eq!(of(&[(OnChanges, SAME), (OnChanges, DONE)]), Status::Met);
        assert_eq!(of(&[(OnChangesAny, SAME), (OnChangesAny, WOULD)]), Status::Met);
        assert_eq!(of(&[(OnChanges, DONE), (Require, BAD)]), Status::Fail);
    }

    #[test]
    fn onfail_wants_one_failure_and_onfail_all_nothing_else() {
        assert!(skips(of(&[(OnFail, DONE), (OnFail, SAME)])));
        assert_eq!(of(&[(OnFail, DONE), (OnFail, BAD)]), Status::Met);
        assert!(skips(of(&[(OnFailAll, DONE), (OnFailAll, BAD)])));
        assert_eq!(of(&[(OnFailAll, BAD), (OnFailAll, BAD)]), Status::Met);
    }

    #[test]
    fn prereq_wants_something_that_would_change() {
        assert!(skips(of(&[(Prereq, SAME)])));
        assert_eq!(of(&[(Prereq, WOULD)]), Status::Met);
        assert_eq!(of(&[(Prereq, WOULD), (Prereq, SAME)]), Status::Met);
        assert_eq!(of(&[(Prereq, BAD)]), Status::Fail);
    }
}
