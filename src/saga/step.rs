//! What a step is: a change with a name, the paths that it touches, and the way back.

pub use crate::journal::record::Outcome;
pub use crate::journal::touch::Touch;
use crate::model::explain::{Explain, Failure};
use std::collections::BTreeMap;
use std::fmt;

/// The stages of a bootstrap, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Measure whether it can work; changes nothing.
    Preflight,
    /// Find out what is there and what this node is to be.
    Detect,
    /// Make oneself known to the master.
    Register,
    /// Be accepted by it.
    Accept,
    /// Get the cluster's state.
    Snapshot,
    /// Write the configuration.
    Configure,
    /// Start the services.
    Services,
    /// See that they are healthy.
    Verify,
    /// Be confirmed as a member.
    Confirm,
}

impl Stage {
    /// All stages in their order.
    pub const ALL: [Self; 9] = [
        Self::Preflight,
        Self::Detect,
        Self::Register,
        Self::Accept,
        Self::Snapshot,
        Self::Configure,
        Self::Services,
        Self::Verify,
        Self::Confirm,
    ];

    /// The name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Detect => "detect",
            Self::Register => "register",
            Self::Accept => "accept",
            Self::Snapshot => "snapshot",
            Self::Configure => "configure",
            Self::Services => "services",
            Self::Verify => "verify",
            Self::Confirm => "confirm",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a step, or its undo, failed: any explained error, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// The error with its causes and hints.
    pub failure: Failure,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.failure.message)
    }
}

impl std::error::Error for StepError {}

impl<E: Explain> From<E> for StepError {
    fn from(error: E) -> Self {
        Self { failure: Failure::of(&error) }
    }
}

impl StepError {
    /// The same failure, which also says what else failed and what helps there.
    pub fn and(mut self, other: Self) -> Self {
        self.failure = self.failure.and(other.failure);
        self
    }
}

/// One change of a saga, over the environment `E` that its steps share.
pub trait Step<E> {
    /// The name: stable, unique in its saga, kebab-case; it is on disk.
    fn name(&self) -> &'static str;
    /// The stage that it belongs to.
    fn stage(&self) -> Stage;
    /// What it does, for people: one line.
    fn describe(&self) -> String;
    /// Every path under the root that it may make, change or remove; they are restored by the engine.
    fn touches(&self) -> Vec<Touch>;
    /// The same once the steps before it have run, for a step whose paths follow from what they made.
    /// It is asked right before the step runs; what it names is checkpointed, unless it was before.
    /// The step may write no other path.
    ///
    /// # Errors
    /// When it cannot be known; the step has then failed, and wrote nothing.
    fn touches_now(&self, _env: &E) -> Result<Vec<Touch>, StepError> {
        Ok(self.touches())
    }
    /// What is there now of what it may change that is not in files, by subject: asked once the steps before it have
    /// run, right before this one does, and kept in its checkpoint for [`Step::undo_to`]. A subject that was
    /// recorded before is not recorded again.
    ///
    /// # Errors
    /// When it cannot be known; the step has then failed, and changed nothing.
    fn before(&self, _env: &E) -> Result<BTreeMap<String, serde_json::Value>, StepError> {
        Ok(BTreeMap::new())
    }
    /// How what [`Step::before`] named is now, after the step has run: `before` is what its checkpoint has. What is
    /// another then goes into the ledger, for a reset.
    ///
    /// # Errors
    /// When it cannot be known; the step has then failed.
    fn after(
        &self,
        _env: &E,
        _before: &BTreeMap<String, serde_json::Value>,
    ) -> Result<BTreeMap<String, serde_json::Value>, StepError> {
        Ok(BTreeMap::new())
    }
    /// Does it. Runs again after a crash in its middle, and must then come to the same.
    ///
    /// # Errors
    /// When it cannot be done; everything is then undone, this step included.
    fn run(&self, env: &mut E) -> Result<Outcome, StepError>;
    /// Takes back what is not in files: services, users, what others were told. May be repeated, and
    /// may be called when `run` did nothing or never happened. Its files are put back whether it succeeds or not.
    ///
    /// # Errors
    /// When it cannot be taken back: a person is then needed.
    fn undo(&self, env: &mut E) -> Result<(), StepError>;
    /// The same where it is known what was there before the step first ran.
    ///
    /// # Errors
    /// As [`Step::undo`].
    fn undo_to(&self, env: &mut E, _before: &BTreeMap<String, serde_json::Value>) -> Result<(), StepError> {
        self.undo(env)
    }
    /// The last of its undo, once its files are as they were: what works with them again, as a service that ran. It
    /// is asked too when something before it could not be taken back, and may be repeated.
    ///
    /// # Errors
    /// As [`Step::undo`].
    fn undo_last(
        &self,
        _env: &mut E,
        _before: &BTreeMap<String, serde_json::Value>,
    ) -> Result<(), StepError> {
        Ok(())
    }
}
