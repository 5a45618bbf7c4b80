//! Finds everything that the sources contain, before any of it is read.

use super::freeze::Frozen;
use super::read::go_on;
use super::{CaptureError, Source, split, time};
use crate::host::directory::{
    Directory, DirectoryError, Kind, Metadata as Attributes, Moment, extended_and_others_of_file,
};
use crate::model::digest::Digest;
use crate::model::glob::Glob;
use crate::snapshot::manifest::{Content, Entry, Limits, Name};
use jiff::Timestamp;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// One thing that will be an entry.
pub(super) struct Found<'a> {
    pub(super) metadata: Attributes,
    /// How its content is kept while it is read; otherwise it is read in place.
    pub(super) frozen: Option<Frozen>,
    pub(super) origin: Origin<'a>,
}

/// Where its content is.
pub(super) enum Origin<'a> {
    /// A directory that only leads to a prefix.
    Implied,
    Disk {
        base: &'a Directory,
        relative: PathBuf,
    },
    Bytes {
        bytes: &'a [u8],
    },
}

/// All that there is, and how many entries the patterns left out, not counting what is beneath them.
pub(super) fn walk<'a>(
    sources: &'a [Source<'a>],
    created_at: Timestamp,
    without: &[Glob],
    stop: &AtomicBool,
) -> Result<(BTreeMap<Name, Found<'a>>, u64), CaptureError> {
    let (mut found, excluded) = (BTreeMap::new(), Cell::new(0));
    for source in sources {
        match source {
            Source::Tree { directory, prefix, exclude } => {
                let left_out = |relative: &Path| {
                    let bytes = relative.as_os_str().as_bytes();
                    let matches = without.iter().any(|glob| glob.matches(bytes));
                    excluded.set(excluded.get() + u64::from(matches));
                    matches || exclude.iter().any(|path| path == relative)
                };
                tree(&mut found, directory, prefix, &left_out, stop)?;
            }
            Source::File { directory, relative, path } => {
                let metadata = inspect(directory, relative)?;
                if metadata.kind != Kind::File {
                    return Err(CaptureError::Special { path: directory.path().join(relative) });
                }
                let origin = Origin::Disk { base: directory, relative: relative.clone() };
                add(&mut found, path.clone(), Found::new(metadata, origin))?;
            }
            Source::Bytes { path, bytes, mode } => {
                let metadata = Attributes { size: bytes.len() as u64, ..made(Kind::File, *mode, created_at) };
                add(&mut found, path.clone(), Found::new(metadata, Origin::Bytes { bytes }))?;
            }
        }
    }
    imply_parents(&mut found, created_at);
    Ok((found, excluded.get()))
}

/// What a path below a directory is now; the empty path is the directory itself.
pub(super) fn inspect(base: &Directory, relative: &Path) -> Result<Attributes, CaptureError> {
    if relative.as_os_str().is_empty() {
        return Ok(base.own_metadata()?);
    }
    let (parent, name) = split(relative);
    Ok(base.open_directory(parent)?.metadata(name)?)
}

/// The entry of a directory that is the top of an archive.
pub(super) fn top(directory: &Attributes, extended: BTreeMap<Name, Name>) -> Entry {
    let Attributes { mode, uid, gid, modified, .. } = *directory;
    let (path, content) = (Name::new("."), Content::Directory);
    Entry { path, mode, uid, gid, modified: time(modified), extended, content }
}

fn tree<'a>(
    found: &mut BTreeMap<Name, Found<'a>>,
    base: &'a Directory,
    prefix: &Name,
    left_out: &dyn Fn(&Path) -> bool,
    stop: &AtomicBool,
) -> Result<(), CaptureError> {
    if !prefix.as_bytes().is_empty() {
        let origin = Origin::Disk { base, relative: PathBuf::new() };
        add(found, prefix.clone(), Found::new(base.own_metadata()?, origin))?;
    }
    let mut left = vec![(PathBuf::new(), prefix.clone())];
    while let Some((inside, path)) = left.pop() {
        let directory = base.open_directory(&inside)?;
        for name in directory.list()? {
            let relative = inside.join(&name);
            go_on(stop, || base.path().join(&relative))?;
            if left_out(&relative) {
                continue;
            }
            let path = path.join(name.as_bytes());
            let metadata = match directory.metadata(&name) {
                Err(error) if error.is_missing() => {
                    return Err(CaptureError::Changed { path: base.path().join(relative) });
                }
                metadata => metadata?,
            };
            if metadata.kind == Kind::Special {
                return Err(CaptureError::Special { path: base.path().join(relative) });
            }
            if metadata.kind == Kind::Directory {
                left.push((relative.clone(), path.clone()));
            }
            add(found, path, Found::new(metadata, Origin::Disk { base, relative }))?;
        }
    }
    Ok(())
}

