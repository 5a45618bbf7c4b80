//! Checkpoints: what stood where a step works before it ran first, kept so that it can stand there again.
//!
//! A checkpoint counts only once its `entries.json` is there, which is written last. Restoring may be
//! repeated at any time: each thing is complete beside the new one before that is removed.

use super::error::JournalError;
use super::lock::create_private;
use super::touch::{Scope, Touch, absent};
use crate::host::confined;
use crate::host::files::{self, Attributes};
use crate::host::inventory::{Inventory, Node, decode, encode, observe};
use crate::host::root::Root;
use crate::host::{paths, tree};
use crate::model::ids::SagaId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The newest format that is known.
const VERSION: u32 = 2;
/// The format of a checkpoint of files alone, which is all that earlier versions of eos know.
const FILES: u32 = 1;
const ENTRIES: &str = "entries.json";
const BLOBS: &str = "blobs";

/// What stood where one step works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The format.
    pub version: u32,
    /// Each touched path, in the step's order.
    pub paths: Vec<Captured>,
    /// What was there that is not in files, by subject; what it means is the step's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub effects: BTreeMap<String, serde_json::Value>,
}

/// What stood at one touched path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The path, relative to the root, encoded.
    pub path: String,
    /// What of it is meant.
    pub scope: Scope,
    /// Parents that were not there, the shallowest first.
    pub absent_parents: Vec<String>,
    /// The path itself and all below it that counts, by path relative to the root; empty: nothing.
    pub nodes: BTreeMap<String, Node>,
}

/// Where the checkpoint of a saga's step is, relative to the root; `index` is 0-based.
pub fn place(saga: &SagaId, index: usize, step: &str) -> String {
    format!("{}/{saga}/{:02}-{step}", paths::CHECKPOINTS, index + 1)
}

impl Captured {
    /// What stood at the path itself.
    pub fn node(&self) -> Option<&Node> {
        self.nodes.get(&self.path)
    }

    /// What stands there now, as far as it counts.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn now(&self, root: &Root) -> Result<BTreeMap<String, Node>, JournalError> {
        let path = decode(&self.path);
        if self.scope == Scope::Directory {
            let node = observe(&root.join(&path))?;
            return Ok(node.into_iter().map(|node| (self.path.clone(), node)).collect());
        }
        Ok(Inventory::of(root, &[path])?.nodes().clone())
    }
}

/// Captures what the touches name, in the place of whatever an unfinished attempt left there.
///
/// # Errors
/// When something cannot be read, stored, or (a socket, a device) made again.
pub fn capture(root: &Root, place: &str, touches: &[Touch]) -> Result<Checkpoint, JournalError> {
    let folder = root.join(place);
    let blobs = folder.join(BLOBS);
    files::remove_tree(&folder)?;
    create_private(root, place)?;
    files::create_directory(&blobs, Attributes { mode: 0o700, owner: None })?;
    let mut captured = Vec::new();
    for touch in touches {
        captured.push(capture_one(root, touch, &blobs)?);
    }
    let checkpoint = Checkpoint { version: FILES, paths: captured, effects: BTreeMap::new() };
    save(root, place, &checkpoint)?;
    Ok(checkpoint)
}

/// Captures the paths that are not in the checkpoint yet, of a step that never wrote to those.
///
/// # Errors
/// As [`capture`]; the checkpoint is then as it was.
pub fn extend(
    root: &Root,
    place: &str,
    mut checkpoint: Checkpoint,
    touches: &[Touch],
) -> Result<Checkpoint, JournalError> {
    let known = checkpoint.paths.len();
    for touch in touches {
        if !checkpoint.paths.iter().any(|captured| captured.path == encode(touch.path())) {
            checkpoint.paths.push(capture_one(root, touch, &root.join(place).join(BLOBS))?);
        }
    }
    if checkpoint.paths.len() > known {
        save(root, place, &checkpoint)?;
    }
    Ok(checkpoint)
}

