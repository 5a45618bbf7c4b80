//! The tree of before the last restore: what it takes, and its end.

use super::place::{PREVIOUS, Place};
use super::{Last, Restore, RestoreError};
use crate::host::directory::{Directory, DirectoryError, Kind};
use crate::host::root::Root;
use crate::model::snapshots::SourceConfig;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How it is called while it is removed, so that a crash leaves no half of it under its name.
const GOING: &str = "going";

/// A tree, or database, that stood at a source's path before its last restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes on the disk that its end frees: of files that have no name elsewhere.
    pub bytes: u64,
}

/// The tree of before the last restore of a source, if it is kept.
pub fn kept(root: &Root, source: &SourceConfig) -> Result<Option<Kept>, RestoreError> {
    match Place::find(root, &source.path) {
        Err(RestoreError::NoFolder { .. }) => Ok(None),
        found => of(&found?),
    }
}

fn of(place: &Place) -> Result<Option<Kept>, RestoreError> {
    let Some(area) = place.existing_area()? else { return Ok(None) };
    let names = names(&area)?;
    if !names.iter().any(|name| name == PREVIOUS) {
        return Ok(None);
    }
    let (mut bytes, mut seen) = (0, HashMap::new());
    for name in names {
        weigh(&area, &name, &mut bytes, &mut seen)?;
    }
    Ok(Some(Kept { path: place.area_path().join(PREVIOUS), bytes }))
}

/// The names of what is kept: of a database, its side files too.
fn names(area: &Directory) -> Result<Vec<std::ffi::OsString>, DirectoryError> {
    let names = area.list()?.into_iter();
    Ok(names.filter(|name| name.as_bytes().starts_with(PREVIOUS.as_bytes())).collect())
}

/// Adds what this takes; a file of several names counts once all of them were met.
fn weigh(
    folder: &Directory,
    name: &OsStr,
    bytes: &mut u64,
    seen: &mut HashMap<(u64, u64), u64>,
) -> Result<(), DirectoryError> {
    let found = folder.metadata(name)?;
    if found.kind == Kind::Directory {
        let below = folder.open_directory(Path::new(name))?;
        return below.list()?.iter().try_for_each(|name| weigh(&below, name, bytes, seen));
    }
    let met = seen.entry((found.device, found.inode)).or_default();
    *met += 1;
    if *met == found.links {
        *bytes = bytes.saturating_add(found.allocated);
    }
    Ok(())
}

impl Restore<'_> {
    /// Removes the tree of before the last restore, which can return no more then; says what it was.
    pub fn forget_previous(&self) -> Result<Option<Kept>, RestoreError> {
        let kept = of(&self.place)?;
        if let Some(last) = self.last()?.filter(|last| last.has_previous) {
            self.folder.remember(&Last { has_previous: false, previous: None, ..last })?;
        }
        let Some(area) = self.place.existing_area()? else { return Ok(None) };
        let going = OsStr::new(GOING);
        area.remove_tree(going)?;
        if kept.is_some() {
            area.rename(OsStr::new(PREVIOUS), &area, going)?;
            area.sync()?;
        }
        for name in names(&area)? {
            area.remove_tree(&name)?;
        }
        area.remove_tree(going)?;
        area.sync()?;
        self.place.remove_empty_area()?;
        Ok(kept)
    }
}