fn add<'a>(found: &mut BTreeMap<Name, Found<'a>>, path: Name, one: Found<'a>) -> Result<(), CaptureError> {
    let limits = Limits::default();
    if let Some(reason) = path.fault(limits.path_bytes, limits.depth) {
        return Err(CaptureError::Path { path, reason });
    }
    match found.insert(path.clone(), one) {
        Some(_) => Err(CaptureError::Path { path, reason: "two sources claim it" }),
        None => Ok(()),
    }
}

fn imply_parents(found: &mut BTreeMap<Name, Found<'_>>, created_at: Timestamp) {
    let paths: Vec<Name> = found.keys().cloned().collect();
    for path in paths {
        let mut parent = path.split().0;
        while !parent.is_empty() {
            let name = Name::new(parent);
            let implied = || Found::new(made(Kind::Directory, 0o755, created_at), Origin::Implied);
            found.entry(name).or_insert_with(implied);
            parent = match parent.iter().rposition(|byte| *byte == b'/') {
                Some(slash) => &parent[..slash],
                None => b"",
            };
        }
    }
}

/// Attributes of what lies nowhere: owned by root, as old as the snapshot.
fn made(kind: Kind, mode: u32, created_at: Timestamp) -> Attributes {
    let modified = Moment { seconds: created_at.as_second(), nanoseconds: 0 };
    Attributes {
        kind,
        mode,
        uid: 0,
        gid: 0,
        size: 0,
        allocated: u64::MAX,
        modified,
        changed: modified,
        device: 0,
        inode: 0,
        links: 1,
    }
}

impl<'a> Found<'a> {
    fn new(metadata: Attributes, origin: Origin<'a>) -> Self {
        Self { metadata, frozen: None, origin }
    }

    /// Where it lies, for messages; nowhere for given bytes.
    pub(super) fn path(&self) -> PathBuf {
        match &self.origin {
            Origin::Disk { base, relative } => base.path().join(relative),
            Origin::Implied | Origin::Bytes { .. } => PathBuf::new(),
        }
    }

    pub(super) fn inode(&self) -> (u64, u64) {
        (self.metadata.device, self.metadata.inode)
    }

    /// Its entry; the digest of a file is filled in once its content has been read. Also says whether it has
    /// attributes that no entry holds.
    pub(super) fn entry(
        &self,
        path: &Name,
        first_names: &HashMap<(u64, u64), Name>,
    ) -> Result<(Entry, bool), CaptureError> {
        let Attributes { kind, mode, uid, gid, size, allocated, modified, links, .. } = self.metadata;
        let first = first_names.get(&self.inode()).filter(|_| kind == Kind::File && links > 1);
        let content = match (kind, first) {
            (Kind::Directory, _) => Content::Directory,
            (Kind::Symlink, _) => Content::Symlink { target: self.link_target()? },
            (_, Some(first)) => Content::Hardlink { target: first.clone() },
            (_, None) => Content::File { size, digest: Digest::of(b""), sparse: allocated < size, at: None },
        };
        // The kernel ignores a link's mode, and file systems differ in what they report.
        let mode = if kind == Kind::Symlink { 0o777 } else { mode };
        let (extended, others) = self.extended(&content)?;
        let path = path.clone();
        Ok((Entry { path, mode, uid, gid, modified: time(modified), extended, content }, others))
    }

    /// Its extended attributes; those of a further name of a file are the file's.
    fn extended(&self, content: &Content) -> Result<(BTreeMap<Name, Name>, bool), CaptureError> {
        let Origin::Disk { base, relative } = &self.origin else { return Ok((BTreeMap::new(), false)) };
        let path = || base.path().join(relative);
        let changed = |error: DirectoryError| match error.is_missing() {
            true => CaptureError::Changed { path: path() },
            false => error.into(),
        };
        let (found, others) = match content {
            Content::Directory => base.open_directory(relative).map_err(changed)?.extended_and_others()?,
            Content::File { .. } => {
                extended_and_others_of_file(&base.open_file(relative).map_err(changed)?, &path())?
            }
            Content::Symlink { .. } | Content::Hardlink { .. } => return Ok((BTreeMap::new(), false)),
        };
        Ok((named(found), others))
    }

    fn link_target(&self) -> Result<Name, CaptureError> {
        let Origin::Disk { base, relative } = &self.origin else {
            unreachable!("only the disk has symbolic links");
        };
        let (parent, name) = split(relative);
        Ok(Name::new(base.open_directory(parent)?.read_link(name)?.as_bytes()))
    }
}

/// Attributes as an entry has them.
pub(super) fn named(found: BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeMap<Name, Name> {
    found.into_iter().map(|(name, value)| (Name::new(name), Name::new(value))).collect()
}
