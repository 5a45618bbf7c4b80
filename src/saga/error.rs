//! How a saga ends other than well.

use super::faults::Death;
use super::step::StepError;
use crate::journal::error::JournalError;
use crate::model::explain::{Code, Exit, Explain, Failure};
use crate::model::ids::SagaId;

/// Why a saga did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SagaError {
    /// A step failed, and everything is as before.
    #[error("step {step} failed, and everything was undone")]
    Failed {
        /// The saga.
        saga: SagaId,
        /// The step.
        step: String,
        /// Why.
        #[source]
        source: Box<StepError>,
    },
    /// The operator interrupted it, and everything is as before.
    #[error("interrupted, and everything was undone")]
    Interrupted {
        /// The saga.
        saga: SagaId,
    },
    /// An undo failed: this is neither the state before nor the one after.
    #[error("step {step} of {saga} could not be undone")]
    Stuck {
        /// The saga.
        saga: SagaId,
        /// The step.
        step: String,
        /// What set off the undoing, if a step failed.
        original: Option<Box<Failure>>,
        /// What a person has to do, line by line.
        manual: Vec<String>,
        /// Why the undo failed.
        #[source]
        source: Box<StepError>,
    },
    /// The journal could not be written, so nothing more was done.
    #[error("{saga} stopped where it was, because what it does could not be recorded")]
    Halted {
        /// The saga.
        saga: SagaId,
        /// Why not.
        #[source]
        source: JournalError,
    },
    /// A test planned that the process dies here.
    #[error("the process died, as planned, after {}", death.0)]
    Died {
        /// Where.
        death: Death,
    },
    /// A test planned that a step, or its undo, fails.
    #[error("a planned fault")]
    Planned,
    /// Another saga has to be finished or undone first.
    #[error("{saga} is not finished: it was stopped in its middle")]
    Unfinished {
        /// The saga that is.
        saga: SagaId,
    },
    /// There is no such saga.
    #[error("no checkpoint {saga} is kept here")]
    Unknown {
        /// What was asked for.
        saga: SagaId,
    },
    /// Later sagas built on it.
    #[error("{saga} cannot be undone before {newer}, which came after it")]
    NotNewest {
        /// What was to be undone.
        saga: SagaId,
        /// The newest one.
        newer: SagaId,
    },
    /// A later saga is no longer kept, so nobody knows what it replaced.
    #[error("{saga} can no longer be undone: the checkpoint of number {missing} after it is not kept")]
    Pruned {
        /// What was to be undone.
        saga: SagaId,
        /// The first number that is missing.
        missing: u64,
    },
    /// The steps are not those that the journal names.
    #[error("{saga} was begun with steps that this eos does not have: {}", steps.join(", "))]
    StepsChanged {
        /// The saga.
        saga: SagaId,
        /// The steps that it was begun with.
        steps: Vec<String>,
    },
    /// The kind of saga is no identifier, or two steps have one name.
    #[error("{what} is not usable for a saga")]
    Unusable {
        /// The kind or the name.
        what: String,
    },
    /// The records could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<crate::host::files::FileError> for SagaError {
    fn from(error: crate::host::files::FileError) -> Self {
        Self::Journal(error.into())
    }
}

impl From<Death> for SagaError {
    fn from(death: Death) -> Self {
        Self::Died { death }
    }
}

impl SagaError {
    /// The owned form; a failed step keeps its own code, text and hints, which say more than that
    /// a step failed.
    pub fn to_failure(&self) -> Failure {
        match self {
            Self::Failed { step, source, .. } => {
                let mut failure = source.failure.clone();
                failure.causes.push(format!("step {step} failed, and everything was undone"));
                failure
            }
            other => Failure::of(other),
        }
    }
}

