//! What a state would change of a path as it is now, and the result of a state as data.

use crate::sls::edit;
use crate::sls::function::{Attributes, Function};
use crate::sls::unified::unified;
use jiff::Timestamp;
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
    /// A symbolic link that leads to a directory, where a directory is looked for.
    DirectoryLink,
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
    /// Something else than a file: a service, a user, a package, a parameter of the kernel, a mount.
    Set {
        /// What, `enabled` or `uid`.
        what: String,
        /// Before; nothing when there was none.
        from: Option<String>,
        /// After.
        to: String,
    },
    /// What changes of one path of several.
    At {
        /// The path.
        path: String,
        /// What changes of it.
        changes: Vec<Change>,
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
    /// Its file, relative to the tree.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// For people.
    pub comment: String,
    /// What changed, or would change.
    pub changes: Vec<Change>,
    /// Whether it ran; one that its requisites kept from it did not.
    pub ran: bool,
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub duration_microseconds: u64,
}

/// Compares what a function of files wants with what is there; a function of something else changes no path.
pub fn difference(function: &Function, existing: Option<&Existing>, owner: OwnerNumbers) -> Difference {
    match function {
        Function::FileManaged {
            path,
            contents,
            attributes,
            replace,
            create,
            follow_links,
            show_changes,
            ..
        } => {
            let linked = matches!(existing, Some(Existing { kind: FileKind::Symlink(_), .. }));
            if linked && *follow_links {
                return Difference::Blocked(format!(
                    "{path} is a symlink, through which nothing is written: name the file that it leads to, or replace \
                     it with follow_symlinks: False"
                ));
            }
            if existing.is_none() && !create {
                return Difference::Unchanged;
            }
            let wanted = contents.as_deref().filter(|_| *replace || existing.is_none());
            managed(path, wanted, attributes, *show_changes, existing, owner)
        }
        Function::FileDirectory { path, attributes, .. } => match existing.map(|existing| &existing.kind) {
            None => created("directory"),
            Some(FileKind::Directory) => verdict(attribute_changes(attributes, existing, owner)),
            // As Salt does: what a link to a directory leads to is left alone.
            Some(FileKind::DirectoryLink) => {
                let wanted = Attributes { mode: None, ..attributes.clone() };
                verdict(attribute_changes(&wanted, existing, owner))
            }
            Some(other) => blocked(path, other, "a directory"),
        },
        Function::FileAbsent { .. } => match existing {
            None => Difference::Unchanged,
            Some(_) => Difference::Changed(vec![Change::Removed]),
        },
        Function::FileSymlink { .. } => link(function, existing, owner),
        Function::FileAppend { path, .. } => edited(path, true, function, existing),
        Function::FileBlock(block) => edited(&block.path, block.show_changes, function, existing),
        _ => Difference::Unchanged,
    }
}

fn link(function: &Function, existing: Option<&Existing>, owner: OwnerNumbers) -> Difference {
    let Function::FileSymlink { path, target, force, attributes, .. } = function else {
        return Difference::Unchanged;
    };
    match existing.map(|existing| &existing.kind) {
        None => created("symlink"),
        Some(FileKind::Symlink(now)) if now == target => {
            // The mode of a link means nothing.
            let wanted = Attributes { mode: None, ..attributes.clone() };
            verdict(attribute_changes(&wanted, existing, owner))
        }
        Some(FileKind::Symlink(now)) => {
            Difference::Changed(vec![Change::Target { from: now.clone(), to: target.clone() }])
        }
        Some(other) if *force => Difference::Changed(vec![Change::Replaced(kind_name(other).to_owned())]),
        Some(other) => blocked(path, other, "a symlink (force: True replaces it)"),
    }
}

/// The whole contents that a function which edits a text wants; nothing of other functions.
///
/// # Errors
/// When it cannot be edited, with the reason.
pub fn edit(function: &Function, existing: Option<&Existing>) -> Result<Option<Vec<u8>>, String> {
    let (path, appends) = match function {
        Function::FileAppend { path, .. } => (path, true),
        Function::FileBlock(block) => (&block.path, false),
        _ => return Ok(None),
    };
    let text = match existing.map(|existing| &existing.kind) {
        Some(FileKind::File(bytes)) => {
            std::str::from_utf8(bytes).map_err(|_| format!("{path} is not text, so it is not edited"))?
        }
        Some(other) => return Err(format!("{path} is a {}, not a file", kind_name(other))),
        None if appends => "",
        None => return Err(format!("{path}: file not found")),
    };
    Ok(match function {
        Function::FileAppend { texts, .. } => Some(edit::appended(text, texts).into_bytes()),
        Function::FileBlock(block) => Some(edit::block(text, block)?.into_bytes()),
        _ => None,
    })
}

fn edited(path: &str, show: bool, function: &Function, existing: Option<&Existing>) -> Difference {
    match edit(function, existing) {
        Err(why) => Difference::Blocked(why),
        Ok(wanted) => {
            managed(path, wanted.as_deref(), &Attributes::default(), show, existing, OwnerNumbers::default())
        }
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
        // Only where links are not followed.
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

/// What changes of mode and owner.
pub fn attribute_changes(
    wanted: &Attributes,
    existing: Option<&Existing>,
    owner: OwnerNumbers,
) -> Vec<Change> {
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
        FileKind::Symlink(_) | FileKind::DirectoryLink => "symlink",
        FileKind::Other => "special file",
    }
}

#[cfg(test)]
#[path = "difference_tests.rs"]
mod tests;
