//! `BootstrapCheckpoint`: what a person sees of a saga's checkpoint, in `checkpoint.json`.

use super::checkpoint::{self, Captured};
use super::error::JournalError;
use super::file;
use super::lock::create_private;
use crate::host::files::{self, Attributes};
use crate::host::inventory::Node;
use crate::host::paths;
use crate::host::root::Root;
use crate::model::ids::SagaId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

const VERSION: u32 = 1;

/// The state to which a saga can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapCheckpoint {
    /// The format.
    pub version: u32,
    /// The saga's id; the checkpoint is the state before it.
    pub id: SagaId,
    /// `bootstrap`, `join`, `generation`, ...
    pub kind: String,
    /// When the saga began.
    pub timestamp: Timestamp,
    /// The stage that was reached last.
    pub stage: String,
    /// The nodes of the cluster and their state as this node knew them before the saga.
    pub node_states: BTreeMap<String, String>,
    /// Whether `eos rollback --to` can return to it.
    pub can_rollback: bool,
}

impl BootstrapCheckpoint {
    /// A checkpoint of a saga that begins.
    pub fn new(id: SagaId, kind: &str, timestamp: Timestamp, node_states: BTreeMap<String, String>) -> Self {
        let (kind, stage) = (kind.to_owned(), String::new());
        Self { version: VERSION, id, kind, timestamp, stage, node_states, can_rollback: true }
    }
}

/// What stood where one step of a saga works, before it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepCheckpoint {
    /// The step.
    pub step: String,
    /// Each path, relative to the root, with what was there: `nothing`, `file`, `directory`, `7 entries`.
    pub before: Vec<(String, String)>,
}

/// The checkpoints of a saga's steps, in their order; a step that never began has none.
///
/// # Errors
/// When one cannot be read.
pub fn steps(root: &Root, saga: &SagaId) -> Result<Vec<StepCheckpoint>, JournalError> {
    let Some(state) = file::state(root, saga)? else { return Ok(Vec::new()) };
    let mut steps = Vec::new();
    for (index, step) in state.begin.steps.iter().enumerate() {
        let Some(found) = checkpoint::load(root, &checkpoint::place(saga, index, step))? else { continue };
        let before = found.paths.iter().map(|captured| (captured.path.clone(), was(captured))).collect();
        steps.push(StepCheckpoint { step: step.clone(), before });
    }
    Ok(steps)
}

fn was(captured: &Captured) -> String {
    match (captured.nodes.len(), captured.node()) {
        (0, _) => "nothing".to_owned(),
        (1, Some(Node::File { .. })) => "file".to_owned(),
        (1, Some(Node::Directory { .. })) => "directory".to_owned(),
        (1, _) => "link or special file".to_owned(),
        (count, _) => format!("{count} entries"),
    }
}

fn path(root: &Root, saga: &SagaId) -> PathBuf {
    root.join(paths::CHECKPOINTS).join(saga.as_str()).join("checkpoint.json")
}

/// Writes the checkpoint's summary.
///
/// # Errors
/// When it cannot be written.
pub fn save(root: &Root, checkpoint: &BootstrapCheckpoint) -> Result<(), JournalError> {
    create_private(root, paths::CHECKPOINTS)?;
    create_private(root, &format!("{}/{}", paths::CHECKPOINTS, checkpoint.id))?;
    let text = serde_json::to_vec_pretty(checkpoint).expect("a summary has no failing serialiser");
    Ok(files::write_atomic(&path(root, &checkpoint.id), &text, Attributes::SECRET)?)
}

/// One saga's checkpoint; nothing when there is none.
///
/// # Errors
/// When it cannot be read, is damaged, or a later eos wrote it.
pub fn show(root: &Root, saga: &SagaId) -> Result<Option<BootstrapCheckpoint>, JournalError> {
    let path = path(root, saga);
    let Some(bytes) = files::read_optional(&path)? else { return Ok(None) };
    let checkpoint: BootstrapCheckpoint = serde_json::from_slice(&bytes)
        .map_err(|e| JournalError::Unreadable { path: path.clone(), what: e.to_string() })?;
    if checkpoint.version > VERSION {
        return Err(JournalError::Newer { path, found: checkpoint.version, known: VERSION });
    }
    Ok(Some(checkpoint))
}

/// All checkpoints, the oldest first.
///
/// # Errors
/// When one cannot be read.
pub fn list(root: &Root) -> Result<Vec<BootstrapCheckpoint>, JournalError> {
    let mut checkpoints = Vec::new();
    for saga in file::sagas(root)? {
        checkpoints.extend(show(root, &saga)?);
    }
    Ok(checkpoints)
}
