//! Restores a snapshot in the place of what is there: with hooks, by one exchange, judged, and taken back if unwell.
//!
//! A tree is built in the work area beside its target, by whoever has the bytes. Then, in this order: the journal
//! is made durable; the hook `before_restore`; one exchange of names; the hook `after_restore`; the health command;
//! the commit. What fails after the exchange exchanges again, and what crashes is finished or taken back by
//! [`recover`], which a restore, a bootstrap and the agent begin with. Whenever `before_restore` was run,
//! `after_restore` is run too, by the recovery at the latest.

mod database;
mod ended;
mod error;
mod history;
mod hooks;
mod journal;
mod operation;
mod place;
mod previous;
mod recover;
#[cfg(test)]
pub(in crate::snapshot) mod tests;

pub use ended::{Ended, Told, ended, told};
pub use error::RestoreError;
#[cfg(test)]
pub(crate) use error::samples;
pub use journal::{Applied, Last};
pub use place::{INCOMING, PREVIOUS};
pub use previous::{Kept, kept};
pub use recover::{Outcome, Recovered, recover};

use crate::host::directory::Directory;
use crate::host::files;
use crate::host::root::Root;
use crate::model::digest::Digest;
use crate::model::progress::{Event, Sink};
use crate::model::snapshots::{Engine, Hooks, SourceConfig};
use crate::snapshot::area::Hold;
use crate::snapshot::assemble::Verified;
use jiff::Timestamp;
use journal::{Folder, Journal, Kind, Phase};
use operation::Operation;
use place::{Place, Standing};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What shall be restored, and where.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// The root.
    pub root: &'a Root,
    /// The source, with the hooks of the local configuration.
    pub source: &'a SourceConfig,
    /// Another place than the source's: an absolute path, not below the root. There no hooks are run. The journal keeps
    /// it as text, so it is one.
    pub into: Option<&'a str>,
    /// Whether missing directories that lead to the target are made.
    pub make_folder: bool,
    /// Who restores, for whoever finds the target busy.
    pub holder: &'a str,
}

/// A restore that has its target for itself.
#[derive(Debug)]
pub struct Restore<'a> {
    order: Order<'a>,
    folder: Folder,
    name: String,
    /// Of the journal's name, and of the place, which other sources and captures may have too.
    _locks: [Hold; 2],
    place: Place,
    standing: Standing,
    /// What is known of the tree that is put in place.
    verified: Option<Verified>,
}

/// The snapshot that a restore puts in place, as its metadata says.
#[derive(Debug, Clone, Copy)]
pub struct Age<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it was captured.
    pub created_at: Timestamp,
    /// The source's generation.
    pub generation: u64,
}

impl<'a> Restore<'a> {
    /// Takes the target for this process, finishes what a crash left of an earlier restore of it, and judges
    /// whether it can be exchanged. Nothing else is changed.
    pub fn begin(order: Order<'a>, sink: &dyn Sink) -> Result<Self, RestoreError> {
        let folder = Folder::open(order.root)?;
        let name = match order.into {
            Some(path) => format!("@{}", &Digest::of(path.as_bytes()).to_string()[..16]),
            None => order.source.name.to_string(),
        };
        let shown = order.into.map_or_else(|| order.root.join(&order.source.path), PathBuf::from);
        let lock = Hold::named(order.root, &name, order.holder)?
            .map_err(|holder| RestoreError::Busy { target: shown, holder })?;
        if let Some(journal) = folder.journal(&name)? {
            let (source, target) = (journal.source.clone(), journal.target.clone());
            let snapshot = journal.snapshot();
            let outcome = recover::held(order.root, &folder, &name, (journal, order.holder), sink)?;
            let recovered = Recovered { source, target, snapshot, outcome };
            recover::count(order.root, &name, &recovered, sink);
            sink.emit(recovered.event());
        }
        let place = match order.into {
            Some(path) => Place::find(&whole()?, path)?,
            None => {
                if order.make_folder {
                    place::make_folder(order.root, &order.source.path)?;
                }
                Place::find(order.root, &order.source.path)?
            }
        };
        let held = place.hold(order.root, order.holder)?;
        let held = held.map_err(|holder| RestoreError::Busy { target: place.target.clone(), holder })?;
        let engine = if order.into.is_some() { Engine::Directory } else { order.source.engine };
        let standing = place.judged(engine)?;
        let restore = Self { order, folder, name, _locks: [lock, held], place, standing, verified: None };
        if restore.order.into.is_some() && restore.is_filled()? {
            return Err(RestoreError::NotEmpty { target: restore.place.target });
        }
        Ok(restore)
    }

