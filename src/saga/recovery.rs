//! eos's own records after a saga: what is kept, what goes, and how a crash in between is finished.
//!
//! Records go in an order in which the one that tells the next start to go on goes last.

use super::error::SagaError;
use super::faults::FaultPlan;
use crate::host::confined;
use crate::host::root::Root;
use crate::host::services::leftover;
use crate::host::{files, paths};
use crate::journal::error::JournalError;
use crate::journal::file;
use crate::journal::ledger::{BASELINE, Ledger};
use crate::journal::lock::OperationLock;
use crate::journal::record::Reason;
use crate::journal::state::{Next, SagaState};
use crate::journal::summary::{self, BootstrapCheckpoint};
use crate::model::ids::SagaId;
use std::path::Path;
use std::time::Duration;

/// What carries out the sagas of an agent that systemd confines.
const UNIT: &str = "eos-apply";

/// How many finished sagas can be undone, besides those that the ledger needs.
pub const KEPT: usize = 5;

/// Where the ledger as it was before a saga is, relative to the root.
pub(super) fn ledger_before(saga: &SagaId) -> String {
    format!("{}/{saga}/ledger-before.json", paths::CHECKPOINTS)
}

/// Refuses to work on a root whose own directories have come to lead out of it.
pub(super) fn check_root(root: &Root) -> Result<(), JournalError> {
    BASELINE.iter().try_for_each(|path| Ok(confined::check(root, std::path::Path::new(path))?))
}

pub(super) fn recover(
    root: &Root,
    lock: &mut OperationLock,
    faults: &FaultPlan,
) -> Result<Option<(SagaId, SagaState)>, SagaError> {
    check_root(root)?;
    // An interrupted write of the ledger would keep its directory from ever being empty.
    crate::host::tree::remove_leftovers(&root.join(paths::LEDGER))?;
    let mut unfinished = None;
    for saga in file::sagas(root)? {
        match file::state(root, &saga)? {
            // Its first record was torn: nothing was done yet.
            None => files::remove_file(&file::path(root, &saga))?,
            Some(state) if state.next == Next::RolledBack && state.begin.first => {
                forget_all(root, lock, &saga, &state.begin.made, faults)?;
                return Ok(None);
            }
            Some(state) if state.unfinished() => unfinished = Some((saga, state)),
            Some(_) => {}
        }
    }
    remove_orphans(root)?;
    if let Some((saga, _)) = &unfinished
        && root.is_host()
    {
        end_leftovers(&file::path(root, saga))?;
    }
    Ok(unfinished)
}

/// Ends the commands of states that outlived the unit that carried out the saga: nothing may be undone, or begun, beside
/// them. Those that started before the saga are of another one, and live on as by hand.
fn end_leftovers(journal: &Path) -> Result<(), SagaError> {
    // A file system that does not tell when it was made: then all of them are ended.
    let age = files::since_made(journal)?.unwrap_or(Duration::MAX);
    leftover::end(UNIT, age.saturating_add(Duration::from_secs(1)))?;
    Ok(())
}

/// Checkpoints without a journal belong to sagas that never began.
fn remove_orphans(root: &Root) -> Result<(), SagaError> {
    let sagas = file::sagas(root)?;
    let folder = root.join(paths::CHECKPOINTS);
    for name in files::list(&folder)? {
        if !sagas.iter().any(|saga| saga.as_str() == name) {
            files::remove_tree(&folder.join(name))?;
        }
    }
    if sagas.is_empty() {
        files::remove_empty_directory(&folder)?;
        files::remove_empty_directory(&root.join(paths::JOURNAL))?;
    }
    Ok(())
}

