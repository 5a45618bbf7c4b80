//! The record of a run: its steps and how far each is, version 1. It is written down before it is acted on.

use crate::model::explain::Failure;
use crate::model::ids::NodeName;
use crate::orchestration::step::{Needs, Retry, Step, What, Work};
use crate::wire::member::Task;
use crate::wire::salt::SaltStep;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The version of the record that this eos writes.
pub const VERSION: u32 = 1;

/// Seconds until a run that failed is run again; it doubles each time.
const FIRST_PAUSE_MS: u64 = 5_000;

/// The longest of these pauses.
const LONGEST_PAUSE_MS: u64 = 60_000;

/// Why there is a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// This node has joined.
    Added(NodeName),
    /// A node left, or roles changed.
    Changed,
}

impl Cause {
    /// The SLS that says what follows.
    pub fn sls(&self) -> &'static str {
        match self {
            Self::Added(_) => "orchestration.node_addition",
            Self::Changed => "orchestration.role_update",
        }
    }

    /// The node that has joined.
    pub fn new_node(&self) -> Option<&NodeName> {
        match self {
            Self::Added(name) => Some(name),
            Self::Changed => None,
        }
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its steps are not known yet.
    Begun,
    /// Its steps are carried out.
    Running,
    /// A step failed: it is run again after a pause, and until then nodes that no step reached keep what they have.
    Failed,
    /// It is over, and every node may have its generation.
    Done,
}

impl Stage {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Begun.
    Running,
    /// Over, and well.
    Succeeded,
    /// Over, and not.
    Failed,
    /// Not carried out, because of another step.
    Skipped,
}

impl StepState {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Whether nothing more comes of it.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// A step with how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The step.
    pub step: Step,
    /// How far it is.
    pub state: StepState,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// When it last reached more nodes, in milliseconds since 1970.
    pub moved_ms: u64,
    /// How often it was begun.
    pub tries: u32,
    /// When it is begun again, in milliseconds since 1970.
    #[serde(default)]
    pub again_ms: Option<u64>,
    /// The nodes that it is for, once it has begun.
    #[serde(default)]
    pub nodes: Vec<NodeName>,
    /// How many of them it has reached.
    #[serde(default)]
    pub given: usize,
    /// Which of them were away when it was over: they get their generation when they are back.
    #[serde(default)]
    pub away: Vec<NodeName>,
    /// Which of them failed.
    #[serde(default)]
    pub failed: Vec<NodeName>,
    /// Whether it changed something.
    #[serde(default)]
    pub changed: bool,
    /// What came of it.
    #[serde(default)]
    pub comment: String,
}

impl Progress {
    /// A step that has not begun.
    pub fn new(step: Step, now: u64) -> Self {
        Self {
            step,
            state: StepState::Waiting,
            since_ms: now,
            moved_ms: now,
            tries: 0,
            again_ms: None,
            nodes: Vec::new(),
            given: 0,
            away: Vec::new(),
            failed: Vec::new(),
            changed: false,
            comment: String::new(),
        }
    }