/// Adds what was there that is not in files, of subjects that are not in the checkpoint yet.
///
/// # Errors
/// When it cannot be written; the checkpoint is then as it was.
pub fn remember(
    root: &Root,
    place: &str,
    mut checkpoint: Checkpoint,
    effects: BTreeMap<String, serde_json::Value>,
) -> Result<Checkpoint, JournalError> {
    let known = checkpoint.effects.len();
    for (subject, before) in effects {
        checkpoint.effects.entry(subject).or_insert(before);
    }
    if checkpoint.effects.len() > known {
        checkpoint.version = VERSION;
        save(root, place, &checkpoint)?;
    }
    Ok(checkpoint)
}

fn save(root: &Root, place: &str, checkpoint: &Checkpoint) -> Result<(), JournalError> {
    let text = serde_json::to_vec_pretty(checkpoint).expect("a checkpoint has no failing serialiser");
    Ok(files::write_atomic(&root.join(place).join(ENTRIES), &text, Attributes::SECRET)?)
}

fn capture_one(root: &Root, touch: &Touch, blobs: &Path) -> Result<Captured, JournalError> {
    let path = touch.path();
    if touch.covers_own_records() {
        return Err(JournalError::OwnRecords { path: encode(path) });
    }
    confined::check_parents(root, path)?;
    let mut captured = Captured {
        path: encode(path),
        scope: touch.scope(),
        absent_parents: path.parent().map_or(Ok(Vec::new()), |parent| absent(root, parent))?,
        nodes: BTreeMap::new(),
    };
    captured.nodes = captured.now(root)?;
    for (path, node) in &mut captured.nodes {
        let absolute = root.join(decode(path));
        match node {
            Node::File { digest, .. } => *digest = tree::store_content(&absolute, blobs)?,
            Node::Special { what } => {
                return Err(JournalError::Special { path: absolute, what: what.clone() });
            }
            Node::Directory { .. } | Node::Symlink { .. } => {}
        }
    }
    Ok(captured)
}

/// Reads the checkpoint; nothing when it never became complete.
///
/// # Errors
/// When it cannot be read, is damaged, or a later eos wrote it.
pub fn load(root: &Root, place: &str) -> Result<Option<Checkpoint>, JournalError> {
    let path = root.join(place).join(ENTRIES);
    let Some(bytes) = files::read_optional(&path)? else { return Ok(None) };
    let checkpoint: Checkpoint = serde_json::from_slice(&bytes)
        .map_err(|e| JournalError::Unreadable { path: path.clone(), what: e.to_string() })?;
    if checkpoint.version > VERSION {
        return Err(JournalError::Newer { path, found: checkpoint.version, known: VERSION });
    }
    Ok(Some(checkpoint))
}

/// Puts everything back as it was captured, the last touch first; returns the directories that were
/// not there before and stay because something else is in them.
///
/// # Errors
/// When something cannot be put back; repeating it goes on from there.
pub fn restore(root: &Root, place: &str, checkpoint: &Checkpoint) -> Result<Vec<String>, JournalError> {
    let (kept, restored) = restore_each(root, checkpoint, |captured| restore_one(root, place, captured));
    restored.map(|()| kept)
}

/// The same, with each path put back by the caller. What cannot be put back keeps no other path from it: all are tried,
/// and the first error is returned.
pub(super) fn restore_each(
    root: &Root,
    checkpoint: &Checkpoint,
    mut put_back: impl FnMut(&Captured) -> Result<(), JournalError>,
) -> (Vec<String>, Result<(), JournalError>) {
    let mut made = Vec::new();
    let mut restored = Ok(());
    for captured in checkpoint.paths.iter().rev() {
        restored = restored.and(put_back(captured));
        made.extend(captured.absent_parents.iter().cloned());
        if captured.scope == Scope::Directory && captured.node().is_none() {
            made.push(captured.path.clone());
        }
    }
    made.sort();
    made.dedup();
    let mut kept = Vec::new();
    for directory in made.into_iter().rev() {
        match remove_if_empty(root, &decode(&directory)) {
            Ok(true) => {}
            Ok(false) => kept.push(directory),
            Err(error) => restored = restored.and(Err(error)),
        }
    }
    (kept, restored)
}

/// Whether a directory that was made is gone now.
fn remove_if_empty(root: &Root, path: &Path) -> Result<bool, JournalError> {
    let there = matches!(observe(&root.join(path))?, Some(Node::Directory { .. }));
    Ok(!there || confined::remove_empty_directory(root, path)?)
}

