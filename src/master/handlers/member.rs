//! Routes for accepted nodes, over mutual TLS.

use super::answer::{Answer, member, with_cluster};
use super::body::Sent;
use crate::host::clock;
use crate::identity::authority::{self, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::node_id;
use crate::lifecycle::NodeState;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::copies::{Speaker, Verdict};
use crate::master::error::MasterError;
use crate::master::orchestration;
use crate::master::planning;
use crate::master::presence::Presence;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::orchestration::Cause;
use crate::registry::Change;
use crate::registry::record::NodeRecord;
use crate::server::{Peer, Stopping};
use crate::wire::member::{Desired, Poll, PollReply, Progress, Renew, Renewed, Report};
use axum::extract::State;
use axum::{Extension, Json};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The longest that an answer is kept back.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest mark of an agent's run, in bytes.
const LONGEST_LIFE: usize = 64;

/// How many generations a restored registry may be behind its members.
const LONGEST_LEAP: u64 = 1 << 32;

pub(super) async fn desired(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
) -> Answer<Desired> {
    with_cluster(&app, move |app, cluster| {
        let node = member(&peer, cluster, "GET /v1/member/desired")?;
        // Where an installed Salt gives the turns, whoever has its turn asks here; the agents' polls are held.
        if orchestration::by_salt(app, cluster).is_some() {
            return app.desired(cluster, &node);
        }
        let own = cluster.live.get(&node.id).map(|live| live.applied_as).unwrap_or_default();
        in_its_turn(app, cluster, &node, own)
    })
    .await
}

/// What a node shall be by now: one that is held keeps what it has, also where its bootstrap asks.
fn in_its_turn(
    app: &App,
    cluster: &Cluster,
    node: &NodeRecord,
    own: (Option<Role>, Option<Scale>),
) -> Result<Desired, MasterError> {
    let mut desired = app.desired(cluster, node)?;
    if app.turn.borrow().holds(&node.id) && node.applied < desired.generation {
        desired.generation = node.applied;
        (desired.role, desired.scale) = (own.0.unwrap_or(desired.role), own.1.unwrap_or(desired.scale));
    }
    Ok(desired)
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

/// Keeps the answer back until there is a newer generation than the caller has applied.
pub(super) async fn poll(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(stopping): Extension<Stopping>,
    Sent(poll): Sent<Poll>,
) -> Answer<PollReply> {
    let mut turn = app.turn.subscribe();
    let caller = peer.clone();
    let (applied, wait_ms) = (poll.applied, poll.wait_ms);
    let own = (poll.role, poll.scale);
    let Json((id, present, recalled)) = with_cluster(&app, move |app, cluster| {
        let mut node = member(&caller, cluster, "POST /v1/member/poll")?;
        let presence = heard_as(app, cluster, &node, &poll.report, caller.address)?;
        cluster.live.entry(node.id.clone()).or_default().applied_as = own;
        tell_of_tasks(app, cluster, &node, &poll);
        let moved = poll.report.address.filter(|address| *address != node.address && is_usable(address));
        if let Some(address) = moved {
            let what = format!("{} -> {address}", node.address);
            app.audit(node.id.as_str(), "address", node.name.as_str(), &what)?;
            node.address = address;
        }
        if node.applied != poll.applied || node.version != poll.report.version || moved.is_some() {
            node.applied = poll.applied;
            node.version.clone_from(&poll.report.version);
            cluster.commit(vec![Change::PutNode(Box::new(node.clone()))])?;
            app.orchestra.wake();
        }
        overtake(app, cluster, &node, &poll)?;
        let recalled = cluster.live.entry(node.id.clone()).or_default().recalled.clone();
        Ok((node.id, presence, recalled.notified_owned()))
    })
    .await?;
    let present = present.wait();
    let wait = Duration::from_millis(wait_ms).min(LONGEST_WAIT);
    // A time-out is the ordinary end of a wait.
    let newer = async { turn.wait_for(|turn| turn.concerns(&id, applied)).await.is_ok() };
    let ended = tokio::time::timeout(wait, async {
        tokio::select! {
            _ = newer => "newer",
            () = recalled => "compared",
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
        let holdings = cluster.live.get(&node.id).is_none_or(|live| live.holdings.is_none());
        let turn = app.turn.borrow().clone();
        let desired = in_its_turn(app, cluster, &node, own)?;
        let did = |id: &str| cluster.live.get(&node.id).is_some_and(|live| live.done.contains_key(id));
        let task = turn.task(&node.id).filter(|task| !did(&task.id)).cloned();
        Ok(PollReply { desired, renew, confirm, trace: app.trace(), holdings, task })
    })
    .await
}

/// Whether somebody could be reached there.
fn is_usable(address: &IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast()
}

/// Takes note of what the node did for the run, and has the run looked at when that is news.
fn tell_of_tasks(app: &App, cluster: &mut Cluster, node: &NodeRecord, poll: &Poll) {
    let live = cluster.live.entry(node.id.clone()).or_default();
    live.takes_tasks = Some(poll.tasks);
    let known = poll.done.as_ref().is_none_or(|done| live.done.contains_key(&done.id));
    if let Some(done) = poll.done.clone().filter(|_| !known) {
        live.done.insert(done.id.clone(), done);
        app.orchestra.wake();
    }
    if poll.report.failed_generation.is_some() {
        app.orchestra.wake();
    }
}

/// Begins a generation that no member knows when one has applied what this registry never gave it.
///
/// That is so after an older copy of the registry was restored: its next generations would bear
/// numbers that members have applied already, with other content, and would pass for known. A number
/// that no cluster reaches is a member's lie, and changes nothing. A registry is restored while its
/// master stands still, so each node is believed once: none can drive the cluster on by asking again.
fn overtake(app: &App, cluster: &mut Cluster, node: &NodeRecord, poll: &Poll) -> Result<(), MasterError> {
    let known = cluster.generation;
    let other = poll.role.is_some_and(|role| Some(role) != node.role)
        || poll.scale.is_some_and(|scale| scale != cluster.scale());
    let believed = known..known.saturating_add(LONGEST_LEAP);
    if node.state != NodeState::Active
        || !believed.contains(&poll.applied)
        || (poll.applied == known && !other)
        || cluster.live.get(&node.id).is_some_and(|live| live.overtaken)
    {
        return Ok(());
    }
    let next = poll.applied + 1;
    let why = format!("{} has applied generation {}, unknown to this registry", node.name, poll.applied);
    app.audit("master", "renumber", &next.to_string(), &why)?;
    tracing::warn!(node = %node.name, applied = poll.applied, known, next, "the registry is older than a member");
    cluster.commit(planning::next_generation(next, Cause::Changed, clock::now_ms()))?;
    cluster.live.entry(node.id.clone()).or_default().overtaken = true;
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
        changes.extend(planning::replan(cluster, &app.rules, members, Cause::Changed)?.0);
    } else {
        changes.extend(cluster.give_back(node));
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

/// Takes note of who speaks as the node: a copy of its machine is refused for as long as that is there itself.
fn heard_as(
    app: &App,
    cluster: &mut Cluster,
    node: &NodeRecord,
    report: &Report,
    address: IpAddr,
) -> Result<Arc<Presence>, MasterError> {
    let Some(life) = report.life.clone().filter(|life| life.len() <= LONGEST_LIFE) else {
        return Ok(heard(cluster, node, Some(report)));
    };
    let (boot_id, heard_ms, alive_ms) = (report.boot_id.clone(), clock::now_ms(), cluster.alive_ms);
    let live = cluster.live.entry(node.id.clone()).or_default();
    let before = live.speakers.copies(heard_ms, alive_ms).count();
    let verdict = live.speakers.hear(Speaker { life, boot_id, address, heard_ms }, alive_ms);
    if before == 0 && live.speakers.copies(heard_ms, alive_ms).count() > 0 {
        app.metrics.copied.inc();
        let what = format!("another machine speaks as {} from {address}", node.name);
        app.audit("master", "alarm", node.id.as_str(), &what)?;
        tracing::error!(node = %node.name, %address, "another machine speaks as this node");
    }
    match verdict {
        Verdict::Alone => {}
        Verdict::Changed => live.recalled.notify_waiters(),
        Verdict::Copy(first) => {
            let (name, address) = (node.name.clone(), first.address.to_string());
            return Err(MasterError::Copy { name, address });
        }
    }
    Ok(heard(cluster, node, Some(report)))
}

pub(super) fn heard(cluster: &mut Cluster, node: &NodeRecord, report: Option<&Report>) -> Arc<Presence> {
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
        Poll {
            applied,
            role: Some(role),
            scale: Some(scale),
            wait_ms: 0,
            tasks: false,
            done: None,
            report: Report::default(),
        }
    }

    /// The generation after a poll by this member.
    fn after(host: &MasterHost, node: &NodeRecord, poll: &Poll) -> anyhow::Result<u64> {
        let mut cluster = host.app.cluster();
        overtake(&host.app, &mut cluster, node, poll)?;
        Ok(cluster.generation)
    }

    #[test]
    fn a_generation_that_this_registry_never_gave_is_left_behind() -> anyhow::Result<()> {
        for (poll, generation, why) in [
            (polled(1, Role::Core, Scale::Single), 1, "as it was given"),
            (polled(1, Role::Data, Scale::Single), 2, "the same number, another role"),
            (polled(1, Role::Core, Scale::Small), 2, "the same number, another scale"),
            (polled(0, Role::Data, Scale::Small), 1, "an older one is behind, no more"),
            (polled(9, Role::Core, Scale::Single), 10, "a later number"),
            (polled(u64::MAX, Role::Core, Scale::Single), 1, "a lie"),
        ] {
            let host = MasterHost::new()?;
            let node = fixture::node("node1", NodeState::Active, 0);
            host.put(node.clone())?;
            assert_eq!(after(&host, &node, &poll)?, generation, "{why}");
            let joining = fixture::node("node2", NodeState::Joining, 0);
            let ahead = polled(generation + 1, Role::Edge, Scale::Small);
            assert_eq!(after(&host, &joining, &ahead)?, generation, "it is ahead until it confirms");
        }
        Ok(())
    }

    #[test]
    fn no_member_drives_the_cluster_on_by_asking_again() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let (liar, other) =
            (fixture::node("node1", NodeState::Active, 0), fixture::node("node2", NodeState::Active, 0));
        host.put(liar.clone())?;
        host.put(other.clone())?;
        let scale = host.app.cluster().scale();
        let lie = |applied| polled(applied, Role::Data, scale);
        assert_eq!(after(&host, &liar, &lie(1))?, 2);
        assert_eq!(after(&host, &liar, &lie(2))?, 2, "it was believed once");
        assert_eq!(after(&host, &liar, &lie(900))?, 2);
        assert_eq!(after(&host, &other, &lie(900))?, 901, "another one may be right");
        Ok(())
    }
}
