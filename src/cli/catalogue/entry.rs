//! The shape of an entry.

/// What is known of one error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// A letter and three digits.
    pub code: &'static str,
    /// What failed, in a few words.
    pub title: &'static str,
    /// Why it happens.
    pub cause: &'static str,
    /// Where to look for what happened.
    pub evidence: &'static str,
    /// What to do, with the commands.
    pub remedy: &'static str,
    /// Whether the same command can succeed later without anything else changing.
    pub retry: bool,
}