impl Explain for SagaError {
    fn code(&self) -> Code {
        match self {
            Self::Failed { .. } => Code("G020"),
            Self::Interrupted { .. } => Code("G021"),
            Self::Stuck { .. } => Code("G022"),
            Self::Halted { .. } => Code("G023"),
            Self::Died { .. } => Code("G024"),
            Self::Unfinished { .. } => Code("G025"),
            Self::Unknown { .. } => Code("G026"),
            Self::NotNewest { .. } => Code("G027"),
            Self::Pruned { .. } => Code("G028"),
            Self::StepsChanged { .. } => Code("G029"),
            Self::Unusable { .. } => Code("G030"),
            Self::Planned => Code("G031"),
            Self::Journal(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Failed { source, .. } => exit_of(source.failure.exit),
            Self::Interrupted { .. } => Exit::Interrupted,
            Self::Stuck { .. } | Self::Halted { .. } | Self::Died { .. } => Exit::Stuck,
            Self::Unfinished { .. }
            | Self::NotNewest { .. }
            | Self::Pruned { .. }
            | Self::StepsChanged { .. } => Exit::Conflict,
            Self::Unknown { .. } => Exit::Usage,
            Self::Unusable { .. } | Self::Planned => Exit::Failed,
            Self::Journal(error) => error.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Failed { source, .. } => source.failure.hints.clone(),
            Self::Interrupted { .. } => vec!["run the same command again".to_owned()],
            Self::Stuck { saga, manual, source, .. } => source
                .failure
                .hints
                .iter()
                .cloned()
                .chain(std::iter::once(format!("then try again to undo it: eos rollback --to {saga}")))
                .chain(manual.iter().map(|line| format!("or by hand: {line}")))
                .collect(),
            Self::Halted { saga, source } => source
                .hints()
                .into_iter()
                .chain([
                    "then run the same command again to go on".to_owned(),
                    format!("or undo it: eos rollback --to {saga}"),
                ])
                .collect(),
            Self::Died { .. } | Self::Planned => vec!["run the same command again".to_owned()],
            Self::Unfinished { saga } => vec![
                "run the same command again to finish it".to_owned(),
                format!("or undo it: eos rollback --to {saga}"),
            ],
            Self::Unknown { .. } => vec!["see what is kept: eos checkpoint list".to_owned()],
            Self::NotNewest { saga, .. } => vec![format!("undo all of them: eos rollback --to {saga}")],
            Self::Pruned { .. } => vec![
                "see what is kept: eos checkpoint list".to_owned(),
                "or take away all that eos did: eos reset --verify".to_owned(),
            ],
            Self::StepsChanged { saga, .. } => {
                vec![format!("undo it with the eos that began it: eos rollback --to {saga}")]
            }
            Self::Unusable { .. } => vec!["report it as a defect, with: eos --version".to_owned()],
            Self::Journal(error) => error.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::Interrupted { .. } | Self::Died { .. } | Self::Unfinished { .. } => true,
            Self::Halted { source, .. } => source.retry_helps(),
            Self::Journal(error) => error.retry_helps(),
            _ => false,
        }
    }
}

/// A failed step ends the command as its own error would; one that cannot end a command so, as a failure.
fn exit_of(status: u8) -> Exit {
    [Exit::Usage, Exit::Preflight, Exit::NoAnswer, Exit::Refused, Exit::Conflict, Exit::Interrupted]
        .into_iter()
        .find(|exit| *exit as u8 == status)
        .unwrap_or(Exit::Failed)
}

/// One of each, for the table of error codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<SagaError> {
    let saga = SagaId::parse("0001-bootstrap").expect("an id");
    let source = Box::new(StepError::from(SagaError::Planned));
    vec![
        SagaError::Failed { saga: saga.clone(), step: "start-master".to_owned(), source: source.clone() },
        SagaError::Interrupted { saga: saga.clone() },
        SagaError::Stuck {
            saga: saga.clone(),
            step: "start-master".to_owned(),
            original: Some(Box::new(source.failure.clone())),
            manual: vec!["rm -r /etc/eos/cluster.yaml".to_owned()],
            source,
        },
        SagaError::Halted {
            saga: saga.clone(),
            source: JournalError::OwnRecords { path: "var/lib/eos".to_owned() },
        },
        SagaError::Died { death: Death("record 3".to_owned()) },
        SagaError::Planned,
        SagaError::Unfinished { saga: saga.clone() },
        SagaError::Unknown { saga: saga.clone() },
        SagaError::NotNewest { saga: saga.clone(), newer: SagaId::parse("0002-generation").expect("an id") },
        SagaError::Pruned { saga: saga.clone(), missing: 2 },
        SagaError::StepsChanged { saga, steps: vec!["make-keys".to_owned(), "start-master".to_owned()] },
        SagaError::Unusable { what: "the kind \"a/b\"".to_owned() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_says_what_is_the_matter() {
        let texts: Vec<String> =
            samples().iter().map(|e| format!("{} {} {e}", e.code(), e.exit() as u8)).collect();
        assert_eq!(
            texts,
            [
                "EOS-G020 1 step start-master failed, and everything was undone",
                "EOS-G021 130 interrupted, and everything was undone",
                "EOS-G022 6 step start-master of 0001-bootstrap could not be undone",
                "EOS-G023 6 0001-bootstrap stopped where it was, because what it does could not be recorded",
                "EOS-G024 6 the process died, as planned, after record 3",
                "EOS-G031 1 a planned fault",
                "EOS-G025 7 0001-bootstrap is not finished: it was stopped in its middle",
                "EOS-G026 2 no checkpoint 0001-bootstrap is kept here",
                "EOS-G027 7 0001-bootstrap cannot be undone before 0002-generation, which came after it",
                "EOS-G028 7 0001-bootstrap can no longer be undone: the checkpoint of number 2 after it is not kept",
                "EOS-G029 7 0001-bootstrap was begun with steps that this eos does not have: make-keys, start-master",
                "EOS-G030 1 the kind \"a/b\" is not usable for a saga",
            ]
        );
        assert!(samples().iter().all(|error| !error.hints().is_empty()));
    }

    #[test]
    fn the_way_out_of_a_stuck_saga_is_spelled_out() {
        let hints = samples()[2].hints();
        assert_eq!(
            hints,
            [
                "run the same command again",
                "then try again to undo it: eos rollback --to 0001-bootstrap",
                "or by hand: rm -r /etc/eos/cluster.yaml",
            ]
        );
    }
}
