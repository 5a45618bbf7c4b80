//! Takes files over from trees that are on this machine already.
//!
//! A file of the same path and size is cloned where the file system can, linked if nobody writes to such
//! files, else copied. Its content is read and verified, and one that differs is left alone; only a file that gets a
//! second name, and that an earlier restore verified and nobody wrote to since, is not read again.

use super::record::Record;
use super::renamed;
use super::resume::{below, digest_of};
use super::verified::Verified;
use super::{AssembleError, Order};
use crate::host::directory::{self, Directory, DirectoryError, Kind, Metadata, write_behind};
use crate::model::digest::Digest;
use crate::model::glob::Glob;
use crate::model::progress::Sink;
use crate::snapshot::crew::side_by_side;
use crate::snapshot::manifest::{Content, Entry, Name};
use crate::snapshot::meter::Meter;
use crate::snapshot::unpack::{Count, Tree, Worker, attributes, moment};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(test)]
use super::tests::seeding as tests;

const CHUNK: usize = 1 << 20;

/// So many files are written down together.
const TOGETHER: usize = 64;

/// A tree that may have the same files under the same paths.
pub struct Seed<'a> {
    /// The tree.
    pub tree: &'a Directory,
    /// Its path in the snapshot; empty when it is all of it.
    pub prefix: Name,
    /// Which of its files nobody ever writes to: they become further names of the same file.
    pub write_once: &'a [Glob],
    /// What an earlier restore verified of these.
    pub verified: Option<&'a Verified>,
}

struct Seeding<'a> {
    order: &'a Order<'a>,
    tree: &'a Tree<'a>,
    /// Cleared once the file system said that it cannot.
    clones: AtomicBool,
}

struct Hand<'a> {
    worker: Worker<'a>,
    buffer: Vec<u8>,
    near: Near,
}

/// The directory of the file before, of one of several trees.
#[derive(Default)]
pub(super) struct Near(Option<(usize, Vec<u8>, Directory)>);

impl Near {
    /// The directory in which the path lies below a tree, and the name there; none when it cannot be opened.
    pub(super) fn parent<'p>(
        &mut self,
        (number, tree): (usize, &Directory),
        path: &'p [u8],
    ) -> Option<(&Directory, &'p OsStr)> {
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let (parent, name) = slash.map_or((&b""[..], path), |slash| (&path[..slash], &path[slash + 1..]));
        if self.0.as_ref().is_none_or(|(of, near, _)| *of != number || near != parent) {
            let (opened, _) = below(tree, path).ok()?;
            self.0 = Some((number, parent.to_vec(), opened));
        }
        let (_, _, directory) = self.0.as_ref()?;
        Some((directory, OsStr::from_bytes(name)))
    }
}

/// Bytes that surely need room: all that are missing, but for files of which a seed could give a second name, or a
/// clone where the file system makes such.
///
/// # Errors
/// When the disk refuses.
pub(super) fn at_least(order: &Order<'_>, tree: &Tree<'_>, area: &Directory) -> Result<u64, AssembleError> {
    if !order.seeds.is_empty() && clones(area)? {
        return Ok(0);
    }
    let linked = |entry: &Entry| {
        order
            .seeds
            .iter()
            .any(|seed| seed.path_of(&entry.path).is_some_and(|path| seed.is_written_once(path)))
    };
    let spared = order.manifest.entries.iter().enumerate();
    let spared = spared.filter(|(index, entry)| {
        let counted = matches!(entry.content, Content::File { sparse: false, .. });
        counted && !tree.is_whole(*index) && linked(entry)
    });
    let missing = order.manifest.restore_size().saturating_sub(tree.there().bytes);
    Ok(missing.saturating_sub(spared.map(|(_, entry)| entry.size()).sum()))
}

/// Whether the file system clones, tried where nothing of the snapshot lies.
fn clones(area: &Directory) -> Result<bool, AssembleError> {
    let [first, second] = ["clone-0", "clone-1"].map(OsStr::new);
    let remove = || area.remove_tree(first).and_then(|()| area.remove_tree(second));
    remove()?;
    drop(area.create_file(first, 0o600)?);
    let cloned = area.clone_file(first, area, second);
    remove()?;
    Ok(cloned?)
}

