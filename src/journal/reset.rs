//! Reset: takes away exactly what the ledger says is eos's, brings back what it replaced, and keeps
//! and lists what somebody else changed.
//!
//! The plan is pure. While it is carried out the ledger shrinks entry by entry, and its file goes
//! last: after a crash another reset goes on with the rest.

use super::checkpoint::{self, Captured};
use super::error::JournalError;
use super::ledger::{Ledger, LedgerEntry, Origin};
use super::reset_tree::{Changed, OwnTree};
use super::service_files;
use super::touch::Scope;
use crate::host::confined;
use crate::host::inventory::{Node, decode, observe};
use crate::host::paths;
use crate::host::root::Root;
use std::collections::BTreeMap;
use std::path::Path;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Remove the file or link.
    Remove,
    /// Bring back the original from the checkpoint at this place.
    Restore(String),
    /// Remove what eos wrote in the tree, and bring back what was in it from the checkpoint, if any.
    ClearTree(Option<String>),
    /// Remove the directory if it is empty, else keep it.
    RemoveIfEmpty,
    /// Leave it, because of this; an original, if any, is put beside it.
    Keep(&'static str, Option<String>),
    /// Nothing: it is gone already.
    Forget,
}

/// A path that reset left alone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Kept {
    /// Relative to the root.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What a reset did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetReport {
    /// Paths that were removed.
    pub removed: Vec<String>,
    /// Paths that are as they were before eos.
    pub restored: Vec<String>,
    /// Paths that were left alone.
    pub kept: Vec<Kept>,
    /// The ledger as it was before; its `verify` tells what is different from before eos.
    pub ledger: Ledger,
}

/// What to do with each path, in order: files and trees first, then directories, the deepest first.
///
/// `observed` says what stands at each path of the ledger now.
pub fn plan(ledger: &Ledger, observed: &BTreeMap<String, Option<Node>>) -> Vec<(String, Action)> {
    let (directories, rest): (Vec<_>, Vec<_>) =
        ledger.entries.iter().rev().partition(|(_, entry)| entry.scope == Scope::Directory);
    rest.into_iter()
        .chain(directories)
        .map(|(path, entry)| {
            let now = observed.get(path).and_then(Option::as_ref);
            let action =
                if within_own_tree(ledger, path) { Action::Forget } else { action(path, entry, now) };
            (path.clone(), action)
        })
        .collect()
}

/// Whether a tree that is removed or restored as a whole takes the path with it.
fn within_own_tree(ledger: &Ledger, path: &str) -> bool {
    Path::new(path)
        .ancestors()
        .skip(1)
        .filter_map(Path::to_str)
        .any(|ancestor| ledger.entries.get(ancestor).is_some_and(|entry| entry.scope == Scope::Tree))
}

/// Whether the path has a service started at boot: what stopped the service for the reset removed it.
fn starts_at_boot(path: &str) -> bool {
    let wants = Path::new(path).parent().and_then(Path::to_str);
    wants.is_some_and(|wants| wants.starts_with(paths::UNITS) && wants.ends_with(".wants"))
}

fn action(path: &str, entry: &LedgerEntry, now: Option<&Node>) -> Action {
    let original = match &entry.origin {
        Origin::Created => None,
        Origin::Replaced { checkpoint } => Some(checkpoint.clone()),
    };
    let untouched = match (&entry.written, now) {
        (Some(written), Some(now)) => written.same_content(now),
        (None, None) => true,
        _ => false,
    };
    match (entry.scope, original, now) {
        (Scope::Directory, Some(place), _) => Action::Restore(place),
        (_, None, None) => Action::Forget,
        (Scope::Tree, place, _) => Action::ClearTree(place),
        (Scope::Directory, None, _) => Action::RemoveIfEmpty,
        (Scope::File, None, _) if untouched => Action::Remove,
        (Scope::File, Some(place), _) if untouched => Action::Restore(place),
        (Scope::File, Some(place), None) if starts_at_boot(path) => Action::Restore(place),
        (Scope::File, Some(place), None) => {
            Action::Keep("it was removed since eos wrote it; the original is at", Some(place))
        }
        (Scope::File, Some(place), _) => {
            Action::Keep("it was changed since eos wrote it; the original is at", Some(place))
        }
        (Scope::File, None, _) => Action::Keep("it was changed since eos wrote it", None),
    }
}

