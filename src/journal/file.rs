//! Journals on disk: one file for each saga, appended to and fsynced record by record.
//!
//! A crash while appending leaves a torn line, which the next opening cuts off.

use super::error::JournalError;
use super::record::{self, Begin, Entry, JournalRecord};
use super::state::SagaState;
use crate::host::files::{self, Attributes, FileError};
use crate::host::paths;
use crate::host::root::Root;
use crate::model::digest::Digest;
use crate::model::ids::SagaId;
use jiff::Timestamp;
use std::path::PathBuf;

const SUFFIX: &str = ".jsonl";

/// The directories of eos's own records are for root alone.
pub(super) const PRIVATE: Attributes = Attributes { mode: 0o700, owner: None };

/// One saga's journal, open for appending, with the state that it amounts to.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    chain: Digest,
    sequence: usize,
    state: SagaState,
}

impl Journal {
    /// Makes the journal with its first record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(root: &Root, saga: &SagaId, begin: Begin, at: Timestamp) -> Result<Self, JournalError> {
        files::create_directory(&root.join(paths::JOURNAL), PRIVATE)?;
        let path = path(root, saga);
        // What is there has no complete record, or the id would not be free.
        files::remove_file(&path)?;
        let state = SagaState::begin(begin.clone());
        let mut journal = Self { path, chain: record::start(), sequence: 0, state };
        journal.write(JournalRecord::Begin(begin), at)?;
        Ok(journal)
    }

    /// Opens the saga's journal to go on with it; nothing when it has none with a complete record.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or a later eos wrote it.
    pub fn open(root: &Root, saga: &SagaId) -> Result<Option<Self>, JournalError> {
        let path = path(root, saga);
        let Some(bytes) = files::read_optional(&path)? else { return Ok(None) };
        let read = record::parse(&bytes, &path)?;
        let state = SagaState::of(read.entries.iter().map(|entry| &entry.record))
            .map_err(|(line, what)| JournalError::Damaged { path: path.clone(), line, what })?;
        let Some(state) = state else { return Ok(None) };
        if read.length < bytes.len() {
            crate::host::tree::cut(&path, read.length as u64)?;
        }
        Ok(Some(Self { path, chain: read.chain, sequence: read.entries.len(), state }))
    }

    /// What the records amount to.
    pub fn state(&self) -> &SagaState {
        &self.state
    }

    /// How many records there are.
    pub fn sequence(&self) -> usize {
        self.sequence
    }

    /// Appends one record and makes it durable.
    ///
    /// # Errors
    /// When it cannot be written: the saga must then stop where it is.
    pub fn append(&mut self, record: JournalRecord, at: Timestamp) -> Result<(), JournalError> {
        let mut state = self.state.clone();
        state.apply(&record).map_err(|what| JournalError::Damaged {
            path: self.path.clone(),
            line: self.sequence + 1,
            what,
        })?;
        self.write(record, at)?;
        self.state = state;
        Ok(())
    }

    fn write(&mut self, record: JournalRecord, at: Timestamp) -> Result<(), JournalError> {
        let entry = Entry { sequence: self.sequence + 1, at, record };
        let (line, chain) = record::line(&entry, &self.chain);
        files::append(&self.path, line.as_bytes(), 0o600)?;
        self.chain = chain;
        self.sequence += 1;
        Ok(())
    }
}

/// All records of a saga, without changing its journal; empty when it has none.
///
/// # Errors
/// When the journal cannot be read, is damaged, or a later eos wrote it.
pub fn entries(root: &Root, saga: &SagaId) -> Result<Vec<Entry>, JournalError> {
    let path = path(root, saga);
    let bytes = files::read_optional(&path)?.unwrap_or_default();
    Ok(record::parse(&bytes, &path)?.entries)
}

/// What a saga's journal amounts to, without changing it; nothing when it has no complete record.
///
/// # Errors
/// When the journal cannot be read, is damaged, or a later eos wrote it.
pub fn state(root: &Root, saga: &SagaId) -> Result<Option<SagaState>, JournalError> {
    let entries = entries(root, saga)?;
    SagaState::of(entries.iter().map(|entry| &entry.record)).map_err(|(line, what)| JournalError::Damaged {
        path: path(root, saga),
        line,
        what,
    })
}

/// The ids of all sagas with a journal, the oldest first.
///
/// # Errors
/// When the directory cannot be read.
pub fn sagas(root: &Root) -> Result<Vec<SagaId>, FileError> {
    let names = files::list(&root.join(paths::JOURNAL))?;
    let mut ids: Vec<SagaId> =
        names.iter().filter_map(|name| SagaId::parse(name.strip_suffix(SUFFIX)?).ok()).collect();
    ids.sort_by_key(|id| (number(id), id.clone()));
    Ok(ids)
}

/// The saga that was begun and is neither completed nor rolled back; the newest, if several.
///
/// # Errors
/// When a journal cannot be read or is damaged.
pub fn unfinished(root: &Root) -> Result<Option<(SagaId, SagaState)>, JournalError> {
    for id in sagas(root)?.into_iter().rev() {
        if let Some(state) = state(root, &id)?.filter(SagaState::unfinished) {
            return Ok(Some((id, state)));
        }
    }
    Ok(None)
}

/// The number at the beginning of a saga's id, by which sagas are ordered; 0 when it has none.
pub fn number(id: &SagaId) -> u64 {
    id.as_str().split('-').next().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// Where a saga's journal is.
pub fn path(root: &Root, saga: &SagaId) -> PathBuf {
    root.join(paths::JOURNAL).join(format!("{saga}{SUFFIX}"))
}
