//! The walk over the steps of one saga, one journal record at a time; `unwinding.rs` has the way back.

use super::engine::{Engine, Finished, Steps};
use super::error::SagaError;
use super::recovery;
use super::step::{Step, StepError, Touch};
use super::unwinding::Known;
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
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

/// One saga on its way.
pub(super) struct Running<'r, 'a, E> {
    pub(super) engine: &'r mut Engine<'a>,
    pub(super) saga: SagaId,
    pub(super) journal: Journal,
    pub(super) steps: &'r Steps<E>,
    pub(super) env: &'r mut E,
    pub(super) summary: BootstrapCheckpoint,
    pub(super) known: Option<Rc<Known>>,
    /// What stayed on the way back, because it is not eos's.
    pub(super) kept: BTreeSet<String>,
    /// What was last told of where the saga is.
    phase: &'static str,
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
        let (known, kept) = (None, BTreeSet::new());
        Ok(Self { engine, saga, journal, steps, env, summary, known, kept, phase: "" })
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
            Err(error) => return self.failed(index, &name, error.failure, clock),
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
            let effects = step.after(self.env, &checkpoint.effects)?;
            self.enter_in_ledger(&place, &checkpoint, effects)?;
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
    ) -> Result<Checkpoint, StepError> {
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
            // What the step shall write may be another since; of a path that is new nothing was written.
            let touches = step.touches_now(self.env)?;
            self.cover(&touches)?;
            let extended = checkpoint::extend(self.engine.root, place, original, &touches)?;
            return Ok(checkpoint::remember(self.engine.root, place, extended, step.before(self.env)?)?);
        }
        let touches = step.touches_now(self.env)?;
        self.cover(&touches)?;
        let captured = checkpoint::capture(self.engine.root, place, &touches)?;
        Ok(checkpoint::remember(self.engine.root, place, captured, step.before(self.env)?)?)
    }

    fn cover(&self, touches: &[Touch]) -> Result<(), JournalError> {
        let paths: Vec<PathBuf> = touches.iter().map(|touch| touch.path().to_owned()).collect();
        let mut ledger = Ledger::load(self.engine.root)?.unwrap_or_default();
        ledger.cover(self.engine.root, &paths, &[])?;
        ledger.save(self.engine.root)
    }

    pub(super) fn checkpoint_of(&self, place: &str) -> Result<Checkpoint, JournalError> {
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

    fn enter_in_ledger(
        &self,
        place: &str,
        checkpoint: &Checkpoint,
        effects: BTreeMap<String, serde_json::Value>,
    ) -> Result<(), JournalError> {
        let root = self.engine.root;
        let mut ledger = Ledger::load(root)?.unwrap_or_default();
        ledger.record(root, place, checkpoint)?;
        ledger.record_effects(&checkpoint.effects, effects);
        ledger.save(root)
    }

    fn failed(
        &mut self,
        index: usize,
        name: &str,
        failure: Failure,
        clock: Instant,
    ) -> Result<(), SagaError> {
        // The failure itself is told by whoever asked for the operation.
        tracing::info!(step = name, code = %failure.code, message = %failure.message, "step failed");
        self.record(JournalRecord::Failed { step: name.to_owned(), failure })?;
        self.ended(index, name, "failed", clock);
        Ok(())
    }

    pub(super) fn finished(&self, outcome: End) -> Finished {
        let kept = self.kept.iter().cloned().collect();
        Finished { saga: self.saga.clone(), outcome, changed: self.state().changed, kept }
    }

    pub(super) fn enter_phase(&mut self, phase: &'static str) {
        if std::mem::replace(&mut self.phase, phase) != phase {
            self.engine.sink.emit(Event::Phase { name: phase.to_owned() });
        }
    }

    fn announce(&mut self, index: usize, step: &dyn Step<E>) {
        self.enter_phase(step.stage().name());
        self.engine.sink.emit(Event::StepStarted {
            number: index + 1,
            total: self.steps.len(),
            step: step.name().to_owned(),
            description: step.describe(),
        });
    }

    pub(super) fn ended(&self, index: usize, name: &str, outcome: &str, clock: Instant) {
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
