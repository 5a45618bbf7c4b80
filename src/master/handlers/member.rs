//! Routes for accepted nodes, over mutual TLS.

use super::answer::{Answer, member, with_cluster};
use super::body::Sent;
use crate::host::clock;
use crate::identity::authority::{self, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::node_id;
use crate::lifecycle::{NodeEvent, NodeState, next};
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::master::planning;
use crate::master::presence::{ALIVE_MS, Presence};
use crate::model::ids::NodeId;
use crate::registry::Change;
use crate::registry::record::NodeRecord;
use crate::server::{Peer, Stopping};
use crate::wire::member::{Confirm, Confirmed, Desired, Poll, PollReply, Progress, Renew, Renewed, Report};
use axum::extract::State;
use axum::{Extension, Json};
use std::sync::Arc;
use std::time::Duration;

/// The longest that an answer is kept back.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How many generations a restored registry may be behind its members.
const LONGEST_LEAP: u64 = 1 << 32;

pub(super) async fn desired(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
) -> Answer<Desired> {
    with_cluster(&app, move |app, cluster| {
        let node = member(&peer, cluster, "GET /v1/member/desired")?;
        app.desired(cluster, &node)
    })
    .await
}

pub(super) async fn lease(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(progress): Sent<Progress>,
) -> Answer<()> {
    with_cluster(&app, move |app, cluster| {
        let mut node = member(&peer, cluster, "POST /v1/member/lease")?;
        heard(cluster, &node, None);
        if node.state != NodeState::Joining {
            return Ok(());
        }
        node.lease_until_ms = clock::now_ms() + app.lease_ms();
        node.stage = progress.stage.chars().take(40).collect();
        cluster.commit(vec![Change::PutNode(Box::new(node))])
    })
    .await
}

/// The second phase of joining: only now does any other node's role change.
pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(confirm): Sent<Confirm>,
) -> Answer<Confirmed> {
    with_cluster(&app, move |app, cluster| {
        let mut node = member(&peer, cluster, "POST /v1/member/confirm")?;
        heard(cluster, &node, Some(&confirm.report));
        if node.state == NodeState::Active {
            return Ok(Confirmed { desired: app.desired(cluster, &node)? });
        }
        next(Some(node.state), NodeEvent::Confirmed)
            .map_err(|source| MasterError::Lifecycle { name: node.name.clone(), source })?;
        let replaced = replaced(cluster, &mut node)?;
        node.state = NodeState::Active;
        node.stage = "confirm".to_owned();
        node.applied = confirm.applied;
        // A member that leaves one day gives no use of its token back.
        node.token = None;
        let id = node.id.clone();
        let stay = cluster.members().filter(|member| Some(&member.id) != replaced.as_ref());
        let members: Vec<NodeRecord> = stay.cloned().chain([node]).collect();
        let (mut changes, planned) = planning::replan(cluster, &app.rules, members)?;
        if let Some(replaced) = replaced {
            app.audit(id.as_str(), "replace", replaced.as_str(), "")?;
            changes.push(Change::DropNode(replaced));
        }
        let summary: Vec<String> = planned.changes.iter().map(describe).collect();
        app.audit(id.as_str(), "confirm", id.as_str(), &summary.join(", "))?;
        cluster.commit(changes)?;
        app.metrics.joined.inc();
        app.announce(cluster);
        let node = cluster.nodes.get(&id).cloned().expect("it was put a moment ago under the same lock");
        Ok(Confirmed { desired: app.desired(cluster, &node)? })
    })
    .await
}

