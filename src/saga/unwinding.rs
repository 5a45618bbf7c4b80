//! The way back of one saga: undo each step, put back what it touched, and say what is left to do.

use super::engine::{Engine, Finished};
use super::error::SagaError;
use super::recovery;
use super::running::Running;
use super::step::StepError;
use crate::host::inventory::{Node, decode, observe};
use crate::host::{files, paths, tree};
use crate::journal::checkpoint::Checkpoint;
use crate::journal::error::JournalError;
use crate::journal::ledger::Ledger;
use crate::journal::record::{End, JournalRecord, Reason};
use crate::journal::summary;
use crate::journal::touch::Scope;
use crate::journal::way_back::Trees;
use crate::journal::{checkpoint, file};
use crate::model::progress::Event;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Instant;

/// What the way back needs to know of the way there.
pub(super) struct Known {
    trees: Trees,
    /// The steps that got to their end.
    done: BTreeSet<String>,
}

impl<E> Running<'_, '_, E> {
    pub(super) fn back(&mut self, index: usize) -> Result<(), SagaError> {
        let name = self.steps[index].name().to_owned();
        let span = tracing::info_span!("undo", saga = %self.saga, step = %name);
        let _entered = span.enter();
        let clock = Instant::now();
        self.enter_phase("undo");
        self.record(JournalRecord::Undoing { step: name.clone() })?;
        let mut undone = self.undo(index, &name);
        if undone.is_ok() && self.engine.faults.repeat_undo {
            undone = self.undo(index, &name);
        }
        match undone {
            Ok(()) => {
                self.record(JournalRecord::Undone { step: name.clone() })?;
                self.ended(index, &name, "undone", clock);
                Ok(())
            }
            Err(error) => {
                let failure = error.failure;
                tracing::info!(step = %name, code = %failure.code, message = %failure.message, "undo failed");
                self.record(JournalRecord::UndoFailed { step: name.clone(), failure })?;
                self.ended(index, &name, "undo-failed", clock);
                self.record(JournalRecord::Finished { outcome: End::Stuck })
            }
        }
    }

    fn undo(&mut self, index: usize, name: &str) -> Result<(), StepError> {
        let place = checkpoint::place(&self.saga, index, name);
        let checkpoint = self.checkpoint_of(&place)?;
        let steps = self.steps;
        let step = steps[index].as_ref();
        // One thing that cannot be taken back keeps nothing else from it.
        let first = step.undo_to(self.env, &checkpoint.effects);
        if self.engine.faults.fail_undo_at.as_deref() == Some(name) {
            return Err(SagaError::Planned.into());
        }
        let files = self.put_back(name, &place, &checkpoint);
        let last = step.undo_last(self.env, &checkpoint.effects);
        let failures = [first, files, last].into_iter().filter_map(Result::err);
        failures.reduce(StepError::and).map_or(Ok(()), Err)
    }

    fn put_back(&mut self, name: &str, place: &str, checkpoint: &Checkpoint) -> Result<(), StepError> {
        let known = self.known()?;
        let done = known.done.contains(name);
        let (stayed, restored) = known.trees.restore(self.engine.root, place, checkpoint, done);
        for directory in stayed.directories {
            let path = self.engine.root.join(decode(&directory));
            let text = format!("{} stays, because something that is not eos's is in it", path.display());
            self.engine.sink.emit(Event::Warning { text });
        }
        for path in stayed.strangers {
            let absolute = self.engine.root.join(decode(&path));
            if self.kept.insert(path) {
                let text = format!("{} stays: somebody else put it there or changed it", absolute.display());
                self.engine.sink.emit(Event::Warning { text });
            }
        }
        for path in stayed.aside {
            self.tell_aside(&path);
        }
        Ok(restored?)
    }

    /// Says once where what somebody changed is kept, now that the original has its name again.
    fn tell_aside(&mut self, path: &str) {
        let kept = format!("{path}.changed");
        let absolute = self.engine.root.join(decode(&kept));
        if self.kept.insert(kept) {
            let text =
                format!("/{path} was changed since eos wrote it; that is kept as {}", absolute.display());
            self.engine.sink.emit(Event::Warning { text });
        }
    }

