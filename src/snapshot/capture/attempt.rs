//! One capture: find everything, decide what must be read, freeze that, read it, and look again.
//!
//! The moment of the capture is when everything was found and what had to be frozen was frozen. What is read in
//! place is looked at again after the last byte; if it changed, there was no such moment, and all begins anew.

use super::freeze::{Freezer, Frozen, is_same_content};
use super::memory::Stamp;
use super::previous::Previous;
use super::read::{Reader, go_on, recheck};
use super::walk::{self, Found, Origin};
use super::{CaptureError, Source, inspect};
use crate::host::directory::{Directory, Kind, Metadata};
use crate::model::glob::Glob;
use crate::model::progress::{Event, Sink};
use crate::snapshot::manifest::{At, Content, Entry, Frame, Name, Part};
use crate::snapshot::meter::Meter;
use crate::snapshot::pack::{Cut, Packed, Packer};
use jiff::Timestamp;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::AtomicBool;

/// How often a capture is tried when something changes under it.
pub const ATTEMPTS: usize = 3;

/// A capture that is tried until nothing changes under it.
pub(super) struct Attempt<'a> {
    pub(super) sources: &'a [Source<'a>],
    pub(super) into: &'a Directory,
    pub(super) created_at: Timestamp,
    /// The directory that is an entry of its own, `./`.
    pub(super) top: Option<&'a Directory>,
    pub(super) cut: Cut,
    pub(super) what: String,
    pub(super) terms: Terms<'a>,
    pub(super) stop: &'a AtomicBool,
    pub(super) sink: &'a dyn Sink,
    /// Whether writers were told to go on.
    pub(super) released: Cell<bool>,
}

/// What is special about a capture.
#[derive(Clone, Copy, Default)]
pub struct Terms<'a> {
    /// What is left out of trees, with all beneath it.
    pub exclude: &'a [Glob],
    /// The snapshot from which contents may be borrowed.
    pub previous: Option<&'a Previous>,
    /// Freezes what is read.
    pub freezer: Option<&'a Freezer<'a>>,
    /// Whether a snapshot is made although nothing changed.
    pub force: bool,
    /// Called once when all that will be read is frozen, before any of it is read: writers may go on.
    pub release: Option<&'a dyn Fn()>,
}

/// What a capture did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Regular files, each name of them.
    pub files: u64,
    /// Files whose content was read.
    pub files_read: u64,
    /// Bytes that were read from files; one that is read twice counts twice.
    pub read_bytes: u64,
    /// Bytes of contents that are borrowed.
    pub borrowed_bytes: u64,
    /// Entries that patterns left out; what lies beneath one is not counted.
    pub excluded: u64,
    /// Entries that were looked at and have attributes which no snapshot holds.
    pub stripped: u64,
}

/// What was found, how many entries patterns left out, and how many have attributes that no snapshot holds.
type Listing<'a> = (Vec<Item<'a>>, u64, u64);

/// What a capture brought.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) entries: Vec<Entry>,
    /// The borrowed parts and their frames, which come first.
    pub(super) borrowed: (Vec<Part>, Vec<Frame>),
    /// Its own; nothing when nothing changed.
    pub(super) packed: Option<Packed>,
    pub(super) counts: Counts,
    /// The states of the files that are worth remembering.
    pub(super) stamps: BTreeMap<Name, Stamp>,
}

/// One entry on its way.
struct Item<'f> {
    found: Found<'f>,
    entry: Entry,
    /// Where the snapshot before has its content.
    place: Option<At>,
    /// Whether its digest is known.
    is_known: bool,
    /// Whether the memory knows its state.
    is_remembered: bool,
    was_read: bool,
}

impl Item<'_> {
    /// The length of its content, if that has to be read.
    fn to_read(&self) -> Option<u64> {
        match self.entry.content {
            Content::File { size, .. } if size > 0 && self.place.is_none() => Some(size),
            _ => None,
        }
    }
}

