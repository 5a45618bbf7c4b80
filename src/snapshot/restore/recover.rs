//! What a crash left of restores is finished or taken back, with no operator.

use super::RestoreError;
use super::journal::{Folder, Journal, Phase};
use super::operation::Operation;
use super::place::Place;
use super::place_of;
use crate::host::root::Root;
use crate::model::explain::Explain;
use crate::model::progress::{Event, Sink};
use crate::snapshot::area::Hold;
use crate::snapshot::store::{self, Ended};
use std::error::Error;

/// Who recovers, for whoever finds the target busy.
const RECOVERY: &str = "the recovery of a restore";

/// What became of a restore that was interrupted.
#[derive(Debug)]
pub enum Outcome {
    /// A process that runs is at it.
    Busy,
    /// Nothing had been exchanged: the old tree stands, and what was received is kept.
    NotBegun,
    /// The new tree stands.
    Kept,
    /// The old tree stands again; why, unless that was known before the crash.
    Returned(Option<RestoreError>),
    /// It cannot go on; the journal stays.
    Failed(RestoreError),
}

/// A restore that had been interrupted.
#[derive(Debug)]
pub struct Recovered {
    /// The source.
    pub source: String,
    /// Its path, as the configuration names it.
    pub target: String,
    /// The snapshot that was restored, as far as it is known.
    pub snapshot: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
}

impl Outcome {
    /// In one word, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::NotBegun => "not-begun",
            Self::Kept => "kept",
            Self::Returned(_) => "returned",
            Self::Failed(_) => "failed",
        }
    }
}

impl Recovered {
    /// What became of it, in one line.
    pub fn text(&self) -> String {
        let Self { source, target, outcome, .. } = self;
        let what = match outcome {
            Outcome::Busy => return format!("a restore of {source} is in progress"),
            Outcome::NotBegun => format!("is forgotten: {target} is as it was"),
            Outcome::Kept => format!("is finished: {target} is the restored one"),
            Outcome::Returned(None) => format!("is taken back: {target} is as it was"),
            Outcome::Returned(Some(error)) => format!("is taken back: {}", chain(error)),
            Outcome::Failed(error) => format!("cannot be finished: {}", chain(error)),
        };
        format!("the interrupted restore of {source} {what}")
    }

