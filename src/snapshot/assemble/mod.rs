//! Assembles the tree of a snapshot in a work area, from what is here and what sources send.
//!
//! Files come from trees that are here already, frames from parts that are here or over the network, each
//! straight into its place: there is no archive in between, and no order. A kill costs less than the frame
//! that was under way on each connection; what is in the work area is looked at, not believed. What the
//! snapshot itself is refused for removes the work area's content.

mod error;
mod frames;
mod record;
mod renamed;
mod resume;
mod seeds;
#[cfg(test)]
mod tests;
mod verified;

pub use error::AssembleError;
#[cfg(test)]
pub(crate) use error::samples;
pub use seeds::Seed;
pub use verified::Verified;

use super::fetch::{Held, Terms};
use super::manifest::Manifest;
use super::store::Parts;
use super::unpack::{self, Count, Policy, Tree};
use crate::host::directory::Directory;
use crate::host::facts;
use crate::model::ids::SnapshotId;
use crate::model::progress::Sink;
use frames::Landscape;
use record::{Claims, Record};
use std::ffi::OsStr;

/// The directory in the work area in which the tree grows.
pub const STAGING: &str = "incoming";

/// What to assemble, and from what.
pub struct Order<'a> {
    /// The snapshot.
    pub id: &'a SnapshotId,
    /// What it says; verified already.
    pub manifest: &'a Manifest,
    /// From where frames come that are not here, and on what terms; there may be none.
    pub terms: Terms<'a>,
    /// A reply that has all parts, asked before the sources.
    pub held: Option<&'a Held>,
    /// Parts that are on this machine, all of them or some.
    pub local: Option<&'a dyn Parts>,
    /// Trees that may have the same files.
    pub seeds: &'a [Seed<'a>],
    /// What it may contain.
    pub policy: &'a Policy,
}

/// A directory of this module's own, on the file system of the target; its holder has locked it.
pub struct WorkArea<'a>(pub &'a Directory);

/// A whole tree.
#[derive(Debug)]
pub struct Assembled {
    /// The tree, durable; the entries lie below it by their paths. Its own mode is 0700.
    pub staging: Directory,
    /// Bytes that came over the network for it in this call, discarded ones included.
    pub received_bytes: u64,
    /// What was there from an earlier call.
    pub resumed: Count,
    /// What came from trees that were here.
    pub seeded: Count,
    /// Bytes of content that came from parts that were here.
    pub local_bytes: u64,
}

impl Assembled {
    /// What the next restore of the tree may rely on, of the files that nobody writes to, as a seed says of which.
    pub fn verified(&self, order: &Order<'_>, like: &Seed<'_>) -> Verified {
        Verified::of(&self.staging, order.manifest, like)
    }
}

impl WorkArea<'_> {
    /// Removes everything that an assembly left there.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn clear(&self) -> Result<(), AssembleError> {
        record::remove(self.0)?;
        Ok(self.0.remove_tree(OsStr::new(STAGING))?)
    }
}

/// Assembles the tree, or goes on where an earlier call ended. `stop` says whether the caller has given up.
///
/// # Errors
/// When anything of the snapshot is refused, no source delivers what is missing, `stop` ends it, or the disk
/// refuses. But for a refusal of the snapshot, what was verified stays for the next call.
pub fn assemble(
    order: &Order<'_>,
    into: &WorkArea<'_>,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Assembled, AssembleError> {
    unpack::check_policy(order.manifest, order.policy)?;
    let assembled = go_on(order, into, stop, sink);
    if assembled.as_ref().is_err_and(AssembleError::is_refusal) {
        into.clear()?;
    }
    assembled
}

fn go_on(
    order: &Order<'_>,
    into: &WorkArea<'_>,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Assembled, AssembleError> {
    let (boot, frames) = (facts::boot_id(), order.manifest.frames.len());
    let key = (order.id, boot.as_deref());
    let claims = record::read(into.0, key, frames)?;
    if claims.is_none() {
        into.clear()?;
    }
    let staging = into.0.ensure_directory(OsStr::new(STAGING), 0o700)?;
    let tree = match claims {
        None => Tree::new(order.manifest, &staging, order.policy.owners),
        Some(claims) => {
            let kept = resume::look(order, &staging, claims, stop, sink)?;
            Tree::resumed(order.manifest, &staging, order.policy.owners, kept)
        }
    };
    tree.make_directories()?;
    let resumed = tree.there();
    let claims = Claims { frames: tree.before(), files: tree.whole_files() };
    if resumed != Count::default() {
        staging.sync_filesystem()?;
    }
    unpack::check_space(order.manifest, into.0, seeds::at_least(order, &tree, into.0)?)?;
    let record = Record::begin(into.0, key, &claims)?;
    let landscape = Landscape { tree: &tree, record: &record };
    let filled = std::thread::scope(|scope| {
        let keeper = scope.spawn(|| record.keep(&staging));
        let filled = fill(order, &landscape, &staging, stop, sink);
        record.end();
        let kept = keeper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        filled.and_then(|filled| kept.map(|()| filled))
    })?;
    tree.finish()?;
    unpack::make_durable(&staging, into.0, &order.manifest.entries)?;
    drop(tree);
    let (seeded, local_bytes, received_bytes) = filled;
    // Whoever puts it in place does so by its name.
    let (own, named) = (staging.own_metadata()?, into.0.metadata_optional(OsStr::new(STAGING))?);
    if named.is_none_or(|named| (named.device, named.inode) != (own.device, own.inode)) {
        return Err(AssembleError::Exchanged { path: into.0.path().join(STAGING) });
    }
    Ok(Assembled { staging, received_bytes, resumed, seeded, local_bytes })
}

/// Makes every file whole; returns what came from trees, from parts that are here, and from sources.
fn fill(
    order: &Order<'_>,
    landscape: &Landscape<'_>,
    staging: &Directory,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<(Count, u64, u64), AssembleError> {
    let (tree, record) = (landscape.tree, landscape.record);
    let seeded = seeds::take(order, tree, record, staging, stop, sink)?;
    let missing = order.manifest.restore_size().saturating_sub(tree.there().bytes);
    unpack::check_space(order.manifest, staging, missing)?;
    let mut have = tree.have();
    let local = frames::from_here(order, landscape, &mut have, stop, sink)?;
    let received = frames::from_sources(order, landscape, have, stop, sink)?;
    Ok((seeded, local, received))
}
