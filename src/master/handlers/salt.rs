//! Routes by which an installed Salt is used: for every node with a minion, and for the agent beside the Salt master.

use super::answer::{Answer, member, not_allowed, with_cluster};
use super::body::Sent;
use crate::host::clock;
use crate::lifecycle::NodeState;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::master::{minions, orchestration};
use crate::registry::Change;
use crate::registry::record::SaltRecord;
use crate::server::{Peer, Stopping};
use crate::wire::salt::{
    MinionKey, MinionStanding, Part, SaltDone, SaltErrand, SaltMaster, SaltReport, SaltWork,
};
use axum::extract::State;
use axum::{Extension, Json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// The longest that an answer is kept back.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often it is looked for something to do that nobody announces: a pause that is over.
const LOOK: Duration = Duration::from_secs(1);

/// A node tells the key of its minion over the connection that its certificate proves, so no name stands for a key.
pub(super) async fn minion(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(told): Sent<MinionKey>,
) -> Answer<MinionStanding> {
    with_cluster(&app, move |app, cluster| {
        let mut node = member(&peer, cluster, "POST /v1/member/minion")?;
        let now = clock::now_ms();
        cluster.live.entry(node.id.clone()).or_default().presence.heard(now);
        if cluster.salt.is_none() {
            return Ok(MinionStanding { salt: false, master: None, accepted: false, problem: None });
        }
        if let Some(key) = told.key.filter(|key| node.minion != Some(*key)) {
            app.audit(node.id.as_str(), "minion", node.name.as_str(), &key.to_string())?;
            node.minion = Some(key);
            cluster.minions.remove(&node.name);
            if node.state == NodeState::Joining {
                node.lease_until_ms = now + app.lease_ms();
            }
            cluster.commit(vec![Change::PutNode(Box::new(node.clone()))])?;
            app.hand_out(cluster);
        }
        let accepted = node.minion.is_some_and(|key| minions::is_accepted(cluster, &node.name, key));
        let trouble = cluster.minions.get(&node.name).filter(|_| !accepted);
        Ok(MinionStanding {
            salt: true,
            master: cluster.salt.as_ref().and_then(|salt| salt.master.clone()),
            accepted,
            problem: trouble.map(|trouble| trouble.failure.message.clone()),
        })
    })
    .await
}

/// The agent on the master's own host, which is root there, does with the Salt master what this answers, and tells
/// what came of it.
pub(super) async fn work(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(stopping): Extension<Stopping>,
    Sent(report): Sent<SaltReport>,
) -> Answer<SaltWork> {
    let mut turn = app.turn.subscribe();
    let (part, wait) = (report.part, Duration::from_millis(report.wait_ms).min(LONGEST_WAIT));
    let caller = peer.clone();
    let Json(()) = with_cluster(&app, move |app, cluster| {
        beside_the_master(&caller, cluster)?;
        keep_master(cluster, report.master)?;
        report.done.map_or(Ok(()), |done| take(app, cluster, done))
    })
    .await?;
    let searching = async {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turn.mark_unchanged();
            let caller = peer.clone();
            let found = with_cluster(&app, move |app, cluster| {
                beside_the_master(&caller, cluster)?;
                Ok(next(app, cluster, part))
            });
            let Json(errand) = found.await?;
            if errand.is_some() {
                return Ok(Json(SaltWork { errand }));
            }
            tokio::select! {
                _ = turn.changed() => {}
                _ = ticks.tick() => {}
            }
        }
    };
    let ended = tokio::time::timeout(wait, async {
        tokio::select! {
            found = searching => Some(found),
            () = stopping.requested() => None,
        }
    });
    // A time-out is the ordinary end of a wait.
    ended.await.ok().flatten().unwrap_or(Ok(Json(SaltWork { errand: None })))
}

/// Insists on the certificate of the master's own node: no other one is beside the Salt master.
fn beside_the_master(peer: &Peer, cluster: &Cluster) -> Result<(), MasterError> {
    let action = "POST /v1/member/salt";
    let node = member(peer, cluster, action)?;
    if node.master {
        Ok(())
    } else {
        Err(not_allowed(peer, action, "the certificate of the master's own node"))
    }
}

fn keep_master(cluster: &mut Cluster, told: Option<SaltMaster>) -> Result<(), MasterError> {
    match &cluster.salt {
        Some(known) if told.is_some() && known.master != told => {
            let record = SaltRecord { master: told, ..known.clone() };
            cluster.commit(vec![Change::PutSalt(Box::new(record))])
        }
        _ => Ok(()),
    }
}

fn next(app: &App, cluster: &Cluster, part: Part) -> Option<SaltErrand> {
    match part {
        Part::Keys => minions::errand(cluster, clock::now_ms()),
        Part::Orchestrations => orchestration::by_salt(app, cluster),
    }
}

/// Takes what came of an errand; one that nobody wants any more changes nothing.
fn take(app: &App, cluster: &mut Cluster, done: SaltDone) -> Result<(), MasterError> {
    let now = clock::now_ms();
    let wanted = minions::errand(cluster, now).filter(|errand| errand.id() == done.id);
    let Some(wanted) = wanted else { return orchestration::told_by_salt(app, cluster, &done) };
    let (name, key) = match &wanted {
        SaltErrand::Accept { name, key } | SaltErrand::Delete { name, key } => (name.clone(), *key),
        SaltErrand::Orchestrate { .. } => return Ok(()),
    };
    if let Some(failure) = done.failure {
        let trouble = minions::trouble(failure, now);
        let before = cluster.minions.insert(name.clone(), trouble.clone());
        // What is tried again is not told again.
        if before.is_none_or(|before| before.failure != trouble.failure) {
            app.audit("master", "minion-key-failed", name.as_str(), &trouble.failure.message)?;
        }
        return Ok(());
    }
    cluster.minions.remove(&name);
    let mut record = cluster.salt.clone().unwrap_or_default();
    let action = if let SaltErrand::Accept { .. } = wanted {
        record.accepted.insert(name.clone(), key);
        "minion-key-accept"
    } else {
        record.accepted.remove(&name);
        "minion-key-delete"
    };
    app.audit("master", action, name.as_str(), &key.to_string())?;
    cluster.commit(vec![Change::PutSalt(Box::new(record))])
}
