//! The shape of an entry and how it reads on a screen.

use std::fmt;

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

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retry = if self.retry { "can help" } else { "does not help by itself" };
        writeln!(f, "EOS-{}: {}", self.code, self.title)?;
        writeln!(f)?;
        writeln!(f, "cause:    {}", self.cause)?;
        writeln!(f, "evidence: {}", self.evidence)?;
        writeln!(f, "remedy:   {}", self.remedy)?;
        write!(f, "retry:    {retry}")
    }
}
