//! Makes snapshots of configured sources: hooks, freezing, databases, what is remembered, publication.
//!
//! What outlives a crash is recorded first, in `record`: the next capture of the source finishes it, and so does
//! [`recover`], which the agent begins with. Nothing is published unless the hook `after_capture` ended well.

mod bound;
mod database;
mod error;
mod hooks;
mod record;
#[cfg(test)]
mod tests;

pub use error::CreateError;
#[cfg(test)]
pub(crate) use error::samples;

use super::area;
use super::capture::{
    self, CaptureError, Captured, Freezer, MEMORY_VERSION, Memory, Previous, Source, Terms,
};
use super::manifest::{Limits, Manifest, Metadata, Name, Part, SignedManifest, Signer};
use super::pack::Cut;
use super::store::{DiskStore, Lease, SnapshotStore, Staging, StoreError};
use crate::host::directory::Directory;
use crate::host::root::Root;
use crate::model::ids::{ClusterId, SnapshotId};
use crate::model::progress::{Event, Silent, Sink, Wait};
use crate::model::snapshots::{Engine, Hook, SourceConfig};
use bound::Bound;
use jiff::Timestamp;
use record::{FREEZE, HOLDER, RECOVERY, Record, Records};
use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// What is to be captured, for whom.
pub struct Order<'a> {
    /// The root; the source's path lies below it.
    pub root: &'a Root,
    /// The source, with the hooks of the local configuration.
    pub source: &'a SourceConfig,
    /// The cluster.
    pub cluster: &'a ClusterId,
    /// Signs the manifest.
    pub signer: &'a dyn Signer,
    /// The version of eos, for the manifest.
    pub eos_version: &'a str,
    /// The present.
    pub now: Timestamp,
    /// Whether a snapshot is made although nothing changed.
    pub force: bool,
    /// Whether nothing is borrowed, so that it is complete by itself.
    pub full: bool,
}

/// The snapshot that a source has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The newest snapshot.
    pub id: SnapshotId,
    /// Its generation.
    pub generation: u64,
    /// Whether it was there before, and nothing has changed since.
    pub unchanged: bool,
    /// What the capture did.
    pub counts: capture::Counts,
    /// Bytes of parts that were written.
    pub stored_bytes: u64,
    /// From the beginning of the hook before it to the end of the hook after it, where there is either: for so
    /// long at most writers were held off.
    pub paused: Option<Duration>,
}

/// Captures a source into the store, reading only what changed since the snapshot before. For how long hooks held
/// writers off stands in `paused` too, however the capture ends.
///
/// # Errors
/// When it cannot be captured, a hook fails, `stop` is set, or the store does not take it.
pub fn create(
    order: &Order<'_>,
    store: &DiskStore,
    (stop, sink): (&AtomicBool, &dyn Sink),
    paused: &Cell<Option<Duration>>,
) -> Result<Made, CreateError> {
    let name = order.source.name.as_str();
    let records = Records::open(order.root)?;
    let _held = records.hold(name, HOLDER)?;
    records.finish(name, sink)?;
    let _place = records.hold_place(name, &path_of(order), HOLDER)?;
    let before = Before::of(store, name, order)?;
    let (work, staging) = (store.begin()?, store.begin()?);
    paused.set(None);
    let capture = Capture { order, store, before: &before, records: &records, stop, sink, paused };
    let made = capture.run(&work, staging);
    cleared(work.discard(), sink);
    made
}

/// What is left over of a capture does not change how it ended.
fn cleared(discarded: Result<(), StoreError>, sink: &dyn Sink) {
    if let Err(error) = discarded {
        let text = format!("what the capture left in the store is not removed: {error}; the next one does");
        sink.emit(Event::Warning { text });
    }
}

/// Ends the captures that died: removes what they froze and runs their hooks. Returns their sources, and why it
/// could not be done for others, whose records stay.
///
/// # Errors
/// When the records cannot be listed.
pub fn recover(root: &Root) -> Result<Vec<(String, Option<CreateError>)>, CreateError> {
    let Some(records) = Records::existing(root)? else { return Ok(Vec::new()) };
    let mut recovered = Vec::new();
    for source in records.sources()? {
        let finished = match records.hold(&source, RECOVERY) {
            // Whoever holds it is alive, and ends it.
            Err(CreateError::Busy { .. }) => continue,
            held => held.and_then(|_held| records.finish(&source, &Silent)),
        };
        match finished {
            // A hook of it runs on, or a restore has its place: it is ended after that.
            Err(CreateError::Busy { .. }) => {}
            Ok(false) => {}
            Ok(true) => recovered.push((source, None)),
            Err(error) => recovered.push((source, Some(error))),
        }
    }
    Ok(recovered)
}

