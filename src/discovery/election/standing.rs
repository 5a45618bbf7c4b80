//! Where a machine stands in an election, and what it says about it: for whom it waits, and what helps.

use crate::model::digest::Fingerprint;
use std::fmt;

/// Where a machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There is a cluster: it joins.
    Over,
    /// It founds.
    Elected,
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
        /// Who is the first for now.
        first: Option<Fingerprint>,
    },
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over => write!(f, "a master answers: joins its cluster"),
            Self::Elected => write!(f, "elected: founds the cluster"),
            Self::Crowded { expected } => write!(
                f,
                "more than {expected} machines take part: nobody is elected; start them again with --expect and \
                 the number that there are, or found with eos bootstrap --single-node on one of them"
            ),
            Self::Missing { whom } => write!(
                f,
                "waits for {}, which may have founded the cluster and is not heard: start it again; if it never \
                 comes back, eos bootstrap --single-node on one of the others founds instead of it",
                whom.short()
            ),
            Self::Few { there, quorum, expected } => {
                write!(f, "{there} of {expected} machines are there: waits until {quorum} are")
            }
            Self::Supporting { whom } => write!(f, "waits for {} to found the cluster", whom.short()),
            Self::Agreeing { first: Some(first) } => {
                write!(f, "waits until enough machines see {} as the first", first.short())
            }
            Self::Agreeing { first: None } => {
                write!(f, "waits for the machines for which those that are there gave up")
            }
        }
    }
}