/// The member whose place the node takes now that it confirms; none when it is gone by itself.
///
/// A machine that was only installed anew does not take the place of one that came back meanwhile:
/// then there are two of them.
fn replaced(cluster: &Cluster, node: &mut NodeRecord) -> Result<Option<NodeId>, MasterError> {
    let replaced = node.replaces.take();
    let Some(old) = replaced.as_ref().and_then(|id| cluster.nodes.get(id)) else { return Ok(None) };
    if !matches!(old.state, NodeState::Active | NodeState::Joining) {
        return Ok(None);
    }
    if old.master {
        return Err(MasterError::LastMaster { name: old.name.clone() });
    }
    let now = clock::now_ms();
    if old.name == node.name && cluster.silent_ms(&old.id, now).is_some_and(|silent| silent < ALIVE_MS) {
        return Err(MasterError::Clone {
            name: old.name.clone(),
            address: old.address.to_string(),
            seen: cluster.seen(&old.id, now),
            machine_id: old.machine_id.clone().unwrap_or_default(),
        });
    }
    Ok(replaced)
}

fn describe(change: &crate::wire::admin::PlannedRole) -> String {
    let name = |role: Option<crate::model::role::Role>| role.map_or("none", crate::model::role::Role::name);
    format!("{}: {} -> {}", change.node, name(change.from), name(change.to))
}

/// Keeps the answer back until there is a newer generation than the caller has applied.
pub(super) async fn poll(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(stopping): Extension<Stopping>,
    Sent(poll): Sent<Poll>,
) -> Answer<PollReply> {
    let mut generation = app.generation.subscribe();
    let caller = peer.clone();
    let (applied, wait_ms) = (poll.applied, poll.wait_ms);
    let Json(present) = with_cluster(&app, move |app, cluster| {
        let mut node = member(&caller, cluster, "POST /v1/member/poll")?;
        let presence = heard(cluster, &node, Some(&poll.report));
        if node.applied != poll.applied || node.version != poll.report.version {
            node.applied = poll.applied;
            node.version.clone_from(&poll.report.version);
            cluster.commit(vec![Change::PutNode(Box::new(node.clone()))])?;
        }
        overtake(app, cluster, &node, &poll)?;
        Ok(presence)
    })
    .await?;
    let present = present.wait();
    let wait = Duration::from_millis(wait_ms).min(LONGEST_WAIT);
    // A time-out is the ordinary end of a wait.
    let newer = async { generation.wait_for(|newest| *newest > applied).await.is_ok() };
    let ended = tokio::time::timeout(wait, async {
        tokio::select! {
            _ = newer => "newer",
            () = stopping.requested() => "stopping",
        }
    });
    let why = ended.await.unwrap_or("waited");
    tracing::trace!(why, applied, "poll ends");
    drop(present);
    with_cluster(&app, move |app, cluster| {
        let node = member(&peer, cluster, "POST /v1/member/poll")?;
        let renew = peer.subject.as_ref().is_some_and(|summary| summary.is_due(clock::now_seconds()));
        let confirm = node.state == NodeState::Joining;
        Ok(PollReply { desired: app.desired(cluster, &node)?, renew, confirm, trace: app.trace() })
    })
    .await
}

/// Begins a generation that no member knows when one has applied what this registry never gave it.
///
/// That is so after an older copy of the registry was restored: its next generations would bear
/// numbers that members have applied already, with other content, and would pass for known. A number
/// that no cluster reaches is a member's lie, and changes nothing.
fn overtake(app: &App, cluster: &mut Cluster, node: &NodeRecord, poll: &Poll) -> Result<(), MasterError> {
    let known = cluster.generation;
    let other = poll.role.is_some_and(|role| Some(role) != node.role)
        || poll.scale.is_some_and(|scale| scale != cluster.scale());
    let believed = known..known.saturating_add(LONGEST_LEAP);
    if node.state != NodeState::Active
        || !believed.contains(&poll.applied)
        || (poll.applied == known && !other)
    {
        return Ok(());
    }
    let next = poll.applied + 1;
    let why = format!("{} has applied generation {}, unknown to this registry", node.name, poll.applied);
    app.audit("master", "renumber", &next.to_string(), &why)?;
    tracing::warn!(node = %node.name, applied = poll.applied, known, next, "the registry is older than a member");
    cluster.commit(vec![Change::Generation(next)])?;
    app.announce(cluster);
    Ok(())
}

