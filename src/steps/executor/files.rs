//! The functions of single files.

use super::{Working, changed, set};
use crate::host::accounts;
use crate::host::entry;
use crate::host::files::{self, Attributes};
use crate::sls::difference::{self, Difference, Existing, FileKind, Outcome, OwnerNumbers};
use crate::sls::function::{Attributes as Wanted, Function, Recursion};
use crate::sls::run::Ended;
use crate::steps::error::StepFailure;
use std::path::Path;

impl Working<'_> {
    pub(super) fn file(&self, function: &Function, trial: bool) -> Result<Ended, StepFailure> {
        let path = function.path().unwrap_or("/");
        let mut now = existing(Path::new(path))?;
        if let Some(now) = &mut now
            && matches!(function, Function::FileDirectory { .. })
            && matches!(now.kind, FileKind::Symlink(_))
            && files::is_directory(Path::new(path))
        {
            now.kind = FileKind::DirectoryLink;
        }
        let owner = match self.owner(function.attributes())? {
            Ok(owner) => owner,
            // Another state of the same run may make it.
            Err(unknown) if trial => {
                return Ok(changed(true, unknown, vec![set("owner", None, "(not there yet)")]));
            }
            Err(unknown) => return Ok(Ended::of(Outcome::Failed, unknown)),
        };
        let mut changes = match difference::difference(function, now.as_ref(), owner) {
            Difference::Blocked(why) => return Ok(Ended::of(Outcome::Failed, why)),
            Difference::Unchanged => Vec::new(),
            Difference::Changed(changes) => changes,
        };
        if !changes.is_empty() && !trial {
            if let Some(why) = self.parents(function, owner)? {
                return Ok(Ended::of(Outcome::Failed, why));
            }
            write(function, now.as_ref(), owner)?;
        }
        if let Function::FileDirectory { path, recursion: Some(recursion), .. } = function
            && now.is_some()
        {
            changes.extend(self.below(Path::new(path), recursion, owner, trial)?);
        }
        Ok(changed(trial, comment(function, path, now.is_none(), changes.is_empty(), trial), changes))
    }

    /// Makes the directories above the path; why that is not done, if they are missing.
    fn parents(&self, function: &Function, owner: OwnerNumbers) -> Result<Option<String>, StepFailure> {
        let Some(parent) = function.path().and_then(|path| Path::new(path).parent()) else { return Ok(None) };
        let removes = matches!(function, Function::FileAbsent { .. });
        if removes || files::exists(parent)? {
            return Ok(None);
        }
        let Some(mode) = function.makes_directories() else {
            let text =
                format!("Parent directory not present: {} (makedirs: True makes it)", parent.display());
            return Ok(Some(text));
        };
        let owner = numbers(owner);
        let mut missing: Vec<&Path> = Vec::new();
        for ancestor in parent.ancestors() {
            if files::exists(ancestor)? {
                break;
            }
            missing.push(ancestor);
        }
        for directory in missing.into_iter().rev() {
            files::create_directory(directory, Attributes { mode, owner })?;
        }
        Ok(None)
    }

    /// Whom the file shall belong to, or why that cannot be: a name that this machine does not know.
    pub(super) fn owner(&self, wanted: Option<&Wanted>) -> Result<Result<OwnerNumbers, String>, StepFailure> {
        let mut owner = OwnerNumbers::default();
        let Some(wanted) = wanted else { return Ok(Ok(owner)) };
        if let Some(name) = &wanted.user {
            owner.user = match name.parse() {
                Ok(number) => Some(number),
                Err(_) => accounts::find_user(&self.env.root, name)?.map(|account| account.uid),
            };
            if owner.user.is_none() {
                return Ok(Err(format!("User {name} is not available")));
            }
        }
        if let Some(name) = &wanted.group {
            owner.group = match name.parse() {
                Ok(number) => Some(number),
                Err(_) => accounts::find_group(&self.env.root, name)?,
            };
            if owner.group.is_none() {
                return Ok(Err(format!("Group {name} is not available")));
            }
        }
        Ok(Ok(owner))
    }

    /// Gives mode and owner to all that is below a directory; links get an owner only.
    fn below(
        &self,
        directory: &Path,
        recursion: &Recursion,
        owner: OwnerNumbers,
        trial: bool,
    ) -> Result<Vec<difference::Change>, StepFailure> {
        let owner = OwnerNumbers {
            user: owner.user.filter(|_| recursion.user),
            group: owner.group.filter(|_| recursion.group),
        };
        let mut found = Vec::new();
        let below = entry::Below::of(directory)?;
        for (path, node) in entry::tree_below(directory)? {
            let is_directory = node.kind == entry::Kind::Directory;
            let is_link = matches!(node.kind, entry::Kind::Symlink(_));
            if is_directory && recursion.ignore_directories || !is_directory && recursion.ignore_files {
                continue;
            }
            let mode = if is_directory { recursion.directory_mode } else { recursion.file_mode };
            let wanted = Wanted { mode: mode.filter(|_| !is_link), ..Wanted::default() };
            let now = observed(node.clone());
            let changes = difference::attribute_changes(&wanted, Some(&now), owner);
            if changes.is_empty() {
                continue;
            }
            if !trial && is_link {
                below.set(&path, &node, (owner.user, owner.group), None)?;
            } else if !trial {
                let Attributes { mode, owner } = merged(&wanted, owner, Some(&now), now.mode);
                below.set(&path, &node, owner.unzip(), Some(mode))?;
            }
            found.push(difference::Change::At { path: path.display().to_string(), changes });
        }
        Ok(found)
    }
}