/// The sources of captures that died: they have a record, and no process holds them.
///
/// Nothing is locked for it, so no capture finds its source busy because of it.
///
/// # Errors
/// When the records cannot be listed, or the table of locks cannot be read.
pub fn abandoned(root: &Root) -> Result<Vec<String>, CreateError> {
    let Some(records) = Records::existing(root)? else { return Ok(Vec::new()) };
    let mut abandoned = Vec::new();
    for source in records.sources()? {
        if records.is_abandoned(&source)? {
            abandoned.push(source);
        }
    }
    Ok(abandoned)
}

fn path_of(order: &Order<'_>) -> PathBuf {
    order.root.join(order.source.path.trim_start_matches('/'))
}

/// What the store has of a source.
struct Before {
    generation: u64,
    newest: Option<(SnapshotId, u64)>,
    previous: Option<Previous>,
    /// So that its parts stay while they are borrowed from.
    _lease: Option<Lease>,
}

impl Before {
    fn of(store: &DiskStore, source: &str, order: &Order<'_>) -> Result<Self, CreateError> {
        let memory = store.recall(source)?.and_then(|bytes| Memory::read(&bytes, source));
        let mut all = store.list()?.snapshots;
        all.retain(|one| one.metadata.source == source);
        let remembered = memory.as_ref().map_or(0, |memory| memory.generation);
        let newest = all.iter().max_by_key(|one| one.metadata.generation);
        let generation = newest.map_or(0, |one| one.metadata.generation).max(remembered);
        let remembered =
            all.iter().find(|one| memory.as_ref().is_some_and(|memory| memory.snapshot == one.id));
        let chosen = remembered.or(newest).filter(|_| !order.full);
        let mut before = Self { generation, newest: None, previous: None, _lease: None };
        let Some(chosen) = chosen else { return Ok(before) };
        let who = format!("eos snapshot create (process {})", std::process::id());
        before._lease = match store.lease(&chosen.id, &who, order.now) {
            // It was removed meanwhile.
            Err(StoreError::Unknown { .. }) => return Ok(before),
            lease => Some(lease?),
        };
        before.newest = Some((chosen.id.clone(), chosen.metadata.generation));
        let read = store.manifest(&chosen.id)?.read(&Limits::default());
        let manifest = read.map_err(capture::CaptureError::from)?;
        let is_there =
            |part: &Part| store.open_part(&part.digest, 0, None).is_ok_and(|range| range.size == part.size);
        before.previous = Some(Previous::new(manifest, memory, is_there));
        Ok(before)
    }
}

/// One capture of a source that is held.
struct Capture<'a> {
    order: &'a Order<'a>,
    store: &'a DiskStore,
    before: &'a Before,
    records: &'a Records,
    stop: &'a AtomicBool,
    sink: &'a dyn Sink,
    paused: &'a Cell<Option<Duration>>,
}

