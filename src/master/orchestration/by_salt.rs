//! Runs that an installed Salt carries out: what the agent beside the Salt master is asked, and what it tells.

use crate::host::clock;
use crate::lifecycle::NodeState;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::master::minions;
use crate::master::orchestration::look::tell;
use crate::master::orchestration::preparation;
use crate::model::explain::Failure;
use crate::model::ids::NodeName;
use crate::orchestration::{Run, Stage};
use crate::registry::Change;
use crate::wire::salt::{SaltDone, SaltErrand};
use std::collections::BTreeSet;

/// After how many milliseconds a run of which nobody told anything has failed: longer than it may take.
const OVERDUE_MS: u64 = 900_000;

/// The run that has to be carried out; none when none is, or all of it was told.
pub fn by_salt(app: &App, cluster: &Cluster) -> Option<SaltErrand> {
    let run = cluster.current_run().filter(|run| run.by_salt && run.stage == Stage::Running)?;
    let plan = preparation::plan(app, cluster, run.cause.new_node());
    let pillar = plan.pillar_of_minions(run.generation, &reached(cluster, clock::now_ms()));
    Some(SaltErrand::Orchestrate { run: run.salt_id(), sls: run.cause.sls().to_owned(), pillar })
}

/// The members whose minions Salt can reach: a node that is away is not waited for, and gets its generation when it
/// is back.
fn reached(cluster: &Cluster, now: u64) -> BTreeSet<NodeName> {
    let members = cluster.nodes.values().filter(|node| node.state == NodeState::Active);
    let reached = members.filter(|node| {
        let accepted = node.minion.is_some_and(|key| minions::is_accepted(cluster, &node.name, key));
        accepted && cluster.alive(&node.id, now)
    });
    reached.map(|node| node.name.clone()).collect()
}

/// Leaves the run to Salt.
pub(super) fn set_out(app: &App, cluster: &mut Cluster, mut run: Run) -> Result<(), MasterError> {
    if run.attempt == 1 {
        let detail = format!("{} by salt-run", run.cause.sls());
        app.audit("master", "orchestrate", &format!("generation {}", run.generation), &detail)?;
    }
    run.set_out_by_salt(clock::now_ms());
    cluster.commit(vec![Change::PutRun(Box::new(run))])?;
    app.hand_out(cluster);
    Ok(())
}

/// Takes what came of a run; of one that is over, or that another one has taken the place of, nothing is taken.
pub fn told_by_salt(app: &App, cluster: &mut Cluster, done: &SaltDone) -> Result<(), MasterError> {
    let wanted = by_salt(app, cluster).is_some_and(|errand| errand.id() == done.id);
    let Some(run) = cluster.current_run().filter(|_| wanted).cloned() else { return Ok(()) };
    end(app, cluster, run, done, clock::now_ms())
}

/// Ends a run of which nothing is heard: the agent beside the Salt master may have died for good.
pub(super) fn overdue(app: &App, cluster: &mut Cluster, run: Run, now: u64) -> Result<(), MasterError> {
    let since = now.saturating_sub(run.since_ms);
    if since < OVERDUE_MS {
        return Ok(());
    }
    let failure = Failure::of(&MasterError::SaltSilent { seconds: since / 1000 });
    let done = SaltDone { id: String::new(), failure: Some(failure), steps: Vec::new() };
    end(app, cluster, run, &done, now)
}

fn end(app: &App, cluster: &mut Cluster, before: Run, done: &SaltDone, now: u64) -> Result<(), MasterError> {
    let mut run = before.clone();
    run.told_by_salt(&done.steps, done.failure.as_ref(), now);
    tell(app, &before, &run)?;
    cluster.commit(vec![Change::PutRun(Box::new(run))])?;
    app.hand_out(cluster);
    Ok(())
}