    fn is_filled(&self) -> Result<bool, RestoreError> {
        match self.standing {
            Standing::Absent => Ok(false),
            Standing::There(_) => {
                let target = self.place.parent.open_directory(Path::new(&self.place.name))?;
                Ok(!target.list()?.is_empty())
            }
        }
    }

    /// Where the target is.
    pub fn target(&self) -> &Path {
        &self.place.target
    }

    /// The tree that is there, to seed the new one from; none when there is none.
    pub fn seed(&self) -> Result<Option<Directory>, RestoreError> {
        match self.standing {
            Standing::There(_) if self.order.source.engine == Engine::Directory => {
                Ok(Some(self.place.parent.open_directory(Path::new(&self.place.name))?))
            }
            _ => Ok(None),
        }
    }

    /// The tree of before the last restore, which may seed the new one as well.
    pub fn previous_seed(&self) -> Result<Option<Directory>, RestoreError> {
        let kept = self.place.in_area(Path::new(PREVIOUS))?.is_some();
        let directory = self.order.into.is_none() && self.order.source.engine == Engine::Directory;
        match kept && directory {
            true => Ok(Some(self.place.area()?.open_directory(Path::new(PREVIOUS))?)),
            false => Ok(None),
        }
    }

    /// What an earlier restore verified of the tree that is there.
    pub fn verified(&self) -> Result<Option<Verified>, RestoreError> {
        if self.order.into.is_some() {
            return Ok(None);
        }
        let bytes = self.folder.verified(&self.name)?;
        Ok(bytes.and_then(|bytes| Verified::read(&bytes, &self.name)))
    }

    /// Remembers this of the tree once it is in place.
    pub fn knowing(self, verified: Verified) -> Self {
        Self { verified: Some(verified).filter(|verified| !verified.is_empty()), ..self }
    }

    /// Refuses a file system on which the restore could not put anything in place, before anything is brought for it
    /// or stopped for it.
    pub fn probe(&self) -> Result<(), RestoreError> {
        let elsewhere = self.order.into.is_some();
        self.place.probe(if elsewhere { Engine::Directory } else { self.order.source.engine })
    }

    /// The work area, in which the tree is built: what an interrupted restore left there may be used.
    pub fn area(&self) -> Result<Directory, RestoreError> {
        self.place.area()
    }

    /// What was restored here last.
    pub fn last(&self) -> Result<Option<Last>, RestoreError> {
        match self.order.into {
            Some(_) => Ok(None),
            None => self.folder.last(&self.name),
        }
    }

    /// Refuses a snapshot that is older than the one that was restored last.
    pub fn refuse_older(&self, age: Age<'_>) -> Result<(), RestoreError> {
        let Some(Last { now: Some(newer), .. }) = self.last()? else { return Ok(()) };
        if (age.created_at, age.generation) >= (newer.created_at, newer.generation) {
            return Ok(());
        }
        Err(RestoreError::Older {
            source_name: self.name.clone(),
            id: age.id.to_owned(),
            made: age.created_at,
            newer: newer.id.to_string(),
            newer_made: newer.created_at,
        })
    }

