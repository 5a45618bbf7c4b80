//! The place of a restore: the target, the directory that holds it, and the work area beside it.

use super::RestoreError;
use crate::host::confined;
use crate::host::directory::{Directory, Kind, Metadata};
use crate::host::files::{self, Attributes};
use crate::host::mounts;
use crate::host::root::Root;
use crate::model::snapshots::Engine;
use crate::snapshot::area::{self, Hold};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where a tree is built before it is put in place.
pub const INCOMING: &str = "incoming";

/// Where the tree that was replaced stays.
pub const PREVIOUS: &str = "previous";

/// What stands at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Absent,
    /// A directory or a file of this inode.
    There(u64),
}

impl Standing {
    pub fn inode(self) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::There(inode) => Some(inode),
        }
    }
}

/// A target and what is around it.
#[derive(Debug)]
pub(super) struct Place {
    /// The directory that holds the target and the work area.
    pub parent: Directory,
    /// The target's name in it.
    pub name: OsString,
    /// The work area's name in it.
    area: OsString,
    /// The target, as an operator sees it.
    pub target: PathBuf,
}

impl Place {
    /// Finds the place of an absolute path below the root; nothing is made or changed.
    pub fn find(root: &Root, target: &str) -> Result<Self, RestoreError> {
        let path = root.join(target);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(RestoreError::NoFolder { target: path.clone(), folder: path });
        };
        if !files::exists(folder)? {
            return Err(RestoreError::NoFolder { target: path.clone(), folder: folder.to_owned() });
        }
        // The configuration may name a directory behind a link of this machine, as long as that leads not out.
        let real = files::real_directory(folder)?;
        if !real.starts_with(files::real_directory(root.path())?) {
            let link = folder.to_owned();
            let error =
                crate::host::directory::DirectoryError::LeadsOut { link, root: root.path().to_owned() };
            return Err(error.into());
        }
        let area = area::name_of(name);
        Ok(Self { parent: Directory::open(&real)?, name: name.to_owned(), area, target: real.join(name) })
    }

    /// What stands at the target, refused when it is nothing that can be exchanged.
    pub fn judged(&self, engine: Engine) -> Result<Standing, RestoreError> {
        let Some(found) = self.parent.metadata_optional(&self.name)? else { return Ok(Standing::Absent) };
        let target = || self.target.clone();
        match (engine, found.kind) {
            (_, Kind::Symlink) => return Err(RestoreError::Link { target: target() }),
            (Engine::Directory, Kind::Directory) | (Engine::Sqlite, Kind::File) => {}
            (Engine::Directory, _) => {
                return Err(RestoreError::Kind { target: target(), wanted: "directory" });
            }
            (Engine::Sqlite, _) => return Err(RestoreError::Kind { target: target(), wanted: "file" }),
        }
        match mounts::below(&self.target)?.into_iter().next() {
            Some(mount) => Err(RestoreError::Mount { target: target(), mount }),
            None => Ok(Standing::There(found.inode)),
        }
    }

    /// What stands at the target, whatever it is.
    pub fn standing(&self) -> Result<Standing, RestoreError> {
        let found = self.parent.metadata_optional(&self.name)?;
        Ok(found.map_or(Standing::Absent, |found| Standing::There(found.inode)))
    }

    /// The inode of something in the work area, if it is there.
    pub fn in_area(&self, path: &Path) -> Result<Option<u64>, RestoreError> {
        Ok(self.found(path)?.map(|found| found.inode))
    }

    /// The same of a tree, or a database, which may be put in the target's place; nothing else counts.
    pub fn staged(&self, path: &Path, engine: Engine) -> Result<Option<u64>, RestoreError> {
        let kind = match engine {
            Engine::Directory => Kind::Directory,
            Engine::Sqlite => Kind::File,
        };
        Ok(self.found(path)?.filter(|found| found.kind == kind).map(|found| found.inode))
    }

    fn found(&self, path: &Path) -> Result<Option<Metadata>, RestoreError> {
        let Some(area) = self.existing_area()? else { return Ok(None) };
        let (folder, name) = split(path);
        match area.open_directory(folder) {
            Err(error) if error.is_missing() => Ok(None),
            opened => Ok(opened?.metadata_optional(name)?),
        }
    }

    /// The work area, made when it is missing: for its owner alone.
    pub fn area(&self) -> Result<Directory, RestoreError> {
        Ok(area::ensure(&self.parent, &self.area)?)
    }

    /// The work area, if there is one.
    pub fn existing_area(&self) -> Result<Option<Directory>, RestoreError> {
        Ok(area::existing(&self.parent, &self.area)?)
    }

    /// Takes the place for this process, or says who has it.
    pub fn hold(&self, root: &Root, holder: &str) -> Result<Result<Hold, String>, RestoreError> {
        Ok(Hold::take(root, &self.parent, &self.name, holder)?)
    }

    /// The work area's path, as an operator sees it.
    pub fn area_path(&self) -> PathBuf {
        self.parent.path().join(&self.area)
    }

    /// Tries with two things of its own what the restore will need of the file system: an exchange of names if
    /// something stands at the target, and a rename that replaces nothing. Nothing is left of it.
    pub fn probe(&self, engine: Engine) -> Result<(), RestoreError> {
        let (area, [first, second]) = (self.area()?, ["probe-0", "probe-1"].map(OsStr::new));
        let remove = || area.remove_tree(first).and_then(|()| area.remove_tree(second));
        let make = |name| match engine {
            Engine::Directory => area.make_directory(name, 0o700),
            Engine::Sqlite => area.create_file(name, 0o600).map(drop),
        };
        remove()?;
        make(first)?;
        let exchanged = match self.standing()? {
            Standing::Absent => Ok(()),
            Standing::There(_) => {
                make(second)?;
                area.exchange(first, &area, second).and_then(|()| area.remove_tree(second))
            }
        };
        let done = exchanged.and_then(|()| area.rename_new(first, &area, second));
        remove()?;
        done.map_err(|source| RestoreError::Exchange { target: self.target.clone(), source })
    }

    /// The names in the work area, whoever made it; none when there is none, and no names when it is a link.
    pub fn names_in_area(&self) -> Result<Option<Vec<String>>, RestoreError> {
        match self.parent.metadata_optional(&self.area)? {
            None => Ok(None),
            Some(found) if found.kind != Kind::Directory => Ok(Some(Vec::new())),
            Some(_) => {
                let names = self.parent.open_directory(Path::new(&self.area))?.list()?;
                Ok(Some(names.iter().map(|name| name.to_string_lossy().into_owned()).collect()))
            }
        }
    }

    /// Removes from the work area all but the tree of before.
    pub fn clear(&self, keep_previous: bool) -> Result<(), RestoreError> {
        let Some(area) = self.existing_area()? else { return Ok(()) };
        for name in area.list()? {
            if !(keep_previous && name.as_bytes().starts_with(PREVIOUS.as_bytes())) {
                area.remove_tree(&name)?;
            }
        }
        Ok(area.sync()?)
    }

    /// Removes the work area if nothing is in it.
    pub fn remove_empty_area(&self) -> Result<(), RestoreError> {
        if self.parent.remove_empty_directory(&self.area)? {
            self.parent.sync()?;
        }
        Ok(())
    }
}

/// The directory that holds the path, and its name there.
pub(super) fn split(path: &Path) -> (&Path, &OsStr) {
    (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default())
}

/// Makes the directories that lead to an absolute path below the root, those that are missing with mode 755.
pub(super) fn make_folder(root: &Root, target: &str) -> Result<(), RestoreError> {
    // Before anything is made: a link must not have directories made outside of the root.
    confined::check_parents(root, Path::new(target.trim_start_matches('/')))?;
    match root.join(target).parent() {
        Some(folder) => Ok(files::create_directory(folder, Attributes { mode: 0o755, owner: None })?),
        None => Ok(()),
    }
}
