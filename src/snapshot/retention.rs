//! Which snapshots to drop, and why the others stay (pure).

use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::snapshot::manifest::Part;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How many snapshots of each source to keep, for how long, and how much all of them may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rule {
    /// Keep so many of the newest; `None` keeps any number. The newest is kept in any case.
    pub count: Option<usize>,
    /// Drop what is older, in seconds; `None` keeps any age.
    pub age_seconds: Option<u64>,
    /// Drop the oldest, of whatever source, until the parts of the others take no more bytes than this;
    /// `None` keeps any size.
    pub bytes: Option<u64>,
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
    /// Its parts; others may have the same ones, which lie on the disk once.
    pub parts: Vec<Part>,
}

/// What becomes of a snapshot, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It stays: no part of the rule drops it.
    Within,
    /// It stays: it is the newest of its source.
    Newest,
    /// It stays: it is being read or is referenced.
    Protected,
    /// It goes: there are enough newer ones.
    TooMany,
    /// It goes: it is too old.
    TooOld,
    /// It goes: without it, the others fit.
    TooLarge,
}

impl Verdict {
    /// Whether the snapshot goes.
    pub fn drops(self) -> bool {
        matches!(self, Self::TooMany | Self::TooOld | Self::TooLarge)
    }
}

/// The snapshots to drop, oldest first; see [`judge`].
pub fn drops(
    candidates: &[Candidate],
    rule: &Rule,
    now: Timestamp,
    protected: &BTreeSet<SnapshotId>,
) -> Vec<SnapshotId> {
    let judged = judge(candidates, rule, now, protected);
    judged.into_iter().filter(|(_, verdict)| verdict.drops()).map(|(one, _)| one.id.clone()).collect()
}

/// What becomes of each snapshot, oldest first.
///
/// `protected` are those that are being read or are referenced: they are never dropped, and neither they
/// nor their parts use up the count and the bytes of the others.
pub fn judge<'a>(
    candidates: &'a [Candidate],
    rule: &Rule,
    now: Timestamp,
    protected: &BTreeSet<SnapshotId>,
) -> Vec<(&'a Candidate, Verdict)> {
    let mut judged: Vec<(&Candidate, Verdict)> = Vec::new();
    let sources: BTreeSet<&str> = candidates.iter().map(|one| one.source.as_str()).collect();
    for source in sources {
        let of_source = candidates.iter().filter(|one| one.source == source);
        judged.extend(judge_source(of_source.collect(), rule, now, protected));
    }
    judged.sort_by(|a, b| age_order(a.0, b.0));
    if let Some(limit) = rule.bytes {
        fit(&mut judged, limit);
    }
    judged
}

/// By count and age.
fn judge_source<'a>(
    mut of_source: Vec<&'a Candidate>,
    rule: &Rule,
    now: Timestamp,
    protected: &BTreeSet<SnapshotId>,
) -> Vec<(&'a Candidate, Verdict)> {
    of_source.sort_by(|a, b| age_order(b, a));
    let keep = rule.count.unwrap_or(usize::MAX).max(1);
    let mut before = 0;
    let verdict = |(rank, one): (usize, &'a Candidate)| {
        if protected.contains(&one.id) {
            return (one, Verdict::Protected);
        }
        let verdict = match rank {
            0 => Verdict::Newest,
            _ if before >= keep => Verdict::TooMany,
            _ if too_old(one, rule, now) => Verdict::TooOld,
            _ => Verdict::Within,
        };
        before += 1;
        (one, verdict)
    };
    of_source.into_iter().enumerate().map(verdict).collect()
}

/// By size: of those that nothing else holds, the oldest go until the rest fits.
fn fit(judged: &mut [(&Candidate, Verdict)], limit: u64) {
    let paid: BTreeSet<Digest> = judged
        .iter()
        .filter(|(_, verdict)| *verdict == Verdict::Protected)
        .flat_map(|(one, _)| one.parts.iter().map(|part| part.digest))
        .collect();
    let mut users: BTreeMap<Digest, usize> = BTreeMap::new();
    let mut bytes: u64 = 0;
    for (one, _) in judged.iter().filter(|(_, verdict)| !verdict.drops()) {
        for part in one.parts.iter().filter(|part| !paid.contains(&part.digest)) {
            let count = users.entry(part.digest).or_default();
            bytes = if *count == 0 { bytes.saturating_add(part.size) } else { bytes };
            *count += 1;
        }
    }
    for (one, verdict) in judged.iter_mut().filter(|(_, verdict)| *verdict == Verdict::Within) {
        if bytes <= limit {
            return;
        }
        *verdict = Verdict::TooLarge;
        for part in &one.parts {
            if let Some(count) = users.get_mut(&part.digest) {
                *count -= 1;
                bytes = if *count == 0 { bytes.saturating_sub(part.size) } else { bytes };
            }
        }
    }
}

