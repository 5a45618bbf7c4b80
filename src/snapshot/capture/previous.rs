//! What the snapshot before has, and which of it the next one borrows.
//!
//! A part is referred to directly, whichever snapshot made it. One of which less than half is still alive is
//! not borrowed from any more, nor are more than `MOST` parts: what was in them is read and stored again.

use super::memory::{Memory, Stamp};
use crate::host::directory::Metadata;
use crate::model::digest::Digest;
use crate::snapshot::layout;
use crate::snapshot::manifest::{At, Content, Entry, Frame, Manifest, Name, Part, Spans};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most parts that a snapshot borrows from.
pub const MOST: usize = 64;

/// An earlier snapshot of the same source.
#[derive(Debug)]
pub struct Previous {
    manifest: Manifest,
    spans: Spans,
    /// Whether the store has each part.
    is_there: Vec<bool>,
    /// The states in which the memory saw its files; of another snapshot it would prove nothing.
    stamps: BTreeMap<Name, Stamp>,
    by_path: HashMap<Name, usize>,
    by_content: HashMap<(u64, Digest), Vec<usize>>,
    sizes: HashSet<u64>,
}

impl Previous {
    /// The snapshot of this manifest; of the memory counts what was seen when it was captured. `is_there` says
    /// of which parts the store can be borrowed from.
    pub fn new(manifest: Manifest, memory: Option<Memory>, is_there: impl Fn(&Part) -> bool) -> Self {
        let id = manifest.id();
        let stamps =
            memory.filter(|memory| memory.snapshot == id).map(|memory| memory.files).unwrap_or_default();
        let (mut by_path, mut by_content, mut sizes) = (HashMap::new(), HashMap::new(), HashSet::new());
        for (index, entry) in manifest.entries.iter().enumerate() {
            by_path.insert(entry.path.clone(), index);
            if let Content::File { size, digest, .. } = entry.content {
                by_content.entry((size, digest)).or_insert_with(Vec::new).push(index);
                sizes.insert(size);
            }
        }
        let spans = manifest.spans();
        let is_there = manifest.parts.iter().map(is_there).collect();
        Self { manifest, spans, is_there, stamps, by_path, by_content, sizes }
    }

    /// The entry of a file that is what it was, without a look at its content.
    pub(super) fn unchanged(&self, path: &Name, file: &Metadata) -> Option<(Entry, At)> {
        if self.stamps.get(path) != Some(&Stamp::of(file)) {
            return None;
        }
        let index = *self.by_path.get(path)?;
        let mut entry = self.manifest.entries[index].clone();
        let Content::File { size, at, .. } = &mut entry.content else { return None };
        let same =
            *size == file.size && (entry.mode, entry.uid, entry.gid) == (file.mode, file.uid, file.gid);
        *at = None;
        same.then_some((entry, self.spans.at(index)?))
    }

    /// Whether some file of it has this size: only then reading a file first can show that it is known.
    pub(super) fn has_size(&self, size: u64) -> bool {
        self.sizes.contains(&size)
    }

    /// Where the content of a file lies: under its own path, or wherever else it does.
    pub(super) fn find(&self, entry: &Entry, own_path: bool) -> Vec<At> {
        let Content::File { size, digest, .. } = entry.content else { return Vec::new() };
        let Some(found) = self.by_content.get(&(size, digest)) else { return Vec::new() };
        let path = |index: &&usize| !own_path || self.manifest.entries[**index].path == entry.path;
        found.iter().filter(path).filter_map(|index| self.spans.at(*index)).collect()
    }

    /// Whether these are its entries, wherever their contents lie; one that lacks a part is never the same.
    pub(super) fn is_same<'e>(&self, entries: impl ExactSizeIterator<Item = &'e Entry>) -> bool {
        self.is_there.iter().all(|there| *there)
            && entries.len() == self.manifest.entries.len()
            && entries.zip(&self.manifest.entries).all(|(entry, other)| entry.is_same(other))
    }

    /// Which parts are borrowed from, when these files could be: the index of each among the borrowed ones, by
    /// its index here. Those that are `sure` already, since some of these files alone chose them, stay.
    pub(super) fn choose<'e>(
        &self,
        wanted: impl Iterator<Item = (&'e Entry, At)>,
        sure: &BTreeMap<u32, u32>,
    ) -> BTreeMap<u32, u32> {
        let mut alive: BTreeMap<u32, u64> = BTreeMap::new();
        for (entry, at) in wanted {
            let size = entry.size();
            let bytes = layout::header(entry).len() as u64 + size + layout::padding(size) as u64;
            *alive.entry(at.0).or_default() += bytes;
        }
        let length = |part: u32| {
            let range = self.spans.part(part as usize);
            range.end - range.start
        };
        alive.retain(|part, bytes| *bytes * 2 >= length(*part) && self.is_there[*part as usize]);
        let mut sizes: Vec<(bool, u64, u32)> =
            alive.iter().map(|(part, bytes)| (sure.contains_key(part), *bytes, *part)).collect();
        sizes.sort_unstable();
        for (_, _, part) in sizes.iter().take(sizes.len().saturating_sub(MOST)) {
            alive.remove(part);
        }
        alive.into_keys().zip(0..).collect()
    }

    /// The chosen parts as borrowed ones, with all their frames.
    pub(super) fn borrowed(&self, chosen: &BTreeMap<u32, u32>) -> (Vec<Part>, Vec<Frame>) {
        let part = |old: &u32| Part { borrowed: true, ..self.manifest.parts[*old as usize] };
        let frames = chosen.iter().flat_map(|(old, new)| {
            self.manifest.frames_of(*old as usize).map(|frame| Frame { part: *new, ..*frame })
        });
        (chosen.keys().map(part).collect(), frames.collect())
    }
}
