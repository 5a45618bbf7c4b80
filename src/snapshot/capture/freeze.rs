//! Freezes files before they are read: by a second name or a clone that shares their blocks.
//!
//! What is frozen can be deleted, renamed or, when it was cloned, written to while it is read. A crash leaves
//! the freeze directory; whoever made it removes it, or its successor.

use super::walk::{Found, Origin};
use super::{CaptureError, split};
use crate::host::directory::{Directory, DirectoryError, Kind, Metadata};
use crate::model::glob::Glob;
use std::cell::Cell;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// Takes second names and clones of files, in a directory on their file system.
#[derive(Debug)]
pub struct Freezer<'a> {
    directory: &'a Directory,
    write_once: &'a [Glob],
    /// Whether the file system may be able to clone.
    clones: Cell<bool>,
    next: Cell<u64>,
}

/// How a file was frozen; the name is that in the freeze directory.
#[derive(Debug, Clone)]
pub(super) enum Frozen {
    /// By a second name: its content never changes.
    Linked(OsString),
    /// By a clone of its content.
    Cloned(OsString),
}

impl Frozen {
    pub(super) fn name(&self) -> &OsString {
        match self {
            Self::Linked(name) | Self::Cloned(name) => name,
        }
    }
}

impl<'a> Freezer<'a> {
    /// Freezes into this directory: what matches the patterns by link, the rest by clone.
    pub fn new(directory: &'a Directory, write_once: &'a [Glob]) -> Self {
        Self { directory, write_once, clones: Cell::new(true), next: Cell::new(0) }
    }

    /// Where what is frozen lies.
    pub(super) fn directory(&self) -> &Directory {
        self.directory
    }

    /// Lets everything go.
    pub(super) fn release(&self) -> Result<(), DirectoryError> {
        for name in self.directory.list()? {
            self.directory.remove_tree(&name)?;
        }
        Ok(())
    }

    /// Freezes a file; one that cannot be frozen is left to be read in place, and watched.
    ///
    /// `found` is what it is afterwards: a second name changes its count of names and its time of change.
    pub(super) fn freeze(&self, found: &mut Found<'_>) -> Result<(), CaptureError> {
        let Origin::Disk { base, relative } = &found.origin else { return Ok(()) };
        let linked = self.write_once.iter().any(|glob| glob.matches(relative.as_os_str().as_bytes()));
        if !linked && !self.clones.get() {
            return Ok(());
        }
        let path = base.path().join(relative);
        let changed = |error: DirectoryError| match error.is_missing() {
            true => CaptureError::Changed { path: path.clone() },
            false => error.into(),
        };
        let (parent, name) = split(relative);
        let parent = base.open_directory(parent).map_err(changed)?;
        let number = self.next.replace(self.next.get() + 1);
        let frozen = OsString::from(number.to_string());
        if linked {
            match parent.make_hardlink(name, self.directory, &frozen) {
                Err(error) if error.forbids_link() => return Ok(()),
                done => done.map_err(changed)?,
            }
            found.frozen = Some(Frozen::Linked(frozen));
        } else {
            if !parent.clone_file(name, self.directory, &frozen).map_err(changed)? {
                self.clones.set(false);
                return Ok(());
            }
            found.frozen = Some(Frozen::Cloned(frozen));
        }
        let now = parent.metadata(name).map_err(changed)?;
        if !is_same_content(&now, &found.metadata) || (!linked && now.changed != found.metadata.changed) {
            return Err(CaptureError::Changed { path });
        }
        found.metadata = now;
        Ok(())
    }
}

/// Whether only names came or went between two looks at a file.
pub(super) fn is_same_content(one: &Metadata, other: &Metadata) -> bool {
    let timeless = |metadata: &Metadata| Metadata { changed: metadata.modified, links: 1, ..*metadata };
    one.kind == Kind::File && timeless(one) == timeless(other)
}
