//! Carries out a plan of states on this machine. A state that fails does not stop those that do not depend on it, as
//! in Salt; the run as a whole has failed then, for its saga to undo.

mod accounts;
mod attempts;
mod commands;
pub mod effects;
mod files;
pub mod going_back;
pub(in crate::steps) mod kernel;
pub(in crate::steps) mod mounts;
mod packages;
pub mod parameters;
mod services;
mod services_back;
pub mod taking_back;
mod trees;

use crate::host::clock;
use crate::host::files::exists;
use crate::model::explain::Failure;
use crate::sls::difference::{Change, Outcome, StateResult};
use crate::sls::function::{Function, TestOutcome};
use crate::sls::plan::{State, StatePlan};
use crate::sls::run::{self, Carrier, Ended};
use crate::steps::Env;
use crate::steps::error::StepFailure;
use jiff::Timestamp;
use std::path::Path;

/// Applies plans.
pub struct Executor<'a> {
    env: &'a Env,
}

/// What came of a plan.
pub struct Applied {
    /// The result of every state that had its turn.
    pub results: Vec<StateResult>,
    /// Why the run as a whole failed, if it did.
    pub failure: Option<StepFailure>,
}

impl Applied {
    /// Whether anything changed.
    pub fn changed(&self) -> bool {
        self.results.iter().any(|result| !result.changes.is_empty())
    }
}

impl<'a> Executor<'a> {
    /// For this environment.
    pub fn new(env: &'a Env) -> Self {
        Self { env }
    }

    /// Applies the plan. What was applied before a failure stays, for the saga to undo.
    pub fn apply(&self, plan: &StatePlan) -> Applied {
        self.run(plan, false)
    }

    /// What applying the plan would change, state by state; changes nothing.
    pub fn test(&self, plan: &StatePlan) -> Vec<StateResult> {
        self.run(plan, true).results
    }

    fn run(&self, plan: &StatePlan, test: bool) -> Applied {
        let mut working = Working { env: self.env, failure: None };
        let results = run::run(plan, &mut working, test);
        let interrupted = || StepFailure::Interrupted { what: "the states".to_owned() };
        let failure = if self.env.is_interrupted() { Some(interrupted()) } else { working.failure };
        Applied { results, failure }
    }
}

/// A run in progress.
pub(in crate::steps::executor) struct Working<'a> {
    env: &'a Env,
    /// The first failure, which is the one of the run.
    failure: Option<StepFailure>,
}

impl Carrier for Working<'_> {
    fn carry_out(&mut self, state: &State, trial: bool) -> Ended {
        let ended = self.attempts(state, trial);
        self.settled(state, trial, ended)
    }

    fn react(&mut self, state: &State, trial: bool) -> Ended {
        let ended = match &state.function {
            Function::ServiceRunning { name, reload, .. } => self.reacted(name, *reload, trial),
            Function::ServiceDead { name, .. } => self.stopped_again(name, trial),
            Function::CommandRun { .. } => self.command(state, trial),
            Function::PackageInstalled { packages, refresh } => self.packages(packages, *refresh, trial),
            Function::Mounted(mount) => self.remounted(mount, trial),
            Function::Test(_) => Ok(changed(
                false,
                "Watch statement fired.",
                vec![set("Requisites with changes", None, "yes")],
            )),
            other => {
                let why = format!("Unable to trigger watch for {}", other.name());
                Ok(Ended::of(Outcome::Failed, why))
            }
        };
        self.settled(state, trial, ended)
    }

    fn now(&mut self) -> Timestamp {
        clock::timestamp()
    }

    fn stopped(&mut self) -> bool {
        self.env.is_interrupted()
    }
}

