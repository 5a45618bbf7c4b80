//! One step: what a declaration of an orchestration file asks of the master.

use crate::model::role::Role;
use crate::orchestration::target::Target;
use serde::{Deserialize, Serialize};

/// A step, as the record keeps it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// `salt.state`.
    pub function: String,
    /// Its file, relative to the tree.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What is done.
    pub work: Work,
    /// What it waits for.
    #[serde(default)]
    pub needs: Needs,
    /// How often and how far apart it is tried.
    #[serde(default)]
    pub retry: Retry,
    /// Whether the next step begins while it runs.
    #[serde(default)]
    pub parallel: bool,
    /// Whether nothing else begins once it failed.
    #[serde(default)]
    pub failhard: bool,
    /// After how many seconds a node that is there and has not finished has failed.
    pub timeout_seconds: u32,
}

impl Step {
    /// File and line; the SLS alone of a step that Salt told of.
    pub fn place(&self) -> String {
        if self.line == 0 { self.file.clone() } else { format!("{}:{}", self.file, self.line) }
    }
}

// By hand, because a pillar may hold secrets.
impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Step({} at {}:{})", self.function, self.file, self.line)
    }
}

/// What a step waits for, as indices into the steps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Needs {
    /// Must have succeeded (`require`, `watch`).
    pub require: Vec<usize>,
    /// At least one must have changed something.
    pub on_changes: Vec<usize>,
    /// At least one must have failed.
    pub on_fail: Vec<usize>,
}

impl Needs {
    /// Every step that must be over before.
    pub fn all(&self) -> impl Iterator<Item = usize> + '_ {
        [&self.require, &self.on_changes, &self.on_fail].into_iter().flatten().copied()
    }
}

/// How often a step is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// In all.
    pub attempts: u32,
    /// Seconds between two.
    pub interval_seconds: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 1, interval_seconds: 30 }
    }
}

/// What a step does.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Something on nodes.
    Nodes(NodeWork),
    /// Lets in, or refuses, the nodes that wait and whose names match.
    Admit {
        /// The pattern.
        pattern: String,
        /// Whether they are let in.
        accept: bool,
    },
    /// Lists the nodes that are there, or those that are not.
    List {
        /// Those that are there.
        up: bool,
        /// Those that are not.
        down: bool,
    },
    /// A result that stands in the file.
    Fixed {
        /// Whether it succeeds.
        succeeds: bool,
        /// Whether it says that something changed.
        changed: bool,
    },
}

/// What is done on nodes.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeWork {
    /// On which.
    pub target: Target,
    /// What.
    pub what: What,
    /// On how many at a time.
    #[serde(default)]
    pub batch: Batch,
    /// How many may fail.
    #[serde(default)]
    pub allow_fail: u32,
    /// Whether a node that is away has failed.
    #[serde(default)]
    pub expect_all: bool,
}

/// What a node does.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Takes the generation: the state of its role with all that belongs to it.
    Generation {
        /// The roles of which the step names the state; none for `highstate`.
        roles: Vec<Role>,
        /// The scale that the step's pillar names.
        scale: Option<String>,
    },
    /// Applies these SLS of its tree.
    States {
        /// Their names.
        sls: Vec<String>,
        /// The pillar on top of the node's own.
        pillar: serde_json::Value,
        /// Whether it only says what would change.
        test: bool,
    },
    /// Is there.
    Ping,
}

/// On how many nodes at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Batch {
    /// On all.
    #[default]
    All,
    /// On so many.
    Count(u32),
    /// On so many of a hundred.
    Percent(u32),
}

impl Batch {
    /// How many of `count` nodes, at least one.
    pub fn of(self, count: usize) -> usize {
        let wanted = match self {
            Self::All => count,
            Self::Count(wanted) => wanted as usize,
            Self::Percent(percent) => count * percent as usize / 100,
        };
        wanted.clamp(1, count.max(1))
    }
}

impl Step {
    /// Whether it gives nodes their generation.
    pub fn gives(&self) -> bool {
        matches!(&self.work, Work::Nodes(NodeWork { what: What::Generation { .. }, .. }))
    }
}
