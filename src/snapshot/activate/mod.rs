//! Puts a staged tree in place of the one in use: one atomic exchange, the old tree kept.
//!
//! An intent file is made durable before the first move and removed after the last. A crash anywhere
//! leaves either the old tree or the new one under the target's name; `recover` then completes the moves
//! if the exchange has happened, and forgets the intent if it has not.

mod error;
#[cfg(test)]
mod tests;

pub use error::ActivateError;
#[cfg(test)]
pub(crate) use error::samples;

use crate::host::directory::{Directory, DirectoryError};
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;
const INTENT_LIMIT: u64 = 64 << 10;

/// What is moved where; all paths are relative to one root handle and on one file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// The tree that becomes the one in use.
    pub staged: PathBuf,
    /// The name in use; it may be absent.
    pub target: PathBuf,
    /// Where the old tree goes; it must be absent.
    pub previous: PathBuf,
}

/// What an activation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activated {
    /// Whether there was an old tree, which now lies under `previous`.
    pub had_previous: bool,
}

/// What `recover` found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// No activation was interrupted.
    Nothing,
    /// The exchange had happened; the remaining moves were made.
    Finished(Activation),
    /// The exchange had not happened; the target is untouched, and the staged tree still lies there.
    Undone(Activation),
}

/// A file's identity, which survives its moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    device: u64,
    inode: u64,
}

/// The file that says what is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Intent {
    version: u32,
    staged: PathBuf,
    target: PathBuf,
    previous: PathBuf,
    new_tree: Identity,
    old_tree: Option<Identity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    WriteIntent,
    NameIntent,
    Exchange,
    KeepPrevious,
    SyncMoves,
    ForgetIntent,
}

const ORDER: [Step; 6] = [
    Step::WriteIntent,
    Step::NameIntent,
    Step::Exchange,
    Step::KeepPrevious,
    Step::SyncMoves,
    Step::ForgetIntent,
];

/// Makes the staged tree the one in use. `intent` is the path of the intent file below the root.
///
/// Going back is the same call with `previous` as the staged tree.
pub fn activate(
    root: &Directory,
    intent: &Path,
    activation: &Activation,
) -> Result<Activated, ActivateError> {
    let plan = plan(root, intent, activation)?;
    for (done, step) in ORDER.into_iter().enumerate() {
        if let Err(error) = take(root, intent, &plan, step) {
            // Nothing has moved up to the exchange itself.
            if done <= 2 {
                forget(root, intent)?;
            }
            return Err(error);
        }
    }
    Ok(Activated { had_previous: plan.old_tree.is_some() })
}

/// Completes or forgets an activation that a crash interrupted; to be called before the next one.
pub fn recover(root: &Directory, intent: &Path) -> Result<Recovered, ActivateError> {
    let Some(plan) = read_intent(root, intent)? else {
        forget(root, intent)?;
        return Ok(Recovered::Nothing);
    };
    let activation = Activation {
        staged: plan.staged.clone(),
        target: plan.target.clone(),
        previous: plan.previous.clone(),
    };
    let at = |path: &Path| identity(root, path);
    let target = at(&plan.target)?;
    if target == Some(plan.new_tree) {
        take(root, intent, &plan, Step::KeepPrevious)?;
        take(root, intent, &plan, Step::SyncMoves)?;
        take(root, intent, &plan, Step::ForgetIntent)?;
        return Ok(Recovered::Finished(activation));
    }
    if target == plan.old_tree && at(&plan.staged)? == Some(plan.new_tree) {
        forget(root, intent)?;
        return Ok(Recovered::Undone(activation));
    }
    Err(ActivateError::Unclear { intent: root.path().join(intent), target: root.path().join(&plan.target) })
}

fn plan(root: &Directory, intent: &Path, activation: &Activation) -> Result<Intent, ActivateError> {
    let Activation { staged, target, previous } = activation.clone();
    let shown = |path: &Path| root.path().join(path);
    if read_intent(root, intent)?.is_some() {
        return Err(ActivateError::Interrupted { intent: shown(intent) });
    }
    let new_tree =
        identity(root, &staged)?.ok_or_else(|| ActivateError::NotStaged { path: shown(&staged) })?;
    if identity(root, &previous)?.is_some() {
        return Err(ActivateError::Occupied { path: shown(&previous) });
    }
    let old_tree = identity(root, &target)?;
    let beside = open_parent(root, &target)?.own_metadata()?.device;
    if beside != new_tree.device || open_parent(root, &previous)?.own_metadata()?.device != beside {
        return Err(ActivateError::OtherFileSystem { staged: shown(&staged), target: shown(&target) });
    }
    Ok(Intent { version: VERSION, staged, target, previous, new_tree, old_tree })
}

