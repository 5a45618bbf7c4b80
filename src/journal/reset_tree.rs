//! The end of one tree of eos's: what eos and its services wrote goes, what was there before comes
//! back, and what somebody else put there or changed stays.
//!
//! A tree without anything of others is removed or replaced whole. Each action may be repeated: what
//! a crash left is found as it is by the next reset or rollback.

use super::checkpoint::{self, Captured};
use super::error::JournalError;
use super::service_files;
use super::touch::Scope;
use crate::host::confined;
use crate::host::inventory::{Inventory, Node, decode, observe};
use crate::host::root::Root;
use crate::host::{files, tree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One tree.
pub(super) struct OwnTree<'a> {
    pub root: &'a Root,
    /// Where it is, relative to the root, encoded.
    pub path: &'a str,
    /// What eos wrote there, where it is known; without any, all that is there counts as eos's.
    pub written: Vec<&'a BTreeMap<String, Node>>,
    pub services: &'a BTreeSet<String>,
    /// What stood there before, and the place of its checkpoint.
    pub original: Option<(&'a str, &'a Captured)>,
    /// What becomes of a file that was there before and that somebody changed since.
    pub changed: Changed,
}

/// Which of two files has the name, and which one is put beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// The changed one; the original becomes `NAME.before-eos`.
    Stays,
    /// The original; the changed one becomes `NAME.changed`.
    StepsAside,
}

/// What in a tree was somebody else's, the deepest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Foreign {
    /// What stays where it is.
    pub stays: Vec<String>,
    /// Whose name the original has again; what it was changed to is `NAME.changed`.
    pub aside: Vec<String>,
}

impl OwnTree<'_> {
    /// Clears the tree; returns the paths that are somebody else's.
    pub fn clear(&self) -> Result<Foreign, JournalError> {
        let path = decode(self.path);
        confined::check_parents(self.root, &path)?;
        let now = Inventory::of(self.root, &[&path])?;
        let kept: Vec<String> = now
            .nodes()
            .iter()
            .rev()
            .filter(|(path, node)| self.is_foreign(path, node))
            .map(|(path, _)| path.clone())
            .collect();
        match self.original {
            None if kept.is_empty() => confined::remove(self.root, &path)?,
            Some((place, captured)) if kept.is_empty() => {
                checkpoint::restore_one(self.root, place, captured)?
            }
            _ => {
                let aside = self.put_aside(now.nodes(), &kept)?;
                self.remove_own(now.nodes(), &kept)?;
                self.bring_back()?;
                let stays = kept.into_iter().filter(|path| !aside.contains(path)).collect();
                return Ok(Foreign { stays, aside });
            }
        }
        Ok(Foreign { stays: kept, aside: Vec::new() })
    }

    /// Copies each changed file of before that has to step aside to `NAME.changed`, and returns them; a
    /// crash in between copies it again.
    fn put_aside(&self, now: &BTreeMap<String, Node>, kept: &[String]) -> Result<Vec<String>, JournalError> {
        let mut aside = Vec::new();
        if self.changed == Changed::Stays {
            return Ok(aside);
        }
        for path in kept.iter().filter(|path| self.before(path).is_some()) {
            if let Some(node @ Node::File { .. }) = now.get(path) {
                let beside = self.root.join(decode(&format!("{path}.changed")));
                tree::copy_beside(&self.root.join(decode(path)), &beside, node)?;
                aside.push(path.clone());
            }
        }
        Ok(aside)
    }

    fn before(&self, path: &str) -> Option<&Node> {
        self.original.and_then(|(_, captured)| captured.nodes.get(path))
    }

    fn is_foreign(&self, path: &str, node: &Node) -> bool {
        let single = path == self.path && !matches!(node, Node::Directory { .. });
        if single || self.before(path).is_some_and(|before| before.same_content(node)) {
            return false;
        }
        if service_files::written_to(self.path) {
            return !service_files::is_written(&decode(path), self.services);
        }
        let is_own = |written: &&BTreeMap<String, Node>| {
            written.get(path).is_some_and(|written| written.same_content(node))
        };
        !self.written.is_empty() && !self.written.iter().any(is_own)
    }

    /// Removes what is neither foreign nor from before; directories with something in them stay.
    fn remove_own(&self, now: &BTreeMap<String, Node>, kept: &[String]) -> Result<(), JournalError> {
        for (path, node) in now.iter().rev() {
            let stays = self.before(path).is_some_and(|before| before.same_content(node));
            if stays || kept.contains(path) {
                continue;
            }
            match node {
                Node::Directory { .. } => {
                    confined::remove_empty_directory(self.root, &decode(path))?;
                }
                _ => confined::remove(self.root, &decode(path))?,
            }
        }
        Ok(())
    }

    /// Puts back what is missing, and beside what somebody else changed.
    fn bring_back(&self) -> Result<(), JournalError> {
        let Some((place, captured)) = self.original else { return Ok(()) };
        for (path, node) in &captured.nodes {
            let target = self.root.join(decode(path));
            match (node, observe(&target)?) {
                (_, Some(now)) if now == *node => {}
                (Node::Directory { mode, uid, gid }, None) => {
                    files::create_directory(
                        &target,
                        files::Attributes { mode: *mode, owner: Some((*uid, *gid)) },
                    )?;
                }
                (Node::Directory { mode, uid, gid }, Some(Node::Directory { .. })) => {
                    tree::set_attributes(&target, *mode, *uid, *gid)?;
                }
                (node, now) => {
                    let stepped_aside =
                        self.changed == Changed::StepsAside && matches!(now, Some(Node::File { .. }));
                    let changed = !stepped_aside && now.is_some_and(|now| !now.same_content(node));
                    let name = if changed { format!("{path}.before-eos") } else { path.clone() };
                    self.put_back(place, path, node, &name)?;
                }
            }
        }
        Ok(())
    }

    fn put_back(&self, place: &str, path: &str, node: &Node, name: &str) -> Result<(), JournalError> {
        let single = Captured {
            path: path.to_owned(),
            scope: Scope::File,
            absent_parents: Vec::new(),
            nodes: BTreeMap::from([(path.to_owned(), node.clone())]),
        };
        let target: &Path = &self.root.join(decode(name));
        checkpoint::put_back(self.root, place, &single, target)
    }
}