/// Takes over what there is; returns how much.
///
/// # Errors
/// When the disk refuses, or `stop` ends it.
pub(super) fn take(
    order: &Order<'_>,
    tree: &Tree<'_>,
    record: &Record<'_>,
    staging: &Directory,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Count, AssembleError> {
    let entries = &order.manifest.entries;
    let missing =
        |index: &usize| entries[*index].size() > 0 && !tree.is_whole(*index) && !tree.is_partial(*index);
    let wanted: Vec<usize> =
        if order.seeds.is_empty() { Vec::new() } else { (0..entries.len()).filter(missing).collect() };
    if wanted.is_empty() {
        return Ok(Count::default());
    }
    let total = wanted.iter().map(|index| entries[*index].size()).sum();
    let what = format!("compare {} with what is here", order.manifest.metadata.source);
    let mut meter = Meter::start(sink, what, 0, total);
    let seeding = Seeding { order, tree, clones: AtomicBool::new(true) };
    let (mut told, mut absent) = (Told::new(entries, record), Vec::new());
    let hand = || Hand { worker: tree.worker(), buffer: vec![0; CHUNK], near: Near::default() };
    let done = side_by_side(
        wanted.len(),
        hand,
        |hand, job| Ok::<_, AssembleError>((wanted[job], seeding.one(hand, wanted[job])?)),
        stop,
        &mut |(index, own): (usize, Own)| {
            meter.add(entries[index].size());
            match own {
                Own::Taken => told.taken(index),
                Own::Absent => absent.push(index),
                Own::Differs => {}
            }
        },
    )?;
    let done = match done && !absent.is_empty() {
        true => seeding.renamed(hand, &absent, &mut told, stop, sink)?,
        false => done,
    };
    let taken = told.end()?;
    if done { Ok(taken) } else { Err(AssembleError::Interrupted { path: staging.path().to_owned() }) }
}

/// What came of an entry under its own name.
#[derive(Clone, Copy)]
enum Own {
    Taken,
    Differs,
    /// There is no file of its size.
    Absent,
}

/// What was taken over, and is written down some at a time.
struct Told<'a> {
    entries: &'a [Entry],
    record: &'a Record<'a>,
    taken: Count,
    told: Vec<usize>,
    failed: Option<AssembleError>,
}

impl<'a> Told<'a> {
    fn new(entries: &'a [Entry], record: &'a Record<'a>) -> Self {
        Self { entries, record, taken: Count::default(), told: Vec::new(), failed: None }
    }

    fn taken(&mut self, index: usize) {
        self.taken.files += 1;
        self.taken.bytes += self.entries[index].size();
        self.told.push(index);
        if self.told.len() >= TOGETHER {
            let bytes = self.told.iter().map(|index| self.entries[*index].size()).sum();
            let written = self.record.whole(std::mem::take(&mut self.told), bytes);
            self.failed = self.failed.take().or(written.err());
        }
    }

    fn end(self) -> Result<Count, AssembleError> {
        self.failed.map_or(Ok(()), Err)?;
        if !self.told.is_empty() {
            self.record.whole(self.told, 0)?;
        }
        Ok(self.taken)
    }
}

impl<'a> Seeding<'a> {
    /// Takes one file over from the first seed that has it under its own name.
    fn one(&self, hand: &mut Hand<'a>, index: usize) -> Result<Own, AssembleError> {
        let entry = &self.order.manifest.entries[index];
        let mut own = Own::Absent;
        for (number, seed) in self.order.seeds.iter().enumerate() {
            let Some(path) = seed.path_of(&entry.path) else { continue };
            match self.named(hand, index, (number, path))? {
                Own::Absent => {}
                Own::Differs => own = Own::Differs,
                Own::Taken => return Ok(Own::Taken),
            }
        }
        Ok(own)
    }

    /// Takes over what other names have; says whether it came to its end.
    fn renamed(
        &self,
        hand: impl Fn() -> Hand<'a> + Sync,
        absent: &[usize],
        told: &mut Told<'_>,
        stop: &dyn Fn() -> bool,
        sink: &dyn Sink,
    ) -> Result<bool, AssembleError> {
        let Some(found) = renamed::find(self.order, absent, stop, sink)? else { return Ok(false) };
        let found: Vec<(usize, renamed::Place)> = found.into_iter().collect();
        side_by_side(
            found.len(),
            hand,
            |hand, job| {
                let (index, (number, path)) = &found[job];
                Ok::<_, AssembleError>((*index, self.named(hand, *index, (*number, path))?))
            },
            stop,
            &mut |(index, own): (usize, Own)| {
                if matches!(own, Own::Taken) {
                    told.taken(index);
                }
            },
        )
    }

    /// Takes one file over from this path of a seed.
    fn named(
        &self,
        hand: &mut Hand<'a>,
        index: usize,
        (number, path): (usize, &[u8]),
    ) -> Result<Own, AssembleError> {
        let (entry, seed) = (&self.order.manifest.entries[index], &self.order.seeds[number]);
        let Some((file, there)) = hand.open((number, seed), path, entry.size())? else {
            return Ok(Own::Absent);
        };
        if !self.from(hand, entry, (seed, path), (&file, there))? {
            return Ok(Own::Differs);
        }
        self.tree.set_whole(index);
        Ok(Own::Taken)
    }

