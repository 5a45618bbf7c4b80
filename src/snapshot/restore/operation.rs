//! One restore under way: the moves in their order, what is judged after them, and the way back.
//!
//! The exchange is one step, so the target is the old tree or the new one at any instant; which of them it
//! is tells its inode. All that is done here may be done again after a crash in its middle.

use super::RestoreError;
use super::database::{self, Held};
use super::history::Entry;
use super::hooks;
use super::journal::{Folder, Journal, Kind, Phase};
use super::place::{PREVIOUS, Place, split};
use crate::host::directory::Directory;
use crate::model::progress::{Event, Sink};
use crate::model::snapshots::Engine;
use crate::snapshot::assemble::Verified;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// How the side files of an old database are called in the work area.
const REPLACED: &str = "replaced";

pub(super) struct Operation<'a> {
    pub folder: &'a Folder,
    /// The journal's name.
    pub name: &'a str,
    pub place: &'a Place,
    pub journal: Journal,
    pub sink: &'a dyn Sink,
    /// What is known of the files of the tree that is put in place.
    pub verified: Option<Verified>,
}

impl Operation<'_> {
    /// From the first record to the last: the new tree is in place then, or the old one and an error. Returns what
    /// is known of its files then.
    pub fn run(mut self, stop: &dyn Fn() -> bool) -> Result<Option<Verified>, RestoreError> {
        if let Err(error) = self.folder.save(self.name, &self.journal) {
            self.forget();
            return Err(error);
        }
        match self.approach(stop) {
            Ok(()) => self.judge()?,
            Err(error) => return Err(self.retreat(error)),
        }
        Ok(self.verified)
    }

    /// Up to the exchange.
    fn approach(&mut self, stop: &dyn Fn() -> bool) -> Result<(), RestoreError> {
        self.tell("before-restore");
        hooks::before(&self.journal, self.sink)?;
        if stop() {
            return Err(RestoreError::Interrupted { target: self.place.target.clone() });
        }
        let held = self.set_aside()?;
        self.tell("exchange");
        let exchanged = self.exchange();
        drop(held);
        exchanged
    }

    /// Nothing was exchanged: what was begun is taken back.
    pub fn retreat(&mut self, cause: RestoreError) -> RestoreError {
        let target = self.place.target.clone();
        if let Err(error) = self.companions_back() {
            return RestoreError::NotReturned { target, why: error.to_string(), cause: Box::new(cause) };
        }
        self.unfold();
        let after = hooks::after(&self.journal, self.sink);
        self.forget();
        match after {
            Err(RestoreError::Hook { hook, source }) => RestoreError::ReturnedUnserved {
                target,
                hook,
                why: source.to_string(),
                cause: Box::new(cause),
            },
            Ok(()) | Err(_) => cause,
        }
    }

    /// The exchange has happened: the new tree stays if it is in good health.
    pub fn judge(&mut self) -> Result<(), RestoreError> {
        if let Err(cause) = self.serve() {
            return Err(self.go_back(cause, false));
        }
        self.journal.phase = Phase::Committed;
        if let Err(cause) = self.folder.save(self.name, &self.journal) {
            return Err(self.go_back(cause, true));
        }
        let target = self.place.target.clone();
        // Files that the old trees have too lose names now, which looks as if they had been touched.
        self.look(Verified::untouched);
        self.finish_commit().map_err(|cause| RestoreError::NotCleared { target, cause: Box::new(cause) })?;
        self.look(Verified::renewed);
        Ok(())
    }

    /// Nothing is known of a tree that cannot be opened.
    fn look(&mut self, at: impl Fn(Verified, &Directory) -> Verified) {
        let tree = self.place.parent.open_directory(Path::new(&self.place.name)).ok();
        let looked = tree.and_then(|tree| self.verified.take().map(|verified| at(verified, &tree)));
        self.verified = looked.filter(|verified| !verified.is_empty());
    }

    fn serve(&self) -> Result<(), RestoreError> {
        self.place.parent.sync()?;
        self.staging()?.0.sync()?;
        if self.journal.engine == Engine::Sqlite
            && let Some(ending) = database::sides(&self.place.parent, &self.place.name)?.first()
        {
            let path = self.place.parent.path().join(database::side(&self.place.name, ending));
            return Err(RestoreError::SideFile { path });
        }
        self.tell("after-restore");
        hooks::after(&self.journal, self.sink)?;
        self.tell("health");
        hooks::healthy(&self.journal, self.sink)
    }

    /// Puts the old tree back. After a commit that may be on the disk already, that is done only when the
    /// disk has taken the opposite.
    fn go_back(&mut self, cause: RestoreError, may_be_committed: bool) -> RestoreError {
        let (target, cause) = (self.place.target.clone(), Box::new(cause));
        self.tell("return");
        self.journal.phase = Phase::Returning;
        match self.folder.save(self.name, &self.journal) {
            Err(error) if may_be_committed => {
                return RestoreError::NotReturned { target, why: error.to_string(), cause };
            }
            Err(error) => tracing::warn!(%error, "the way back of a restore is not recorded"),
            Ok(()) => {}
        }
        match self.finish_return() {
            Ok(None) => RestoreError::Returned { target, cause },
            Ok(Some((hook, why))) => RestoreError::ReturnedUnserved { target, hook, why, cause },
            Err(error) => RestoreError::NotReturned { target, why: error.to_string(), cause },
        }
    }

    /// The old tree is back after this; says which hook failed, if one did.
    pub fn finish_return(&mut self) -> Result<Option<(&'static str, String)>, RestoreError> {
        let standing = self.place.standing()?.inode();
        let mut unserved = None;
        if standing == Some(self.journal.new) {
            // Whoever uses the new tree; that it does not stop must not keep the old one away.
            if let Err(error) = hooks::before(&self.journal, self.sink) {
                tracing::warn!(%error, "the users of a tree that goes were not stopped");
            }
            self.exchange_back()?;
        } else if standing != self.journal.old {
            return Err(self.unclear());
        }
        self.companions_back()?;
        self.unfold();
        if let Err(RestoreError::Hook { hook, source }) = hooks::after(&self.journal, self.sink) {
            unserved = Some((hook, source.to_string()));
        }
        // It was in use, so nobody may build upon it.
        match self.journal.kind {
            Kind::Previous => {}
            Kind::Restore | Kind::Into => self.place.clear(true)?,
            Kind::Undo => {
                self.place.clear(false)?;
                if let Some(last) = self.folder.last(&self.journal.source)? {
                    self.folder.note(&Entry::of(&self.journal, last.now.map(|now| now.id)))?;
                }
                self.folder.forget_last(&self.journal.source)?;
            }
        }
        self.folder.forget(self.name)?;
        self.place.remove_empty_area()?;
        Ok(unserved)
    }

    /// The new tree stays: the old one becomes the previous one, or goes.
    pub fn finish_commit(&self) -> Result<(), RestoreError> {
        let keeps = self.journal.kind == Kind::Previous || self.journal.keep_previous;
        let displaced = self.place.in_area(&self.journal.staged)?;
        let moves =
            self.journal.kind != Kind::Previous && displaced.is_some() && displaced == self.journal.old;
        if keeps {
            self.keep(moves)?;
        }
        self.place.clear(keeps)?;
        if let Some(last) = &self.journal.remember {
            self.folder.remember(last)?;
        }
        let before = self.journal.remember.as_ref().and_then(|last| last.previous.as_ref());
        self.folder.note(&Entry::of(&self.journal, before.map(|applied| applied.id.clone())))?;
        self.folder.forget(self.name)?;
        self.place.remove_empty_area()
    }

    /// What was replaced becomes what is kept.
    fn keep(&self, moves: bool) -> Result<(), RestoreError> {
        let (area, previous) = (self.place.area()?, OsStr::new(PREVIOUS));
        if moves {
            for ending in database::SIDES {
                area.remove_tree(&database::side(previous, ending))?;
            }
            area.remove_tree(previous)?;
        }
        for ending in &self.journal.companions {
            let replaced = database::side(OsStr::new(REPLACED), ending);
            if area.metadata_optional(&replaced)?.is_some() {
                area.rename(&replaced, &area, &database::side(previous, ending))?;
            }
        }
        if moves {
            let (from, name) = self.staging()?;
            from.rename_new(&name, &area, previous)?;
        }
        Ok(area.sync()?)
    }

    /// The old database is folded and held, and what is beside it set aside.
    fn set_aside(&mut self) -> Result<Option<Held>, RestoreError> {
        if self.journal.engine != Engine::Sqlite {
            return Ok(None);
        }
        let held = match self.journal.old {
            Some(inode) => database::fold(self.place, inode, |is_wal| {
                self.journal.was_wal = is_wal;
                if is_wal { self.folder.save(self.name, &self.journal) } else { Ok(()) }
            })?,
            None => None,
        };
        self.journal.companions = database::sides(&self.place.parent, &self.place.name)?;
        self.folder.save(self.name, &self.journal)?;
        let area = self.place.area()?;
        for ending in &self.journal.companions {
            let (beside, kept) = self.companion(ending);
            self.place.parent.rename(&beside, &area, &kept)?;
        }
        self.place.parent.sync()?;
        area.sync()?;
        Ok(held)
    }

    fn companion(&self, ending: &str) -> (OsString, OsString) {
        (database::side(&self.place.name, ending), database::side(OsStr::new(REPLACED), ending))
    }

    fn companions_back(&self) -> Result<(), RestoreError> {
        if self.journal.companions.is_empty() {
            return Ok(());
        }
        let area = self.place.area()?;
        for ending in &self.journal.companions {
            let (beside, kept) = self.companion(ending);
            if area.metadata_optional(&kept)?.is_some() {
                area.rename(&kept, &self.place.parent, &beside)?;
            }
        }
        Ok(self.place.parent.sync()?)
    }

    fn unfold(&self) {
        if let (true, Some(inode)) = (self.journal.was_wal, self.journal.old) {
            database::unfold(self.place, inode);
        }
    }

    /// The directory in which the staged tree lies, and its name there.
    fn staging(&self) -> Result<(Directory, OsString), RestoreError> {
        let (folder, name) = split(&self.journal.staged);
        Ok((self.place.area()?.open_directory(folder)?, name.to_owned()))
    }

    fn exchange(&self) -> Result<(), RestoreError> {
        let (from, name) = self.staging()?;
        let (into, target) = (&self.place.parent, self.place.name.as_os_str());
        let moved = match self.journal.old {
            Some(_) => from.exchange(&name, into, target),
            None => from.rename_new(&name, into, target),
        };
        moved.map_err(|source| RestoreError::Exchange { target: self.place.target.clone(), source })
    }

    fn exchange_back(&self) -> Result<(), RestoreError> {
        let (from, name) = self.staging()?;
        let (into, target) = (&self.place.parent, self.place.name.as_os_str());
        if self.journal.engine == Engine::Sqlite {
            // They are of the database that goes; the other one would take them for its own.
            for ending in database::SIDES {
                into.remove_tree(&database::side(target, ending))?;
            }
        }
        match self.journal.old {
            Some(_) => from.exchange(&name, into, target)?,
            None => into.rename_new(target, &from, &name)?,
        }
        into.sync()?;
        Ok(from.sync()?)
    }

    /// Forgets the journal; one that stays is dealt with by the next restore, which finds the same.
    fn forget(&self) {
        if let Err(error) = self.folder.forget(self.name) {
            tracing::warn!(%error, name = self.name, "the journal of a restore stays until the next one");
        }
    }

    pub fn unclear(&self) -> RestoreError {
        RestoreError::Unclear { target: self.place.target.clone(), journal: self.folder.path(self.name) }
    }

    fn tell(&self, phase: &str) {
        self.sink.emit(Event::Phase { name: phase.to_owned() });
    }
}
