//! One entry of a directory, whatever it is: looked at without following links, replaced, removed.
//!
//! Each is reached through a handle of the directory that holds it: who may rename what is in a directory on the way
//! leads nobody elsewhere, neither between a look and a change nor in the middle of one.

use crate::host::directory::{self, Directory, DirectoryError, Metadata};
use crate::host::files::{self, Attributes, FileError};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

/// An entry as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub user: u32,
    /// Group.
    pub group: u32,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file with its content.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link with its target.
    Symlink(String),
    /// Anything else.
    Other,
}

/// Looks at an entry; none when there is none.
///
/// # Errors
/// When it cannot be looked at.
pub fn look(path: &Path) -> Result<Option<Entry>, FileError> {
    if !files::exists(path)? {
        return Ok(None);
    }
    let failed = |error| FileError::below("look at", path, error);
    let (holder, name) = Directory::holding(path).map_err(failed)?;
    let found = match holder.metadata(&name) {
        Err(error) if error.is_missing() => return Ok(None),
        found => found.map_err(failed)?,
    };
    if found.kind != directory::Kind::File {
        return Ok(Some(observed(&holder, &name, &found).map_err(failed)?));
    }
    let mut file = holder.open_file(Path::new(&name)).map_err(failed)?;
    // Of what was opened, and not of what had the name before.
    let found = Metadata::of_file(&file, path).map_err(failed)?;
    let mut entry = observed(&holder, &name, &found).map_err(failed)?;
    if let Kind::File(bytes) = &mut entry.kind {
        file.read_to_end(bytes).map_err(|error| FileError::new("read", path, error))?;
    }
    Ok(Some(entry))
}

/// An entry as its metadata has it, a file without its contents.
fn observed(holder: &Directory, name: &OsStr, found: &Metadata) -> Result<Entry, DirectoryError> {
    let kind = match found.kind {
        directory::Kind::File => Kind::File(Vec::new()),
        directory::Kind::Directory => Kind::Directory,
        directory::Kind::Symlink => Kind::Symlink(holder.read_link(name)?.to_string_lossy().into_owned()),
        directory::Kind::Special => Kind::Other,
    };
    Ok(Entry { kind, mode: found.mode, user: found.uid, group: found.gid })
}

/// Gives an entry mode and owner. A link is refused.
///
/// # Errors
/// When it cannot.
pub fn set_attributes(path: &Path, attributes: Attributes) -> Result<(), FileError> {
    let set = || {
        let (holder, name) = Directory::holding(path)?;
        let pinned = holder.pin(Path::new(&name))?;
        if let Some((user, group)) = attributes.owner {
            pinned.set_owner(Some(user), Some(group))?;
        }
        // After the owner: changing it clears setuid and setgid.
        pinned.set_mode(attributes.mode)
    };
    set().map_err(|error| FileError::below("set mode and owner of", path, error))
}

/// Makes a symbolic link, in place of another one.
///
/// # Errors
/// When it cannot be made.
pub fn replace_symlink(path: &Path, target: &str) -> Result<(), FileError> {
    crate::host::tree::replace(path, |new| {
        std::os::unix::fs::symlink(target, new).map_err(|error| FileError::new("make link", new, error))
    })
}

/// Removes whatever is there, with all beneath it; links are not followed.
///
/// # Errors
/// When something cannot be removed.
pub fn remove(path: &Path) -> Result<(), FileError> {
    files::remove_tree(path)
}

