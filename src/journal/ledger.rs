//! The ledger: everything on this machine that eos made, replaced or removed, and what was there
//! before eos came.
//!
//! Written whole after each step and before the step's `Done`; a crash between the two leaves the
//! older ledger, and the step runs again.

use super::checkpoint::{Captured, Checkpoint};
use super::error::JournalError;
use super::service_files;
use super::touch::Scope;
use crate::host::files::{self, Attributes};
use crate::host::inventory::{Inventory, Node, decode, encode, observe};
use crate::host::paths;
use crate::host::root::Root;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The newest format that is known.
const VERSION: u32 = 2;
/// The format of a ledger of files alone, which is all that earlier versions of eos know.
const FILES: u32 = 1;

/// Paths of which the ledger always knows the state before eos.
pub const BASELINE: [&str; 4] = [paths::ETC, paths::RUN, paths::UNITS, paths::STATE];

/// What eos made, replaced or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The format.
    pub version: u32,
    /// Each path of eos's, relative to the root, encoded.
    pub entries: BTreeMap<String, LedgerEntry>,
    /// The paths that `baseline` covers.
    pub covered: Vec<String>,
    /// What stood under the covered paths before eos first touched them.
    pub baseline: Inventory,
    /// What eos changed that is not in files, by subject; what it means is the steps'.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub effects: BTreeMap<String, LedgerEffect>,
}

/// One thing of the machine that is not in files and that eos changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEffect {
    /// What it was before eos.
    pub before: serde_json::Value,
    /// What eos left there last.
    pub written: serde_json::Value,
}

/// One path of eos's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// What of the path is eos's.
    pub scope: Scope,
    /// What eos left there last; nothing when it removed what was there, or for a tree, whose
    /// content changes while it is in use.
    pub written: Option<Node>,
    /// What eos left in a tree that only sagas write to, by path; nothing for one that services of
    /// eos's write to as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<BTreeMap<String, Node>>,
    /// Where it came from.
    #[serde(flatten)]
    pub origin: Origin,
}

/// Whether something stood at a path before eos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "origin", rename_all = "snake_case")]
pub enum Origin {
    /// Nothing did.
    Created,
    /// Something did, and a checkpoint has it.
    Replaced {
        /// The checkpoint's place, relative to the root.
        checkpoint: String,
    },
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            version: FILES,
            entries: BTreeMap::new(),
            covered: Vec::new(),
            baseline: Inventory::default(),
            effects: BTreeMap::new(),
        }
    }
}

impl Ledger {
    /// Reads the ledger; nothing when eos did nothing here.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or a later eos wrote it.
    pub fn load(root: &Root) -> Result<Option<Self>, JournalError> {
        Self::load_from(root, paths::LEDGER)
    }

    /// Reads a ledger from another place, relative to the root.
    ///
    /// # Errors
    /// As [`Ledger::load`].
    pub fn load_from(root: &Root, place: &str) -> Result<Option<Self>, JournalError> {
        let path = root.join(place);
        let Some(bytes) = files::read_optional(&path)? else { return Ok(None) };
        let ledger: Self = serde_json::from_slice(&bytes)
            .map_err(|e| JournalError::Unreadable { path: path.clone(), what: e.to_string() })?;
        if ledger.version > VERSION {
            return Err(JournalError::Newer { path, found: ledger.version, known: VERSION });
        }
        Ok(Some(ledger))
    }