fn take(root: &Directory, intent: &Path, plan: &Intent, step: Step) -> Result<(), ActivateError> {
    let from = || open_parent(root, &plan.staged);
    let into = || open_parent(root, &plan.target);
    match step {
        Step::WriteIntent => write_intent(root, intent, plan)?,
        Step::NameIntent => {
            let parent = open_parent(root, intent)?;
            parent.rename(&fresh(intent)?, &parent, name(intent)?)?;
            parent.sync()?;
        }
        Step::Exchange if plan.old_tree.is_some() => {
            from()?.exchange(name(&plan.staged)?, &into()?, name(&plan.target)?).map_err(|source| {
                ActivateError::Exchange { target: root.path().join(&plan.target), source }
            })?;
        }
        Step::Exchange => from()?.rename_new(name(&plan.staged)?, &into()?, name(&plan.target)?)?,
        Step::KeepPrevious => {
            // Done already when a crash came after it.
            if plan.old_tree.is_some() && identity(root, &plan.staged)? == plan.old_tree {
                let kept = open_parent(root, &plan.previous)?;
                from()?.rename_new(name(&plan.staged)?, &kept, name(&plan.previous)?)?;
            }
        }
        Step::SyncMoves => {
            into()?.sync()?;
            from()?.sync()?;
            open_parent(root, &plan.previous)?.sync()?;
        }
        Step::ForgetIntent => forget(root, intent)?,
    }
    Ok(())
}

fn write_intent(root: &Directory, intent: &Path, plan: &Intent) -> Result<(), ActivateError> {
    let (parent, fresh) = (open_parent(root, intent)?, fresh(intent)?);
    parent.remove_tree(&fresh)?;
    let mut file = parent.create_file(&fresh, 0o600)?;
    let bytes = serde_json::to_vec(plan)
        .map_err(|source| ActivateError::Intent { path: root.path().join(intent), source })?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|source| {
        DirectoryError::Io { action: "write", path: parent.path().join(&fresh), source }.into()
    })
}

fn read_intent(root: &Directory, intent: &Path) -> Result<Option<Intent>, ActivateError> {
    let parent = open_parent(root, intent)?;
    let file = match parent.open_file(Path::new(name(intent)?)) {
        Err(error) if error.is_missing() => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    let path = root.path().join(intent);
    file.take(INTENT_LIMIT).read_to_end(&mut bytes).map_err(|source| DirectoryError::Io {
        action: "read",
        path: path.clone(),
        source,
    })?;
    let plan: Intent = serde_json::from_slice(&bytes)
        .map_err(|source| ActivateError::Intent { path: path.clone(), source })?;
    if plan.version == VERSION {
        Ok(Some(plan))
    } else {
        Err(ActivateError::Version { path, found: plan.version })
    }
}

fn forget(root: &Directory, intent: &Path) -> Result<(), ActivateError> {
    let parent = open_parent(root, intent)?;
    parent.remove_tree(name(intent)?)?;
    parent.remove_tree(&fresh(intent)?)?;
    Ok(parent.sync()?)
}

fn identity(root: &Directory, path: &Path) -> Result<Option<Identity>, ActivateError> {
    let found = open_parent(root, path)?.metadata_optional(name(path)?)?;
    Ok(found.map(|metadata| Identity { device: metadata.device, inode: metadata.inode }))
}

fn open_parent(root: &Directory, path: &Path) -> Result<Directory, ActivateError> {
    Ok(root.open_directory(path.parent().unwrap_or(Path::new("")))?)
}

fn name(path: &Path) -> Result<&OsStr, ActivateError> {
    path.file_name().ok_or_else(|| ActivateError::NoName { path: path.to_owned() })
}

fn fresh(intent: &Path) -> Result<OsString, ActivateError> {
    let mut fresh = name(intent)?.to_owned();
    fresh.push(".new");
    Ok(fresh)
}
