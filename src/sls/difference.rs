//! What a state would change of a path as it is now, and the result of a state as data.

use crate::sls::function::{Attributes, Function};
use crate::sls::unified::unified;
use serde::{Deserialize, Serialize};

/// Texts longer than this, in bytes, are not compared line by line.
pub const LONGEST_SHOWN: usize = 256 << 10;

/// What a path is now; read by the caller, without following a link at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// Its kind, with what belongs to it.
    pub kind: FileKind,
    /// Permission bits.
    pub mode: u32,
    /// Number of the owner.
    pub user: u32,
    /// Number of the group.
    pub group: u32,
}

/// Kinds of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file with these bytes.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link to this target.
    Symlink(String),
    /// A socket, a device, a pipe.
    Other,
}

/// The numbers that the names of the wanted owner stand for on this machine; the caller knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnerNumbers {
    /// Of the wanted user.
    pub user: Option<u32>,
    /// Of the wanted group.
    pub group: Option<u32>,
}

/// One thing that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// There was nothing; now there is `file`, `directory` or `symlink`.
    Created(String),
    /// It goes away.
    Removed,
    /// It is a file of another kind and is replaced: what it was.
    Replaced(String),
    /// Other contents, with their difference; or why it is not shown.
    Contents(String),
    /// Other permission bits, octal.
    Mode {
        /// Before.
        from: String,
        /// After.
        to: String,
    },
    /// Another owner, numeric.
    User {
        /// Before.
        from: u32,
        /// After.
        to: u32,
    },
    /// Another group, numeric.
    Group {
        /// Before.
        from: u32,
        /// After.
        to: u32,
    },
    /// Another target of a link.
    Target {
        /// Before.
        from: String,
        /// After.
        to: String,
    },
}

/// What a state would change of a path, or why it can not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Nothing.
    Unchanged,
    /// This.
    Changed(Vec<Change>),
    /// Something is in the way that the state must not remove.
    Blocked(String),
}

/// How a state ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be already.
    Unchanged,
    /// Changed.
    Changed,
    /// Would be changed, but this is a test run.
    WouldChange,
    /// Failed, or a state that it requires did.
    Failed,
}

/// The result of one state, as Salt prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateResult {
    /// The id.
    pub id: String,
    /// `file.managed`.
    pub function: String,
    /// The name.
    pub name: String,
    /// The SLS.
    pub sls: String,
    /// How it ended.
    pub outcome: Outcome,
    /// For people, one line.
    pub comment: String,
    /// What changed.
    pub changes: Vec<Change>,
}

/// Compares what a function of files wants with what is there; a function of something else changes no path.
pub fn difference(function: &Function, existing: Option<&Existing>, owner: OwnerNumbers) -> Difference {
    match function {
        Function::FileManaged { path, contents, attributes, replace, show_changes, .. } => {
            let wanted = contents.as_deref().filter(|_| *replace || existing.is_none());
            managed(path, wanted, attributes, *show_changes, existing, owner)
        }
        Function::FileDirectory { path, attributes, .. } => match existing.map(|existing| &existing.kind) {
            None => created("directory"),
            Some(FileKind::Directory) => verdict(attribute_changes(attributes, existing, owner)),
            Some(other) => blocked(path, other, "a directory"),
        },
        Function::FileAbsent { .. } => match existing {
            None => Difference::Unchanged,
            Some(_) => Difference::Changed(vec![Change::Removed]),
        },
        Function::FileSymlink { path, target, force, .. } => match existing.map(|existing| &existing.kind) {
            None => created("symlink"),
            Some(FileKind::Symlink(now)) if now == target => Difference::Unchanged,
            Some(FileKind::Symlink(now)) => {
                Difference::Changed(vec![Change::Target { from: now.clone(), to: target.clone() }])
            }
            Some(other) if *force => Difference::Changed(vec![Change::Replaced(kind_name(other).to_owned())]),
            Some(other) => blocked(path, other, "a symlink (force: True replaces it)"),
        },
        _ => Difference::Unchanged,
    }
}

fn managed(
    path: &str,
    wanted: Option<&[u8]>,
    attributes: &Attributes,
    show: bool,
    existing: Option<&Existing>,
    owner: OwnerNumbers,
) -> Difference {
    let mut changes = match existing.map(|existing| &existing.kind) {
        None => return created("file"),
        // Salt replaces a link by the file, and never writes through it.
        Some(FileKind::Symlink(_)) => vec![Change::Replaced("symlink".to_owned())],
        Some(FileKind::File(now)) => wanted
            .filter(|wanted| wanted != now)
            .map(|wanted| vec![Change::Contents(shown(path, now, wanted, show))])
            .unwrap_or_default(),
        Some(other) => return blocked(path, other, "a file"),
    };
    changes.extend(attribute_changes(attributes, existing, owner));
    verdict(changes)
}

fn shown(path: &str, now: &[u8], wanted: &[u8], show: bool) -> String {
    if !show {
        return "not shown (show_changes: False)".to_owned();
    }
    if now.len().max(wanted.len()) > LONGEST_SHOWN {
        return format!("not shown: {} bytes become {}", now.len(), wanted.len());
    }
    match (std::str::from_utf8(now), std::str::from_utf8(wanted)) {
        (Ok(now), Ok(wanted)) => unified(path, now, wanted),
        _ => format!("not text: {} bytes become {}", now.len(), wanted.len()),
    }
}

fn attribute_changes(wanted: &Attributes, existing: Option<&Existing>, owner: OwnerNumbers) -> Vec<Change> {
    let Some(now) = existing else { return Vec::new() };
    let mode = wanted.mode.filter(|mode| *mode != now.mode);
    let user = owner.user.filter(|user| *user != now.user);
    let group = owner.group.filter(|group| *group != now.group);
    let octal = |mode: u32| format!("{mode:04o}");
    [
        mode.map(|to| Change::Mode { from: octal(now.mode), to: octal(to) }),
        user.map(|to| Change::User { from: now.user, to }),
        group.map(|to| Change::Group { from: now.group, to }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn created(kind: &str) -> Difference {
    Difference::Changed(vec![Change::Created(kind.to_owned())])
}

fn verdict(changes: Vec<Change>) -> Difference {
    if changes.is_empty() { Difference::Unchanged } else { Difference::Changed(changes) }
}

fn blocked(path: &str, now: &FileKind, wanted: &str) -> Difference {
    Difference::Blocked(format!("{path} is a {}, not {wanted}", kind_name(now)))
}

fn kind_name(kind: &FileKind) -> &'static str {
    match kind {
        FileKind::File(_) => "file",
        FileKind::Directory => "directory",
        FileKind::Symlink(_) => "symlink",
        FileKind::Other => "special file",
    }
}

#[cfg(test)]
#[path = "difference_tests.rs"]
mod tests;
