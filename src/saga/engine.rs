//! The engine: begins, resumes and undoes sagas. `running.rs` has the walk over the steps.
//!
//! Everything it does next follows from the journal alone, so a crash after any record leads to
//! the same end as no crash.

use super::error::SagaError;
use super::faults::FaultPlan;
use super::recovery;
use super::running::Running;
use super::step::Step;
use crate::host::paths;
use crate::host::root::Root;
use crate::host::{files, tree};
use crate::journal::checkpoint;
use crate::journal::file::{self, Journal};
use crate::journal::ledger::Ledger;
use crate::journal::lock::OperationLock;
use crate::journal::record::{Begin, End, JournalRecord, Reason, VERSION};
use crate::journal::state::{Next, SagaState};
use crate::journal::summary::{self, BootstrapCheckpoint};
use crate::model::ids::SagaId;
use crate::model::progress::Sink;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the operator wants to stop; asked between steps.
pub trait Interrupt {
    /// Whether it was asked for.
    fn requested(&self) -> bool;
}

impl Interrupt for AtomicBool {
    fn requested(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}

/// What a saga is begun with.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `bootstrap`, `join`, `generation`, ...: becomes part of the saga's id.
    pub kind: String,
    /// What the steps can be made from again after a crash; must hold no secrets.
    pub plan: serde_json::Value,
    /// The nodes of the cluster and their state as known now, for the checkpoint's summary.
    pub node_states: BTreeMap<String, String>,
}

impl Request {
    /// A request without knowledge of other nodes.
    pub fn new(kind: &str, plan: serde_json::Value) -> Self {
        Self { kind: kind.to_owned(), plan, node_states: BTreeMap::new() }
    }
}

/// How a saga ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The saga.
    pub saga: SagaId,
    /// `Completed`, or `RolledBack` when that was asked for.
    pub outcome: End,
    /// Whether anything was changed.
    pub changed: bool,
    /// Paths in trees of eos's that stay on the way back, because somebody else put them there or
    /// changed them; relative to the root.
    pub kept: Vec<String>,
}

/// Carries sagas out on one root, whose operation lock it has.
pub struct Engine<'a> {
    pub(super) root: &'a Root,
    pub(super) lock: &'a mut OperationLock,
    pub(super) sink: &'a dyn Sink,
    pub(super) interrupted: &'a dyn Interrupt,
    pub(super) faults: FaultPlan,
    pub(super) now: fn() -> Timestamp,
}

/// The steps of a saga, in order.
pub type Steps<E> = [Box<dyn Step<E>>];

impl<'a> Engine<'a> {
    /// An engine without faults, on the machine's clock.
    pub fn new(
        root: &'a Root,
        lock: &'a mut OperationLock,
        sink: &'a dyn Sink,
        interrupted: &'a dyn Interrupt,
    ) -> Self {
        Self { root, lock, sink, interrupted, faults: FaultPlan::none(), now: Timestamp::now }
    }

    /// The same engine with planned faults.
    pub fn with_faults(self, faults: FaultPlan) -> Self {
        Self { faults, ..self }
    }

    /// Begins a saga and carries it out, or undoes it when a step fails.
    ///
    /// # Errors
    /// When another saga is unfinished, a step failed (all is undone then), an undo failed, or the
    /// journal could not be written.
    pub fn run<E>(&mut self, request: Request, steps: &Steps<E>, env: &mut E) -> Result<Finished, SagaError> {
        if let Some((saga, _)) = self.recover()? {
            return Err(SagaError::Unfinished { saga });
        }
        refuse_repeated_names(steps)?;
        recovery::forget_failed_attempt(self.root, &request.kind)?;
        let opened = self.begin(request, steps);
        if matches!(&opened, Err(error) if !matches!(error, SagaError::Died { .. })) {
            // Nothing has begun, so nothing may stay; the error to tell is the first one.
            let cleaned = self.recover();
            tracing::debug!(?cleaned, "removed what was there of a saga that could not begin");
        }
        let (saga, journal) = opened?;
        Running::new(self, saga, journal, steps, env)?.drive()
    }

    /// Makes the saga's records, the first record of its journal last.
    fn begin<E>(&self, request: Request, steps: &Steps<E>) -> Result<(SagaId, Journal), SagaError> {
        let saga = next_id(self.root, &request.kind)?;
        let begun = (self.now)();
        let ledger = Ledger::load(self.root)?;
        let begin = Begin {
            version: VERSION,
            saga: saga.to_string(),
            kind: request.kind.clone(),
            plan: request.plan,
            steps: steps.iter().map(|step| step.name().to_owned()).collect(),
            made: self.lock.made().to_vec(),
            first: ledger.is_none() && file::sagas(self.root)?.is_empty(),
        };
        let summary = BootstrapCheckpoint::new(saga.clone(), &request.kind, begun, request.node_states);
        summary::save(self.root, &summary)?;
        if ledger.is_some() {
            tree::copy_file(&self.root.join(paths::LEDGER), &self.root.join(recovery::ledger_before(&saga)))?;
        }
        let journal = Journal::create(self.root, &saga, begin, begun)?;
        self.faults.after_record(journal.sequence())?;
        Ok((saga, journal))
    }