    /// Puts the tree, or database, that lies at `staged` in the work area in the target's place.
    ///
    /// When this succeeds, it stays; with any error but `NotCleared`, what was there before is there again.
    /// `stop` is heeded up to the exchange.
    pub fn activate(
        self,
        staged: &Path,
        applied: Applied,
        stop: &dyn Fn() -> bool,
        sink: &dyn Sink,
    ) -> Result<Activated, RestoreError> {
        let last = self.last()?;
        let keeps = self.order.into.is_none() && self.order.source.keep_previous;
        let had = self.standing.inode().is_some();
        let remember = Last {
            version: Journal::VERSION,
            source: self.name.clone(),
            target: self.order.source.path.clone(),
            now: Some(applied.clone()),
            has_previous: keeps && had,
            previous: last.and_then(|last| last.now),
        };
        let kind = if self.order.into.is_some() { Kind::Into } else { Kind::Restore };
        let remember = (kind == Kind::Restore).then_some(remember);
        self.exchange(kind, staged, Some(applied), remember, stop, sink)
    }

    /// Puts the tree of before the last restore in the target's place again; the one that goes is kept instead.
    pub fn previous(self, stop: &dyn Fn() -> bool, sink: &dyn Sink) -> Result<Activated, RestoreError> {
        if self.place.in_area(Path::new(PREVIOUS))?.is_none() {
            return Err(RestoreError::NoPrevious { target: self.place.target });
        }
        self.probe()?;
        let last = self.last()?;
        let (now, previous) = last.map_or((None, None), |last| (last.previous, last.now));
        let remember = Last {
            version: Journal::VERSION,
            source: self.name.clone(),
            target: self.order.source.path.clone(),
            now: now.clone(),
            has_previous: self.standing.inode().is_some(),
            previous,
        };
        self.exchange(Kind::Previous, Path::new(PREVIOUS), now, Some(remember), stop, sink)
    }

    /// Undoes the last restore of the source as if it had never been: the tree of before returns, or nothing, and
    /// the one that goes is removed. Without a restore that was recorded, nothing happens.
    pub fn undo(self, sink: &dyn Sink) -> Result<(), RestoreError> {
        let Some(last) = self.last()? else { return self.forget_progress() };
        let previous = match last.has_previous {
            true => self.place.in_area(Path::new(PREVIOUS))?,
            false => None,
        };
        if last.has_previous && previous.is_none() {
            // Without it, what was there cannot return, and what is there must not go.
            return Err(RestoreError::NoPrevious { target: self.place.target });
        }
        let Some(new) = self.standing.inode() else { return Ok(()) };
        // What an interrupted restore left there would be in the way of the tree that goes.
        self.place.area()?.remove_tree(OsStr::new(INCOMING))?;
        let staged = PathBuf::from(if previous.is_some() { PREVIOUS } else { INCOMING });
        let mut journal = self.journal(Kind::Undo, staged, new);
        (journal.old, journal.phase) = (previous, Phase::Returning);
        self.folder.save(&self.name, &journal)?;
        let (folder, name, place) = (&self.folder, self.name.as_str(), &self.place);
        let mut operation = Operation { folder, name, place, journal, sink, verified: None };
        let unserved = operation.finish_return()?;
        if let Some((hook, why)) = unserved {
            tracing::warn!(hook, why, "a hook failed while a restore was undone");
        }
        Ok(())
    }

    /// Removes from the work area what a restore that did not come to its exchange left there.
    pub fn forget_progress(&self) -> Result<(), RestoreError> {
        self.place.clear(true)?;
        self.place.remove_empty_area()
    }

    /// Removes the work area if a restore that did not come to its exchange left nothing there.
    pub fn forget_empty_area(&self) -> Result<(), RestoreError> {
        self.place.remove_empty_area()
    }

    fn journal(&self, kind: Kind, staged: PathBuf, new: u64) -> Journal {
        let source = self.order.source;
        let into = self.order.into.map(str::to_owned);
        let elsewhere = into.is_some();
        Journal {
            version: Journal::VERSION,
            source: source.name.to_string(),
            target: into.unwrap_or_else(|| source.path.clone()),
            engine: if elsewhere { Engine::Directory } else { source.engine },
            hooks: if elsewhere { Hooks::default() } else { source.hooks.clone() },
            keep_previous: !elsewhere && source.keep_previous,
            kind,
            applied: None,
            remember: None,
            staged,
            new,
            old: self.standing.inode(),
            was_wal: false,
            companions: Vec::new(),
            phase: Phase::Begun,
        }
    }

