//! What `eos explain` tells of every error code: cause, evidence, remedy, and whether a retry helps.

mod agent;
mod archives;
mod captures;
mod configuration;
mod discovery;
mod entry;
mod host;
mod identity;
mod joining;
mod master;
mod preflight;
mod restores;
mod roles;
mod saga;
mod serving;
mod snapshots;
mod states;
#[cfg(test)]
mod tests;
mod transfer;
mod usage;
mod verification;

pub use entry::Entry;

use crate::model::explain::{Code, Exit, Explain};

/// The entries by area, each in the order of its codes.
pub const AREAS: &[&[Entry]] = &[
    agent::ENTRIES,
    configuration::ENTRIES,
    discovery::ENTRIES,
    saga::ENTRIES,
    host::ENTRIES,
    identity::ENTRIES,
    joining::ENTRIES,
    master::ENTRIES,
    preflight::ENTRIES,
    roles::ENTRIES,
    states::ENTRIES,
    snapshots::ENTRIES,
    captures::ENTRIES,
    transfer::ENTRIES,
    archives::ENTRIES,
    restores::ENTRIES,
    serving::ENTRIES,
    usage::ENTRIES,
    verification::ENTRIES,
];

/// Every entry, in the order of areas and codes.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    AREAS.iter().copied().flatten()
}

/// A text that is not the code of an error of eos.
#[derive(Debug, thiserror::Error)]
#[error("there is no error code {given}")]
pub struct CatalogueError {
    /// As given.
    given: String,
    /// The known code that looks most like it.
    nearest: Option<&'static str>,
}

impl Explain for CatalogueError {
    fn code(&self) -> Code {
        Code("U090")
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        match self.nearest {
            Some(code) => vec![format!("did you mean EOS-{code}? eos explain EOS-{code}")],
            None => vec!["codes are a letter and three digits: eos explain EOS-J003".to_owned()],
        }
    }
}

/// The entry of a code written as `EOS-J012` or `J012`, in any case.
///
/// # Errors
/// When there is none; the error names the nearest code.
pub fn find(text: &str) -> Result<&'static Entry, CatalogueError> {
    let upper = text.trim().to_ascii_uppercase();
    let code = upper.strip_prefix("EOS-").unwrap_or(&upper);
    entries()
        .find(|entry| entry.code == code)
        .ok_or_else(|| CatalogueError { given: text.to_owned(), nearest: nearest(code) })
}

/// The code that differs in the fewest places, when it is not more than one and the length is right.
fn nearest(text: &str) -> Option<&'static str> {
    if text.len() != 4 {
        return None;
    }
    let differing = |code: &str| code.bytes().zip(text.bytes()).filter(|(a, b)| a != b).count();
    let codes = entries().map(|entry| entry.code);
    codes.filter(|code| differing(code) == 1).min_by_key(|code| code.bytes().next() != text.bytes().next())
}

/// One value of every variant.
#[cfg(test)]
pub(crate) fn samples() -> Vec<CatalogueError> {
    vec![CatalogueError { given: "J999".to_owned(), nearest: Some("J009") }]
}
