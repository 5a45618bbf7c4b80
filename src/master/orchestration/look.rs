//! One look at the run: it is prepared, advanced as far as it goes, written down, and then told to the agents.

use crate::host::clock;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::master::orchestration::admit::{self, Admitted};
use crate::master::orchestration::by_salt;
use crate::master::orchestration::preparation::{self, Prepared};
use crate::model::ids::NodeName;
use crate::orchestration::{Run, Seen, Stage, StepState, advance};
use crate::registry::Change;
use crate::registry::record::NodeRecord;

/// Looks once.
///
/// # Errors
/// When something cannot be written down; then nobody was told, and the next look does it again.
pub fn look(app: &App) -> Result<(), MasterError> {
    let Some(begun) = begin(app)? else { return Ok(()) };
    if let Begun::Prepare(run, context) = begun {
        // Without the cluster, which others can use meanwhile.
        let prepared = preparation::prepare(app.orchestra.root(), run.cause.sls(), &context);
        set_out(app, *run, prepared)?;
    }
    go_on(app)
}

enum Begun {
    Prepare(Box<Run>, crate::sls::Context),
    Underway,
}

/// What there is to do; a run whose pause is over begins anew.
fn begin(app: &App) -> Result<Option<Begun>, MasterError> {
    let mut cluster = app.cluster();
    let Some(mut run) = cluster.current_run().cloned() else { return Ok(None) };
    let now = clock::now_ms();
    if run.stage == Stage::Failed {
        // A clock that was set back does not make the pause longer than it is.
        let due = now >= run.again_ms() || now < run.since_ms;
        if !due && !behind_no_more(&cluster, &run) {
            return Ok(None);
        }
        run.again(now);
        cluster.commit(vec![Change::PutRun(Box::new(run.clone()))])?;
    }
    if run.stage != Stage::Begun {
        return Ok(Some(Begun::Underway));
    }
    if cluster.salt.is_some() {
        by_salt::set_out(app, &mut cluster, run)?;
        return Ok(Some(Begun::Underway));
    }
    let context = preparation::context(app, &cluster, run.cause.new_node());
    Ok(Some(Begun::Prepare(Box::new(run), context)))
}

/// Whether every node that failed has applied the generation meanwhile.
fn behind_no_more(cluster: &Cluster, run: &Run) -> bool {
    let mut failed = run.steps.iter().filter(|step| step.state == StepState::Failed).peekable();
    let applied = |name: &NodeName| {
        let node = cluster.members().find(|node| node.name == *name);
        node.is_none_or(|node| node.applied >= run.generation)
    };
    failed.peek().is_some()
        && failed.all(|step| {
            step.step.gives() && step.failed.iter().chain(&step.away).all(applied) && !step.nodes.is_empty()
        })
}

fn set_out(app: &App, mut run: Run, prepared: Prepared) -> Result<(), MasterError> {
    let mut cluster = app.cluster();
    // Another generation may have begun meanwhile: its own run follows.
    if cluster.current_run() != Some(&run) {
        return Ok(());
    }
    if run.attempt == 1 {
        let mut detail = format!("{}, {} steps", run.cause.sls(), prepared.steps.len());
        if let Some(trouble) = &prepared.trouble {
            detail.push_str(&format!("; eos's own, because of {}: {}", trouble.code, trouble.message));
        }
        app.audit("master", "orchestrate", &format!("generation {}", run.generation), &detail)?;
    }
    if let Some(trouble) = &prepared.trouble {
        let sls = run.cause.sls();
        tracing::error!(code = trouble.code, sls, "{}; eos's own file is used", trouble.message);
    }
    run.set_out(prepared.steps, prepared.trouble, clock::now_ms());
    cluster.commit(vec![Change::PutRun(Box::new(run))])
}

fn go_on(app: &App) -> Result<(), MasterError> {
    let mut cluster = app.cluster();
    let Some(before) = cluster.current_run().filter(|run| run.stage == Stage::Running) else { return Ok(()) };
    let (mut run, now) = (before.clone(), clock::now_ms());
    if run.by_salt {
        return by_salt::overdue(app, &mut cluster, run, now);
    }
    let scale = cluster.scale();
    let nodes: Vec<Seen> = cluster.members().map(|node| seen(&cluster, node, scale, now)).collect();
    let mut admitted = Admitted::default();
    advance(&mut run, &nodes, now, &mut |pattern, accept| {
        admit::admit(&cluster, pattern, accept, &mut admitted)
    });
    if run == *before {
        // Nodes that have done their tasks wait for something else now.
        if !run.tasks().is_empty() {
            app.hand_out(&cluster);
        }
        return Ok(());
    }
    tell(app, before, &run)?;
    for (action, name, key) in &admitted.told {
        app.audit("orchestration", action, name, key)?;
    }
    let mut changes = admitted.changes;
    changes.push(Change::PutRun(Box::new(run)));
    cluster.commit(changes)?;
    app.hand_out(&cluster);
    Ok(())
}

/// Writes the steps that failed, and the end of the run, to the audit log; what is tried again is not told again.
pub(super) fn tell(app: &App, before: &Run, run: &Run) -> Result<(), MasterError> {
    let subject = format!("generation {}", run.generation);
    for (at, new) in run.steps.iter().enumerate() {
        let known = before.steps.get(at).is_some_and(|old| old.state == StepState::Failed);
        if new.state == StepState::Failed && !known && run.attempt == 1 {
            let detail = format!("{} at {}: {}", new.step.id, new.step.place(), new.comment);
            app.audit("master", "orchestration-step-failed", &subject, &detail)?;
        }
    }
    match run.stage {
        Stage::Done => {
            let took = run.since_ms.saturating_sub(run.begun_ms);
            let detail = format!("attempt {}, {took} ms after it began", run.attempt);
            app.audit("master", "orchestrated", &subject, &detail)
        }
        Stage::Failed if run.attempt == 1 => {
            let detail = "it is run again until it succeeds or another generation begins";
            app.audit("master", "orchestration-failed", &subject, detail)
        }
        _ => Ok(()),
    }
}

fn seen(cluster: &Cluster, node: &NodeRecord, scale: crate::model::scale::Scale, now: u64) -> Seen {
    let live = cluster.live.get(&node.id);
    let report = live.map(|live| &live.report);
    let failure = report.and_then(|report| {
        let failure = report.failure.as_ref()?;
        Some((report.failed_generation?, format!("{}: {}", failure.code, failure.message)))
    });
    Seen {
        name: node.name.clone(),
        role: node.role,
        scale,
        address: node.address.to_string(),
        cpus: node.resources.cpus,
        memory_bytes: node.resources.memory_bytes,
        applied: node.applied,
        there: cluster.alive(&node.id, now),
        gone: cluster.failing(&node.id, now),
        failure,
        // A master that has just started does not know it of anybody yet.
        takes_tasks: live.and_then(|live| live.takes_tasks).unwrap_or(true),
        done: live.map(|live| live.done.clone()).unwrap_or_default(),
    }
}
