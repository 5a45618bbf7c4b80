//! A run as `eos status` shows it.

use crate::master::cluster::Cluster;
use crate::master::turn::Turn;
use crate::orchestration::{Progress, Run, Stage};
use crate::wire::admin::{RunStatus, StepStatus};

/// The status of a run.
pub fn status(cluster: &Cluster, run: &Run, now: u64) -> RunStatus {
    let turn = Turn::of(cluster);
    let held = cluster.members().filter(|node| turn.holds(&node.id));
    let mut held: Vec<_> = held.map(|node| node.name.clone()).collect();
    held.sort();
    RunStatus {
        generation: run.generation,
        sls: run.cause.sls().to_owned(),
        by_salt: run.by_salt,
        state: run.stage.name().to_owned(),
        age_ms: now.saturating_sub(run.since_ms),
        attempt: run.attempt,
        again_in_ms: (run.stage == Stage::Failed).then(|| run.again_ms().saturating_sub(now)),
        steps: run.steps.iter().map(|progress| step(progress, now)).collect(),
        held,
        trouble: run.trouble.clone(),
    }
}

fn step(progress: &Progress, now: u64) -> StepStatus {
    StepStatus {
        id: progress.step.id.clone(),
        function: progress.step.function.clone(),
        place: progress.step.place(),
        state: progress.state.name().to_owned(),
        age_ms: now.saturating_sub(progress.since_ms),
        nodes: progress.nodes.clone(),
        away: progress.away.clone(),
        failed: progress.failed.clone(),
        comment: progress.comment.clone(),
    }
}
