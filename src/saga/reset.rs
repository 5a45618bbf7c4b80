//! Reset: the machine as it was before eos, as far as nobody else changed it.
//!
//! The ledger's file goes last, so that after a crash another reset goes on.

use super::engine::{Engine, Steps};
use super::error::SagaError;
use super::recovery;
use super::step::StepError;
use crate::host::inventory::{Inventory, decode};
use crate::host::paths;
use crate::journal::file;
use crate::journal::ledger::Ledger;
use crate::journal::reset::{self, ResetReport};
use std::path::Path;

impl Engine<'_> {
    /// Takes back what steps did outside of files, the last step first: before [`Engine::reset`],
    /// so that no service runs on files that go away.
    ///
    /// # Errors
    /// The name of the step that could not be undone, and why; nothing after it was undone.
    pub fn undo_effects<E>(&self, steps: &Steps<E>, env: &mut E) -> Result<(), (&'static str, StepError)> {
        steps.iter().rev().try_for_each(|step| step.undo(env).map_err(|error| (step.name(), error)))
    }

    /// Removes all that the ledger says is eos's, brings back what it replaced, and removes eos's
    /// own records. When the lock is released, `report.ledger.verify` tells what is left.
    ///
    /// # Errors
    /// When a saga is unfinished, or something cannot be removed or restored; repeating it goes on.
    pub fn reset(&mut self) -> Result<ResetReport, SagaError> {
        if let Some((saga, _)) = self.recover()? {
            return Err(SagaError::Unfinished { saga });
        }
        let Some(ledger) = Ledger::load(self.root)? else {
            let ledger = Ledger::default();
            return Ok(ResetReport { removed: Vec::new(), restored: Vec::new(), kept: Vec::new(), ledger });
        };
        let made: Vec<String> = ledger
            .entries
            .keys()
            .filter(|path| Path::new(paths::STATE).starts_with(decode(path)))
            .cloned()
            .collect();
        self.lock.adopt(&made)?;
        let mut report = reset::execute(self.root, ledger)?;
        let mut removals = vec![self.root.join(paths::CHECKPOINTS)];
        removals.extend(file::sagas(self.root)?.iter().map(|saga| file::path(self.root, saga)));
        removals.extend([self.root.join(paths::JOURNAL), self.root.join(paths::LEDGER)]);
        recovery::remove_in_order(removals, &self.faults)?;
        self.list_strangers(&mut report)?;
        Ok(report)
    }

    /// What is left in eos's own directories is somebody else's: it stays and is listed.
    fn list_strangers(&self, report: &mut ResetReport) -> Result<(), SagaError> {
        let left = Inventory::of(self.root, &[paths::STATE, paths::ETC, paths::RUN])?;
        for path in left.nodes().keys() {
            let known = report.ledger.entries.contains_key(path)
                || report.ledger.baseline.nodes().contains_key(path)
                || report.kept.iter().any(|kept| kept.path == *path)
                || path == crate::journal::lock::LOCK;
            if !known {
                let reason = "it is not eos's".to_owned();
                report.kept.push(reset::Kept { path: path.clone(), reason });
            }
        }
        Ok(())
    }
}
