//! Unpacks a snapshot into a staging directory: what its manifest lists, byte for byte, or nothing.
//!
//! Each frame is verified before it is decompressed. The tar stream is not parsed: it is compared with
//! the one that the manifest implies, so an archive cannot say anything that the manifest does not. What is
//! borrowed comes first, in the order of its positions, so that each frame is read and decompressed once.
//! A failure removes the staging directory; a crash leaves it for the caller to remove by its name.

mod durable;
mod error;
mod growing;
mod parts;
mod place;
mod plan;
mod subtrees;
#[cfg(test)]
mod tests;
mod tree;

pub use error::UnpackError;
#[cfg(test)]
pub(crate) use error::samples;

use super::crew::side_by_side;
use super::manifest::{Content, Entry, Manifest, Name};
use super::meter::Meter;
use super::store::Parts;
use crate::host::directory::Directory;
use crate::model::progress::Sink;
pub(in crate::snapshot) use durable::make_durable;
pub(in crate::snapshot) use parts::PartFiles;
pub(in crate::snapshot) use place::{Place, attributes, moment};
pub(in crate::snapshot) use plan::Plan;
use std::ffi::OsStr;
use std::path::Path;
pub use tree::Count;
pub(in crate::snapshot) use tree::{Kept, Tree, Worker};

/// What the class of a snapshot allows beyond plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Symbolic links that are absolute or lead out of the snapshot, or of their tree in `trees`.
    pub outside_links: bool,
    /// Paths that will be put in place each by itself; a link in one must not lead into another.
    pub trees: Vec<Name>,
    /// Files with setuid or setgid, directories with setuid.
    pub setuid: bool,
    /// Whether owners are restored; only root can.
    pub owners: bool,
    /// The most bytes of file content.
    pub max_bytes: u64,
    /// The most entries.
    pub max_entries: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            outside_links: false,
            trees: Vec::new(),
            setuid: false,
            owners: true,
            max_bytes: u64::MAX,
            max_entries: usize::MAX,
        }
    }
}

/// Unpacks into the new directory `name` below `parent`, and makes it durable.
///
/// The directory has mode 0700 and belongs to this process; the entries lie below it by their paths.
pub fn unpack(
    manifest: &Manifest,
    parts: &dyn Parts,
    parent: &Directory,
    name: &OsStr,
    policy: &Policy,
    sink: &dyn Sink,
) -> Result<Directory, UnpackError> {
    check_policy(manifest, policy)?;
    check_space(manifest, parent, manifest.restore_size())?;
    match parent.make_directory(name, 0o700) {
        Err(error) if error.is_present() => {
            return Err(UnpackError::Present { path: parent.path().join(name) });
        }
        made => made?,
    }
    match unpack_into(manifest, parts, parent, name, policy, sink) {
        Ok(staging) => Ok(staging),
        Err(error) => match parent.remove_tree(name) {
            Ok(()) => Err(error),
            Err(source) => Err(UnpackError::NotRemoved {
                path: parent.path().join(name),
                cause: error.to_string(),
                source,
            }),
        },
    }
}

fn unpack_into(
    manifest: &Manifest,
    parts: &dyn Parts,
    parent: &Directory,
    name: &OsStr,
    policy: &Policy,
    sink: &dyn Sink,
) -> Result<Directory, UnpackError> {
    let staging = parent.open_directory(Path::new(name))?;
    let what = format!("unpack {}", manifest.metadata.source);
    let whole = manifest.entries.iter().filter(|entry| entry.size() > 0).count() as u64;
    let mut meter = Meter::of_files(sink, what, manifest.restore_size(), (0, whole));
    let tree = Tree::new(manifest, &staging, policy.owners);
    tree.make_directories()?;
    let (files, needed) = (PartFiles::new(manifest, parts), tree.plan().needed());
    side_by_side(
        needed.len(),
        || (tree.worker(), Vec::new()),
        |(worker, bytes), job| {
            let frame = needed[job];
            files.read(frame, bytes)?;
            let before = worker.placed;
            tree.place(worker, frame, bytes)?;
            Ok::<_, UnpackError>((worker.placed.bytes - before.bytes, worker.placed.files - before.files))
        },
        &|| false,
        &mut |(bytes, files): (u64, u64)| {
            meter.add_files(files);
            meter.add(bytes);
        },
    )?;
    tree.finish()?;
    make_durable(&staging, parent, &manifest.entries)?;
    drop(tree);
    Ok(staging)
}

pub(in crate::snapshot) fn check_policy(manifest: &Manifest, policy: &Policy) -> Result<(), UnpackError> {
    let (bytes, entries) = (manifest.restore_size(), manifest.entries.len());
    if bytes > policy.max_bytes || entries > policy.max_entries {
        let (max_bytes, max_entries) = (policy.max_bytes, policy.max_entries);
        return Err(UnpackError::Limit { bytes, entries, max_bytes, max_entries });
    }
    for entry in &manifest.entries {
        let refuse = |reason| UnpackError::Forbidden { path: entry.path.clone(), reason };
        if !policy.setuid && is_privileged(entry) {
            return Err(refuse("it is setuid or setgid"));
        }
        if let Content::Symlink { target } = &entry.content
            && !policy.outside_links
            && leads_out(&entry.path, target, &policy.trees)
        {
            return Err(refuse("it links out of the snapshot"));
        }
    }
    Ok(())
}

/// Whether there is room for so many bytes of the snapshot. Holes need none, and how much of a sparse file is holes
/// nobody knows before: so its bytes do not count.
pub(in crate::snapshot) fn check_space(
    manifest: &Manifest,
    parent: &Directory,
    needed: u64,
) -> Result<(), UnpackError> {
    let free = parent.free_bytes()?;
    let sparse = manifest.entries.iter().filter(|entry| is_sparse(entry)).map(Entry::size).sum();
    let needed = needed.saturating_sub(sparse);
    if needed > free {
        return Err(UnpackError::Space { path: parent.path().to_owned(), needed, free });
    }
    Ok(())
}

/// Setgid on a directory only passes its group on.
fn is_privileged(entry: &Entry) -> bool {
    let bits = if entry.content == Content::Directory { 0o4000 } else { 0o6000 };
    entry.mode & bits != 0
}

/// Whether following the link could leave its tree.
///
/// Only leading `..` are counted; one after a name is refused, since that name may be a link itself.
pub(in crate::snapshot) fn leads_out(path: &Name, target: &Name, trees: &[Name]) -> bool {
    let top = trees
        .iter()
        .filter_map(|tree| below(path, tree))
        .min_by_key(|rest| rest.len())
        .unwrap_or(path.as_bytes());
    let depth = top.iter().filter(|byte| **byte == b'/').count();
    let components: Vec<&[u8]> =
        target.as_bytes().split(|byte| *byte == b'/').filter(|name| *name != b".").collect();
    let climbs = components.iter().take_while(|name| **name == b"..").count();
    target.as_bytes().starts_with(b"/") || climbs > depth || components[climbs..].contains(&&b".."[..])
}

/// What is left of the path below the tree, empty for the tree itself.
fn below<'a>(path: &'a Name, tree: &Name) -> Option<&'a [u8]> {
    match path.as_bytes().strip_prefix(tree.as_bytes())? {
        b"" => Some(b""),
        rest => rest.strip_prefix(b"/"),
    }
}

fn is_sparse(entry: &Entry) -> bool {
    matches!(entry.content, Content::File { sparse: true, .. })
}
