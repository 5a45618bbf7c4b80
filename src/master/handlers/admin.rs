//! Routes for the operator; the status also for members.

use super::answer::{Answer, blocking, insider, operator, with_cluster};
use super::body::Sent;
use crate::host::clock;
use crate::identity::token::Token;
use crate::lifecycle::{Next, NodeEvent, NodeState, next};
use crate::master::admission;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::copies::Speaker;
use crate::master::entry::PATIENCE_MS;
use crate::master::error::MasterError;
use crate::master::orchestration;
use crate::master::planning;
use crate::model::ids::{NodeId, NodeName, TokenId};
use crate::model::scale::Scale;
use crate::orchestration::Cause;
use crate::registry::Change;
use crate::registry::record::{NodeRecord, TokenRecord};
use crate::server::Peer;
use crate::wire::admin::{
    AcceptNode, AuditLine, AuditQuery, ClusterStatus, CopyStatus, CreateToken, CreatedToken, DecidedNode,
    MeantNode, NodeQuery, NodeStatus, Operation, PlannedRoles, SetRole, TokenStatus, Use,
};
use crate::wire::version::VERSION;
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use secrecy::ExposeSecret;
use std::sync::Arc;

/// How many lines of the audit log are told unless the caller says, and how many at most.
const AUDIT_LINES: usize = 1000;
const MOST_AUDIT_LINES: usize = 10_000;

pub(super) async fn status(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
) -> Answer<ClusterStatus> {
    let Json(()) = with_cluster(&app, move |_, cluster| insider(&peer, cluster, "GET /v1/status")).await?;
    let (snapshots, warnings) = blocking(&app, |app| app.snapshots.list()).await?;
    with_cluster(&app, move |app, cluster| {
        let now = clock::now_ms();
        let scale = cluster.scale();
        let mut nodes: Vec<NodeStatus> =
            cluster.nodes.values().map(|node| describe(cluster, node, scale, now)).collect();
        nodes.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(ClusterStatus {
            cluster: cluster.id.clone(),
            master: app.address,
            authority: app.authority.fingerprint().to_string(),
            version: VERSION.to_owned(),
            generation: cluster.generation,
            scale,
            nodes,
            operations: operations(cluster, now),
            orchestration: cluster.run.as_ref().map(|run| orchestration::status(cluster, run, now)),
            snapshots,
            warnings,
            neighbours: app.neighbours.alarms(),
            roles: Some(
                serde_json::to_value(&app.config.cluster.roles).expect("the configuration serialises"),
            ),
        })
    })
    .await
}

fn operations(cluster: &Cluster, now: u64) -> Vec<Operation> {
    let joining = cluster.nodes.values().filter(|node| node.state == NodeState::Joining);
    joining
        .map(|node| Operation {
            what: format!("join of {}", node.name),
            holder: node.name.to_string(),
            stage: node.stage.clone(),
            age_ms: now.saturating_sub(node.registered_ms),
            remaining_ms: node.lease_until_ms.saturating_sub(now),
        })
        .collect()
}

fn describe(cluster: &Cluster, node: &NodeRecord, scale: Scale, now: u64) -> NodeStatus {
    let report = cluster.live.get(&node.id).map(|live| live.report.clone()).unwrap_or_default();
    NodeStatus {
        id: node.id.clone(),
        name: node.name.clone(),
        address: node.address,
        state: node.state.to_string(),
        role: node.role,
        preferred: node.preferred,
        pinned: node.pinned,
        order: node.order,
        scale,
        generation: node.applied,
        converged: node.state == NodeState::Active && node.applied == cluster.generation,
        last_seen_ms: cluster.silent_ms(&node.id, now),
        version: node.version.clone(),
        resources: node.resources,
        key: node.key.to_string(),
        monitor: report.monitor,
        storage_level: report.storage_level,
        failure: report.failure,
        master: node.master,
        replaces: node.replaces.clone(),
        copies: copies(cluster, node, now),
        namesakes: Vec::new(),
    }
}

fn copies(cluster: &Cluster, node: &NodeRecord, now: u64) -> Vec<CopyStatus> {
    let speakers = cluster.live.get(&node.id).map(|live| &live.speakers);
    let copies = speakers.into_iter().flat_map(|speakers| speakers.copies(now, cluster.alive_ms));
    let told = |copy: &Speaker| CopyStatus {
        address: copy.address,
        boot_id: copy.boot_id.clone(),
        last_seen_ms: now.saturating_sub(copy.heard_ms),
    };
    copies.map(told).collect()
}