impl Capture<'_> {
    fn run(&self, work: &Staging, staging: Staging) -> Result<Made, CreateError> {
        let captured = match self.between_hooks(work, &staging) {
            Ok(captured) => captured,
            Err(error) => {
                cleared(staging.discard(), self.sink);
                return Err(error);
            }
        };
        match (&captured.manifest, &self.before.newest) {
            (None, Some((id, generation))) => {
                cleared(staging.discard(), self.sink);
                self.remember(id, *generation, &captured)?;
                let (id, generation, counts) = (id.clone(), *generation, captured.counts);
                let paused = self.paused.get();
                Ok(Made { id, generation, unchanged: true, counts, stored_bytes: 0, paused })
            }
            (Some(manifest), _) => self.publish(staging, manifest, &captured),
            (None, None) => unreachable!("without a snapshot before there is always one"),
        }
    }

    fn publish(
        &self,
        staging: Staging,
        manifest: &Manifest,
        captured: &Captured,
    ) -> Result<Made, CreateError> {
        let signed = SignedManifest::sign(manifest, self.order.signer).map_err(capture::CaptureError::from);
        let signed = match signed {
            Ok(signed) => signed,
            Err(error) => {
                cleared(staging.discard(), self.sink);
                return Err(error.into());
            }
        };
        let (id, generation) = (signed.id(), manifest.metadata.generation);
        // A memory of a snapshot that never came to be is of no use, and does no harm.
        self.remember(&id, generation, captured)?;
        self.store.publish(staging, &signed)?;
        let own = manifest.parts.iter().filter(|part| !part.borrowed);
        let stored_bytes = own.map(|part| part.size).sum();
        let (counts, paused) = (captured.counts, self.paused.get());
        Ok(Made { id, generation, unchanged: false, counts, stored_bytes, paused })
    }

    fn remember(&self, id: &SnapshotId, generation: u64, captured: &Captured) -> Result<(), CreateError> {
        let source = self.order.source.name.to_string();
        let memory = Memory {
            captured_at: self.order.now,
            files: captured.stamps.clone(),
            generation,
            snapshot: id.clone(),
            version: MEMORY_VERSION,
            source,
        };
        Ok(self.store.remember(self.order.source.name.as_str(), &memory.to_bytes())?)
    }

    /// Captures between the hooks; whatever happens, what was recorded is done after it.
    fn between_hooks(&self, work: &Staging, staging: &Staging) -> Result<Captured, CreateError> {
        let source = self.order.source;
        let path = path_of(self.order);
        let mut record = Record::new(source.name.as_str(), &path, self.before.generation + 1);
        record.after = source.hooks.after_capture.as_ref().map(Into::into);
        record.area = self.freezing_area(&path, work)?;
        self.records.save(&record)?;
        let longest = Duration::from_secs(source.hooks.longest_pause_seconds().into());
        let bound = Bound::new(source.hooks.before_capture.is_some().then_some(longest));
        let pause =
            Pause { capture: self, record: RefCell::new(record), began: Instant::now(), bound: &bound };
        let captured =
            bound.within(self.stop, |stop| Capture { stop, ..*self }.capture(&pause, work, staging));
        let captured = captured.map_err(|error| pause.judged(error));
        match (pause.end(), captured) {
            (Ok(()), captured) => captured,
            (Err(error), Ok(_)) => Err(error),
            (Err(error), Err(first)) => {
                let text =
                    format!("what the capture left is not cleared away: {error}; the next one tries again");
                self.sink.emit(Event::Warning { text });
                Err(first)
            }
        }
    }

    /// The work area beside the source, if its files cannot be frozen in the store.
    fn freezing_area(&self, path: &Path, work: &Staging) -> Result<Option<PathBuf>, CreateError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        if self.order.source.engine != Engine::Directory {
            return Ok(None);
        }
        let of = match Directory::open(path) {
            // The capture tells why.
            Err(_) => return Ok(None),
            Ok(directory) => directory.own_metadata()?.device,
        };
        let beside = Directory::open(parent)?.own_metadata()?.device == of;
        if work.directory().own_metadata()?.device == of || !beside {
            return Ok(None);
        }
        Ok(Some(parent.join(area::name_of(name))))
    }

    fn capture(&self, pause: &Pause<'_>, work: &Staging, staging: &Staging) -> Result<Captured, CreateError> {
        let record = &pause.record();
        let hook = &self.order.source.hooks.before_capture;
        let before = |hook: &Hook| {
            let held = self.records.hold_hook(&record.source, hook.timeout_seconds)?;
            hooks::before(hook, record, held.share()?, self.sink)
        };
        let redirected = hook.as_ref().map(before).transpose()?.flatten();
        // What a hook made for the capture stands still until the other hook takes it away.
        let release = || pause.release();
        let release: Option<&dyn Fn()> = if redirected.is_some() { None } else { Some(&release) };
        let path = redirected.as_ref().unwrap_or(&record.path);
        let name = record.path.file_name().unwrap_or_default();
        match self.order.source.engine {
            Engine::Sqlite => {
                self.look(path, false)?;
                work.directory().make_directory(OsStr::new("database"), 0o700)?;
                let into = work.directory().open_directory(Path::new("database"))?;
                let judged = self.copy_database(path, &into, name)?;
                // The copy is nobody else's, so its check keeps no writer waiting.
                release.iter().for_each(|release| release());
                database::check(&judged, &into, name, self.stop)?;
                let copy = Source::File {
                    directory: &into,
                    relative: name.into(),
                    path: Name::new(name.as_bytes()),
                };
                self.gather(copy, record, staging, (None, None))
            }
            Engine::Directory => {
                let directory = self.look(path, true)?.expect("a directory was opened");
                let exclude = Vec::new();
                let tree =
                    Source::Tree { directory: &directory, prefix: Name::new(name.as_bytes()), exclude };
                let freeze = release.map(|_| self.freeze_directory(record, work)).transpose()?;
                self.gather(tree, record, staging, (freeze.as_ref(), release))
            }
        }
    }

    /// Copies the database; others may hold it locked for a while.
    fn copy_database(
        &self,
        path: &Path,
        into: &Directory,
        name: &OsStr,
    ) -> Result<database::Judged, CreateError> {
        let (began, judged) = (Instant::now(), database::judge(path)?);
        let until = began + database::PATIENCE;
        let cause = format!("the database {}, which may be locked by others", path.display());
        self.sink.expect(Some(Wait { cause, began, until, retry: until }));
        let copied = database::copy(&judged, into, name, database::PATIENCE, self.stop);
        self.sink.expect(None);
        copied.map(|()| judged)
    }

    /// Makes the directory in which files are frozen: the one that is recorded, or one in the store.
    fn freeze_directory(&self, record: &Record, work: &Staging) -> Result<Directory, CreateError> {
        let Some((parent, name)) =
            record.area.as_ref().and_then(|area| Some((area.parent()?, area.file_name()?)))
        else {
            return Ok(work.directory().ensure_directory(OsStr::new(FREEZE), 0o700)?);
        };
        let area = area::ensure(&Directory::open(parent)?, name)?;
        Ok(area.ensure_directory(OsStr::new(FREEZE), 0o700)?)
    }

    fn gather(
        &self,
        source: Source<'_>,
        record: &Record,
        staging: &Staging,
        (freeze, release): (Option<&Directory>, Option<&dyn Fn()>),
    ) -> Result<Captured, CreateError> {
        let Order { source: config, cluster, eos_version, now, force, .. } = self.order;
        let metadata = Metadata {
            cluster_id: (*cluster).clone(),
            created_at: *now,
            eos_version: (*eos_version).to_owned(),
            generation: record.generation,
            source: record.source.clone(),
        };
        let freezer = freeze.map(|directory| Freezer::new(directory, &config.write_once));
        let previous = self.before.previous.as_ref();
        let (exclude, freezer) = (&config.exclude, freezer.as_ref());
        let terms = Terms { exclude, previous, freezer, force: *force, release };
        let (into, cut) = (staging.directory(), Cut::default());
        Ok(capture::gather(&[source], into, &metadata, cut, terms, self.stop, self.sink)?)
    }

    /// Opens a directory, or sees that there is a file.
    fn look(&self, path: &Path, is_directory: bool) -> Result<Option<Directory>, CreateError> {
        use crate::host::directory::Kind;
        let name = self.order.source.name.to_string();
        let (parent, last) = (path.parent().unwrap_or(path), path.file_name().unwrap_or_default());
        let parent = Directory::open(parent);
        let found = match &parent {
            Err(error) if error.is_missing() => None,
            Err(_) => return parent.map(|_| None).map_err(Into::into),
            Ok(parent) => parent.metadata_optional(last)?,
        };
        let path = path.to_owned();
        match found.map(|found| found.kind) {
            None => Err(CreateError::Missing { name, path }),
            Some(Kind::Directory) if is_directory => Ok(Some(Directory::open(&path)?)),
            Some(Kind::File) if !is_directory => Ok(None),
            Some(_) => {
                let wanted = if is_directory { "directory" } else { "database file" };
                Err(CreateError::Kind { name, path, wanted })
            }
        }
    }
}

