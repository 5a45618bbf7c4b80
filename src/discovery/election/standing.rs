//! Where a machine stands in an election, and what it says about it: for whom it waits, and what helps.

use crate::model::digest::Fingerprint;
use std::collections::BTreeMap;

/// What machines are called.
pub type Names = BTreeMap<Fingerprint, String>;

/// Where a machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There is a cluster: it joins.
    Over,
    /// It founds.
    Elected,
    /// Something is amiss that forbids to decide.
    Held,
    /// More machines take part than were told.
    Crowded {
        /// How many were told.
        expected: usize,
    },
    /// Whom it supports may have founded, and is not heard.
    Missing {
        /// That one.
        whom: Fingerprint,
    },
    /// Too few are there to elect anybody.
    Few {
        /// How many, itself included.
        there: usize,
        /// How many elect.
        quorum: usize,
        /// How many were told.
        expected: usize,
    },
    /// It waits for this one to be elected and to found.
    Supporting {
        /// That one.
        whom: Fingerprint,
    },
    /// It waits until enough machines see the same.
    Agreeing {
        /// The first of those that it hears.
        first: Option<Fingerprint>,
    },
}

impl Standing {
    /// For people, with the names of machines that are known.
    pub fn told(self, names: &Names) -> String {
        let of = |whom: &Fingerprint| named(names, whom);
        match self {
            Self::Over => "a master answers: joins its cluster".to_owned(),
            Self::Elected => "elected: founds the cluster".to_owned(),
            Self::Held => "nobody is elected for as long as something is amiss".to_owned(),
            Self::Crowded { expected } => format!(
                "more than {expected} machines take part: nobody is elected; start them again with --expect and the \
                 number that there are, or found with eos bootstrap --single-node on one of them"
            ),
            Self::Missing { whom } => format!(
                "waits for {}, which may have founded the cluster and is not heard: start it again; if it never \
                 comes back, eos bootstrap --single-node on one of the others founds instead of it",
                of(&whom)
            ),
            Self::Few { there, quorum, expected } => {
                format!("{there} of {expected} machines are there: waits until {quorum} are")
            }
            Self::Supporting { whom } => format!("waits for {} to found the cluster", of(&whom)),
            Self::Agreeing { first: Some(first) } => {
                format!("waits until enough machines see {} as the first", of(&first))
            }
            Self::Agreeing { first: None } => {
                "waits for the machines for which those that are there gave up".to_owned()
            }
        }
    }
}

/// How people know a machine: its name, or the beginning of its identity when nobody told that.
fn named(names: &Names, whom: &Fingerprint) -> String {
    names.get(whom).cloned().unwrap_or_else(|| format!("the machine {}", whom.short()))
}