fn meant(cluster: &Cluster, node: &NodeRecord) -> MeantNode {
    MeantNode {
        node: node.id.clone(),
        name: node.name.clone(),
        key: node.key.to_string(),
        namesakes: cluster.namesakes(node),
    }
}

pub(super) async fn node(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<NodeName>,
    Query(query): Query<NodeQuery>,
) -> Answer<NodeStatus> {
    with_cluster(&app, move |_, cluster| {
        insider(&peer, cluster, "GET /v1/nodes")?;
        let node = cluster.find(&name, query.wanted)?;
        let namesakes = cluster.namesakes(node);
        Ok(NodeStatus { namesakes, ..describe(cluster, node, cluster.scale(), clock::now_ms()) })
    })
    .await
}

pub(super) async fn accept(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<NodeName>,
    Sent(how): Sent<AcceptNode>,
) -> Answer<DecidedNode> {
    with_cluster(&app, move |app, cluster| {
        operator(&peer, cluster, "POST /v1/nodes/accept")?;
        let mut node = cluster.find(&name, Use::Accept)?.clone();
        let meant = meant(cluster, &node);
        let before = node.replaces.clone();
        if node.state == NodeState::Active {
            let plan = planning::preview(cluster, &app.rules, None)?;
            return Ok(DecidedNode { meant, plan });
        }
        if let Some(replaced) = &how.replace {
            node.replaces = Some(replaceable(cluster, replaced)?);
        }
        admission::name_is_free(cluster, &node, clock::now_ms())?;
        let plan = planning::preview(cluster, &app.rules, Some(&node))?;
        // Whoever lost the answer asks again: that changes nothing, not even how long the node may take.
        let accepted = node.state == NodeState::Joining && node.replaces == before;
        if !how.plan && !accepted {
            move_on(&mut node, NodeEvent::Accepted)?;
            node.lease_until_ms = clock::now_ms() + PATIENCE_MS;
            app.audit("operator", "accept", node.name.as_str(), &meant.key)?;
            cluster.commit(vec![Change::PutNode(Box::new(node))])?;
        }
        Ok(DecidedNode { meant, plan })
    })
    .await
}

/// The member that a node may take the place of; it stays until that one confirms.
fn replaceable(cluster: &Cluster, name: &NodeName) -> Result<NodeId, MasterError> {
    let replaced = cluster.find(name, Use::Replace)?;
    if replaced.master {
        return Err(MasterError::LastMaster { name: replaced.name.clone() });
    }
    if replaced.state != NodeState::Active {
        return Err(MasterError::NotAMember { name: replaced.name.clone(), state: replaced.state });
    }
    Ok(replaced.id.clone())
}

fn move_on(node: &mut NodeRecord, event: NodeEvent) -> Result<(), MasterError> {
    match next(Some(node.state), event) {
        Ok(Next::State(state)) => node.state = state,
        Ok(Next::Forgotten) => {}
        Err(source) => return Err(MasterError::Lifecycle { name: node.name.clone(), source }),
    }
    Ok(())
}

/// What changes of the roles when nothing does.
fn unchanged(cluster: &Cluster) -> PlannedRoles {
    PlannedRoles { changes: Vec::new(), warnings: Vec::new(), scale: cluster.scale() }
}

pub(super) async fn reject(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<NodeName>,
) -> Answer<MeantNode> {
    with_cluster(&app, move |app, cluster| {
        operator(&peer, cluster, "POST /v1/nodes/reject")?;
        let mut node = cluster.find(&name, Use::Reject)?.clone();
        let meant = meant(cluster, &node);
        if node.state == NodeState::Rejected {
            return Ok(meant);
        }
        move_on(&mut node, NodeEvent::Rejected)?;
        app.audit("operator", "reject", node.name.as_str(), &meant.key)?;
        cluster.commit(vec![Change::PutNode(Box::new(node))])?;
        Ok(meant)
    })
    .await
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<NodeName>,
) -> Answer<DecidedNode> {
    with_cluster(&app, move |app, cluster| {
        operator(&peer, cluster, "POST /v1/nodes/remove")?;
        let mut node = cluster.find(&name, Use::Remove)?.clone();
        if node.master {
            return Err(MasterError::LastMaster { name: node.name });
        }
        let meant = meant(cluster, &node);
        if node.state == NodeState::Removed {
            return Ok(DecidedNode { meant, plan: unchanged(cluster) });
        }
        let was_member = node.state == NodeState::Active;
        move_on(&mut node, NodeEvent::Removed)?;
        let (mut changes, plan) = if was_member {
            let members = cluster.members().filter(|other| other.id != meant.node).cloned().collect();
            planning::replan(cluster, &app.rules, members, Cause::Changed)?
        } else {
            (Vec::new(), unchanged(cluster))
        };
        changes.extend(cluster.give_back(&node));
        node.token = None;
        changes.push(Change::PutNode(Box::new(node)));
        app.audit("operator", "remove", meant.name.as_str(), meant.node.as_str())?;
        cluster.commit(changes)?;
        app.announce(cluster);
        Ok(DecidedNode { meant, plan })
    })
    .await
}

