//! A run of a plan: who gets a turn, and what it does there, decided by what those before it did, as in Salt.
//!
//! Pure: a [`Carrier`] does the work, this only says what comes next.

use crate::sls::difference::{Change, Outcome, StateResult};
use crate::sls::graph::Turn;
use crate::sls::plan::{State, StatePlan};
use crate::sls::verdict::{Seen, Status, status};
use jiff::Timestamp;

/// How a state ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// For people.
    pub comment: String,
    /// What changed, or would change.
    pub changes: Vec<Change>,
    /// Whether a condition kept it from running, so that it does not react to changes either.
    pub held_back: bool,
}

impl Ended {
    /// With this outcome and comment, and no changes.
    pub fn of(outcome: Outcome, comment: impl Into<String>) -> Self {
        Self { outcome, comment: comment.into(), changes: Vec::new(), held_back: false }
    }
}

/// Carries out states on a machine.
pub trait Carrier {
    /// Brings about what the state wants; or, in a trial, says what that would change.
    fn carry_out(&mut self, state: &State, trial: bool) -> Ended;
    /// Reacts to changes of what the state watches; or, in a trial, says that it would.
    fn react(&mut self, state: &State, trial: bool) -> Ended;
    /// The time.
    fn now(&mut self) -> Timestamp;
    /// Whether no further state shall begin.
    fn stopped(&mut self) -> bool;
}

/// Runs a plan; `test` changes nothing. The results are in the order in which the states ended.
pub fn run(plan: &StatePlan, carrier: &mut dyn Carrier, test: bool) -> Vec<StateResult> {
    let count = plan.states.len();
    let (tried, ended) = (vec![None; count], vec![None; count]);
    let mut run = Run { plan, carrier, test, tried, ended, order: Vec::new(), heard: Vec::new() };
    for turn in &plan.turns {
        // One whose trial decided that it does not run has its result already.
        if run.ended[turn.state].is_some() {
            continue;
        }
        if run.carrier.stopped() {
            break;
        }
        run.take(turn);
        let failed = run.ended[turn.state].as_ref().is_some_and(|result| result.outcome == Outcome::Failed);
        if failed && !test && plan.states[turn.state].fail_hard {
            break;
        }
    }
    run.listen();
    run.finish()
}

struct Run<'a> {
    plan: &'a StatePlan,
    carrier: &'a mut dyn Carrier,
    test: bool,
    /// What the trial of a state found.
    tried: Vec<Option<StateResult>>,
    ended: Vec<Option<StateResult>>,
    /// States in the order in which they ended.
    order: Vec<usize>,
    /// What those that listen did.
    heard: Vec<StateResult>,
}

impl Run<'_> {
    fn take(&mut self, turn: &Turn) {
        let status = status(turn.needs.iter().map(|(kind, state)| {
            let table = if *kind == crate::sls::requisite::Kind::Prereq { &self.tried } else { &self.ended };
            (*kind, table[*state].as_ref().map(Seen::of))
        }));
        match status {
            Status::Met => self.carry_out(turn, false),
            Status::Change => self.carry_out(turn, !turn.trial),
            Status::Fail => self.failed_before(turn),
            Status::Skip(comment) => self.not_run(turn, Outcome::Unchanged, comment.to_owned()),
        }
    }

    fn carry_out(&mut self, turn: &Turn, watched: bool) {
        let state = &self.plan.states[turn.state];
        let trial = self.test || turn.trial;
        let began = self.carrier.now();
        let mut ended = self.carrier.carry_out(state, trial);
        if watched && ended.changes.is_empty() && !ended.held_back {
            ended = self.carrier.react(state, trial);
        }
        let result = self.result(state, ended, began, true);
        match turn.trial {
            true => self.tried[turn.state] = Some(result),
            false => self.end(turn.state, result),
        }
    }

    fn failed_before(&mut self, turn: &Turn) {
        // What it would have changed was told as wanted by another one; now nothing changes.
        if let Some(tried) = &self.tried[turn.state] {
            let result = StateResult { changes: Vec::new(), ..tried.clone() };
            return self.end(turn.state, result);
        }
        let mut names: Vec<String> = Vec::new();
        for (kind, state) in &turn.needs {
            let trial = self.tried[*state].as_ref().filter(|_| *kind == crate::sls::requisite::Kind::Prereq);
            let found = trial.or(self.ended[*state].as_ref());
            if let Some(result) = found.filter(|result| result.outcome == Outcome::Failed) {
                let name = format!("{}.{}", result.sls, result.id);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        self.not_run(turn, Outcome::Failed, format!("One or more requisite failed: {}", names.join(", ")));
    }

    fn not_run(&mut self, turn: &Turn, outcome: Outcome, comment: String) {
        let began = self.carrier.now();
        let result = self.result(&self.plan.states[turn.state], Ended::of(outcome, comment), began, false);
        if turn.trial {
            self.tried[turn.state] = Some(result.clone());
        }
        self.end(turn.state, result);
    }

    fn end(&mut self, state: usize, result: StateResult) {
        self.ended[state] = Some(result);
        self.order.push(state);
    }

    fn result(&mut self, state: &State, ended: Ended, began: Timestamp, ran: bool) -> StateResult {
        let lasted = self.carrier.now().duration_since(began);
        StateResult {
            id: state.id.clone(),
            function: state.function.name().to_owned(),
            name: state.name.clone(),
            sls: state.sls.clone(),
            file: state.file.clone(),
            line: state.line,
            outcome: ended.outcome,
            comment: ended.comment,
            changes: ended.changes,
            ran,
            started: began,
            duration_microseconds: u64::try_from(lasted.as_micros()).unwrap_or(0),
        }
    }

    /// After all turns, those that listen react to the changes there were, in the order of the states that say so.
    fn listen(&mut self) {
        let mut listeners: Vec<(usize, usize)> = Vec::new();
        for (index, state) in self.plan.states.iter().enumerate() {
            let changed =
                |heard: usize| self.ended[heard].as_ref().is_some_and(|result| !result.changes.is_empty());
            let says = state.requisites.listens.iter().filter(|(heard, _)| changed(*heard));
            listeners.extend(says.map(|(_, says)| *says).min().map(|says| (says, index)));
        }
        listeners.sort_unstable();
        for (_, index) in listeners {
            if self.carrier.stopped() {
                return;
            }
            let state = &self.plan.states[index];
            let began = self.carrier.now();
            let ended = self.carrier.react(state, self.test);
            let mut result = self.result(state, ended, began, true);
            result.id = format!("listener_{}", state.id);
            self.heard.push(result);
        }
    }

    fn finish(mut self) -> Vec<StateResult> {
        let order = std::mem::take(&mut self.order);
        order.into_iter().filter_map(|state| self.ended[state].take()).chain(self.heard).collect()
    }
}
