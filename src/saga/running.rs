//! The walk over the steps of one saga, forward and back, one journal record at a time.

use super::engine::{Engine, Finished, Steps};
use super::error::SagaError;
use super::recovery;
use super::step::{Stage, Step, StepError};
use crate::host::{files, paths};
use crate::journal::checkpoint::{self, Checkpoint};
use crate::journal::error::JournalError;
use crate::journal::file::Journal;
use crate::journal::ledger::{BASELINE, Ledger};
use crate::journal::record::{End, JournalRecord, Outcome, Reason};
use crate::journal::state::{Next, SagaState};
use crate::journal::summary::{self, BootstrapCheckpoint};
use crate::model::explain::Failure;
use crate::model::ids::SagaId;
use crate::model::progress::Event;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// One saga on its way.
pub(super) struct Running<'r, 'a, E> {
    engine: &'r mut Engine<'a>,
    saga: SagaId,
    journal: Journal,
    steps: &'r Steps<E>,
    env: &'r mut E,
    summary: BootstrapCheckpoint,
    stage: Option<Stage>,
}

impl<'r, 'a, E> Running<'r, 'a, E> {
    pub(super) fn new(
        engine: &'r mut Engine<'a>,
        saga: SagaId,
        journal: Journal,
        steps: &'r Steps<E>,
        env: &'r mut E,
    ) -> Result<Self, SagaError> {
        let summary = match summary::show(engine.root, &saga)? {
            Some(summary) => summary,
            None => {
                let kind = journal.state().begin.kind.clone();
                BootstrapCheckpoint::new(saga.clone(), &kind, (engine.now)(), BTreeMap::new())
            }
        };
        Ok(Self { engine, saga, journal, steps, env, summary, stage: None })
    }

    pub(super) fn state(&self) -> &SagaState {
        self.journal.state()
    }

    /// Follows the journal until there is nothing more to do.
    pub(super) fn drive(mut self) -> Result<Finished, SagaError> {
        loop {
            match self.state().next {
                Next::Run { index, .. } if index == self.steps.len() => {
                    self.record(JournalRecord::Finished { outcome: End::Completed })?;
                }
                Next::Run { .. } if self.engine.interrupted.requested() => {
                    self.record(JournalRecord::Unwinding { reason: Reason::Interrupted })?;
                }
                Next::Run { index, started } => self.forward(index, started)?,
                Next::Unwind { index: Some(index) } => self.back(index)?,
                Next::Unwind { index: None } => self.all_undone()?,
                Next::Stuck { index } => return Err(self.stuck(index)?),
                Next::Completed => {
                    recovery::prune(self.engine.root)?;
                    return Ok(self.finished(End::Completed));
                }
                Next::RolledBack => return self.rolled_back(),
            }
        }
    }

    /// Appends a record; the saga stops where it is when that fails.
    pub(super) fn record(&mut self, record: JournalRecord) -> Result<(), SagaError> {
        let at = (self.engine.now)();
        self.journal
            .append(record, at)
            .map_err(|source| SagaError::Halted { saga: self.saga.clone(), source })?;
        Ok(self.engine.faults.after_record(self.journal.sequence())?)
    }

    fn forward(&mut self, index: usize, started: bool) -> Result<(), SagaError> {
        let steps = self.steps;
        let step = steps[index].as_ref();
        let name = step.name().to_owned();
        let span = tracing::info_span!("step", saga = %self.saga, step = %name);
        let _entered = span.enter();
        let clock = Instant::now();
        self.announce(index, step);
        let place = checkpoint::place(&self.saga, index, &name);
        let checkpoint = match self.prepare(index, started, &place, step) {
            Ok(checkpoint) => checkpoint,
            Err(error) => return self.failed(index, &name, Failure::of(&error), clock),
        };
        if !started {
            self.record(JournalRecord::Started { step: name.clone() })?;
        }
        let outcome = step.run(self.env);
        self.engine.faults.after_run(&name)?;
        let outcome = outcome.and_then(|outcome| {
            if self.engine.faults.fail_at.as_deref() == Some(step.name()) {
                return Err(SagaError::Planned.into());
            }
            self.enter_in_ledger(&place, &checkpoint)?;
            Ok(outcome)
        });
        match outcome {
            Ok(outcome) => {
                self.record(JournalRecord::Done { step: name.clone(), outcome })?;
                let word = if outcome == Outcome::Done { "done" } else { "unchanged" };
                self.ended(index, &name, word, clock);
                Ok(())
            }
            Err(error) => self.failed(index, &name, error.failure, clock),
        }
    }

    /// Takes the checkpoint, or reads the original one of a step that was started before.
    fn prepare(
        &mut self,
        index: usize,
        started: bool,
        place: &str,
        step: &dyn Step<E>,
    ) -> Result<Checkpoint, JournalError> {
        if index == 0 && !started {
            self.cover_baseline()?;
        }
        if self.summary.stage != step.stage().name() {
            self.summary.stage = step.stage().name().to_owned();
            summary::save(self.engine.root, &self.summary)?;
        }
        if started {
            let original = self.checkpoint_of(place)?;
            checkpoint::remove_leftovers(self.engine.root, &original)?;
            return Ok(original);
        }
        checkpoint::capture(self.engine.root, place, &step.touches())
    }

