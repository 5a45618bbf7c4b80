//! A machine that takes part in an election: whom it hears, with whom it agrees, and what it says. Pure.

use super::support::{Record, Support};
use super::{Standing, Terms};
use crate::model::digest::{Digest, Fingerprint};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// What a machine tells all others, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Announcement {
    /// Who it is: the fingerprint of its key.
    pub from: Fingerprint,
    /// Whom it supports.
    pub supports: Option<Fingerprint>,
    /// The first of those it hears; none when all of them have given up.
    pub first: Option<Fingerprint>,
    /// The digest of those it hears, itself included, in their order.
    pub view: Digest,
}

/// What is to be done now, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// To be on the disk, synced, before anything else. When it cannot be written, this candidate is given up as if
    /// the machine had crashed: it must say and do nothing more.
    pub write: Option<Record>,
    /// To be sent to all.
    pub say: Announcement,
    /// Where it stands. Who is elected founds, after it has asked once more whether a master answers.
    pub standing: Standing,
}

#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) said: Announcement,
    pub(super) at: Instant,
}

/// A machine that takes part.
#[derive(Debug, Clone)]
pub struct Candidate {
    own: Fingerprint,
    terms: Terms,
    pub(super) support: Support,
    /// All others that were heard since the start, and what they said last. No more than there may be.
    pub(super) heard: BTreeMap<Fingerprint, Heard>,
    /// Whether there was one more than that.
    crowded: bool,
    /// When something was amiss last that forbids to decide.
    held: Option<Instant>,
    over: bool,
    there: BTreeSet<Fingerprint>,
    view: Digest,
    since: Instant,
}

impl Candidate {
    /// One that is started now, with what it recorded before.
    pub fn new(own: Fingerprint, terms: Terms, record: Record, now: Instant) -> Self {
        let there = BTreeSet::from([own]);
        let (support, view) = (Support::new(own, terms.quorum, record), digest(&there));
        Self {
            own,
            terms,
            support,
            heard: BTreeMap::new(),
            crowded: false,
            held: None,
            over: false,
            there,
            view,
            since: now,
        }
    }

    /// Who it is.
    pub fn own(&self) -> Fingerprint {
        self.own
    }

    /// Somebody who knows the token said this.
    pub fn hear(&mut self, said: Announcement, now: Instant) {
        if said.from == self.own {
            return;
        }
        if !self.heard.contains_key(&said.from) && self.heard.len() + 1 >= self.terms.expected {
            self.crowded = true;
            return;
        }
        self.support.hear(said.from, said.supports);
        self.heard.insert(said.from, Heard { said, at: now });
    }

    /// Something is amiss, such as a machine that was told another number: decides nothing for as long as a machine
    /// counts as there after it was heard.
    pub fn hold(&mut self, now: Instant) {
        self.held = Some(now);
    }

    fn is_held(&self, now: Instant) -> bool {
        self.held.is_some_and(|held| now.saturating_duration_since(held) < self.terms.fresh)
    }

    /// A master answers: there is a cluster to join.
    pub fn master_answers(&mut self) {
        self.over = true;
    }

    /// Those that are there now, itself included, in their order.
    pub fn there(&self) -> &BTreeSet<Fingerprint> {
        &self.there
    }

    /// What follows from what was heard until now.
    pub fn consider(&mut self, now: Instant) -> Step {
        self.look(now);
        let first = self.first();
        let decides = !self.over && !self.crowded && !self.is_held(now);
        let changed = decides
            && (self.support.elect(&self.there)
                || first.is_some_and(|first| self.is_agreed(first, now) && self.support.give(first)));
        let write = changed.then(|| self.support.record());
        let say = Announcement { from: self.own, supports: self.support.supports(), first, view: self.view };
        Step { write, say, standing: self.standing(now) }
    }

    /// Who is there now.
    fn look(&mut self, now: Instant) {
        let fresh = |heard: &Heard| now.saturating_duration_since(heard.at) < self.terms.fresh;
        let others = self.heard.iter().filter(|(_, heard)| fresh(heard)).map(|(id, _)| *id);
        let there: BTreeSet<Fingerprint> = others.chain([self.own]).collect();
        if there != self.there {
            (self.view, self.since) = (digest(&there), now);
            self.there = there;
        }
    }

    /// The smallest of those who are there and have not given up.
    fn first(&self) -> Option<Fingerprint> {
        self.there.iter().find(|id| !self.support.has_given_up(**id)).copied()
    }

    /// Whether a quorum has said that it sees the same, and this one has seen it for long enough.
    fn is_agreed(&self, first: Fingerprint, now: Instant) -> bool {
        let same = |id: &&Fingerprint| {
            let said = self.heard.get(id).map(|heard| (heard.said.view, heard.said.first));
            said == Some((self.view, Some(first)))
        };
        let settled = now.saturating_duration_since(self.since) >= self.terms.settle;
        settled && self.there.iter().filter(same).count() + 1 >= self.terms.quorum
    }

    fn standing(&self, now: Instant) -> Standing {
        let (there, quorum, expected) = (self.there.len(), self.terms.quorum, self.terms.expected);
        let supported = self.support.supports().filter(|whom| !self.support.has_given_up(*whom));
        match supported {
            _ if self.over => Standing::Over,
            _ if self.crowded => Standing::Crowded { expected },
            _ if self.support.record() == Record::Elected => Standing::Elected,
            _ if self.is_held(now) => Standing::Held,
            Some(whom) if !self.there.contains(&whom) => Standing::Missing { whom },
            _ if there < quorum => Standing::Few { there, quorum, expected },
            Some(whom) => Standing::Supporting { whom },
            None => Standing::Agreeing { first: self.first() },
        }
    }
}

fn digest(there: &BTreeSet<Fingerprint>) -> Digest {
    Digest::of(&there.iter().flat_map(|id| *id.as_bytes()).collect::<Vec<u8>>())
}
