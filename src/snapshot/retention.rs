//! Which snapshots to drop (pure).

use crate::model::ids::SnapshotId;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// How many snapshots of each source to keep, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Keep so many of the newest; `None` keeps any number. The newest is kept in any case.
    pub count: Option<usize>,
    /// Drop what is older, in seconds; `None` keeps any age.
    pub age_seconds: Option<u64>,
}

/// A snapshot as retention sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: SnapshotId,
    /// Of which source it is; each source is counted by itself.
    pub source: String,
    /// The source's capture counter.
    pub generation: u64,
    /// When it was taken.
    pub created_at: Timestamp,
}

/// The snapshots to drop, oldest first.
///
/// `protected` are those that are being read or are referenced: they are never dropped, and they do
/// not use up the count of the others.
pub fn drops(
    candidates: &[Candidate],
    rule: &Rule,
    now: Timestamp,
    protected: &BTreeSet<SnapshotId>,
) -> Vec<SnapshotId> {
    let sources: BTreeSet<&str> = candidates.iter().map(|one| one.source.as_str()).collect();
    let mut dropped: Vec<&Candidate> = Vec::new();
    for source in sources {
        let mut newest_first: Vec<&Candidate> =
            candidates.iter().filter(|one| one.source == source).collect();
        newest_first.sort_by(|a, b| age_order(b, a));
        let keep = rule.count.unwrap_or(usize::MAX).max(1);
        let free = newest_first.into_iter().enumerate().filter(|(_, one)| !protected.contains(&one.id));
        for (kept, (rank, one)) in free.enumerate() {
            if rank > 0 && (kept >= keep || too_old(one, rule, now)) {
                dropped.push(one);
            }
        }
    }
    dropped.sort_by(|a, b| age_order(a, b));
    dropped.into_iter().map(|one| one.id.clone()).collect()
}

fn age_order(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    (a.created_at, a.generation, &a.id).cmp(&(b.created_at, b.generation, &b.id))
}

fn too_old(one: &Candidate, rule: &Rule, now: Timestamp) -> bool {
    let age = now.as_second().saturating_sub(one.created_at.as_second());
    rule.age_seconds.is_some_and(|limit| u64::try_from(age).is_ok_and(|age| age > limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(source: &str, second: i64) -> Candidate {
        Candidate {
            id: SnapshotId::parse(&format!("{source}{second}")).unwrap(),
            source: source.into(),
            generation: second as u64,
            created_at: Timestamp::from_second(second).unwrap(),
        }
    }

    fn dropped(rule: Rule, protected: &[&str]) -> Vec<String> {
        let all: Vec<Candidate> =
            [3, 1, 2, 4].map(|s| candidate("a", s)).into_iter().chain([candidate("b", 1)]).collect();
        let protected = protected.iter().map(|id| SnapshotId::parse(id).unwrap()).collect();
        let now = Timestamp::from_second(100).unwrap();
        drops(&all, &rule, now, &protected).into_iter().map(String::from).collect()
    }

    #[test]
    fn the_oldest_beyond_the_count_go_and_each_source_counts_by_itself() {
        assert_eq!(dropped(Rule { count: Some(2), age_seconds: None }, &[]), ["a1", "a2"]);
        assert_eq!(dropped(Rule { count: None, age_seconds: None }, &[]), Vec::<String>::new());
    }

    #[test]
    fn age_drops_all_but_the_newest_of_a_source() {
        assert_eq!(dropped(Rule { count: None, age_seconds: Some(10) }, &[]), ["a1", "a2", "a3"]);
        assert_eq!(dropped(Rule { count: None, age_seconds: Some(97) }, &[]), ["a1", "a2"]);
        assert_eq!(dropped(Rule { count: Some(0), age_seconds: None }, &[]), ["a1", "a2", "a3"]);
    }

    #[test]
    fn what_is_protected_stays_and_costs_no_place() {
        assert_eq!(dropped(Rule { count: Some(2), age_seconds: None }, &["a1", "a3"]), ["b1"; 0]);
        assert_eq!(dropped(Rule { count: Some(1), age_seconds: Some(10) }, &["a2"]), ["a1", "a3"]);
    }
}