impl Working<'_> {
    fn held_back(&self, state: &State) -> Result<Option<&'static str>, StepFailure> {
        let directory = state.conditions.directory.as_deref();
        state.conditions.held_back(
            |line| self.succeeds(line, directory),
            |path| exists(Path::new(path)).map_err(StepFailure::from),
        )
    }

    fn work(&self, state: &State, trial: bool) -> Result<Ended, StepFailure> {
        match &state.function {
            Function::ServiceRunning { name, enable, .. } => self.running(name, *enable, trial),
            Function::ServiceDead { name, enable } => self.dead(name, *enable, trial),
            Function::ServiceEnabled { name } => self.boot_only(name, true, trial),
            Function::ServiceDisabled { name } => self.boot_only(name, false, trial),
            Function::CommandRun { waits: true, .. } => Ok(Ended::of(Outcome::Unchanged, "")),
            Function::CommandRun { .. } => self.command(state, trial),
            Function::UserPresent(user) => self.user(user, trial),
            Function::GroupPresent(group) => self.group(group, trial),
            Function::PackageInstalled { packages, refresh } => self.packages(packages, *refresh, trial),
            Function::SysctlPresent { name, value, file } => {
                self.parameter(name, value, file.as_deref(), trial)
            }
            Function::Mounted(mount) => self.mount(mount, trial),
            Function::Test(outcome) => Ok(tested(outcome, trial)),
            Function::FileRecurse(tree) => self.tree(tree, trial),
            file => self.file(file, trial),
        }
    }

    /// The end of a state; the first failure of the run is kept with the place of its state.
    fn settled(&mut self, state: &State, trial: bool, ended: Result<Ended, StepFailure>) -> Ended {
        let (ended, below) = match ended {
            Ok(ended) => (ended, None),
            Err(error) => {
                let failure = Failure::of(&error);
                (Ended::of(Outcome::Failed, in_words(&failure)), Some(failure))
            }
        };
        let (id, function) = (state.id.as_str(), state.function.name());
        tracing::debug!(id, function, trial, outcome = ?ended.outcome, changes = ended.changes.len(), "state");
        if ended.outcome == Outcome::Failed && !trial && self.failure.is_none() {
            self.failure = Some(match below {
                Some(failure) => StepFailure::Below(placed(state, failure)),
                None => failed(state, &ended.comment),
            });
        }
        ended
    }
}

/// What a failure says, with its causes.
fn in_words(failure: &Failure) -> String {
    let parts = std::iter::once(&failure.message).chain(&failure.causes);
    parts.map(String::as_str).collect::<Vec<_>>().join(": ")
}

/// A failure of a part below, with the state that it came from.
fn placed(state: &State, mut failure: Failure) -> Failure {
    let place = format!("{}:{}", state.file, state.line);
    failure.hints.push(format!(
        "it is the state {} ({}) at {place}; see what it would change: eos state apply --test",
        state.id,
        state.function.name()
    ));
    failure
}

fn failed(state: &State, comment: &str) -> StepFailure {
    StepFailure::State {
        id: state.id.clone(),
        function: state.function.name().to_owned(),
        place: format!("{}:{}", state.file, state.line),
        comment: comment.to_owned(),
    }
}

fn tested(outcome: &TestOutcome, trial: bool) -> Ended {
    let changes = if outcome.changes {
        vec![set("testing", Some("Unchanged"), "Something pretended to change")]
    } else {
        vec![]
    };
    let ended = if trial { outcome.tested } else { outcome.outcome };
    Ended { changes, ..Ended::of(ended, outcome.comment.clone()) }
}

/// Changed, or in a trial would be; with no changes, unchanged.
fn changed(trial: bool, comment: impl Into<String>, changes: Vec<Change>) -> Ended {
    let outcome = match (changes.is_empty(), trial) {
        (true, _) => Outcome::Unchanged,
        (false, true) => Outcome::WouldChange,
        (false, false) => Outcome::Changed,
    };
    Ended { changes, ..Ended::of(outcome, comment) }
}

fn set(what: &str, from: Option<&str>, to: &str) -> Change {
    Change::Set { what: what.to_owned(), from: from.map(str::to_owned), to: to.to_owned() }
}