    /// What is known of the trees of the saga and of its steps, read once before the first restoration.
    fn known(&mut self) -> Result<Rc<Known>, JournalError> {
        if let Some(known) = &self.known {
            return Ok(known.clone());
        }
        let root = self.engine.root;
        let mut checkpoints = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let place = checkpoint::place(&self.saga, index, step.name());
            checkpoints.extend(checkpoint::load(root, &place)?);
        }
        let entries = file::entries(root, &self.saga)?.into_iter();
        let done = entries.filter_map(|entry| match entry.record {
            JournalRecord::Done { step, .. } => Some(step),
            _ => None,
        });
        let known = Rc::new(Known { trees: Trees::of(root, checkpoints)?, done: done.collect() });
        self.known = Some(known.clone());
        Ok(known)
    }

    /// The ledger returns to what it was before the saga, and the saga is rolled back.
    pub(super) fn all_undone(&mut self) -> Result<(), SagaError> {
        let root = self.engine.root;
        match Ledger::load_from(root, &recovery::ledger_before(&self.saga))? {
            Some(before) => before.save(root)?,
            None => files::remove_file(&root.join(paths::LEDGER))?,
        }
        self.summary.can_rollback = false;
        summary::save(root, &self.summary)?;
        self.record(JournalRecord::Finished { outcome: End::RolledBack })
    }

    pub(super) fn rolled_back(self) -> Result<Finished, SagaError> {
        let state = self.state().clone();
        if state.begin.first {
            let Engine { root, lock, faults, .. } = &mut *self.engine;
            recovery::forget_all(root, lock, &self.saga, &state.begin.made, faults)?;
        }
        match (state.reason, state.failure) {
            (Some(Reason::Requested), _) => Ok(self.finished(End::RolledBack)),
            (_, Some((step, failure))) => {
                Err(SagaError::Failed { saga: self.saga, step, source: Box::new(StepError { failure }) })
            }
            (_, None) => Err(SagaError::Interrupted { saga: self.saga }),
        }
    }

    /// The error that says what a person has to do.
    pub(super) fn stuck(&self, index: Option<usize>) -> Result<SagaError, SagaError> {
        let mut manual = Vec::new();
        for index in (0..=index.unwrap_or_default()).rev() {
            let step = &self.steps[index];
            manual.push(format!("take back step {}: {}", step.name(), step.describe()));
            let place = checkpoint::place(&self.saga, index, step.name());
            match checkpoint::load(self.engine.root, &place) {
                Ok(Some(checkpoint)) => {
                    manual.extend(checkpoint::by_hand(self.engine.root, &place, &checkpoint)?);
                }
                Ok(None) => {}
                // The person is told of every other step all the same.
                Err(error) => {
                    manual.push(format!("what step {} found here is not known: {error}", step.name()));
                }
            }
        }
        let state = self.state();
        let (step, failure) =
            state.undo_failure.clone().expect("a journal says stuck only after an undo that failed");
        let original = state.failure.clone().map(|(_, failure)| Box::new(failure));
        let saga = self.saga.clone();
        Ok(SagaError::Stuck { saga, step, original, manual, source: Box::new(StepError { failure }) })
    }

    /// Every file that a checkpoint of the saga will put back, once.
    fn captured_files(&self) -> Result<BTreeSet<String>, SagaError> {
        let mut files = BTreeSet::new();
        for (index, step) in self.steps.iter().enumerate() {
            let checkpoint = self.checkpoint_of(&checkpoint::place(&self.saga, index, step.name()))?;
            let captured = checkpoint.paths.into_iter().filter(|captured| captured.scope == Scope::File);
            files.extend(captured.map(|captured| captured.path));
        }
        Ok(files)
    }

    /// Copies each file of the completed saga that somebody changed since to `NAME.changed`, before
    /// the way back replaces it. A crash in between copies it again.
    pub(super) fn keep_changes_of_others(&mut self) -> Result<(), SagaError> {
        let root = self.engine.root;
        let ledger = Ledger::load(root)?.unwrap_or_default();
        for path in self.captured_files()? {
            let written = ledger.entries.get(&path).and_then(|entry| entry.written.as_ref());
            let target = root.join(decode(&path));
            let now = observe(&target)?;
            let (Some(written), Some(now @ Node::File { .. })) = (written, now) else { continue };
            if !written.same_content(&now) {
                let kept = root.join(decode(&format!("{path}.changed")));
                tree::copy_beside(&target, &kept, &now)?;
                self.tell_aside(&path);
            }
        }
        Ok(())
    }
}
