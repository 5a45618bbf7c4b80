//! What a person or a program sees: texts, tables, progress and JSON on the standard streams (tier 5).
//!
//! Everything that makes a text is pure; only [`stdout`], [`stderr`], [`verdict`], [`failure`] and
//! [`progress::Progress`] write. Nothing secret is ever handed to this module.

pub mod audit;
pub mod checkpoint;
pub mod cleanup;
pub mod discover;
pub mod downloads;
pub mod identity;
pub mod node;
pub mod orchestration;
mod paragraph;
pub mod plan;
pub mod preflight;
pub mod progress;
pub mod reset;
pub mod restores;
pub mod roles;
mod rooted;
#[cfg(test)]
mod samples;
pub mod snapshot;
pub mod states;
pub mod status;
pub mod storage;
mod streams;
mod style;
mod table;
pub mod token;
pub mod units;
mod verdict;

pub use rooted::VERBS;
pub(crate) use rooted::quoted;
pub use streams::{stderr, stdout};
pub use verdict::{failure, failure_beside, verdict};

/// The version of every JSON object that eos prints.
pub const SCHEMA: u32 = 1;

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: JSON Lines on the standard output, the verdict last.
    Json,
}

/// How to print; decided once, by the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// The form of the result.
    pub format: Format,
    /// Whether texts carry colours.
    pub color: bool,
    /// How many columns a line may take.
    pub width: usize,
    /// Whether the standard error is a terminal, on which progress is drawn in place.
    pub terminal: bool,
    /// The root that the command works on, absolute; texts name it in their commands and paths.
    pub root: &'static str,
}

#[cfg(test)]
impl Output {
    /// A text without colour, of so many columns, for a pipe.
    pub(crate) fn plain(width: usize) -> Self {
        Self { format: Format::Text, color: false, width, terminal: false, root: "/" }
    }
}
