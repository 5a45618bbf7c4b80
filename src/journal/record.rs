//! The records of a saga and their lines: JSON, each chained to all lines before it. Pure.
//!
//! A line without its newline was torn by a crash before anybody acted on it, and is left out.

use super::error::JournalError;
use crate::model::digest::Digest;
use crate::model::explain::Failure;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The format that is written.
pub const VERSION: u32 = 1;

/// The chain before the first line: 64 zeros.
pub fn start() -> Digest {
    Digest::from_bytes([0; 32])
}

/// What a step's run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something was changed.
    Done,
    /// Everything was as wanted already.
    Unchanged,
}

/// How a saga ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Every step was done.
    Completed,
    /// Everything is as before.
    RolledBack,
    /// An undo failed: a person is needed.
    Stuck,
}

/// Why a saga is undone without a failed step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The operator interrupted it.
    Interrupted,
    /// Somebody asked for it.
    Requested,
}

/// What a saga sets out to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// The format of this journal.
    pub version: u32,
    /// The saga's id.
    pub saga: String,
    /// `bootstrap`, `join`, `generation`, ...
    pub kind: String,
    /// What the steps are made from again after a crash; holds no secrets.
    pub plan: serde_json::Value,
    /// The names of the steps in their order.
    pub steps: Vec<String>,
    /// Directories that were made for eos's own records, the shallowest first.
    pub made: Vec<String>,
    /// Whether no saga is known before this one: its rollback takes all records with it.
    pub first: bool,
}

/// One thing that was about to be done, or was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum JournalRecord {
    /// The first record.
    Begin(Begin),
    /// The step's checkpoint is complete, and the step is about to run.
    Started {
        /// Its name.
        step: String,
    },
    /// The step ran, and the ledger knows what it changed.
    Done {
        /// Its name.
        step: String,
        /// What it came to.
        outcome: Outcome,
    },
    /// The step failed; everything is to be undone.
    Failed {
        /// Its name.
        step: String,
        /// Why.
        failure: Failure,
    },
    /// Everything is to be undone although no step failed.
    Unwinding {
        /// Why.
        reason: Reason,
    },
    /// The step is about to be undone.
    Undoing {
        /// Its name.
        step: String,
    },
    /// The step is undone, and its paths are as before.
    Undone {
        /// Its name.
        step: String,
    },
    /// The step could not be undone.
    UndoFailed {
        /// Its name.
        step: String,
        /// Why.
        failure: Failure,
    },
    /// Nothing more will happen without being asked for.
    Finished {
        /// How it ended.
        outcome: End,
    },
}

/// A record with its place in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// 1-based.
    pub sequence: usize,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub record: JournalRecord,
}

/// What the bytes of a journal say.
#[derive(Debug, Clone, PartialEq)]
pub struct Journalled {
    /// The complete records, in order.
    pub entries: Vec<Entry>,
    /// The chain after the last of them.
    pub chain: Digest,
    /// How many bytes they take; what follows is a torn line.
    pub length: usize,
}

/// The line of an entry, newline included, and the chain after it.
///
/// The chain is the BLAKE3 of the chain before and of the line's text after the chain itself.
pub fn line(entry: &Entry, previous: &Digest) -> (String, Digest) {
    let body = serde_json::to_string(entry).expect("a record has text keys and no failing serialiser");
    let rest = &body[1..];
    let chain = follow(previous, rest.as_bytes());
    (format!("{OPENING}{chain}{CLOSING}{rest}\n"), chain)
}

const OPENING: &str = "{\"chain\":\"";
const CLOSING: &str = "\",";

fn follow(previous: &Digest, rest: &[u8]) -> Digest {
    Digest::of(&[previous.as_bytes().as_slice(), rest].concat())
}

/// Reads all complete lines; `path` is for the errors only.
///
/// # Errors
/// When a complete line is damaged, or a later eos wrote the journal.
pub fn parse(bytes: &[u8], path: &Path) -> Result<Journalled, JournalError> {
    let mut read = Journalled { entries: Vec::new(), chain: start(), length: 0 };
    for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        let number = read.entries.len() + 1;
        let damaged = |what: String| JournalError::Damaged { path: path.to_owned(), line: number, what };
        let text = std::str::from_utf8(line).map_err(|e| damaged(e.to_string()))?;
        let rest = unchained(text, &read.chain).map_err(damaged)?;
        let entry = format!("{{{rest}");
        if number == 1 {
            refuse_newer(&entry, path)?;
        }
        let entry: Entry = serde_json::from_str(&entry).map_err(|e| damaged(e.to_string()))?;
        if entry.sequence != number {
            return Err(damaged(format!("it says to be line {}", entry.sequence)));
        }
        read.chain = follow(&read.chain, rest.as_bytes());
        read.length += line.len();
        read.entries.push(entry);
    }
    Ok(read)
}

/// The text after the chain, when the chain is right.
fn unchained<'a>(line: &'a str, previous: &Digest) -> Result<&'a str, String> {
    let parts = line.strip_prefix(OPENING).and_then(|line| line.split_once(CLOSING));
    let (chain, rest) = parts.ok_or("it does not begin with a chain")?;
    let rest = rest.strip_suffix('\n').unwrap_or(rest);
    let chain = Digest::parse(chain).map_err(|e| e.to_string())?;
    if chain == follow(previous, rest.as_bytes()) {
        Ok(rest)
    } else {
        Err("its chain does not match".to_owned())
    }
}

fn refuse_newer(first: &str, path: &Path) -> Result<(), JournalError> {
    let value: serde_json::Value = serde_json::from_str(first).unwrap_or_default();
    let found = value.get("version").and_then(serde_json::Value::as_u64).unwrap_or_default();
    match u32::try_from(found) {
        Ok(found) if found > VERSION => {
            Err(JournalError::Newer { path: path.to_owned(), found, known: VERSION })
        }
        _ => Ok(()),
    }
}