    /// The same as an event of the command that found it.
    pub fn event(&self) -> Event {
        let text = self.text();
        match self.outcome {
            Outcome::Busy | Outcome::NotBegun | Outcome::Kept | Outcome::Returned(None) => {
                Event::Note { text }
            }
            Outcome::Returned(Some(_)) | Outcome::Failed(_) => Event::Warning { text },
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &RestoreError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

/// Finishes or takes back every restore that a crash interrupted; those that run are left alone.
///
/// Hooks and health commands are run as they would have been, so this may take as long as they may.
pub fn recover(root: &Root, sink: &dyn Sink) -> Result<Vec<Recovered>, RestoreError> {
    let Some(folder) = Folder::existing(root)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for name in folder.names()? {
        let recovered = match one(root, &folder, &name, sink) {
            Ok(Some(recovered)) => recovered,
            Ok(None) => continue,
            Err(error) => {
                let (source, target) = (name.clone(), name.clone());
                Recovered { source, target, snapshot: None, outcome: Outcome::Failed(error) }
            }
        };
        if !matches!(recovered.outcome, Outcome::Busy) {
            count(root, &name, &recovered, sink);
        }
        found.push(recovered);
    }
    Ok(found)
}

/// Has the node's store count it, and the record of the source say how it ended. What cannot be remembered changes
/// nothing of it.
pub(super) fn count(root: &Root, name: &str, recovered: &Recovered, sink: &dyn Sink) {
    let Recovered { source, snapshot, outcome, .. } = recovered;
    if let Err(error) = store::count(root, Ended::Recovered { outcome: outcome.name() }) {
        let text = format!("the metrics miss how a restore was recovered: {error}");
        sink.emit(Event::Warning { text });
    }
    let code = match outcome {
        Outcome::Busy => return,
        Outcome::Kept => None,
        Outcome::Returned(Some(error)) | Outcome::Failed(error) => Some(error.code().to_string()),
        // It was interrupted, and nobody knows of another reason.
        Outcome::NotBegun | Outcome::Returned(None) => {
            Some(RestoreError::Interrupted { target: recovered.target.clone().into() }.code().to_string())
        }
    };
    // One to another place says nothing of the source's own.
    if name == source.as_str() {
        super::ended(root, (source, snapshot.as_deref()), code, sink);
    }
}

/// None when it ended meanwhile.
fn one(root: &Root, folder: &Folder, name: &str, sink: &dyn Sink) -> Result<Option<Recovered>, RestoreError> {
    let lock = Hold::named(root, name, RECOVERY)?;
    let Some(journal) = folder.journal(name)? else {
        // A crash came before the journal had its name: nothing was done.
        if lock.is_ok() {
            folder.forget(name)?;
        }
        return Ok(None);
    };
    let (source, target, snapshot) = (journal.source.clone(), journal.target.clone(), journal.snapshot());
    let outcome = match lock {
        Err(_holder) => Outcome::Busy,
        Ok(_lock) => match held(root, folder, name, (journal, RECOVERY), sink) {
            // A capture, or a restore of another source to the same place.
            Err(RestoreError::Busy { .. }) => Outcome::Busy,
            outcome => outcome.unwrap_or_else(Outcome::Failed),
        },
    };
    Ok(Some(Recovered { source, target, snapshot, outcome }))
}

/// The same for one whose lock this process holds, for `holder`.
pub(super) fn held(
    root: &Root,
    folder: &Folder,
    name: &str,
    (journal, holder): (Journal, &str),
    sink: &dyn Sink,
) -> Result<Outcome, RestoreError> {
    let place = place_of(root, &journal)?;
    let target = place.target.clone();
    let _held = place.hold(root, holder)?.map_err(|holder| RestoreError::Busy { target, holder })?;
    let phase = journal.phase;
    let mut operation = Operation { folder, name, place: &place, journal, sink, verified: None };
    let outcome = match phase {
        Phase::Committed => {
            operation.finish_commit()?;
            Outcome::Kept
        }
        Phase::Returning => {
            let unserved = operation.finish_return()?;
            let target = place.target.clone();
            Outcome::Returned(unserved.map(|(hook, why)| {
                let cause = Box::new(RestoreError::Interrupted { target: target.clone() });
                RestoreError::ReturnedUnserved { target, hook, why, cause }
            }))
        }
        Phase::Begun => begun(&mut operation, &place)?,
    };
    tracing::info!(name, ?outcome, "an interrupted restore is dealt with");
    Ok(outcome)
}

fn begun(operation: &mut Operation<'_>, place: &Place) -> Result<Outcome, RestoreError> {
    let journal = &operation.journal;
    let standing = place.standing()?.inode();
    if standing == Some(journal.new) {
        return match operation.judge() {
            Ok(()) => Ok(Outcome::Kept),
            Err(error @ (RestoreError::Returned { .. } | RestoreError::ReturnedUnserved { .. })) => {
                Ok(Outcome::Returned(Some(error)))
            }
            Err(error) => Err(error),
        };
    }
    let there = place.in_area(&journal.staged)? == Some(journal.new);
    if standing != journal.old || !there {
        return Err(operation.unclear());
    }
    let interrupted = RestoreError::Interrupted { target: place.target.clone() };
    match operation.retreat(interrupted) {
        RestoreError::Interrupted { .. } => Ok(Outcome::NotBegun),
        error @ RestoreError::ReturnedUnserved { .. } => Ok(Outcome::Returned(Some(error))),
        error => Err(error),
    }
}
