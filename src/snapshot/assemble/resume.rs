//! Looks at what an earlier process left in the staging directory, and keeps what is right.
//!
//! The record says what should be there. Whole files are read and verified, what is not listed is removed,
//! and what is missing, altered or linked from elsewhere is made once more.

use super::record::Claims;
use super::{AssembleError, Order};
use crate::host::directory::{Directory, DirectoryError, Kind, Metadata};
use crate::model::digest::Digest;
use crate::model::progress::Sink;
use crate::snapshot::crew::side_by_side;
use crate::snapshot::manifest::{Content, Entry, Manifest, Name};
use crate::snapshot::meter::Meter;
use crate::snapshot::unpack::{Kept, Place, Plan, attributes};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const CHUNK: usize = 256 << 10;

/// What the record says of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    None,
    Partial,
    Whole,
}

/// What is right of what is there; everything else is gone from the directory afterwards.
///
/// # Errors
/// When the disk refuses, or `stop` ends it.
pub(super) fn look(
    order: &Order<'_>,
    staging: &Directory,
    mut claims: Claims,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Kept, AssembleError> {
    let plan = Plan::new(order.manifest);
    let files: HashSet<usize> = claims.files.iter().copied().collect();
    let claim = |index: usize| {
        let frames = plan.frames_of(index);
        let written = frames.clone().filter(|frame| claims.frames[*frame]).count();
        match written {
            _ if files.contains(&index) => Claim::Whole,
            0 => Claim::None,
            all if all == frames.len() => Claim::Whole,
            _ => Claim::Partial,
        }
    };
    let stated: Vec<Claim> = (0..order.manifest.entries.len()).map(claim).collect();
    let (found, directories) = sweep(order.manifest, staging, &stated)?;
    let whole: Vec<usize> = found.iter().copied().filter(|index| stated[*index] == Claim::Whole).collect();
    let right = verify(order, staging, &whole, stop, sink)?;
    let mut kept = Kept { whole: directories, ..Kept::default() };
    let found: HashSet<usize> = found.into_iter().collect();
    for (index, stated) in stated.into_iter().enumerate() {
        match stated {
            Claim::None => {}
            Claim::Whole if right.contains(&index) => kept.whole.push(index),
            Claim::Partial if found.contains(&index) => drop(kept.partial.insert(index)),
            Claim::Partial | Claim::Whole => {
                plan.frames_of(index).for_each(|frame| claims.frames[frame] = false);
            }
        }
    }
    kept.before = claims.frames;
    Ok(kept)
}

/// Removes what is not to be there; returns the files and the directories that are, by their entries.
fn sweep(
    manifest: &Manifest,
    staging: &Directory,
    stated: &[Claim],
) -> Result<(Vec<usize>, Vec<usize>), AssembleError> {
    let (mut found, mut directories) = (Vec::new(), Vec::new());
    sweep_directory(manifest, staging, &Name::new(""), stated, &mut found)?;
    let entries = manifest.entries.iter().enumerate();
    for (index, entry) in entries.filter(|(_, entry)| entry.content == Content::Directory) {
        let opened = match staging.open_directory(entry.path.as_path()) {
            Err(error) if error.is_missing() => continue,
            opened => opened?,
        };
        directories.push(index);
        sweep_directory(manifest, &opened, &entry.path, stated, &mut found)?;
    }
    // Further names that the snapshot lists are gone by now; another one is somebody else's, who would
    // see what is written, or write.
    let mut place = Place::new(staging, false);
    let mut alone = Vec::with_capacity(found.len());
    for (index, links) in found {
        let (parent, name) = place.parent(&manifest.entries[index].path)?;
        if links > 1 && parent.metadata(name)?.links > 1 {
            parent.remove_file(name)?;
        } else {
            alone.push(index);
        }
    }
    Ok((alone, directories))
}

fn sweep_directory(
    manifest: &Manifest,
    directory: &Directory,
    path: &Name,
    stated: &[Claim],
    found: &mut Vec<(usize, u64)>,
) -> Result<(), AssembleError> {
    directory.set_own_mode(0o700)?;
    for name in directory.list()? {
        let inner = path.join(name.as_bytes());
        let listed = manifest.entries.binary_search_by(|entry| entry.path.cmp(&inner)).ok();
        let there = directory.metadata(&name)?;
        match listed.map(|index| (index, &manifest.entries[index].content)) {
            Some((_, Content::Directory)) if there.kind == Kind::Directory => {}
            Some((index, Content::File { size, .. })) if is_ours(&there, *size, stated[index]) => {
                found.push((index, there.links));
            }
            _ => directory.remove_tree(&name)?,
        }
    }
    Ok(())
}

fn is_ours(there: &Metadata, size: u64, stated: Claim) -> bool {
    let fits = if stated == Claim::Whole { there.size == size } else { there.size <= size };
    there.kind == Kind::File && fits && stated != Claim::None
}

/// Reads whole files on all cores; those that are not right are removed. Returns the right ones.
fn verify(
    order: &Order<'_>,
    staging: &Directory,
    whole: &[usize],
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<HashSet<usize>, AssembleError> {
    let entries = &order.manifest.entries;
    let total = whole.iter().map(|index| entries[*index].size()).sum();
    let what = format!("verify what is there of {}", order.manifest.metadata.source);
    let mut meter = (!whole.is_empty()).then(|| Meter::start(sink, what, 0, total));
    let mut right = HashSet::new();
    let done = side_by_side(
        whole.len(),
        || (Place::new(staging, order.policy.owners), vec![0; CHUNK]),
        |(place, buffer), job| {
            let index = whole[job];
            Ok::<_, AssembleError>((index, is_right(order, place, &entries[index], buffer)?))
        },
        stop,
        &mut |(index, is_right): (usize, bool)| {
            if is_right {
                right.insert(index);
            }
            meter.iter_mut().for_each(|meter| meter.add(entries[index].size()));
        },
    )?;
    if done { Ok(right) } else { Err(AssembleError::Interrupted { path: staging.path().to_owned() }) }
}

fn is_right(
    order: &Order<'_>,
    place: &mut Place<'_>,
    entry: &Entry,
    buffer: &mut [u8],
) -> Result<bool, AssembleError> {
    let Content::File { digest, .. } = entry.content else { return Ok(false) };
    let (parent, name) = place.parent(&entry.path)?;
    let (file, path) = (parent.open_file(Path::new(name))?, parent.path().join(name));
    let found = digest_of(&file, buffer).map_err(|source| DirectoryError::Io {
        action: "read",
        path: path.clone(),
        source,
    })?;
    if found != digest {
        parent.remove_file(name)?;
        return Ok(false);
    }
    // Killed before the attributes were set, or altered since; what it has besides is nobody's.
    if crate::host::directory::extended_of_file(&file, &path)? != extended(entry) {
        parent.remove_file(name)?;
        return Ok(false);
    }
    let owner = order.policy.owners.then_some((entry.uid, entry.gid));
    attributes(&file, &path, &Entry { extended: Default::default(), ..entry.clone() }, owner)?;
    Ok(true)
}

fn extended(entry: &Entry) -> std::collections::BTreeMap<Vec<u8>, Vec<u8>> {
    let owned = |name: &Name| name.as_bytes().to_vec();
    entry.extended.iter().map(|(name, value)| (owned(name), owned(value))).collect()
}

/// The digest of a file from where it stands to its end.
pub(super) fn digest_of(mut file: &File, buffer: &mut [u8]) -> std::io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(Digest::from_bytes(*hasher.finalize().as_bytes())),
            Ok(length) => drop(hasher.update(&buffer[..length])),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Where a name lies below a directory: its own directory, and its last component.
pub(super) fn below<'n>(tree: &Directory, path: &'n [u8]) -> Result<(Directory, &'n OsStr), DirectoryError> {
    let split = path.iter().rposition(|byte| *byte == b'/');
    let (parent, name) = split.map_or((&b""[..], path), |slash| (&path[..slash], &path[slash + 1..]));
    Ok((tree.open_directory(Path::new(OsStr::from_bytes(parent)))?, OsStr::from_bytes(name)))
}
