//! The second phase of joining: only now does any other node's role change.

use super::answer::{Answer, Refusal, blocking, member};
use super::body::Sent;
use crate::host::clock;
use crate::lifecycle::{NodeEvent, NodeState, next};
use crate::master::admission;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::crowd::Waiting;
use crate::master::error::MasterError;
use crate::master::handlers::member::heard;
use crate::master::planning;
use crate::model::ids::NodeId;
use crate::model::role::Role;
use crate::orchestration::Cause;
use crate::registry::Change;
use crate::registry::record::NodeRecord;
use crate::server::Peer;
use crate::serving;
use crate::wire::admin::{PlannedRole, PlannedRoles};
use crate::wire::member::{Confirm, Confirmed};
use axum::extract::State;
use axum::{Extension, Json};
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(confirm): Sent<Confirm>,
) -> Answer<Confirmed> {
    let settling = |crowd| async {
        let settled = blocking(&app, move |app| {
            let mut cluster = app.cluster();
            settle(app, &mut cluster, crowd);
            Ok(cluster.members().count())
        });
        settled.await.unwrap_or_default()
    };
    app.crowd.join(peer, confirm, settling).await.map(Json).map_err(Refusal)
}

/// A node that may become a member.
struct Ready {
    waiting: Waiting,
    node: NodeRecord,
    /// The nodes whose place it takes.
    gone: Vec<NodeRecord>,
}

/// Answers all: those that are new and take nobody's place become members in one generation, others one by one.
fn settle(app: &App, cluster: &mut Cluster, crowd: Vec<Waiting>) {
    let (mut together, mut others) = (Vec::new(), Vec::new());
    for waiting in crowd {
        match look(app, cluster, &waiting.peer, &waiting.confirm) {
            Ok(Look::Member(confirmed)) => waiting.told(Ok(*confirmed)),
            // An installed Salt is told of each new minion by itself.
            Ok(Look::Ready(node, gone)) if gone.is_empty() && cluster.salt.is_none() => {
                together.push(Ready { waiting, node: *node, gone });
            }
            Ok(Look::Ready(..)) => others.push(waiting),
            Err(error) => waiting.told(Err(error)),
        }
    }
    welcome(app, cluster, together);
    for waiting in others {
        // The first ones changed what it was judged by.
        match look(app, cluster, &waiting.peer, &waiting.confirm) {
            Ok(Look::Member(confirmed)) => waiting.told(Ok(*confirmed)),
            Ok(Look::Ready(node, gone)) => {
                welcome(app, cluster, vec![Ready { waiting, node: *node, gone }]);
            }
            Err(error) => waiting.told(Err(error)),
        }
    }
}

enum Look {
    /// It is a member already.
    Member(Box<Confirmed>),
    /// It may become one, in the place of these.
    Ready(Box<NodeRecord>, Vec<NodeRecord>),
}

fn look(app: &App, cluster: &mut Cluster, peer: &Peer, confirm: &Confirm) -> Result<Look, MasterError> {
    let mut node = member(peer, cluster, "POST /v1/member/confirm")?;
    heard(cluster, &node, Some(&confirm.report));
    if node.state == NodeState::Active {
        return Ok(Look::Member(Box::new(Confirmed { desired: app.desired(cluster, &node)? })));
    }
    next(Some(node.state), NodeEvent::Confirmed)
        .map_err(|source| MasterError::Lifecycle { name: node.name.clone(), source })?;
    let gone = admission::displaced(cluster, &node, clock::now_ms())?;
    node.replaces = None;
    node.state = NodeState::Active;
    node.stage = "confirm".to_owned();
    node.applied = confirm.applied;
    // A member that leaves one day gives no use of its token back.
    node.token = None;
    Ok(Look::Ready(Box::new(node), gone))
}

/// Makes members of them, or of none of them.
fn welcome(app: &App, cluster: &mut Cluster, crowd: Vec<Ready>) {
    if crowd.is_empty() {
        return;
    }
    let ids: Vec<NodeId> = crowd.iter().map(|one| one.node.id.clone()).collect();
    match enter(app, cluster, &crowd) {
        Ok(()) => {
            app.metrics.joined.inc_by(ids.len() as u64);
            app.announce(cluster);
            for (one, id) in crowd.into_iter().zip(&ids) {
                app.snapshots.shelf.pulls.end(&serving::puller(id));
                let node = cluster.nodes.get(id).expect("it was put a moment ago under the same lock");
                one.waiting.told(app.desired(cluster, node).map(|desired| Confirmed { desired }));
            }
        }
        Err(error) => {
            let text = error.to_string();
            let mut crowd = crowd.into_iter();
            if let Some(first) = crowd.next() {
                first.waiting.told(Err(error));
            }
            // An error is one caller's; the others ask again and hear it themselves.
            for one in crowd {
                tracing::warn!(node = %one.node.name, error = %text, "not confirmed: it asks again");
                one.waiting.told(Err(MasterError::Busy { ahead: 0, after: Duration::from_secs(1) }));
            }
        }
    }
}

fn enter(app: &App, cluster: &mut Cluster, crowd: &[Ready]) -> Result<(), MasterError> {
    let gone: Vec<(&NodeId, &NodeRecord)> =
        crowd.iter().flat_map(|one| one.gone.iter().map(|gone| (&one.node.id, gone))).collect();
    let stay = cluster.members().filter(|member| gone.iter().all(|(_, gone)| gone.id != member.id));
    let members: Vec<NodeRecord> = stay.chain(crowd.iter().map(|one| &one.node)).cloned().collect();
    let Some(last) = crowd.last() else { return Ok(()) };
    let cause = Cause::Added(last.node.name.clone());
    let (mut changes, planned) = planning::replan(cluster, &app.rules, members, cause)?;
    for (by, gone) in gone {
        app.audit(by.as_str(), "replace", gone.id.as_str(), "")?;
        changes.extend(cluster.give_back(gone));
        changes.push(Change::DropNode(gone.id.clone()));
    }
    for (at, one) in crowd.iter().enumerate() {
        let id = one.node.id.as_str();
        app.audit(id, "confirm", id, &told(&planned, crowd, at))?;
    }
    cluster.commit(changes)
}

/// What the audit log tells of this one of the crowd: its role, and with the first one those of all that were members.
fn told(planned: &PlannedRoles, crowd: &[Ready], at: usize) -> String {
    let own = &crowd[at].node.name;
    let joins = |change: &PlannedRole| crowd.iter().any(|one| one.node.name == change.node);
    let of_this = planned.changes.iter().filter(|change| change.node == *own || (at == 0 && !joins(change)));
    let mut words: Vec<String> = of_this.map(describe).collect();
    if crowd.len() > 1 {
        words.push(format!("with {} others", crowd.len() - 1));
    }
    words.join(", ")
}

fn describe(change: &PlannedRole) -> String {
    let name = |role: Option<Role>| role.map_or("none", Role::name);
    format!("{}: {} -> {}", change.node, name(change.from), name(change.to))
}
