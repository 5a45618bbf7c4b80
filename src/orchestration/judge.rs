//! What has come of a step that runs, from what is known of its nodes.

use crate::model::ids::NodeName;
use crate::orchestration::run::Run;
use crate::orchestration::seen::Seen;
use crate::orchestration::step::{NodeWork, What, Work};
use std::collections::BTreeMap;

/// The longest comment, in characters: one node in a thousand must stay readable.
const LONGEST: usize = 600;

/// What has come of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing final; it has reached so many of its nodes.
    Busy {
        /// How many.
        given: usize,
    },
    /// It is over, and well.
    Succeeded {
        /// Whether something changed.
        changed: bool,
        /// For people.
        comment: String,
        /// The nodes that were away.
        away: Vec<NodeName>,
    },
    /// It is over, and not well.
    Failed {
        /// For people.
        comment: String,
        /// The nodes that failed.
        failed: Vec<NodeName>,
        /// The nodes that were away.
        away: Vec<NodeName>,
    },
}

impl Verdict {
    /// One without nodes that went well.
    pub fn well(changed: bool, comment: String) -> Self {
        Self::Succeeded { changed, comment, away: Vec::new() }
    }

    /// One without nodes that did not.
    pub fn ill(comment: String) -> Self {
        Self::Failed { comment, failed: Vec::new(), away: Vec::new() }
    }
}

/// What has come of one node.
enum Part {
    Busy,
    Done { changed: bool },
    Failed(String),
    Away,
}

/// Judges a running step, other than one that admits nodes.
pub fn step(run: &Run, index: usize, nodes: &[Seen], now: u64) -> Verdict {
    match &run.steps[index].step.work {
        Work::Nodes(work) => on_nodes(run, index, work, nodes, now),
        Work::Fixed { succeeds: true, changed } => Verdict::well(*changed, String::new()),
        Work::Fixed { succeeds: false, .. } => Verdict::ill("it is there to fail".to_owned()),
        Work::List { up, down } => {
            let listed = nodes.iter().filter(|node| if node.there { *up } else { *down });
            let names: Vec<&str> = listed.map(|node| node.name.as_str()).collect();
            Verdict::well(false, shortened(&names.join(", ")))
        }
        Work::Admit { .. } => Verdict::Busy { given: 0 },
    }
}

fn on_nodes(run: &Run, index: usize, work: &NodeWork, nodes: &[Seen], now: u64) -> Verdict {
    let progress = &run.steps[index];
    if progress.nodes.is_empty() {
        return Verdict::ill("no node matches its target".to_owned());
    }
    let known: BTreeMap<&NodeName, &Seen> = nodes.iter().map(|node| (&node.name, node)).collect();
    let late = now.saturating_sub(progress.moved_ms) >= u64::from(progress.step.timeout_seconds) * 1000;
    let mut given = progress.given;
    loop {
        let names = &progress.nodes[..given.min(progress.nodes.len())];
        let parts = names.iter().enumerate().map(|(at, name)| {
            let part = known.get(name).map_or(Part::Away, |node| part(run, index, &work.what, node));
            match part {
                Part::Busy if late && at < progress.given => {
                    Part::Failed(format!("not done within {} s", progress.step.timeout_seconds))
                }
                part => part,
            }
        });
        let parts: Vec<Part> = parts.collect();
        let busy = parts.iter().filter(|part| matches!(part, Part::Busy)).count();
        // A rolling step rolls no further than over the failures that it allows.
        let rolls = failures(&parts) <= work.allow_fail as usize;
        let room = work.batch.of(progress.nodes.len()).saturating_sub(busy);
        match (progress.nodes.len() - given).min(room) {
            more if more > 0 && rolls => given += more,
            _ if busy > 0 => return Verdict::Busy { given },
            _ => return ended(names, &parts, work, &known),
        }
    }
}

fn failures(parts: &[Part]) -> usize {
    parts.iter().filter(|part| matches!(part, Part::Failed(_))).count()
}

fn ended(names: &[NodeName], parts: &[Part], work: &NodeWork, known: &BTreeMap<&NodeName, &Seen>) -> Verdict {
    let (mut failed, mut away, mut told) = (Vec::new(), Vec::new(), Vec::new());
    let (mut done, mut changed) = (0, false);
    for (name, part) in names.iter().zip(parts) {
        match part {
            Part::Done { changed: its } => {
                done += 1;
                changed |= its;
            }
            Part::Failed(why) => {
                told.push(format!("{name}: {why}"));
                failed.push(name.clone());
            }
            Part::Away | Part::Busy => away.push(name.clone()),
        }
    }
    if !away.is_empty() {
        let names: Vec<&str> = away.iter().map(NodeName::as_str).collect();
        told.push(format!("away: {}", names.join(", ")));
    }
    let comment = shortened(&told.join("; "));
    let gone = away.iter().all(|name| known.get(name).is_none_or(|node| node.gone));
    let missed = if work.expect_all { away.len() } else { 0 };
    let nobody = done == 0 && failed.is_empty() && !gone;
    if failed.len() + missed > work.allow_fail as usize || nobody {
        return Verdict::Failed { comment, failed, away };
    }
    Verdict::Succeeded { changed, comment, away }
}

fn part(run: &Run, index: usize, what: &What, node: &Seen) -> Part {
    match what {
        What::Generation { roles, scale } => generation(run, roles, scale.as_deref(), node),
        What::Ping if node.there => Part::Done { changed: false },
        What::Ping => Part::Away,
        What::States { .. } => match node.done.get(&run.task_id(index)) {
            Some(done) => match &done.failure {
                Some(failure) => Part::Failed(format!("{}: {}", failure.code, failure.message)),
                None => Part::Done { changed: done.changed },
            },
            None if !node.there => Part::Away,
            None if !node.takes_tasks => Part::Failed("its eos applies nothing but its role".to_owned()),
            None => Part::Busy,
        },
    }
}

fn generation(run: &Run, roles: &[crate::model::role::Role], scale: Option<&str>, node: &Seen) -> Part {
    let role = node.role.map_or("none", |role| role.name());
    if !roles.is_empty() && node.role.is_none_or(|role| !roles.contains(&role)) {
        return Part::Failed(format!("the plan gives it the role {role}, the step another one"));
    }
    if scale.is_some_and(|scale| scale != node.scale.name()) {
        return Part::Failed(format!("the plan's scale is {}, the step's another one", node.scale));
    }
    match &node.failure {
        // Whether that is new is known to whoever saw it wait.
        _ if node.applied >= run.generation => Part::Done { changed: false },
        Some((failed, why)) if *failed == run.generation => Part::Failed(why.clone()),
        _ if node.there => Part::Busy,
        _ => Part::Away,
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} ...", &text[..at]),
        None => text.to_owned(),
    }
}