    /// The nodes that it has reached.
    pub fn reached(&self) -> &[NodeName] {
        &self.nodes[..self.given.min(self.nodes.len())]
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The version of the record: 1.
    pub version: u32,
    /// The generation that it gives to the nodes.
    pub generation: u64,
    /// Why there is one.
    pub cause: Cause,
    /// When it began, in milliseconds since 1970.
    pub begun_ms: u64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How far it is.
    pub stage: Stage,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// Whether an installed Salt carries it out: then its steps are those that Salt told of.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_salt: bool,
    /// Its steps in their order, once they are known.
    #[serde(default)]
    pub steps: Vec<Progress>,
    /// Why the cluster's own file could not be used, and the one that eos carries was.
    #[serde(default)]
    pub trouble: Option<Failure>,
}

impl Run {
    /// A run of which the steps are not known yet.
    pub fn begin(generation: u64, cause: Cause, now: u64) -> Self {
        Self {
            version: VERSION,
            generation,
            cause,
            begun_ms: now,
            attempt: 1,
            stage: Stage::Begun,
            since_ms: now,
            by_salt: false,
            steps: Vec::new(),
            trouble: None,
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it is damaged, or a later eos wrote it.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let run: Self = serde_json::from_str(text)?;
        match run.version {
            VERSION => Ok(run),
            found => Err(serde::de::Error::custom(format!(
                "it has version {found}, and this eos reads version {VERSION}"
            ))),
        }
    }

    /// Begins with these steps.
    pub fn set_out(&mut self, steps: Vec<Step>, trouble: Option<Failure>, now: u64) {
        self.steps = steps.into_iter().map(|step| Progress::new(step, now)).collect();
        (self.stage, self.since_ms, self.trouble) = (Stage::Running, now, trouble);
    }

    /// Leaves it to Salt.
    pub fn set_out_by_salt(&mut self, now: u64) {
        self.by_salt = true;
        (self.stage, self.since_ms, self.trouble) = (Stage::Running, now, None);
    }

    /// The id of what Salt runs; another one for each attempt.
    pub fn salt_id(&self) -> String {
        format!("{}.{}", self.generation, self.attempt)
    }

    /// Takes what Salt tells of it: its steps, or why there are none.
    pub fn told_by_salt(&mut self, steps: &[SaltStep], failure: Option<&Failure>, now: u64) {
        self.steps = steps.iter().map(|told| from_salt(told, now)).collect();
        self.steps.extend(failure.map(|failure| unable(failure, now)));
        let failed = self.steps.iter().any(|step| step.state == StepState::Failed);
        (self.stage, self.since_ms) = (if failed { Stage::Failed } else { Stage::Done }, now);
    }

    /// When a run that failed is run again, in milliseconds since 1970.
    pub fn again_ms(&self) -> u64 {
        let doubled = FIRST_PAUSE_MS << self.attempt.saturating_sub(1).min(16);
        self.since_ms + doubled.min(LONGEST_PAUSE_MS)
    }

    /// Begins anew: the file is read again, as it is now.
    pub fn again(&mut self, now: u64) {
        self.attempt += 1;
        (self.stage, self.since_ms, self.by_salt) = (Stage::Begun, now, false);
        self.steps.clear();
    }

    /// The nodes that may have the generation; none when all may.
    pub fn given(&self) -> Option<BTreeSet<&NodeName>> {
        let giving = self.steps.iter().filter(|progress| progress.step.gives());
        (self.stage != Stage::Done).then(|| giving.flat_map(Progress::reached).collect())
    }

    /// The tasks that nodes have now; each node does them in this order.
    pub fn tasks(&self) -> Vec<(NodeName, Task)> {
        let mut tasks = Vec::new();
        let running = self.steps.iter().enumerate().filter(|(_, one)| one.state == StepState::Running);
        for (index, progress) in running.filter(|(_, one)| one.again_ms.is_none()) {
            let Work::Nodes(work) = &progress.step.work else { continue };
            let What::States { sls, pillar, test } = &work.what else { continue };
            let id = self.task_id(index);
            let task = || Task { id: id.clone(), sls: sls.clone(), pillar: pillar.clone(), test: *test };
            tasks.extend(progress.reached().iter().map(|node| (node.clone(), task())));
        }
        tasks
    }

    /// The id of a step's task; another one each time that the step is begun.
    pub fn task_id(&self, index: usize) -> String {
        format!("{}.{}.{index}.{}", self.generation, self.attempt, self.steps[index].tries)
    }

    /// The step that is carried out or failed, for people.
    pub fn current(&self) -> Option<&Progress> {
        let of = |state| self.steps.iter().find(|progress| progress.state == state);
        of(StepState::Failed).or_else(|| of(StepState::Running)).or_else(|| of(StepState::Waiting))
    }
}

/// A step that Salt has carried out.
fn from_salt(told: &SaltStep, now: u64) -> Progress {
    let job = told.job.iter().map(|job| format!("job {job}: "));
    let comment = job.collect::<String>() + &told.comment;
    let done = over(&told.id, &told.function, &told.sls, told.succeeded, comment, now);
    Progress { nodes: told.away.clone(), away: told.away.clone(), ..done }
}

/// Stands for the steps that Salt did not tell of.
fn unable(failure: &Failure, now: u64) -> Progress {
    over("salt-run", "state.orchestrate", "", false, format!("{}: {}", failure.code, failure.message), now)
}

fn over(id: &str, function: &str, sls: &str, succeeds: bool, comment: String, now: u64) -> Progress {
    let step = Step {
        id: id.to_owned(),
        function: function.to_owned(),
        file: sls.to_owned(),
        line: 0,
        work: Work::Fixed { succeeds, changed: false },
        needs: Needs::default(),
        retry: Retry::default(),
        parallel: false,
        failhard: false,
        timeout_seconds: 0,
    };
    let state = if succeeds { StepState::Succeeded } else { StepState::Failed };
    Progress { state, comment, ..Progress::new(step, now) }
}