impl<'a> Attempt<'a> {
    /// Tries again when something changed, with an empty directory each time.
    pub(super) fn repeatedly(&self) -> Result<Gathered, CaptureError> {
        let mut attempt = 1;
        loop {
            for name in self.into.list()? {
                self.into.remove_tree(&name)?;
            }
            let done = self.once();
            if let Some(freezer) = self.terms.freezer {
                freezer.release()?;
            }
            match done {
                // Without whatever held the writers off there is no such moment any more.
                Err(CaptureError::Changed { .. }) if attempt < ATTEMPTS && !self.released.get() => {
                    attempt += 1;
                }
                Err(error) => return Err(error),
                Ok((mut gathered, items)) => {
                    self.warn(gathered.counts.stripped);
                    gathered.stamps = self.stamps(&items)?;
                    gathered.entries = items.into_iter().map(|item| item.entry).collect();
                    return Ok(gathered);
                }
            }
        }
    }

    /// Tells once of attributes that are left out.
    fn warn(&self, stripped: u64) {
        if stripped > 0 {
            let text = format!(
                "{}: a restore will lack the access control lists, capabilities or other attributes of {stripped} \
                 entries, since a snapshot holds those of the user namespace alone",
                self.what
            );
            self.sink.emit(Event::Warning { text });
        }
    }

    fn once(&self) -> Result<(Gathered, Vec<Item<'a>>), CaptureError> {
        let top = self.top.map(Directory::own_metadata).transpose()?;
        let extended = self.top.map(Directory::extended_and_others).transpose()?;
        let (extended, is_stripped) = extended.unwrap_or_default();
        let top_entry = top.as_ref().map(|top| walk::top(top, walk::named(extended)));
        let (mut items, excluded, stripped) = self.find()?;
        let stripped = stripped + u64::from(is_stripped);
        #[cfg(test)]
        super::tests::freezing::found();
        let is_frozen = self.freeze(&mut items)?;
        let mut reader = Reader::new(self.terms.freezer, self.stop);
        let chosen = self.borrow(&mut items, &mut reader)?;
        let mut gathered = Gathered::default();
        if self.terms.force || !self.is_same(&items) {
            gathered.borrowed = self.terms.previous.map(|one| one.borrowed(&chosen)).unwrap_or_default();
            gathered.packed = Some(self.pack(&mut items, &chosen, top_entry, &mut reader)?);
        }
        let in_place = |item: &&Item<'_>| !is_frozen || (item.was_read && item.found.frozen.is_none());
        items.iter().filter(in_place).try_for_each(|item| self.look_again(item))?;
        if let Some(directory) = self.top
            && Some(directory.own_metadata()?) != top
        {
            return Err(CaptureError::Changed { path: directory.path().to_owned() });
        }
        self.into.sync()?;
        // Whoever gave up gets no snapshot, be there ever so little to read.
        go_on(self.stop, || self.into.path().to_owned())?;
        gathered.counts = Counts { read_bytes: reader.read_bytes, excluded, stripped, ..Counts::of(&items) };
        Ok((gathered, items))
    }

    /// Unless it is to end.
    fn go_on(&self, found: &Found<'_>) -> Result<(), CaptureError> {
        go_on(self.stop, || found.path())
    }

    fn look_again(&self, item: &Item<'_>) -> Result<(), CaptureError> {
        self.go_on(&item.found)?;
        recheck(&item.found)
    }

    fn release(&self) {
        if let Some(release) = self.terms.release
            && !self.released.replace(true)
        {
            release();
        }
    }