    /// Goes on with an unfinished saga: forward if it went forward, back if it was being undone.
    ///
    /// # Errors
    /// As [`Engine::run`], and when the steps are not the saga's.
    pub fn resume<E>(&mut self, saga: &SagaId, steps: &Steps<E>, env: &mut E) -> Result<Finished, SagaError> {
        let mut running = self.open(saga, steps, env)?;
        if matches!(running.state().next, Next::Stuck { .. }) {
            running.record(JournalRecord::Unwinding { reason: Reason::Requested })?;
        }
        running.drive()
    }

    /// Undoes a saga, finished or not: everything is then as it was before it. A file that somebody
    /// else changed after the saga is first copied to `NAME.changed`, and what somebody else put into
    /// its trees stays.
    ///
    /// # Errors
    /// When a later saga was not undone before, an undo failed, or the steps are not the saga's.
    pub fn rollback<E>(
        &mut self,
        saga: &SagaId,
        steps: &Steps<E>,
        env: &mut E,
    ) -> Result<Finished, SagaError> {
        let state = file::state(self.root, saga)?.ok_or_else(|| SagaError::Unknown { saga: saga.clone() })?;
        if state.next == Next::RolledBack {
            self.recover()?;
            let kept = Vec::new();
            return Ok(Finished { saga: saga.clone(), outcome: End::RolledBack, changed: false, kept });
        }
        if let Some(newer) = recovery::to_undo(self.root, saga)?.into_iter().find(|newer| newer != saga) {
            return Err(SagaError::NotNewest { saga: saga.clone(), newer });
        }
        let mut running = self.open(saga, steps, env)?;
        if running.state().next == Next::Completed {
            running.keep_changes_of_others()?;
        }
        if !matches!(running.state().next, Next::Unwind { .. }) || running.state().reason.is_none() {
            running.record(JournalRecord::Unwinding { reason: Reason::Requested })?;
        }
        running.drive()
    }

    fn open<'r, E>(
        &'r mut self,
        saga: &SagaId,
        steps: &'r Steps<E>,
        env: &'r mut E,
    ) -> Result<Running<'r, 'a, E>, SagaError> {
        recovery::check_root(self.root)?;
        let journal =
            Journal::open(self.root, saga)?.ok_or_else(|| SagaError::Unknown { saga: saga.clone() })?;
        let known: Vec<&str> = steps.iter().map(|step| step.name()).collect();
        if journal.state().begin.steps != known {
            let steps = journal.state().begin.steps.clone();
            return Err(SagaError::StepsChanged { saga: saga.clone(), steps });
        }
        for (index, name) in known.into_iter().enumerate() {
            if let Some(checkpoint) = checkpoint::load(self.root, &checkpoint::place(saga, index, name))? {
                checkpoint::check(self.root, &checkpoint)?;
            }
        }
        Running::new(self, saga.clone(), journal, steps, env)
    }

    /// Finishes the removal of records that a crash interrupted, and finds the saga that was not
    /// finished, if there is one: to be resumed or rolled back.
    ///
    /// # Errors
    /// When the records cannot be read, are damaged, or cannot be removed.
    pub fn recover(&mut self) -> Result<Option<(SagaId, SagaState)>, SagaError> {
        recovery::recover(self.root, self.lock, &self.faults)
    }
}

fn refuse_repeated_names<E>(steps: &Steps<E>) -> Result<(), SagaError> {
    let mut names = BTreeSet::new();
    match steps.iter().find(|step| !names.insert(step.name())) {
        Some(step) => Err(SagaError::Unusable { what: format!("a second step {}", step.name()) }),
        None => Ok(()),
    }
}

/// Numbers, not times, because a machine that boots for the first time may not know the time.
fn next_id(root: &Root, kind: &str) -> Result<SagaId, SagaError> {
    let last = file::sagas(root)?.last().map(file::number).unwrap_or_default();
    let id = format!("{:04}-{kind}", last + 1);
    let saga = SagaId::parse(&id).map_err(|_| SagaError::Unusable { what: format!("the kind {kind:?}") })?;
    // What a crash left of a saga of this id that never began.
    files::remove_tree(&root.join(paths::CHECKPOINTS).join(saga.as_str()))?;
    Ok(saga)
}
