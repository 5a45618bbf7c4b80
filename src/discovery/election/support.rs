//! Whom a machine supports, when it may support another, and when it is elected: all that safety rests on. Pure.

use crate::model::digest::Fingerprint;
use std::collections::{BTreeMap, BTreeSet};

/// What a machine has to remember over a restart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Record {
    /// It supported nobody so far.
    #[default]
    Free,
    /// It supports this one. If that is another one, it has given up itself.
    Supports(Fingerprint),
    /// It was elected: it founds, or has.
    Elected,
}

/// The record of a machine, and what others told of theirs.
#[derive(Debug, Clone)]
pub struct Support {
    own: Fingerprint,
    quorum: usize,
    record: Record,
    /// Whom others support: only those who have given up, so each of them for another.
    pub(super) given_up: BTreeMap<Fingerprint, Fingerprint>,
}

impl Support {
    /// As it was recorded, by a machine that has heard nobody since.
    pub fn new(own: Fingerprint, quorum: usize, record: Record) -> Self {
        Self { own, quorum, record, given_up: BTreeMap::new() }
    }

    /// What has to be on the disk.
    pub fn record(&self) -> Record {
        self.record
    }

    /// Whom it supports.
    pub fn supports(&self) -> Option<Fingerprint> {
        match self.record {
            Record::Free => None,
            Record::Supports(whom) => Some(whom),
            Record::Elected => Some(self.own),
        }
    }

    /// Another one told whom it supports. Who supports itself or nobody yet may still do anything.
    pub fn hear(&mut self, from: Fingerprint, supports: Option<Fingerprint>) {
        if let Some(whom) = supports.filter(|whom| *whom != from && from != self.own) {
            self.given_up.insert(from, whom);
        }
    }

    /// Whether this one is known never to found.
    pub fn has_given_up(&self, whom: Fingerprint) -> bool {
        match whom == self.own {
            true => self.supports().is_some_and(|supported| supported != self.own),
            false => self.given_up.contains_key(&whom),
        }
    }

    /// Supports this one from now on, if it may; whether the record changed.
    pub fn give(&mut self, whom: Fingerprint) -> bool {
        let may = match self.record {
            Record::Free => whom <= self.own,
            Record::Supports(supported) if supported == self.own => whom < self.own,
            Record::Supports(supported) => whom != self.own && self.has_given_up(supported),
            Record::Elected => false,
        };
        let gives = may && !self.has_given_up(whom);
        if gives {
            self.record = Record::Supports(whom);
        }
        gives
    }

    /// Is elected, if enough of those who are there support it; whether the record changed.
    pub fn elect(&mut self, there: &BTreeSet<Fingerprint>) -> bool {
        let supporters = there.iter().filter(|id| self.given_up.get(id) == Some(&self.own)).count();
        let elected = self.record == Record::Supports(self.own) && supporters + 1 >= self.quorum;
        if elected {
            self.record = Record::Elected;
        }
        elected
    }
}