    fn exchange(
        mut self,
        kind: Kind,
        staged: &Path,
        applied: Option<Applied>,
        remember: Option<Last>,
        stop: &dyn Fn() -> bool,
        sink: &dyn Sink,
    ) -> Result<Activated, RestoreError> {
        let elsewhere = self.order.into.is_some();
        let engine = if elsewhere { Engine::Directory } else { self.order.source.engine };
        // It may have been moved while the tree was built.
        self.standing = self.place.judged(engine)?;
        let staged_path = self.place.area_path().join(staged);
        let new = self
            .place
            .staged(staged, engine)?
            .ok_or_else(|| RestoreError::NotStaged { path: staged_path.clone() })?;
        let journal = Journal { applied, remember, ..self.journal(kind, staged.to_owned(), new) };
        if journal.engine == Engine::Sqlite {
            // It would be refused the next time as well.
            if let Err(error) = database::check(&staged_path) {
                self.forget_progress()?;
                return Err(error);
            }
        }
        let operation = Operation {
            folder: &self.folder,
            name: &self.name,
            place: &self.place,
            journal: journal.clone(),
            sink,
            verified: self.verified.take().filter(|_| kind == Kind::Restore),
        };
        if let Some(verified) = operation.run(stop)?
            && let Err(error) = self.folder.verify(&self.name, &verified.to_bytes())
        {
            let text =
                format!("what was verified is not remembered, so the next restore reads it again: {error}");
            sink.emit(Event::Warning { text });
        }
        let applied = journal.applied.as_ref();
        let before = journal.remember.as_ref().and_then(|last| last.previous.as_ref());
        tracing::info!(
            source = journal.source,
            target = journal.target,
            snapshot = applied.map(|applied| applied.id.as_str()),
            before = before.map(|applied| applied.id.as_str()),
            from = ?applied.map_or(&[][..], |applied| &applied.from),
            received_bytes = applied.map(|applied| applied.received_bytes),
            restored_bytes = applied.map(|applied| applied.restored_bytes),
            "restored"
        );
        let kept = self.place.in_area(Path::new(PREVIOUS))?.is_some();
        let previous = kept.then(|| self.place.area_path().join(PREVIOUS));
        Ok(Activated { target: self.place.target, applied: journal.applied, previous })
    }
}

/// What a restore left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// What stands there now, as an operator sees it.
    pub target: PathBuf,
    /// The snapshot that it is, if it is one.
    pub applied: Option<Applied>,
    /// Where the tree of before is kept, if it is.
    pub previous: Option<PathBuf>,
}

/// What was restored last, for each source of which that is recorded.
pub fn last(root: &Root, source: &str) -> Result<Option<Last>, RestoreError> {
    match Folder::existing(root)? {
        Some(folder) => folder.last(source),
        None => Ok(None),
    }
}

/// The work area beside a source, and the names in it, if there is one; whose it is does not matter here.
pub fn left(root: &Root, source: &SourceConfig) -> Result<Option<(PathBuf, Vec<String>)>, RestoreError> {
    let place = match Place::find(root, &source.path) {
        Err(RestoreError::NoFolder { .. }) => return Ok(None),
        found => found?,
    };
    Ok(place.names_in_area()?.map(|names| (place.area_path(), names)))
}

fn whole() -> Result<Root, RestoreError> {
    Root::new("/").map_err(|source| files::FileError::new("look at", "/", source).into())
}

fn place_of(root: &Root, journal: &Journal) -> Result<Place, RestoreError> {
    match journal.kind {
        Kind::Into => Place::find(&whole()?, &journal.target),
        Kind::Restore | Kind::Previous | Kind::Undo => Place::find(root, &journal.target),
    }
}