    fn from(
        &self,
        hand: &mut Hand<'a>,
        entry: &Entry,
        (seed, path): (&Seed<'_>, &[u8]),
        (file, there): (&File, Metadata),
    ) -> Result<bool, AssembleError> {
        let Content::File { digest, .. } = entry.content else { return Ok(false) };
        let known = seed.verified.and_then(|verified| verified.known(path, &there));
        if known.is_some_and(|known| known != digest) {
            return Ok(false);
        }
        // Under neither of its names.
        let new = seed.path_of(&entry.path);
        let once = seed.is_written_once(path) && new.is_some_and(|new| seed.is_written_once(new));
        if once && self.is_alike(entry, file, &there)? {
            return self.link(hand, entry, known.is_none().then_some(digest), file);
        }
        let (new, name) = hand.worker.place.create(entry, 0o600)?;
        let failed = |action| {
            let path = name.clone();
            move |source| DirectoryError::Io { action, path, source }
        };
        let cloned = self.clones.load(Ordering::Relaxed)
            && match rustix::fs::ioctl_ficlone(&new, file) {
                Ok(()) => true,
                Err(_) => {
                    // Every refusal is about the two file systems; a copy says what else is wrong.
                    self.clones.store(false, Ordering::Relaxed);
                    false
                }
            };
        let found = match cloned {
            true => digest_of(&new, &mut hand.buffer).map_err(failed("read"))?,
            false => copy(file, &new, &mut hand.buffer, entry).map_err(failed("write"))?,
        };
        if found != digest {
            hand.worker.place.remove(entry)?;
            return Ok(false);
        }
        attributes(&new, &name, entry, self.tree.owner(entry))?;
        Ok(true)
    }

    /// Whether a second name of the file would be the file itself, attributes included.
    fn is_alike(&self, entry: &Entry, file: &File, there: &Metadata) -> Result<bool, AssembleError> {
        let owner = self.tree.owner(entry).unwrap_or((there.uid, there.gid));
        let same = there.mode == entry.mode
            && owner == (there.uid, there.gid)
            && there.modified == moment(entry.modified);
        if !same {
            return Ok(false);
        }
        let has = directory::extended_of_file(file, entry.path.as_path())?;
        let bytes = |(name, value): (&Name, &Name)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        Ok(has == entry.extended.iter().map(bytes).collect())
    }

    /// Gives the file a second name if it holds what it should, as far as that is not known.
    fn link(
        &self,
        hand: &mut Hand<'a>,
        entry: &Entry,
        unknown: Option<Digest>,
        file: &File,
    ) -> Result<bool, AssembleError> {
        if let Some(digest) = unknown {
            let found = digest_of(file, &mut hand.buffer).map_err(|source| DirectoryError::Io {
                action: "read",
                path: entry.path.as_path().to_owned(),
                source,
            })?;
            if found != digest {
                return Ok(false);
            }
        }
        #[cfg(test)]
        tests::meddle(file);
        let (parent, new) = hand.worker.place.parent(&entry.path)?;
        // The file itself: its name may lead to another one by now.
        match parent.link_file(file, new) {
            Ok(()) => Ok(true),
            // Another file system, too many names already, or none any more: then its frames are fetched.
            Err(error)
                if matches!(
                    error.kind(),
                    Some(ErrorKind::CrossesDevices | ErrorKind::TooManyLinks | ErrorKind::NotFound)
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Hand<'_> {
    /// Opens a regular file of this size below a seed; none when there is no such one.
    fn open(
        &mut self,
        (number, seed): (usize, &Seed<'_>),
        path: &[u8],
        size: u64,
    ) -> Result<Option<(File, Metadata)>, AssembleError> {
        let Some((directory, name)) = self.near.parent((number, seed.tree), path) else { return Ok(None) };
        // What cannot be opened or is something else is no seed, and no error: it is fetched.
        match directory.metadata_optional(name) {
            Ok(Some(there)) if there.kind == Kind::File && there.size == size => {}
            _ => return Ok(None),
        }
        let Ok(file) = directory.open_file(Path::new(name)) else { return Ok(None) };
        let there = Metadata::of_file(&file, Path::new(name))?;
        Ok((there.kind == Kind::File && there.size == size).then_some((file, there)))
    }
}

impl Seed<'_> {
    /// Where an entry of the snapshot lies in this tree, if it would.
    pub(super) fn path_of<'n>(&self, path: &'n Name) -> Option<&'n [u8]> {
        let bytes = path.as_bytes();
        if self.prefix.as_bytes().is_empty() {
            return Some(bytes);
        }
        bytes.strip_prefix(self.prefix.as_bytes())?.strip_prefix(b"/")
    }

    /// Whether nobody ever writes to the file at this path of the tree.
    pub(super) fn is_written_once(&self, path: &[u8]) -> bool {
        self.write_once.iter().any(|glob| glob.matches(path))
    }
}

/// Copies what there is up to the entry's size; returns the digest of what was copied.
fn copy(mut from: &File, to: &File, buffer: &mut [u8], entry: &Entry) -> std::io::Result<Digest> {
    let (mut hasher, mut at) = (blake3::Hasher::new(), 0u64);
    let sparse = matches!(entry.content, Content::File { sparse: true, .. });
    loop {
        let length = match from.read(buffer) {
            Ok(0) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        let piece = &buffer[..length];
        hasher.update(piece);
        at += length as u64;
        if at > entry.size() {
            break;
        }
        if !sparse || piece.iter().any(|byte| *byte != 0) {
            write_behind(to, piece, at - length as u64)?;
        }
    }
    to.set_len(entry.size().min(at))?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}