/// The bytes of the parts that only these snapshots name, and no other candidate.
pub fn freed_bytes(candidates: &[Candidate], dropped: &[SnapshotId]) -> u64 {
    let goes = |one: &&Candidate| dropped.contains(&one.id);
    let parts = |one: &Candidate| one.parts.iter().map(|part| (part.digest, part.size)).collect::<Vec<_>>();
    let kept: BTreeSet<_> = candidates.iter().filter(|one| !goes(one)).flat_map(parts).collect();
    let gone: BTreeSet<_> = candidates.iter().filter(goes).flat_map(parts).collect();
    gone.difference(&kept).map(|(_, size)| *size).fold(0, u64::saturating_add)
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
    use proptest::prelude::*;

    fn part(number: u8, size: u64) -> Part {
        Part { borrowed: false, digest: Digest::from_bytes([number; 32]), size }
    }

    fn candidate(source: &str, second: i64) -> Candidate {
        Candidate {
            id: SnapshotId::parse(&format!("{source}{second}")).unwrap(),
            source: source.into(),
            generation: second as u64,
            created_at: Timestamp::from_second(second).unwrap(),
            parts: vec![part(second as u8, 10)],
        }
    }

    fn dropped(rule: Rule, protected: &[&str]) -> Vec<String> {
        let all: Vec<Candidate> =
            [3, 1, 2, 4].map(|s| candidate("a", s)).into_iter().chain([candidate("b", 1)]).collect();
        let protected = protected.iter().map(|id| SnapshotId::parse(id).unwrap()).collect();
        let now = Timestamp::from_second(100).unwrap();
        drops(&all, &rule, now, &protected).into_iter().map(String::from).collect()
    }

    fn count(count: usize) -> Rule {
        Rule { count: Some(count), ..Rule::default() }
    }

    fn age(seconds: u64) -> Rule {
        Rule { age_seconds: Some(seconds), ..Rule::default() }
    }

    fn size(bytes: u64) -> Rule {
        Rule { bytes: Some(bytes), ..Rule::default() }
    }

    #[test]
    fn the_oldest_beyond_the_count_go_and_each_source_counts_by_itself() {
        assert_eq!(dropped(count(2), &[]), ["a1", "a2"]);
        assert_eq!(dropped(Rule::default(), &[]), Vec::<String>::new());
    }

    #[test]
    fn age_drops_all_but_the_newest_of_a_source() {
        assert_eq!(dropped(age(10), &[]), ["a1", "a2", "a3"]);
        assert_eq!(dropped(age(97), &[]), ["a1", "a2"]);
        assert_eq!(dropped(count(0), &[]), ["a1", "a2", "a3"]);
    }

    #[test]
    fn what_is_protected_stays_and_costs_no_place() {
        assert_eq!(dropped(count(2), &["a1", "a3"]), ["b1"; 0]);
        assert_eq!(dropped(Rule { age_seconds: Some(10), ..count(1) }, &["a2"]), ["a1", "a3"]);
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits_and_a_shared_part_counts_once() {
        // a1 and b1 have the same part: 40 bytes lie on the disk.
        assert_eq!(dropped(size(40), &[]), ["b1"; 0]);
        assert_eq!(dropped(size(39), &[]), ["a1", "a2"], "a1 alone frees nothing: b1 has its part");
        assert_eq!(dropped(size(0), &[]), ["a1", "a2", "a3"]);
        assert_eq!(dropped(size(10), &["a1", "a2", "a3"]), ["b1"; 0], "only a4 costs, its 10 bytes");
        let all = [candidate("a", 1), candidate("b", 1), candidate("a", 2)];
        let ids = |names: &[&str]| names.iter().map(|id| SnapshotId::parse(id).unwrap()).collect::<Vec<_>>();
        assert_eq!(freed_bytes(&all, &ids(&["a1"])), 0);
        assert_eq!(freed_bytes(&all, &ids(&["a1", "b1"])), 10);
        assert_eq!(freed_bytes(&all, &ids(&["a1", "b1", "a2"])), 20);
    }

    fn any_candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0..3u8, 0..40i64, 0..4u64, proptest::collection::btree_set(0..12u8, 0..5));
        proptest::collection::vec(one, 0..14).prop_map(|all| {
            let number =
                |(number, (source, second, generation, parts)): (usize, (u8, i64, u64, BTreeSet<u8>))| {
                    Candidate {
                        id: SnapshotId::parse(&format!("id{number}")).unwrap(),
                        source: format!("s{source}"),
                        generation,
                        created_at: Timestamp::from_second(second).unwrap(),
                        parts: parts
                            .into_iter()
                            .map(|number| part(number, u64::from(number) * 7 + 1))
                            .collect(),
                    }
                };
            all.into_iter().enumerate().map(number).collect()
        })
    }

    fn any_rule() -> impl Strategy<Value = Rule> {
        let (count, age) = (proptest::option::of(0..6usize), proptest::option::of(0..50u64));
        (count, age, proptest::option::of(0..400u64)).prop_map(|(count, age_seconds, bytes)| Rule {
            count,
            age_seconds,
            bytes,
        })
    }

    /// The bytes of all parts of these, each once, without those of the protected ones.
    fn cost(of: &[&Candidate], protected: &[&Candidate]) -> u64 {
        let free: BTreeSet<_> = protected.iter().flat_map(|one| &one.parts).map(|part| part.digest).collect();
        let parts: BTreeMap<_, _> =
            of.iter().flat_map(|one| &one.parts).map(|part| (part.digest, part.size)).collect();
        parts.iter().filter(|(digest, _)| !free.contains(digest)).map(|(_, size)| size).sum()
    }

    proptest! {
        #[test]
        fn any_rule_keeps_the_newest_and_the_protected_and_is_met_by_the_rest(
            all in any_candidates(),
            rule in any_rule(),
            shields in proptest::collection::vec(any::<bool>(), 14),
        ) {
            let protected: BTreeSet<SnapshotId> =
                all.iter().zip(&shields).filter(|(_, shield)| **shield).map(|(one, _)| one.id.clone()).collect();
            let now = Timestamp::from_second(45).unwrap();
            let judged = judge(&all, &rule, now, &protected);
            prop_assert_eq!(judged.len(), all.len());
            prop_assert!(judged.is_sorted_by(|a, b| age_order(a.0, b.0).is_le()));
            let gone = drops(&all, &rule, now, &protected);
            for source in all.iter().map(|one| &one.source) {
                let of: Vec<_> = judged.iter().filter(|(one, _)| one.source == *source).collect();
                prop_assert!(!of.last().unwrap().1.drops(), "the newest stays");
                let left = of.iter().filter(|(_, verdict)| !verdict.drops() && *verdict != Verdict::Protected);
                prop_assert!(left.count() <= rule.count.map_or(usize::MAX, |count| count.max(1) ));
            }
            prop_assert!(gone.iter().all(|id| !protected.contains(id)), "what is protected stays");
            let within: Vec<_> = judged.iter().filter(|(_, verdict)| *verdict == Verdict::Within).collect();
            prop_assert!(within.iter().all(|(one, _)| !too_old(one, &rule, now)));
            let of = |wanted: &dyn Fn(Verdict) -> bool| {
                judged.iter().filter(|(_, verdict)| wanted(*verdict)).map(|(one, _)| *one).collect::<Vec<_>>()
            };
            let shielded = of(&|verdict| verdict == Verdict::Protected);
            let left = of(&|verdict| matches!(verdict, Verdict::Within | Verdict::Newest));
            if let Some(limit) = rule.bytes {
                let costs = cost(&left, &shielded);
                prop_assert!(within.is_empty() || costs <= limit, "{costs} > {limit}");
                // Not one more than needed went for the size.
                if let Some((last, _)) = judged.iter().rfind(|(_, verdict)| *verdict == Verdict::TooLarge) {
                    let with: Vec<_> = left.iter().copied().chain([*last]).collect();
                    prop_assert!(cost(&with, &shielded) > limit);
                }
            }
            let once_more: Vec<Candidate> =
                all.iter().filter(|one| !gone.contains(&one.id)).cloned().collect();
            prop_assert!(drops(&once_more, &rule, now, &protected).is_empty(), "it is met after one pass");
        }
    }
}