/// Removes what a crash may have left of unfinished writes to the captured files.
///
/// # Errors
/// When something is there and cannot be removed.
pub fn remove_leftovers(root: &Root, checkpoint: &Checkpoint) -> Result<(), JournalError> {
    check(root, checkpoint)?;
    for captured in checkpoint.paths.iter().filter(|captured| captured.scope == Scope::File) {
        tree::remove_leftovers(&root.join(decode(&captured.path)))?;
    }
    Ok(())
}

/// Refuses a checkpoint of which a path has come to lead out of the root.
///
/// # Errors
/// When one does; nothing was changed.
pub fn check(root: &Root, checkpoint: &Checkpoint) -> Result<(), JournalError> {
    for captured in &checkpoint.paths {
        confined::check_parents(root, &decode(&captured.path))?;
    }
    Ok(())
}

/// Puts one captured path back.
///
/// # Errors
/// When it cannot be put back.
pub fn restore_one(root: &Root, place: &str, captured: &Captured) -> Result<(), JournalError> {
    let relative = decode(&captured.path);
    confined::check_parents(root, &relative)?;
    let target = root.join(&relative);
    tree::remove_leftovers(&target)?;
    if captured.now(root)? == captured.nodes {
        return Ok(());
    }
    match (captured.scope, captured.node(), observe(&target)?) {
        (Scope::Directory, None, Some(Node::Directory { .. })) => Ok(()),
        (Scope::Directory, Some(Node::Directory { mode, uid, gid }), Some(Node::Directory { .. })) => {
            Ok(tree::set_attributes(&target, *mode, *uid, *gid)?)
        }
        (_, None, _) => Ok(confined::remove(root, &relative)?),
        (_, Some(_), _) => put_back(root, place, captured, &target),
    }
}

/// Makes the captured nodes complete beside `target` and moves them in its place.
///
/// # Errors
/// When one cannot be made.
pub fn put_back(root: &Root, place: &str, captured: &Captured, target: &Path) -> Result<(), JournalError> {
    let blobs = root.join(place).join(BLOBS);
    if let Some(parent) = target.parent() {
        files::create_directory(parent, Attributes { mode: 0o755, owner: None })?;
    }
    tree::replace(target, |fresh| {
        let below = |path: &str| {
            let path = decode(path);
            match path.strip_prefix(decode(&captured.path)) {
                Ok(rest) if !rest.as_os_str().is_empty() => fresh.join(rest),
                _ => fresh.to_owned(),
            }
        };
        for (path, node) in &captured.nodes {
            tree::create(&below(path), node, &blobs)?;
        }
        // Only when all is in them: a directory may be one that its owner cannot write to.
        for (path, node) in captured.nodes.iter().rev() {
            if let Node::Directory { mode, uid, gid } = node {
                tree::set_attributes(&below(path), *mode, *uid, *gid)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// What a person has to do to put the paths back by hand: one line for each that is not as captured.
///
/// # Errors
/// When the paths cannot be looked at.
pub fn by_hand(root: &Root, place: &str, checkpoint: &Checkpoint) -> Result<Vec<String>, JournalError> {
    let mut lines = Vec::new();
    for captured in checkpoint.paths.iter().rev() {
        let now = captured.now(root)?;
        if now == captured.nodes {
            continue;
        }
        let path = root.join(decode(&captured.path));
        let path = path.display();
        lines.push(match captured.node() {
            None if captured.scope == Scope::Directory => format!("rmdir {path}"),
            None => format!("rm -r {path}"),
            Some(Node::File { mode, uid, gid, digest }) => {
                let blob = root.join(place).join(BLOBS).join(digest.to_string());
                format!("install -m {mode:04o} -o {uid} -g {gid} {} {path}", blob.display())
            }
            Some(Node::Symlink { target, .. }) => format!("ln -sfn {target} {path}"),
            Some(Node::Directory { mode, uid, gid }) if captured.scope == Scope::Directory => {
                format!("chown {uid}:{gid} {path}; chmod {mode:04o} {path}")
            }
            Some(_) => {
                let entries = root.join(place).join(ENTRIES);
                format!("put {path} back as {} lists it, from the blobs beside that", entries.display())
            }
        });
    }
    Ok(lines)
}