    /// Everything that there is, as it will be listed, and how much was left out; the digests of what is not
    /// remembered are still missing.
    fn find(&self) -> Result<Listing<'a>, CaptureError> {
        let (mut items, mut stripped) = (Vec::new(), 0);
        let mut first_names: HashMap<(u64, u64), Name> = HashMap::new();
        let (all, excluded) = walk::walk(self.sources, self.created_at, self.terms.exclude, self.stop)?;
        for (path, found) in all {
            self.go_on(&found)?;
            let is_first = found.metadata.kind == Kind::File && !first_names.contains_key(&found.inode());
            let remembered = self
                .terms
                .previous
                .filter(|_| is_first)
                .and_then(|one| one.unchanged(&path, &found.metadata));
            let is_remembered = remembered.is_some();
            let (entry, place) = match remembered {
                Some((entry, place)) => (entry, Some(place)),
                None => {
                    let (entry, others) = found.entry(&path, &first_names)?;
                    stripped += u64::from(others);
                    (entry, None)
                }
            };
            let is_file = matches!(entry.content, Content::File { .. });
            let is_known = is_remembered || (is_file && entry.size() == 0);
            if is_file {
                first_names.entry(found.inode()).or_insert(path);
            }
            items.push(Item { found, entry, place, is_known, is_remembered, was_read: false });
        }
        Ok((items, excluded, stripped))
    }

    /// Freezes what will be read. Says whether all was then as it was found, so that only what is read in place
    /// is looked at again.
    fn freeze(&self, items: &mut [Item<'_>]) -> Result<bool, CaptureError> {
        let Some(freezer) = self.terms.freezer else { return Ok(false) };
        let sure = self.sure(items);
        // What is remembered of a part that is hardly alive any more is read too, should nothing else keep the part.
        let is_read = |item: &Item<'_>| {
            item.to_read().is_some() || item.place.is_some_and(|at| !sure.contains_key(&at.0))
        };
        let mut linked = HashSet::new();
        let mut is_any = false;
        for item in items.iter_mut().filter(|item| is_read(item)) {
            self.go_on(&item.found)?;
            freezer.freeze(&mut item.found)?;
            is_any |= item.found.frozen.is_some();
            if matches!(item.found.frozen, Some(Frozen::Linked(_))) {
                linked.insert(item.found.inode());
            }
        }
        // Every name of a file shows that it has one more.
        for item in items.iter_mut().filter(|item| item.found.frozen.is_none()) {
            if linked.contains(&item.found.inode()) {
                self.go_on(&item.found)?;
                item.found.metadata = still_there(&item.found)?;
            }
        }
        let in_place = items.iter().any(|item| is_read(item) && item.found.frozen.is_none());
        if in_place && !is_any {
            return Ok(false);
        }
        items.iter().try_for_each(|item| self.look_again(item))?;
        if !in_place {
            self.release();
        }
        Ok(true)
    }

    /// The parts that are borrowed from whatever else is found: what is remembered keeps them.
    fn sure(&self, items: &[Item<'_>]) -> BTreeMap<u32, u32> {
        let Some(previous) = self.terms.previous else { return BTreeMap::new() };
        previous.choose(items.iter().filter_map(|item| Some((&item.entry, item.place?))), &BTreeMap::new())
    }

    /// Reads what may be known by its content, and decides what is borrowed: from which parts, by their indices.
    fn borrow(
        &self,
        items: &mut [Item<'_>],
        reader: &mut Reader<'_>,
    ) -> Result<BTreeMap<u32, u32>, CaptureError> {
        let Some(previous) = self.terms.previous else { return Ok(BTreeMap::new()) };
        let sure = self.sure(items);
        let candidate = |item: &Item<'_>| item.to_read().filter(|size| previous.has_size(*size));
        let total: u64 = items.iter().filter_map(candidate).sum();
        let count = items.iter().filter(|item| candidate(item).is_some()).count() as u64;
        let what = || format!("{}: compare", self.what);
        let mut meter = (total > 0).then(|| Meter::of_files(self.sink, what(), total, (0, count)));
        for item in items.iter_mut() {
            let (Some(size), Some(meter)) = (candidate(item), &mut meter) else { continue };
            let known = reader.content(&item.found, size, &mut |bytes| {
                meter.add(bytes.len() as u64);
                Ok(())
            })?;
            meter.add_files(1);
            (item.is_known, item.was_read) = (true, true);
            if let Content::File { digest, .. } = &mut item.entry.content {
                *digest = known;
            }
        }
        let mut taken: HashSet<At> = items.iter().filter_map(|item| item.place).collect();
        for own_path in [true, false] {
            for item in items.iter_mut().filter(|item| item.is_known && item.to_read().is_some()) {
                item.place = previous.find(&item.entry, own_path).into_iter().find(|at| !taken.contains(at));
                taken.extend(item.place);
            }
        }
        let wanted = items.iter().filter_map(|item| Some((&item.entry, item.place?)));
        let chosen = previous.choose(wanted, &sure);
        for item in items.iter_mut() {
            item.place = item.place.filter(|at| chosen.contains_key(&at.0));
        }
        Ok(chosen)
    }

    fn is_same(&self, items: &[Item<'_>]) -> bool {
        let is_known = |item: &Item<'_>| item.is_known || !matches!(item.entry.content, Content::File { .. });
        items.iter().all(is_known)
            && self
                .terms
                .previous
                .is_some_and(|previous| previous.is_same(items.iter().map(|item| &item.entry)))
    }

    fn pack(
        &self,
        items: &mut [Item<'_>],
        chosen: &BTreeMap<u32, u32>,
        top: Option<Entry>,
        reader: &mut Reader<'_>,
    ) -> Result<Packed, CaptureError> {
        let total = items.iter().filter_map(Item::to_read).sum();
        let is_file = |item: &&Item<'_>| matches!(item.entry.content, Content::File { .. });
        let files = items.iter().filter(is_file).filter(|item| item.place.is_none()).count() as u64;
        let mut meter = Meter::of_files(self.sink, self.what.clone(), total, (0, files));
        let mut packer = Packer::new(self.into, self.cut)?;
        top.iter().try_for_each(|top| packer.begin_entry(top))?;
        for item in items {
            self.go_on(&item.found)?;
            if let (Content::File { at, .. }, Some(place)) = (&mut item.entry.content, item.place) {
                *at = Some(At(chosen[&place.0], place.1));
                continue;
            }
            packer.begin_entry(&item.entry)?;
            let to_read = item.to_read();
            let Content::File { size, digest, .. } = &mut item.entry.content else { continue };
            if to_read.is_some() {
                let found = reader.content(&item.found, *size, &mut |bytes| {
                    packer.write(bytes)?;
                    meter.add(bytes.len() as u64);
                    Ok(())
                })?;
                if item.is_known && found != *digest {
                    return Err(CaptureError::Changed { path: item.found.path() });
                }
                (*digest, item.was_read) = (found, true);
            }
            packer.end_entry(*size)?;
            meter.add_files(1);
        }
        Ok(packer.finish()?)
    }

    /// What is worth remembering of the files, once nothing of them is frozen any more.
    fn stamps(&self, items: &[Item<'_>]) -> Result<BTreeMap<Name, Stamp>, CaptureError> {
        let mut stamps = BTreeMap::new();
        for item in items.iter().filter(|item| matches!(item.entry.content, Content::File { .. })) {
            let linked = matches!(item.found.frozen, Some(Frozen::Linked(_)));
            let stamp = match linked {
                false => Stamp::of(&item.found.metadata),
                // Its second name went, which changed it again; what happened to it meanwhile is not known.
                true => match still_there(&item.found) {
                    Ok(now) => Stamp::of(&now),
                    Err(CaptureError::Changed { .. }) => continue,
                    Err(error) => return Err(error),
                },
            };
            if item.is_remembered || stamp.is_at_rest(self.created_at, linked) {
                stamps.insert(item.entry.path.clone(), stamp);
            }
        }
        Ok(stamps)
    }
}

impl Counts {
    fn of(items: &[Item<'_>]) -> Self {
        let mut counts = Self::default();
        for item in items {
            counts.files += u64::from(item.found.metadata.kind == Kind::File);
            counts.files_read += u64::from(item.was_read);
            counts.borrowed_bytes += item.place.map_or(0, |_| item.entry.size());
        }
        counts
    }
}

/// A file whose names alone changed since it was found.
fn still_there(found: &Found<'_>) -> Result<Metadata, CaptureError> {
    let Origin::Disk { base, relative } = &found.origin else { return Ok(found.metadata) };
    let now = inspect(base, relative)?.filter(|now| is_same_content(now, &found.metadata));
    now.ok_or_else(|| CaptureError::Changed { path: base.path().join(relative) })
}