    fn checkpoint_of(&self, place: &str) -> Result<Checkpoint, JournalError> {
        checkpoint::load(self.engine.root, place)?.ok_or_else(|| JournalError::Unreadable {
            path: self.engine.root.join(place),
            what: "the checkpoint of a started step is not there".to_owned(),
        })
    }

    /// Records what stands where the saga will work, before the first step of it runs.
    fn cover_baseline(&self) -> Result<(), JournalError> {
        let root = self.engine.root;
        let made = &self.state().begin.made;
        let mut ledger = Ledger::load(root)?.unwrap_or_default();
        let touched = self.steps.iter().flat_map(|step| step.touches());
        let wanted: Vec<PathBuf> =
            BASELINE.iter().map(PathBuf::from).chain(touched.map(|touch| touch.path().to_owned())).collect();
        ledger.cover(root, &wanted, made)?;
        for directory in made {
            ledger.record_made(root, directory)?;
        }
        ledger.save(root)
    }

    fn enter_in_ledger(&self, place: &str, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        let root = self.engine.root;
        let mut ledger = Ledger::load(root)?.unwrap_or_default();
        ledger.record(root, place, checkpoint)?;
        ledger.save(root)
    }

    fn failed(
        &mut self,
        index: usize,
        name: &str,
        failure: Failure,
        clock: Instant,
    ) -> Result<(), SagaError> {
        tracing::warn!(step = name, code = %failure.code, message = %failure.message, "step failed");
        self.record(JournalRecord::Failed { step: name.to_owned(), failure })?;
        self.ended(index, name, "failed", clock);
        Ok(())
    }

    fn back(&mut self, index: usize) -> Result<(), SagaError> {
        let name = self.steps[index].name().to_owned();
        let span = tracing::info_span!("undo", saga = %self.saga, step = %name);
        let _entered = span.enter();
        let clock = Instant::now();
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
                tracing::error!(step = %name, code = %failure.code, message = %failure.message, "undo failed");
                self.record(JournalRecord::UndoFailed { step: name.clone(), failure })?;
                self.ended(index, &name, "undo-failed", clock);
                self.record(JournalRecord::Finished { outcome: End::Stuck })
            }
        }
    }

    fn undo(&mut self, index: usize, name: &str) -> Result<(), StepError> {
        self.steps[index].undo(self.env)?;
        if self.engine.faults.fail_undo_at.as_deref() == Some(name) {
            return Err(SagaError::Planned.into());
        }
        let place = checkpoint::place(&self.saga, index, name);
        let kept = checkpoint::restore(self.engine.root, &place, &self.checkpoint_of(&place)?)?;
        for directory in kept {
            let path = self.engine.root.join(directory);
            let text = format!("{} stays, because something that is not eos's is in it", path.display());
            self.engine.sink.emit(Event::Warning { text });
        }
        Ok(())
    }

    /// The ledger returns to what it was before the saga, and the saga is rolled back.
    fn all_undone(&mut self) -> Result<(), SagaError> {
        let root = self.engine.root;
        match Ledger::load_from(root, &recovery::ledger_before(&self.saga))? {
            Some(before) => before.save(root)?,
            None => files::remove_file(&root.join(paths::LEDGER))?,
        }
        self.summary.can_rollback = false;
        summary::save(root, &self.summary)?;
        self.record(JournalRecord::Finished { outcome: End::RolledBack })
    }

    fn rolled_back(self) -> Result<Finished, SagaError> {
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
    fn stuck(&self, index: Option<usize>) -> Result<SagaError, SagaError> {
        let mut manual = Vec::new();
        for index in (0..=index.unwrap_or_default()).rev() {
            let step = &self.steps[index];
            manual.push(format!("take back step {}: {}", step.name(), step.describe()));
            let place = checkpoint::place(&self.saga, index, step.name());
            if let Some(checkpoint) = checkpoint::load(self.engine.root, &place)? {
                manual.extend(checkpoint::by_hand(self.engine.root, &place, &checkpoint)?);
            }
        }
        let state = self.state();
        let (step, failure) =
            state.undo_failure.clone().expect("a journal says stuck only after an undo that failed");
        let original = state.failure.clone().map(|(_, failure)| Box::new(failure));
        let saga = self.saga.clone();
        Ok(SagaError::Stuck { saga, step, original, manual, source: Box::new(StepError { failure }) })
    }

    fn finished(&self, outcome: End) -> Finished {
        Finished { saga: self.saga.clone(), outcome, changed: self.state().changed }
    }

    fn announce(&mut self, index: usize, step: &dyn Step<E>) {
        if self.stage.replace(step.stage()) != Some(step.stage()) {
            self.engine.sink.emit(Event::Phase { name: step.stage().to_string() });
        }
        self.engine.sink.emit(Event::StepStarted {
            number: index + 1,
            total: self.steps.len(),
            step: step.name().to_owned(),
            description: step.describe(),
        });
    }

    fn ended(&self, index: usize, name: &str, outcome: &str, clock: Instant) {
        let milliseconds = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(step = name, outcome, milliseconds, "step ended");
        self.engine.sink.emit(Event::StepEnded {
            number: index + 1,
            total: self.steps.len(),
            step: name.to_owned(),
            outcome: outcome.to_owned(),
            milliseconds,
        });
    }
}