    /// Writes the ledger.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, root: &Root) -> Result<(), JournalError> {
        let text = serde_json::to_vec_pretty(self).expect("a ledger has no failing serialiser");
        Ok(files::write_atomic(&root.join(paths::LEDGER), &text, Attributes::SECRET)?)
    }

    /// Records what stands under the paths, those that it knows of already aside; to be called
    /// before they are touched. `made` are directories that exist only for eos's own records.
    ///
    /// # Errors
    /// When something there cannot be read.
    pub fn cover(&mut self, root: &Root, wanted: &[PathBuf], made: &[String]) -> Result<(), JournalError> {
        let mut fresh: Vec<&PathBuf> = Vec::new();
        for path in wanted {
            let known = self.covered.iter().any(|covered| path.starts_with(decode(covered)))
                || fresh.iter().any(|other| path.starts_with(other));
            if !known {
                fresh.push(path);
            }
        }
        let mut found = Inventory::of(root, &fresh)?;
        for directory in made {
            found.remove(directory);
        }
        let own: Vec<String> = found.nodes().keys().filter(|path| is_own_record(path)).cloned().collect();
        for path in own.iter().chain(self.entries.keys()) {
            found.remove(path);
        }
        self.baseline.absorb(found);
        self.covered.extend(fresh.into_iter().map(|path| encode(path)));
        Ok(())
    }

    /// Records a directory that was made for eos's own records.
    pub fn record_made(&mut self, root: &Root, directory: &str) -> Result<(), JournalError> {
        let written = observe(&root.join(decode(directory)))?;
        self.entries.entry(directory.to_owned()).or_insert(LedgerEntry {
            scope: Scope::Directory,
            written,
            contents: None,
            origin: Origin::Created,
        });
        Ok(())
    }

    /// Records what a step left where its checkpoint, at `place`, was taken.
    ///
    /// # Errors
    /// When the paths cannot be read.
    pub fn record(&mut self, root: &Root, place: &str, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        for captured in &checkpoint.paths {
            for parent in &captured.absent_parents {
                if files::exists(&root.join(decode(parent)))? {
                    self.record_made(root, parent)?;
                }
            }
            self.record_path(root, place, captured)?;
        }
        Ok(())
    }

    fn record_path(&mut self, root: &Root, place: &str, captured: &Captured) -> Result<(), JournalError> {
        let now = observe(&root.join(decode(&captured.path)))?;
        if let Some(entry) = self.entries.get_mut(&captured.path) {
            if now.is_none() && entry.origin == Origin::Created {
                self.entries.remove(&captured.path);
            } else if captured.scope != Scope::Tree {
                entry.written = now;
            } else {
                entry.contents = contents(root, captured)?;
            }
            return Ok(());
        }
        let origin = match (captured.node(), &now) {
            (None, None) => return Ok(()),
            (None, Some(_)) => Origin::Created,
            (Some(_), _) if !written_later(captured) && captured.now(root)? == captured.nodes => {
                return Ok(());
            }
            (Some(_), _) => Origin::Replaced { checkpoint: place.to_owned() },
        };
        let written = now.filter(|_| captured.scope != Scope::Tree);
        let contents = contents(root, captured)?;
        let entry = LedgerEntry { scope: captured.scope, written, contents, origin };
        self.entries.insert(captured.path.clone(), entry);
        Ok(())
    }

    /// Records what a step left of what it may change that is not in files: `before` is from its checkpoint, `now` is
    /// how the same subjects are after it. What is as before eos again is forgotten.
    pub fn record_effects(
        &mut self,
        before: &BTreeMap<String, serde_json::Value>,
        now: BTreeMap<String, serde_json::Value>,
    ) {
        for (subject, now) in now {
            let Some(before) = before.get(&subject).filter(|before| **before != now) else { continue };
            let original = self.effects.get(&subject).map_or(before, |known| &known.before).clone();
            if original == now {
                self.effects.remove(&subject);
            } else {
                self.effects.insert(subject, LedgerEffect { before: original, written: now });
            }
        }
        self.settle_version();
    }

    /// Forgets what was taken back, or is left to a person.
    pub fn forget_effect(&mut self, subject: &str) {
        self.effects.remove(subject);
        self.settle_version();
    }

    /// An earlier eos would lose effects, and shall not read a ledger that has some.
    fn settle_version(&mut self) {
        self.version = if self.effects.is_empty() { FILES } else { VERSION };
    }

    /// Whether an original is in a checkpoint of this saga.
    pub fn needs_checkpoint_of(&self, saga: &str) -> bool {
        let folder = format!("{}/{saga}/", paths::CHECKPOINTS);
        self.entries.values().any(|entry| match &entry.origin {
            Origin::Replaced { checkpoint } => checkpoint.starts_with(&folder),
            Origin::Created => false,
        })
    }

    /// What is different now under the covered paths from what stood there before eos: nothing
    /// after a complete reset. To be called when the operation lock is released.
    ///
    /// # Errors
    /// When something there cannot be read.
    pub fn verify(&self, root: &Root) -> Result<Vec<String>, JournalError> {
        let covered: Vec<PathBuf> = self.covered.iter().map(|path| decode(path)).collect();
        Ok(self.baseline.difference(&Inventory::of(root, &covered)?))
    }
}

/// What is in a tree that only sagas write to.
fn contents(root: &Root, captured: &Captured) -> Result<Option<BTreeMap<String, Node>>, JournalError> {
    let recorded = captured.scope == Scope::Tree && !written_later(captured);
    recorded.then(|| captured.now(root)).transpose()
}

/// Whether services write there from now on, so that the tree is eos's though no step changed it.
fn written_later(captured: &Captured) -> bool {
    captured.scope == Scope::Tree && service_files::written_to(&captured.path)
}

fn is_own_record(path: &str) -> bool {
    [paths::JOURNAL, paths::CHECKPOINTS, paths::ELECTION, paths::LEDGER, super::lock::LOCK]
        .iter()
        .any(|own| Path::new(path).starts_with(own))
}
