//! A bootstrap that cloud-init runs: the file that others wait for, and the exit status that cloud-init knows.
//!
//! The file goes before anything is changed and comes when all is over, so after a crash there is none: the machine is
//! not ready.

use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::host::files::{self, Attributes, FileError};
use crate::host::paths;
use crate::model::bootstrap_status::BootstrapStatus;
use crate::model::explain::{Exit, Failure};
use crate::model::progress::{Event, Sink};
use jiff::Timestamp;
use std::cell::Cell;
use std::path::PathBuf;

/// What cloud-init calls unrecoverable: a person is needed.
const UNRECOVERABLE: u8 = 1;

/// What it calls recoverable: the machine works as before, and the same command may succeed later.
const RECOVERABLE: u8 = 2;

/// `/run/eos/status.json`.
pub(super) struct Marker<'a> {
    context: &'a Context,
    began: Timestamp,
    /// Whether this run was the one that may say so.
    cleared: Cell<bool>,
}

impl<'a> Marker<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context, began: Timestamp::now(), cleared: Cell::new(false) }
    }

    /// Removes what an earlier run left: from here on nothing says that the machine is ready.
    pub(super) fn clear(&self) -> Result<(), Failure> {
        files::remove_file(&self.path()).map_err(failure)?;
        self.cleared.set(true);
        Ok(())
    }

    /// Says what became of it, and gives a failure the exit status that cloud-init knows.
    pub(super) fn set(&self, result: Result<Done, Failure>, sink: &dyn Sink) -> Result<Done, Failure> {
        let ended = Timestamp::now();
        let status = match &result {
            Ok(done) => BootstrapStatus::ready(&done.result, self.began, ended),
            Err(failure) => BootstrapStatus::failed(failure, self.began, ended),
        };
        // What another run is busy with, that run tells.
        let conflict = result.as_ref().is_err_and(|failure| failure.exit == Exit::Conflict as u8);
        if (self.cleared.get() || !conflict)
            && let Err(error) = self.write(&status)
        {
            sink.emit(Event::Warning {
                text: format!("nobody is told by a file that this is over: {error}"),
            });
        }
        result.map_err(|failure| Failure { exit: known(failure.exit), ..failure })
    }

    fn write(&self, status: &BootstrapStatus) -> Result<(), FileError> {
        let folder = self.context.root.join(paths::RUN);
        files::create_directory(&folder, Attributes { mode: 0o755, owner: None })?;
        files::write_atomic(&self.path(), &status.to_bytes(), Attributes::PUBLIC)
    }

    fn path(&self) -> PathBuf {
        self.context.root.join(paths::BOOTSTRAP_STATUS)
    }
}

/// The exit status for cloud-init, which knows three.
fn known(exit: u8) -> u8 {
    let recoverable = [Exit::Failed, Exit::NoAnswer, Exit::Interrupted];
    if recoverable.iter().any(|known| *known as u8 == exit) { RECOVERABLE } else { UNRECOVERABLE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_undone_may_be_tried_again_and_all_else_needs_a_person() {
        let exits = [
            (Exit::Failed, 2),
            (Exit::Usage, 1),
            (Exit::Preflight, 1),
            (Exit::NoAnswer, 2),
            (Exit::Refused, 1),
            (Exit::Stuck, 1),
            (Exit::Conflict, 1),
            (Exit::Interrupted, 2),
        ];
        for (exit, status) in exits {
            assert_eq!(known(exit as u8), status, "{exit:?}");
        }
    }
}
