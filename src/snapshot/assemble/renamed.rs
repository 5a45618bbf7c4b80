//! Files of an old tree that have another name in the snapshot: found by their size, then by their content.
//!
//! The old tree is walked only when the snapshot has a file under a name that had none of its size, and of its files
//! those alone are read that have the size of such a one and are not under a name of their own there.

use super::resume::digest_of;
use super::seeds::{Near, Seed};
use super::{AssembleError, Order};
use crate::host::directory::{Directory, Kind, Metadata};
use crate::model::digest::Digest;
use crate::model::progress::Sink;
use crate::snapshot::crew::side_by_side;
use crate::snapshot::manifest::Content;
use crate::snapshot::meter::Meter;
use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// A file of one of the seeds, by the seed's number and its path there.
pub(super) type Place = (usize, Vec<u8>);

/// Where the content of these entries lies under another name, for those of which that was found.
///
/// # Errors
/// When `stop` ends it.
pub(super) fn find(
    order: &Order<'_>,
    left: &[usize],
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Option<HashMap<usize, Place>>, AssembleError> {
    let entries = &order.manifest.entries;
    let sizes: HashSet<u64> = left.iter().map(|index| entries[*index].size()).collect();
    let mut candidates = Vec::new();
    for (number, seed) in order.seeds.iter().enumerate() {
        let own = own(order, seed);
        walk(seed.tree, stop, &mut |path, there| {
            if sizes.contains(&there.size) && own.get(path) != Some(&there.size) {
                candidates.push(((number, path.to_owned()), *there));
            }
        });
    }
    let mut known: HashMap<Digest, Place> = HashMap::new();
    let total = candidates.iter().map(|(_, there)| there.size).sum();
    let what = format!("compare {} with what is here under other names", order.manifest.metadata.source);
    let mut meter = (total > 0).then(|| Meter::start(sink, what, 0, total));
    let done = side_by_side(
        candidates.len(),
        || (Near::default(), vec![0; CHUNK]),
        |(near, buffer), job| {
            let (place, there) = &candidates[job];
            Ok::<_, AssembleError>((job, content(order, near, buffer, (place, there))))
        },
        stop,
        &mut |(job, digest): (usize, Option<Digest>)| {
            let (place, there) = &candidates[job];
            meter.iter_mut().for_each(|meter| meter.add(there.size));
            if let Some(digest) = digest {
                known.entry(digest).or_insert_with(|| place.clone());
            }
        },
    )?;
    let found = left.iter().filter_map(|index| match entries[*index].content {
        Content::File { digest, .. } => Some((*index, known.get(&digest)?.clone())),
        _ => None,
    });
    Ok(done.then(|| found.collect()))
}

/// The sizes of the files that the snapshot has, by where they would lie in this tree.
fn own<'m>(order: &Order<'m>, seed: &Seed<'_>) -> HashMap<&'m [u8], u64> {
    let files = order.manifest.entries.iter().filter(|entry| matches!(entry.content, Content::File { .. }));
    files.filter_map(|entry| Some((seed.path_of(&entry.path)?, entry.size()))).collect()
}

/// What a file holds: as it is known of an earlier restore, or as it is read. What cannot be read is no seed.
fn content(
    order: &Order<'_>,
    near: &mut Near,
    buffer: &mut [u8],
    ((number, path), there): (&Place, &Metadata),
) -> Option<Digest> {
    let seed = &order.seeds[*number];
    if let Some(known) = seed.verified.and_then(|verified| verified.known(path, there)) {
        return Some(known);
    }
    let (directory, name) = near.parent((*number, seed.tree), path)?;
    digest_of(&directory.open_file(Path::new(name)).ok()?, buffer).ok()
}

/// Every file of a tree; what cannot be looked at is left out, and nothing is followed.
fn walk(tree: &Directory, stop: &dyn Fn() -> bool, each: &mut dyn FnMut(&[u8], &Metadata)) {
    let mut left = vec![Vec::new()];
    while let Some(inside) = left.pop()
        && !stop()
    {
        let path = Path::new(std::ffi::OsStr::from_bytes(&inside));
        let Ok(directory) = tree.open_directory(path) else { continue };
        for name in directory.list().unwrap_or_default() {
            let Ok(Some(there)) = directory.metadata_optional(&name) else { continue };
            let path = match inside.is_empty() {
                true => name.as_bytes().to_vec(),
                false => [&inside, &b"/"[..], name.as_bytes()].concat(),
            };
            match there.kind {
                Kind::Directory => left.push(path),
                Kind::File => each(&path, &there),
                Kind::Symlink | Kind::Special => {}
            }
        }
    }
}
