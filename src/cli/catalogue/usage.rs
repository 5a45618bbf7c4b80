//! The errors of usage.

use super::Entry;

/// Codes `U`.
pub const ENTRIES: &[Entry] = &[Entry {
    code: "U090",
    title: "there is no such error code",
    cause: "It is misspelled, or from another version of eos.",
    evidence: "eos --version",
    remedy: "A code is a letter and three digits: eos explain EOS-J003.",
    retry: false,
}];