/// The time in which the hooks of a source hold its writers off.
struct Pause<'a> {
    capture: &'a Capture<'a>,
    /// What is still to be done when the capture ends.
    record: RefCell<Record>,
    began: Instant,
    bound: &'a Bound,
}

impl Pause<'_> {
    fn record(&self) -> Record {
        self.record.borrow().clone()
    }

    /// Lets the writers go on as soon as nothing is read any more that they could change.
    fn release(&self) {
        let record = self.record();
        if record.after.is_none() {
            return;
        }
        match self.capture.records.release(&record, self.capture.sink) {
            Ok(left) => {
                self.bound.released();
                self.measure();
                *self.record.borrow_mut() = left;
            }
            // It is run once more at the end, and what comes of it then counts.
            Err(error) => {
                let text = format!("{error}; it is run once more when all is read");
                self.capture.sink.emit(Event::Warning { text });
            }
        }
    }

    /// What a capture ends with that was stopped because writers were held off for too long.
    fn judged(&self, error: CreateError) -> CreateError {
        let Order { source, .. } = self.capture.order;
        match error {
            CreateError::Capture(CaptureError::Interrupted { .. }) if self.bound.is_overdue() => {
                CreateError::Paused {
                    name: source.name.to_string(),
                    seconds: source.hooks.longest_pause_seconds(),
                }
            }
            other => other,
        }
    }

    fn end(&self) -> Result<(), CreateError> {
        let ended = self.capture.records.end(&self.record.borrow(), self.capture.sink);
        self.measure();
        ended
    }

    fn measure(&self) {
        let Order { source, .. } = self.capture.order;
        let has_hooks = source.hooks.before_capture.is_some() || source.hooks.after_capture.is_some();
        if has_hooks && self.capture.paused.get().is_none() {
            self.capture.paused.set(Some(self.began.elapsed()));
        }
    }
}
