//! What a journal's records amount to: what the saga does next. Pure.

use super::record::{Begin, End, JournalRecord, Outcome, Reason};
use crate::model::explain::Failure;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Run the step of this index; past the last one: say that the saga is completed.
    Run {
        /// 0-based.
        index: usize,
        /// Whether it was started before, so that its checkpoint is the one to keep.
        started: bool,
    },
    /// Undo the step of this index and those before it; with none left: say that it is rolled back.
    Unwind {
        /// 0-based.
        index: Option<usize>,
    },
    /// Nothing, until somebody asks for another attempt to undo from this index.
    Stuck {
        /// 0-based.
        index: Option<usize>,
    },
    /// Nothing: every step is done.
    Completed,
    /// Nothing: everything is as before.
    RolledBack,
}

/// A saga as its journal tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct SagaState {
    /// What it set out to do.
    pub begin: Begin,
    /// What comes next.
    pub next: Next,
    /// The step that failed, and why.
    pub failure: Option<(String, Failure)>,
    /// The undo that failed last, and why.
    pub undo_failure: Option<(String, Failure)>,
    /// Why it is undone, when no step failed.
    pub reason: Option<Reason>,
    /// Whether a step changed anything.
    pub changed: bool,
}

impl SagaState {
    /// Folds the records; nothing when there are none.
    ///
    /// # Errors
    /// The 1-based number of the record that cannot follow the ones before it, and why.
    pub fn of<'a>(
        records: impl IntoIterator<Item = &'a JournalRecord>,
    ) -> Result<Option<Self>, (usize, String)> {
        let mut records = records.into_iter().enumerate();
        let mut state = match records.next() {
            None => return Ok(None),
            Some((_, JournalRecord::Begin(begin))) => Self::begin(begin.clone()),
            Some(_) => return Err((1, "it is not the beginning of a saga".to_owned())),
        };
        for (index, record) in records {
            state.apply(record).map_err(|what| (index + 1, what))?;
        }
        Ok(Some(state))
    }

    /// A saga that has just begun.
    pub fn begin(begin: Begin) -> Self {
        Self {
            begin,
            next: Next::Run { index: 0, started: false },
            failure: None,
            undo_failure: None,
            reason: None,
            changed: false,
        }
    }

    /// Whether somebody has to go on with it, or undo it.
    pub fn unfinished(&self) -> bool {
        !matches!(self.next, Next::Completed | Next::RolledBack)
    }

    /// Follows one more record.
    ///
    /// # Errors
    /// Why it cannot follow; the state is then unchanged.
    pub fn apply(&mut self, record: &JournalRecord) -> Result<(), String> {
        let next = match (record, self.next) {
            (JournalRecord::Started { step }, Next::Run { index, .. }) if self.is(index, step) => {
                Next::Run { index, started: true }
            }
            (JournalRecord::Done { step, outcome }, Next::Run { index, started: true })
                if self.is(index, step) =>
            {
                self.changed |= *outcome == Outcome::Done;
                Next::Run { index: index + 1, started: false }
            }
            (JournalRecord::Failed { step, failure }, Next::Run { index, started })
                if self.is(index, step) =>
            {
                self.failure = Some((step.clone(), failure.clone()));
                Next::Unwind { index: last(index, started) }
            }
            (JournalRecord::Unwinding { reason }, next) => {
                let index = unwind_from(next, self.begin.steps.len()).ok_or("it is rolled back already")?;
                self.reason = Some(*reason);
                Next::Unwind { index }
            }
            (JournalRecord::Undoing { step }, Next::Unwind { index: Some(index) })
                if self.is(index, step) =>
            {
                self.next
            }
            (JournalRecord::Undone { step }, Next::Unwind { index: Some(index) }) if self.is(index, step) => {
                self.undo_failure = None;
                Next::Unwind { index: index.checked_sub(1) }
            }
            (JournalRecord::UndoFailed { step, failure }, Next::Unwind { index: Some(index) })
                if self.is(index, step) =>
            {
                self.undo_failure = Some((step.clone(), failure.clone()));
                self.next
            }
            (JournalRecord::Finished { outcome: End::Stuck }, Next::Unwind { index })
                if self.undo_failure.is_some() =>
            {
                Next::Stuck { index }
            }
            (JournalRecord::Finished { outcome }, next) => ended(*outcome, next, self.begin.steps.len())?,
            (record, _) => return Err(format!("{} cannot follow here", label(record))),
        };
        self.next = next;
        Ok(())
    }

    fn is(&self, index: usize, step: &str) -> bool {
        self.begin.steps.get(index).is_some_and(|name| name == step)
    }
}

/// The last step that may have changed something.
fn last(index: usize, started: bool) -> Option<usize> {
    if started { Some(index) } else { index.checked_sub(1) }
}

fn unwind_from(next: Next, steps: usize) -> Option<Option<usize>> {
    match next {
        Next::Run { index, started } => Some(last(index, started)),
        Next::Unwind { index } | Next::Stuck { index } => Some(index),
        Next::Completed => Some(steps.checked_sub(1)),
        Next::RolledBack => None,
    }
}

fn ended(end: End, next: Next, steps: usize) -> Result<Next, String> {
    match (end, next) {
        (End::Completed, Next::Run { index, .. }) if index == steps => Ok(Next::Completed),
        (End::RolledBack, Next::Unwind { index: None }) => Ok(Next::RolledBack),
        _ => Err("it cannot have ended so here".to_owned()),
    }
}

fn label(record: &JournalRecord) -> String {
    let (what, step) = match record {
        JournalRecord::Begin(_) => return "a second beginning".to_owned(),
        JournalRecord::Unwinding { .. } => return "unwinding".to_owned(),
        JournalRecord::Finished { .. } => return "an end".to_owned(),
        JournalRecord::Started { step } => ("the start", step),
        JournalRecord::Done { step, .. } => ("the outcome", step),
        JournalRecord::Failed { step, .. } => ("the failure", step),
        JournalRecord::Undoing { step } | JournalRecord::Undone { step } => ("the undoing", step),
        JournalRecord::UndoFailed { step, .. } => ("the failed undoing", step),
    };
    format!("{what} of step {step}")
}