fn comment(function: &Function, path: &str, absent: bool, same: bool, trial: bool) -> String {
    let kind = match function {
        Function::FileDirectory { .. } => "directory",
        Function::FileSymlink { .. } => "symlink",
        _ => "file",
    };
    match (function, same, trial) {
        (Function::FileManaged { create: false, .. }, true, _) if absent => {
            format!("File {path} is not present and is not set for creation")
        }
        (Function::FileAbsent { .. }, true, _) => format!("File {path} is not present"),
        (Function::FileAbsent { .. }, false, true) => format!("File {path} is set for removal"),
        (Function::FileAbsent { .. }, false, false) => format!("Removed {path}"),
        (_, true, _) => format!("The {kind} {path} is in the correct state"),
        (_, false, true) => format!("The {kind} {path} is set to be changed"),
        (_, false, false) => format!("The {kind} {path} was changed"),
    }
}

fn write(function: &Function, now: Option<&Existing>, owner: OwnerNumbers) -> Result<(), StepFailure> {
    let Some(path) = function.path().map(Path::new) else { return Ok(()) };
    match function {
        Function::FileManaged { contents, attributes, .. } => {
            let bytes = match (contents, now) {
                (Some(bytes), _) => bytes.clone(),
                (None, Some(Existing { kind: FileKind::File(bytes), .. })) => bytes.clone(),
                (None, _) => Vec::new(),
            };
            // Of a link nothing stays but its name.
            let now = now.filter(|now| matches!(now.kind, FileKind::File(_)));
            let kept = keeps(function, now);
            let bytes = if kept { file_bytes(now) } else { bytes };
            files::write_atomic(path, &bytes, merged(attributes, owner, now, 0o644))?;
        }
        Function::FileAppend { .. } | Function::FileBlock(_) => {
            let edited = difference::edit(function, now).unwrap_or_default().unwrap_or_default();
            files::write_atomic(path, &edited, merged(&Wanted::default(), owner, now, 0o644))?;
        }
        Function::FileDirectory { attributes, .. } => {
            if matches!(now.map(|now| &now.kind), Some(FileKind::DirectoryLink)) {
                entry::set_link_owner(path, owner.user, owner.group)?;
                return Ok(());
            }
            let wanted = merged(attributes, owner, now, 0o755);
            files::create_directory(path, wanted)?;
            entry::set_attributes(path, wanted)?;
        }
        Function::FileSymlink { target, force, .. } => {
            if *force && now.is_some_and(|now| !matches!(now.kind, FileKind::Symlink(_))) {
                entry::remove(path)?;
            }
            entry::replace_symlink(path, target)?;
            entry::set_link_owner(path, owner.user, owner.group)?;
        }
        Function::FileAbsent { .. } => entry::remove(path)?,
        _ => {}
    }
    Ok(())
}

/// Whether a managed file keeps the contents that are there.
fn keeps(function: &Function, now: Option<&Existing>) -> bool {
    matches!(function, Function::FileManaged { replace: false, .. }) && now.is_some()
}

fn file_bytes(now: Option<&Existing>) -> Vec<u8> {
    match now.map(|now| &now.kind) {
        Some(FileKind::File(bytes)) => bytes.clone(),
        _ => Vec::new(),
    }
}

fn numbers(owner: OwnerNumbers) -> Option<(u32, u32)> {
    match (owner.user, owner.group) {
        (None, None) => None,
        (user, group) => Some((user.unwrap_or(0), group.unwrap_or(0))),
    }
}

/// The attributes to give: what the state names, else what stands there, else the default.
pub(super) fn merged(wanted: &Wanted, owner: OwnerNumbers, now: Option<&Existing>, mode: u32) -> Attributes {
    let owner = match now {
        None => numbers(owner),
        Some(now) => Some((owner.user.unwrap_or(now.user), owner.group.unwrap_or(now.group))),
    };
    Attributes { mode: wanted.mode.or(now.map(|now| now.mode)).unwrap_or(mode), owner }
}

/// What is at a path, without following a link.
pub(super) fn existing(path: &Path) -> Result<Option<Existing>, StepFailure> {
    let Some(found) = entry::look(path)? else { return Ok(None) };
    Ok(Some(observed(found)))
}

fn observed(found: entry::Entry) -> Existing {
    Existing {
        kind: match found.kind {
            entry::Kind::File(bytes) => FileKind::File(bytes),
            entry::Kind::Directory => FileKind::Directory,
            entry::Kind::Symlink(target) => FileKind::Symlink(target),
            entry::Kind::Other => FileKind::Other,
        },
        mode: found.mode,
        user: found.user,
        group: found.group,
    }
}
