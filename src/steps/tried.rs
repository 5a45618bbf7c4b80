//! Which snapshots of a source were tried in vain, by a join or for a person, and what is left to try.

use crate::client::holders::Found;
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// What holders that are gone, or no longer have a snapshot, are told by: nothing is wrong with the data.
const ABSENT: [&str; 7] =
    ["EOS-T022", "EOS-T043", "EOS-T044", "EOS-T182", "EOS-T167", "EOS-T168", "EOS-U032"];

/// What bytes that are not those of the snapshot are told by.
const DAMAGED: [&str; 5] = ["EOS-T023", "EOS-T042", "EOS-T045", "EOS-T046", "EOS-T169"];

/// What a holder is told by that said something else of a snapshot than its manifest does.
const CONTRADICTED: [&str; 2] = ["EOS-T228", "EOS-T229"];

/// What was tried.
#[derive(Debug, Default)]
pub struct Tried {
    claims: BTreeSet<(SnapshotId, Option<Claim>)>,
    left: BTreeSet<SocketAddr>,
    /// The first snapshot that somebody has and that is not what it should be.
    pub fault: Option<Failure>,
}

/// What a failure says of the snapshot that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vain {
    /// It may be what it is said to be, but nobody delivers it.
    Undelivered,
    /// It is not what it was said to be.
    Disproved,
}

/// What is said of a snapshot: its source, when it was made, and its generation.
type Claim = (String, Timestamp, u64);

fn claim(found: &Found) -> (SnapshotId, Option<Claim>) {
    let told = found.told.as_ref().map(|told| (told.source.clone(), told.created_at, told.generation));
    (found.id.clone(), told)
}

impl Tried {
    /// Whether nothing was tried.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// The first that was not tried, with those holders that were not given up; none of which all were, unless this
    /// node has it itself.
    pub fn next(
        &self,
        candidates: impl IntoIterator<Item = Found>,
        here: &BTreeSet<SnapshotId>,
    ) -> Option<Found> {
        let untried = |mut one: Found| {
            let had = one.holders.len();
            one.holders.retain(|holder| !self.left.contains(&holder.address));
            let given_up = had > 0 && one.holders.is_empty() && !here.contains(&one.id);
            (!given_up && !self.claims.contains(&claim(&one))).then_some(one)
        };
        candidates.into_iter().find_map(untried)
    }

    /// Takes note of a failure after which another snapshot may be tried.
    ///
    /// # Errors
    /// When another one would fare no better.
    pub fn failed(&mut self, found: &Found, failure: &Failure) -> Result<Vain, Final> {
        let code = failure.code.as_str();
        let holders = found.holders.iter().map(|holder| holder.address);
        let mut vain = Vain::Undelivered;
        if CONTRADICTED.contains(&code) {
            self.left.extend(holders);
            vain = Vain::Disproved;
        } else if ABSENT.contains(&code) {
            // Of several holders it is not known who did not answer.
            if code == "EOS-T044" && found.holders.len() == 1 {
                self.left.extend(holders);
            }
        } else if DAMAGED.contains(&code) {
            self.fault.get_or_insert_with(|| failure.clone());
        } else {
            return Err(Final);
        }
        self.claims.insert(claim(found));
        Ok(vain)
    }
}

/// That nothing else is tried after this failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Final;

/// What is told of a snapshot that was tried in vain: in one line, with the cause that says most.
pub fn told(found: &Found, source: &str, failure: &Failure) -> String {
    let Failure { code, message, causes, .. } = failure;
    let why = causes.last().map_or_else(|| message.clone(), |cause| format!("{message}: {cause}"));
    format!("snapshot {} of {source} cannot be had: {why} ({code})", found.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, seconds: i64, holders: &[u8]) -> Found {
        Found::sample(id, Timestamp::from_second(seconds).expect("a time"), holders)
    }

    fn failure(code: &str) -> Failure {
        let (code, message) = (code.to_owned(), String::new());
        Failure { code, message, causes: Vec::new(), hints: Vec::new(), exit: 1 }
    }

    /// The ids that are tried, and from whom, when each attempt fails so.
    fn order(first: Found, codes: &[&str]) -> Vec<String> {
        let mut tried = Tried::default();
        let mut order = Vec::new();
        for code in codes {
            let Some(next) = tried.next(first.clone().candidates(), &BTreeSet::new()) else { break };
            let names: Vec<&str> = next.holders.iter().map(|holder| holder.name.as_str()).collect();
            order.push(format!("{}:{}", next.id, names.join("+")));
            tried.failed(&next, &failure(code)).expect("another one may be tried");
        }
        order
    }

    #[test]
    fn the_next_newest_is_tried_and_nobody_who_is_gone_or_has_lied_is_asked_again() {
        let all = || {
            let others = vec![found("bbbb", 3, &[1]), found("aaaa", 1, &[2]), found("cccc", 2, &[1, 2])];
            Found { others, ..found("aaaa", 4, &[1]) }
        };
        let refused = ["EOS-T043"; 5];
        assert_eq!(order(all(), &refused), ["aaaa:node1", "bbbb:node1", "aaaa:node2", "cccc:node1+node2"]);
        assert_eq!(order(all(), &["EOS-T044"; 5]), ["aaaa:node1", "aaaa:node2"]);
        assert_eq!(
            order(all(), &["EOS-T229", "EOS-T043", "EOS-T043"]),
            ["aaaa:node1", "aaaa:node2", "cccc:node2"]
        );
    }

    #[test]
    fn a_damaged_snapshot_is_remembered_and_what_ails_this_machine_ends_it() {
        let mut tried = Tried::default();
        let one = found("aaaa", 1, &[1]);
        assert!(tried.is_empty());
        assert_eq!(tried.failed(&one, &failure("EOS-T215")), Err(Final));
        assert!(tried.is_empty());
        assert_eq!(tried.failed(&one, &failure("EOS-T042")), Ok(Vain::Undelivered));
        assert_eq!(tried.failed(&one, &failure("EOS-T045")), Ok(Vain::Undelivered));
        assert_eq!(tried.fault.as_ref().map(|fault| fault.code.as_str()), Some("EOS-T042"));
        assert!(tried.next([one], &BTreeSet::new()).is_none());
        let here = found("bbbb", 1, &[1]);
        assert_eq!(tried.failed(&found("cccc", 2, &[1]), &failure("EOS-T044")), Ok(Vain::Undelivered));
        assert!(tried.next([here.clone()], &BTreeSet::new()).is_none(), "its only holder is gone");
        let own = BTreeSet::from([here.id.clone()]);
        assert!(tried.next([here], &own).is_some_and(|one| one.holders.is_empty()), "this node has it");
    }
}