/// Carries out the plan of the ledger; eos's own records and their directories are left for the
/// caller to remove.
///
/// # Errors
/// When something cannot be removed or restored; another attempt goes on from there.
pub fn execute(root: &Root, ledger: Ledger) -> Result<ResetReport, JournalError> {
    let mut observed = BTreeMap::new();
    for path in ledger.entries.keys() {
        // Before anything is removed, so that a reset does all of it or nothing.
        confined::check_parents(root, &decode(path))?;
        observed.insert(path.clone(), observe(&root.join(decode(path)))?);
    }
    let mut rest = ledger.clone();
    let actions = plan(&ledger, &observed);
    let mut report = ResetReport { removed: Vec::new(), restored: Vec::new(), kept: Vec::new(), ledger };
    for (path, action) in actions {
        if Path::new(paths::STATE).starts_with(decode(&path)) {
            continue;
        }
        report.carry_out(root, &path, action)?;
        rest.entries.remove(&path);
        rest.save(root)?;
    }
    Ok(report)
}

impl ResetReport {
    fn carry_out(&mut self, root: &Root, path: &str, action: Action) -> Result<(), JournalError> {
        let target = decode(path);
        if !matches!(action, Action::Keep(..)) {
            confined::remove_leftovers(root, &target)?;
        }
        match action {
            Action::Forget => {}
            Action::Remove => {
                confined::remove(root, &target)?;
                self.removed.push(path.to_owned());
            }
            Action::Restore(place) => {
                self.restore(root, path, &place, None)?;
                self.restored.push(path.to_owned());
            }
            Action::ClearTree(place) => self.clear_tree(root, path, place.as_deref())?,
            Action::RemoveIfEmpty => {
                if confined::remove_empty_directory(root, &target)? {
                    self.removed.push(path.to_owned());
                } else {
                    self.keep(path, "something that is not eos's is in it");
                }
            }
            Action::Keep(reason, None) => self.keep(path, reason),
            Action::Keep(reason, Some(place)) => {
                let beside = format!("{path}.before-eos");
                self.restore(root, path, &place, Some(&beside))?;
                self.keep(path, &format!("{reason} {beside}"));
            }
        }
        Ok(())
    }

    fn keep(&mut self, path: &str, reason: &str) {
        self.kept.push(Kept { path: path.to_owned(), reason: reason.to_owned() });
    }

    fn clear_tree(&mut self, root: &Root, path: &str, place: Option<&str>) -> Result<(), JournalError> {
        let captured = place.map(|place| original(root, path, place)).transpose()?;
        let tree = OwnTree {
            root,
            path,
            // A ledger that does not say what eos wrote there is of a time when all of it counted.
            written: self.ledger.entries[path].contents.iter().collect(),
            services: &service_files::services(&self.ledger),
            original: place.zip(captured.as_ref()),
            changed: Changed::Stays,
        };
        let kept = tree.clear()?.stays;
        match place {
            Some(_) => self.restored.push(path.to_owned()),
            None if kept.is_empty() => self.removed.push(path.to_owned()),
            None => {}
        }
        for kept in kept {
            self.keep(&kept, "somebody else put it there or changed it");
        }
        Ok(())
    }

    /// Brings the original back, in its own place or beside what stands there now.
    fn restore(
        &self,
        root: &Root,
        path: &str,
        place: &str,
        beside: Option<&str>,
    ) -> Result<(), JournalError> {
        let captured = original(root, path, place)?;
        match beside {
            None => checkpoint::restore_one(root, place, &captured),
            Some(beside) => checkpoint::put_back(root, place, &captured, &root.join(decode(beside))),
        }
    }
}

/// What stood at the path, from the checkpoint at this place.
fn original(root: &Root, path: &str, place: &str) -> Result<Captured, JournalError> {
    let missing = |what: &str| JournalError::Unreadable { path: root.join(place), what: what.to_owned() };
    let checkpoint = checkpoint::load(root, place)?.ok_or_else(|| missing("the checkpoint is not there"))?;
    let mut captured = checkpoint.paths.into_iter();
    captured
        .find(|captured| captured.path == path)
        .ok_or_else(|| missing("the original is not in the checkpoint"))
}