pub(super) async fn leave(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>) -> Answer<()> {
    with_cluster(&app, move |app, cluster| {
        let node = member(&peer, cluster, "POST /v1/member/leave")?;
        if node.master {
            return Err(MasterError::LastMaster { name: node.name });
        }
        let changes = forget(app, cluster, &node)?;
        app.audit(node.id.as_str(), "leave", node.name.as_str(), node.state.name())?;
        cluster.commit(changes)?;
        app.announce(cluster);
        Ok(())
    })
    .await
}

/// The changes that forget a node. A join that is given up gives its use of the token back and
/// touches nobody else; a member that leaves makes a new generation.
pub(crate) fn forget(app: &App, cluster: &Cluster, node: &NodeRecord) -> Result<Vec<Change>, MasterError> {
    let mut changes = vec![Change::DropNode(node.id.clone())];
    if node.state == NodeState::Active {
        let members = cluster.members().filter(|other| other.id != node.id).cloned().collect();
        changes.extend(planning::replan(cluster, &app.rules, members)?.0);
    } else if let Some(token) = node.token.as_ref().and_then(|id| cluster.tokens.get(id)) {
        let mut token = token.clone();
        token.used = token.used.saturating_sub(1);
        changes.push(Change::PutToken(token));
    }
    Ok(changes)
}

pub(super) async fn renew(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(renew): Sent<Renew>,
) -> Answer<Renewed> {
    with_cluster(&app, move |app, cluster| {
        let node = member(&peer, cluster, "POST /v1/member/renew")?;
        let key = authority::request_key(&renew.csr).map_err(MasterError::Identity)?;
        if node_id(key) != node.id {
            return Err(MasterError::Unknown { kind: "node", name: node_id(key).to_string() });
        }
        let grant = Grant { subject: Subject::Node(node.id.clone()), now: clock::now_seconds() };
        app.audit(node.id.as_str(), "renew", node.name.as_str(), "")?;
        let certificate = app.authority.sign_request(&renew.csr, &grant).map_err(MasterError::Identity)?;
        Ok(Renewed { certificate })
    })
    .await
}

fn heard(cluster: &mut Cluster, node: &NodeRecord, report: Option<&Report>) -> Arc<Presence> {
    let live = cluster.live.entry(node.id.clone()).or_default();
    live.presence.heard(clock::now_ms());
    if let Some(report) = report {
        live.report.clone_from(report);
    }
    live.presence.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::fixture::{self, MasterHost};
    use crate::model::role::Role;
    use crate::model::scale::Scale;

    fn polled(applied: u64, role: Role, scale: Scale) -> Poll {
        Poll { applied, role: Some(role), scale: Some(scale), wait_ms: 0, report: Report::default() }
    }

    #[test]
    fn a_generation_that_this_registry_never_gave_is_left_behind() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let node = fixture::node("node1", NodeState::Active, 0);
        host.put(node.clone())?;
        let mut cluster = host.app.cluster();
        let mut after = |node: &NodeRecord, poll: Poll| {
            overtake(&host.app, &mut cluster, node, &poll).map(|()| cluster.generation)
        };
        assert_eq!(after(&node, polled(1, Role::Core, Scale::Single))?, 1, "as it was given");
        assert_eq!(after(&node, polled(1, Role::Data, Scale::Single))?, 2, "the same number, another role");
        assert_eq!(after(&node, polled(2, Role::Core, Scale::Small))?, 3, "the same number, another scale");
        assert_eq!(after(&node, polled(2, Role::Data, Scale::Small))?, 3, "an older one is behind, no more");
        assert_eq!(after(&node, polled(9, Role::Core, Scale::Single))?, 10, "a later number");
        assert_eq!(after(&node, polled(u64::MAX, Role::Core, Scale::Single))?, 10, "a lie");
        let joining = fixture::node("node2", NodeState::Joining, 0);
        assert_eq!(
            after(&joining, polled(11, Role::Edge, Scale::Small))?,
            10,
            "it is ahead until it confirms"
        );
        Ok(())
    }
}