/// Every file below a directory, by its path relative to it, sorted.
///
/// # Errors
/// When a directory cannot be listed.
pub fn files_below(directory: &Path) -> Result<Vec<String>, FileError> {
    let mut found = Vec::new();
    let mut waiting = vec![String::new()];
    while let Some(relative) = waiting.pop() {
        for name in files::list(&directory.join(&relative))? {
            let path = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            let absolute = directory.join(&path);
            let metadata =
                std::fs::symlink_metadata(&absolute).map_err(|e| FileError::new("look at", &absolute, e))?;
            if metadata.is_dir() {
                waiting.push(path);
            } else if metadata.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Everything below a directory with its attributes, sorted by path; links are not followed, and files are told
/// without their contents.
///
/// # Errors
/// When a directory cannot be listed, or an entry cannot be looked at.
pub fn tree_below(directory: &Path) -> Result<Vec<(PathBuf, Entry)>, FileError> {
    let failed = |error| FileError::below("list", directory, error);
    let top = Directory::reach(directory).map_err(failed)?;
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        let here = match top.open_directory(&folder) {
            // Whoever works there has removed it since its parent was listed.
            Err(error) if error.is_missing() && folder != Path::new("") => continue,
            here => here.map_err(failed)?,
        };
        for name in here.list().map_err(failed)? {
            let Some(metadata) = here.metadata_optional(&name).map_err(failed)? else { continue };
            let entry = observed(&here, &name, &metadata).map_err(failed)?;
            let relative = folder.join(&name);
            found.push((directory.join(&relative), entry.clone()));
            if entry.kind == Kind::Directory {
                waiting.push(relative);
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

/// What is below one directory, to be given attributes: nothing outside of it is ever changed.
#[derive(Debug)]
pub struct Below {
    top: Directory,
    path: PathBuf,
}

impl Below {
    /// Holds on to a directory.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn of(directory: &Path) -> Result<Self, FileError> {
        let top = Directory::reach(directory).map_err(|error| FileError::below("list", directory, error))?;
        Ok(Self { top, path: directory.to_owned() })
    }

    /// Gives an entry owner and mode, what is not said stays; the entry is one that [`tree_below`] told. One that has
    /// gone since needs nothing; one that has become a link, or another kind of thing, is refused.
    ///
    /// # Errors
    /// When it cannot.
    pub fn set(
        &self,
        path: &Path,
        entry: &Entry,
        (user, group): (Option<u32>, Option<u32>),
        mode: Option<u32>,
    ) -> Result<(), FileError> {
        let set = || {
            let relative = path.strip_prefix(&self.path).unwrap_or(path);
            let pinned = match self.top.pin(relative) {
                Err(error) if error.is_missing() => return Ok(()),
                pinned => pinned?,
            };
            let same = match pinned.metadata()?.kind {
                directory::Kind::File => matches!(entry.kind, Kind::File(_)),
                directory::Kind::Directory => entry.kind == Kind::Directory,
                directory::Kind::Symlink => matches!(entry.kind, Kind::Symlink(_)),
                directory::Kind::Special => entry.kind == Kind::Other,
            };
            if !same {
                let action = "set mode and owner of";
                return Err(DirectoryError::Escape { action, path: path.to_owned() });
            }
            if user.is_some() || group.is_some() {
                pinned.set_owner(user, group)?;
            }
            mode.map_or(Ok(()), |mode| pinned.set_mode(mode))
        };
        set().map_err(|error| FileError::below("set mode and owner of", path, error))
    }
}

/// Gives a link itself another owner; what is not said stays.
///
/// # Errors
/// When it cannot.
pub fn set_link_owner(path: &Path, user: Option<u32>, group: Option<u32>) -> Result<(), FileError> {
    Directory::holding(path)
        .and_then(|(holder, name)| holder.pin(Path::new(&name)))
        .and_then(|pinned| pinned.set_owner(user, group))
        .map_err(|error| FileError::below("change the owner of", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Puts in turn what is theirs and a link to what is root's under one name, for as long as `work` goes on.
    fn while_swapped(home: &Path, name: &str, theirs: &Path, link: &Path, work: impl FnOnce()) {
        let over = AtomicBool::new(false);
        let place = home.join(name);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::fs::rename(&place, theirs).unwrap();
                    std::fs::rename(link, &place).unwrap();
                    std::fs::rename(&place, link).unwrap();
                    std::fs::rename(theirs, &place).unwrap();
                }
            });
            work();
            over.store(true, Ordering::Relaxed);
        });
    }

    struct Home {
        _folder: tempfile::TempDir,
        home: PathBuf,
        secret: PathBuf,
    }

    fn home() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let (home, secret) = (folder.path().join("home"), folder.path().join("etc"));
        for made in [&home, &secret, &home.join("kept"), &home.join("sub")] {
            std::fs::create_dir(made).unwrap();
        }
        std::fs::write(secret.join("shadow"), "of root").unwrap();
        std::fs::write(home.join("sub/shadow"), "theirs").unwrap();
        std::fs::write(home.join("file"), "theirs").unwrap();
        symlink(secret.join("shadow"), home.join("kept/to-file")).unwrap();
        symlink(&secret, home.join("kept/to-directory")).unwrap();
        for theirs in ["", "kept", "sub", "sub/shadow", "file", "kept/to-file", "kept/to-directory"] {
            std::os::unix::fs::lchown(home.join(theirs), Some(1000), Some(1000)).unwrap();
        }
        Home { _folder: folder, home, secret }
    }

    fn is_untouched(secret: &Path) {
        for path in [secret.to_owned(), secret.join("shadow")] {
            let found = std::fs::metadata(&path).unwrap();
            assert_ne!(found.uid(), 1000, "{}", path.display());
            assert_ne!(found.mode() & 0o777, 0o777, "{}", path.display());
        }
        assert_eq!(std::fs::read(secret.join("shadow")).unwrap(), b"of root");
    }

    #[test]
    fn attributes_below_a_directory_never_reach_what_a_link_leads_to() {
        let Home { home, secret, _folder } = home();
        let below = Below::of(&home).unwrap();
        for (name, link) in [("file", "kept/to-file"), ("sub", "kept/to-directory")] {
            while_swapped(&home, name, &home.join("kept/real"), &home.join(link), || {
                for _ in 0..3000 {
                    for (path, entry) in tree_below(&home).unwrap_or_default() {
                        let mode = Some(0o777).filter(|_| !matches!(entry.kind, Kind::Symlink(_)));
                        // What changed meanwhile is refused.
                        let _ = below.set(&path, &entry, (Some(1000), Some(1000)), mode);
                        let _ = set_attributes(&path, Attributes { mode: 0o777, owner: Some((1000, 1000)) });
                    }
                }
            });
        }
        is_untouched(&secret);
        assert_eq!(std::fs::metadata(home.join("sub/shadow")).unwrap().mode() & 0o777, 0o777);
    }

    #[test]
    fn what_somebody_swaps_while_it_is_looked_at_or_removed_is_never_what_a_link_leads_to() {
        let Home { home, secret, _folder } = home();
        let real = home.join("kept/real");
        while_swapped(&home, "file", &real, &home.join("kept/to-file"), || {
            for _ in 0..3000 {
                let seen = look(&home.join("file")).ok().flatten();
                assert!(seen.is_none_or(|seen| seen.kind != Kind::File(b"of root".to_vec())));
            }
        });
        while_swapped(&home, "sub", &real, &home.join("kept/to-directory"), || {
            for _ in 0..3000 {
                let _ = remove(&home.join("sub/shadow"));
                let _ = replace_symlink(&home.join("sub/shadow"), "elsewhere");
                let _ = files::write_atomic(&home.join("sub/shadow"), b"theirs", Attributes::PUBLIC);
            }
        });
        is_untouched(&secret);
        assert_eq!(std::fs::read_dir(&secret).unwrap().count(), 1);
    }

    #[test]
    fn a_link_takes_the_place_of_a_file_and_of_another_link() {
        let Home { home, _folder, .. } = home();
        for name in ["file", "kept/to-file", "new"] {
            replace_symlink(&home.join(name), "target").unwrap();
            assert_eq!(look(&home.join(name)).unwrap().unwrap().kind, Kind::Symlink("target".to_owned()));
        }
        let mut names = files::list(&home).unwrap();
        names.retain(|name| name.starts_with('.'));
        assert_eq!(names, [""; 0]);
    }
}