pub(super) async fn tokens(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
) -> Answer<Vec<TokenStatus>> {
    with_cluster(&app, move |_, cluster| {
        operator(&peer, cluster, "GET /v1/tokens")?;
        let now = clock::now_ms();
        Ok(cluster.tokens.values().map(|token| token_status(token, now)).collect())
    })
    .await
}

fn token_status(token: &TokenRecord, now: u64) -> TokenStatus {
    let state = if token.revoked {
        "revoked"
    } else if now >= token.expires_ms {
        "expired"
    } else if token.uses.is_some_and(|uses| token.used >= uses) {
        "used up"
    } else {
        "valid"
    };
    TokenStatus {
        id: token.id.clone(),
        state: state.to_owned(),
        expires_ms: token.expires_ms,
        used: token.used,
        uses: token.uses,
        role: token.role,
    }
}

pub(super) async fn create_token(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(wanted): Sent<CreateToken>,
) -> Answer<CreatedToken> {
    with_cluster(&app, move |app, cluster| {
        operator(&peer, cluster, "POST /v1/tokens")?;
        let token = Token::generate(Some(app.authority.fingerprint())).map_err(MasterError::Identity)?;
        let now = clock::now_ms();
        let expires_ms = now.saturating_add(wanted.expires_seconds.saturating_mul(1000));
        let record = TokenRecord {
            id: token.id.clone(),
            key: token.key().to_stored(),
            created_ms: now,
            expires_ms,
            uses: wanted.uses,
            used: 0,
            role: wanted.role,
            revoked: false,
        };
        app.audit("operator", "token-create", token.id.as_str(), "")?;
        cluster.commit(vec![Change::PutToken(record)])?;
        Ok(CreatedToken {
            id: token.id.clone(),
            token: token.reveal().expose_secret().to_owned(),
            expires_ms,
        })
    })
    .await
}

pub(super) async fn revoke_token(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<TokenId>,
) -> Answer<()> {
    with_cluster(&app, move |app, cluster| {
        operator(&peer, cluster, "DELETE /v1/tokens")?;
        let token = cluster.tokens.get(&id);
        let mut token =
            token.cloned().ok_or_else(|| MasterError::Unknown { kind: "token", name: id.to_string() })?;
        token.revoked = true;
        app.audit("operator", "token-revoke", id.as_str(), "")?;
        cluster.commit(vec![Change::PutToken(token)])
    })
    .await
}

pub(super) async fn set_role(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(wanted): Sent<SetRole>,
) -> Answer<DecidedNode> {
    with_cluster(&app, move |app, cluster| {
        operator(&peer, cluster, "POST /v1/roles/set")?;
        let node = cluster.find(&wanted.node, Use::Role)?;
        if node.state != NodeState::Active {
            return Err(MasterError::NotAMember { name: node.name.clone(), state: node.state });
        }
        let meant = meant(cluster, node);
        // Whoever lost the answer asks again: that is no new generation.
        if node.pinned == wanted.role && !wanted.plan {
            return Ok(DecidedNode { meant, plan: unchanged(cluster) });
        }
        let mut members: Vec<NodeRecord> = cluster.members().cloned().collect();
        for member in members.iter_mut().filter(|member| member.id == meant.node) {
            member.pinned = wanted.role;
        }
        let (changes, plan) = planning::replan(cluster, &app.rules, members, Cause::Changed)?;
        if wanted.plan {
            return Ok(DecidedNode { meant, plan });
        }
        let role = wanted.role.map_or("planner's choice", crate::model::role::Role::name);
        app.audit("operator", "role", meant.name.as_str(), role)?;
        cluster.commit(changes)?;
        app.announce(cluster);
        Ok(DecidedNode { meant, plan })
    })
    .await
}

pub(super) async fn audit(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Query(query): Query<AuditQuery>,
) -> Answer<Vec<AuditLine>> {
    let Json(()) = with_cluster(&app, move |_, cluster| operator(&peer, cluster, "GET /v1/audit")).await?;
    let count = query.newest.unwrap_or(AUDIT_LINES).min(MOST_AUDIT_LINES);
    blocking(&app, move |app| app.audit_lines(count)).await.map(Json)
}