/// Removes all records after the first saga was rolled back; its own journal goes last, and the
/// directories that were made for the records go with the lock.
pub(super) fn forget_all(
    root: &Root,
    lock: &mut OperationLock,
    first: &SagaId,
    made: &[String],
    faults: &FaultPlan,
) -> Result<(), SagaError> {
    lock.adopt(made)?;
    let mut removals = vec![root.join(paths::CHECKPOINTS), root.join(paths::LEDGER)];
    removals
        .extend(file::sagas(root)?.iter().filter(|saga| *saga != first).map(|saga| file::path(root, saga)));
    removals.push(file::path(root, first));
    remove_in_order(removals, faults)?;
    files::remove_empty_directory(&root.join(paths::JOURNAL))?;
    Ok(())
}

/// Removes each in turn, as far as a planned death lets it.
pub(super) fn remove_in_order(
    removals: Vec<std::path::PathBuf>,
    faults: &FaultPlan,
) -> Result<(), SagaError> {
    for (index, path) in removals.into_iter().enumerate() {
        crate::host::tree::remove_any(&path)?;
        faults.after_removal(index + 1)?;
    }
    Ok(())
}

/// Removes the newest saga when it is a failed attempt at the same kind of thing: what is tried again and
/// again leaves the records of its last attempt only, and the next one takes its number.
///
/// A crash in between leaves the journal of a saga that is undone, which needs no checkpoint any more.
pub(super) fn forget_failed_attempt(root: &Root, kind: &str) -> Result<(), SagaError> {
    let Some(newest) = file::sagas(root)?.pop() else { return Ok(()) };
    let failed = file::state(root, &newest)?.is_some_and(|state| {
        state.next == Next::RolledBack
            && !state.begin.first
            && state.begin.kind == kind
            && state.reason != Some(Reason::Requested)
    });
    if failed {
        files::remove_tree(&root.join(paths::CHECKPOINTS).join(newest.as_str()))?;
        files::remove_file(&file::path(root, &newest))?;
    }
    Ok(())
}

/// Removes the oldest finished sagas, except the newest [`KEPT`], the first, and those whose
/// checkpoints hold what the ledger says was replaced.
pub(super) fn prune(root: &Root) -> Result<(), SagaError> {
    let ledger = Ledger::load(root)?.unwrap_or_default();
    let sagas = file::sagas(root)?;
    for saga in &sagas[..sagas.len().saturating_sub(KEPT)] {
        let state = file::state(root, saga)?;
        let needed = state.is_none_or(|state| state.unfinished() || state.begin.first)
            || ledger.needs_checkpoint_of(saga.as_str());
        if !needed {
            files::remove_tree(&root.join(paths::CHECKPOINTS).join(saga.as_str()))?;
            files::remove_file(&file::path(root, saga))?;
        }
    }
    Ok(())
}

/// All checkpoints, the oldest first, each with whether it can be returned to as things are now.
///
/// # Errors
/// When a record cannot be read or is damaged.
pub fn checkpoints(root: &Root) -> Result<Vec<BootstrapCheckpoint>, SagaError> {
    let mut checkpoints = summary::list(root)?;
    for checkpoint in &mut checkpoints {
        checkpoint.can_rollback &= match to_undo(root, &checkpoint.id) {
            Ok(sagas) => sagas.contains(&checkpoint.id),
            Err(SagaError::Pruned { .. }) => false,
            Err(error) => return Err(error),
        };
    }
    Ok(checkpoints)
}

/// The sagas to undo, in this order, to return to the state before `saga`, itself included.
///
/// # Errors
/// When there is no such saga, a later one is no longer kept, or a journal cannot be read.
pub fn to_undo(root: &Root, saga: &SagaId) -> Result<Vec<SagaId>, SagaError> {
    let mut sagas = file::sagas(root)?;
    let Some(position) = sagas.iter().position(|known| known == saga) else {
        return Err(SagaError::Unknown { saga: saga.clone() });
    };
    let mut ids = Vec::new();
    for (expected, id) in (file::number(saga)..).zip(sagas.drain(position..)) {
        if file::number(&id) != expected {
            return Err(SagaError::Pruned { saga: saga.clone(), missing: expected });
        }
        if file::state(root, &id)?.is_some_and(|state| state.next != Next::RolledBack) {
            ids.push(id);
        }
    }
    ids.reverse();
    Ok(ids)
}
