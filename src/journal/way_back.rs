//! The way back to a checkpoint past what somebody else put into the trees of eos since: that stays.
//!
//! What is whose follows from the ledger as the saga left it, which is replaced only when all of the
//! saga is undone; so a crash in between is followed by the same decisions.

use super::checkpoint::{self, Captured, Checkpoint};
use super::error::JournalError;
use super::ledger::Ledger;
use super::reset_tree::{Changed, OwnTree};
use super::service_files;
use super::touch::Scope;
use crate::host::inventory::Node;
use crate::host::root::Root;
use std::collections::BTreeMap;

/// What is known of the trees of one saga.
#[derive(Debug, Default)]
pub struct Trees {
    ledger: Ledger,
    /// What stood in each tree when a step began, by path: the steps before it had written that.
    between: BTreeMap<String, Vec<BTreeMap<String, Node>>>,
}

/// What stayed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stayed {
    /// Directories that were not there before and have something in them.
    pub directories: Vec<String>,
    /// What somebody else put into a tree of eos's or changed there.
    pub strangers: Vec<String>,
    /// Files whose original has its name again; what somebody changed them to is `NAME.changed`.
    pub aside: Vec<String>,
}

impl Trees {
    /// What these checkpoints of the saga and the ledger tell.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn of(root: &Root, checkpoints: Vec<Checkpoint>) -> Result<Self, JournalError> {
        let mut between: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for captured in checkpoints.into_iter().flat_map(|checkpoint| checkpoint.paths) {
            if captured.scope == Scope::Tree {
                between.entry(captured.path).or_default().push(captured.nodes);
            }
        }
        Ok(Self { ledger: Ledger::load(root)?.unwrap_or_default(), between })
    }

    /// Puts everything back as it was captured, but for what is somebody else's. `done` says whether
    /// the step got to its end: what one that did not has written is not known, and a tree that it
    /// alone writes to is put back whole.
    ///
    /// What cannot be put back, of which the first is returned, keeps nothing else from it; repeating it goes on from
    /// there.
    pub fn restore(
        &self,
        root: &Root,
        place: &str,
        checkpoint: &Checkpoint,
        done: bool,
    ) -> (Stayed, Result<(), JournalError>) {
        let services = service_files::services(&self.ledger);
        let (mut strangers, mut aside) = (Vec::new(), Vec::new());
        let (directories, restored) = checkpoint::restore_each(root, checkpoint, |captured| {
            if captured.scope != Scope::Tree {
                return checkpoint::restore_one(root, place, captured);
            }
            let tree = OwnTree {
                root,
                path: &captured.path,
                written: self.written(captured, done),
                services: &services,
                original: Some((place, captured)),
                changed: Changed::StepsAside,
            };
            let foreign = tree.clear()?;
            strangers.extend(foreign.stays);
            aside.extend(foreign.aside);
            Ok(())
        });
        (Stayed { directories, strangers, aside }, restored)
    }

    /// Nothing where it is not known. A tree without an entry is one that no step has changed.
    fn written(&self, captured: &Captured, done: bool) -> Vec<&BTreeMap<String, Node>> {
        let entry = self.ledger.entries.get(&captured.path);
        match entry.map(|entry| entry.contents.as_ref()) {
            _ if !done => Vec::new(),
            Some(None) => Vec::new(),
            contents => {
                let between = self.between.get(&captured.path).into_iter().flatten();
                between.chain(contents.flatten()).collect()
            }
        }
    }
}
