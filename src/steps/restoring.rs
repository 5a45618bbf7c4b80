//! Builds the tree of a snapshot beside its target and has it put in place.

use crate::host::clock;
use crate::model::ids::SnapshotId;
use crate::model::progress::Sink;
use crate::model::snapshots::SourceConfig;
use crate::snapshot::manifest::{Content, Manifest, Name};
use crate::snapshot::restore::{Activated, Age, Applied, INCOMING, Restore};
use crate::snapshot::store::DiskStore;
use crate::snapshot::unpack::{self, Policy};
use crate::steps::error::StepFailure;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A snapshot that was verified, and where its bytes are.
pub struct Origin<'a> {
    /// Its id.
    pub id: &'a SnapshotId,
    /// What it holds.
    pub manifest: &'a Manifest,
    /// The store of this node that has its parts.
    pub store: &'a DiskStore,
}

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    /// What stands where now.
    pub activated: Activated,
    /// Entries of the snapshot.
    pub entries: usize,
    /// Bytes of content.
    pub restored_bytes: u64,
    /// Bytes that came over the network.
    pub received_bytes: u64,
}

/// Restores the snapshot. `older` allows one that is older than the one restored last; `elsewhere` puts it
/// with all its entries at another place than the source's.
///
/// # Errors
/// When it is refused, cannot be built, or does not stay; what was there is then there again.
pub fn restore(
    restore: Restore<'_>,
    source: &SourceConfig,
    origin: &Origin<'_>,
    (older, elsewhere): (bool, bool),
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Restored, StepFailure> {
    let metadata = &origin.manifest.metadata;
    let (created_at, generation) = (metadata.created_at, metadata.generation);
    if !older {
        restore.refuse_older(Age { id: origin.id.as_str(), created_at, generation })?;
    }
    let top = top(origin.manifest, source, elsewhere);
    let policy = Policy {
        outside_links: source.outside_links,
        setuid: source.setuid,
        trees: top.iter().map(|top| Name::new(top.as_bytes())).collect(),
        // Under another user than root, owners cannot be given away; modes and contents hold all the same.
        owners: rustix::process::geteuid().is_root(),
        ..Policy::default()
    };
    let area = restore.area()?;
    area.remove_tree(OsStr::new(INCOMING))?;
    unpack::unpack(origin.manifest, origin.store, &area, OsStr::new(INCOMING), &policy, sink)?;
    let restored_bytes = origin.manifest.restore_size();
    let applied = Applied {
        id: origin.id.clone(),
        created_at,
        generation,
        restored_at: clock::timestamp(),
        from: vec![origin.store.path().display().to_string()],
        received_bytes: 0,
        restored_bytes,
    };
    let staged = top.map_or_else(|| PathBuf::from(INCOMING), |top| Path::new(INCOMING).join(top));
    let activated = restore.activate(&staged, applied, stop, sink)?;
    Ok(Restored { activated, entries: origin.manifest.entries.len(), restored_bytes, received_bytes: 0 })
}

/// The one entry that is exchanged: the snapshot of a source has all under the last name of the source's path.
/// At another place, that is a directory with all beneath it, or the whole snapshot.
fn top<'a>(manifest: &'a Manifest, source: &'a SourceConfig, elsewhere: bool) -> Option<&'a OsStr> {
    if !elsewhere {
        return Path::new(&source.path).file_name();
    }
    let mut tops = manifest.entries.iter().filter(|entry| !entry.path.as_bytes().contains(&b'/'));
    match (tops.next(), tops.next()) {
        (Some(only), None) if only.content == Content::Directory => {
            Some(OsStr::from_bytes(only.path.as_bytes()))
        }
        _ => None,
    }
}
