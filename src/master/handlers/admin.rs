//! Routes for the operator; the status also for members.

use super::answer::{Answer, blocking, insider, operator, with_cluster};
use crate::host::clock;
use crate::identity::token::Token;
use crate::lifecycle::{Next, NodeEvent, NodeState, next};
use crate::master::admission;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::entry::PATIENCE_MS;
use crate::master::error::MasterError;
use crate::master::planning;
use crate::model::ids::{NodeId, NodeName, TokenId};
use crate::model::scale::Scale;
use crate::registry::Change;
use crate::registry::record::{NodeRecord, TokenRecord};
use crate::server::Peer;
use crate::wire::admin::{
    AcceptNode, AcceptedNode, AuditLine, AuditQuery, ClusterStatus, CreateToken, CreatedToken, NodeStatus,
    Operation, PlannedRoles, SetRole, TokenStatus,
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
            snapshots,
            warnings,
        })
    })
    .await
}

fn operations(cluster: &Cluster, now: u64) -> Vec<Operation> {
    let joining = cluster.nodes.values().filter(|node| node.state == NodeState::Joining);
    joining
        .map(|node| Operation {
            what: format!("join of {}", node.name),
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
    }
}

pub(super) async fn node(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<NodeName>,
) -> Answer<NodeStatus> {
    with_cluster(&app, move |_, cluster| {
        insider(&peer, cluster, "GET /v1/nodes")?;
        Ok(describe(cluster, cluster.by_name(&name)?, cluster.scale(), clock::now_ms()))
    })
    .await
}

pub(super) async fn accept(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<NodeName>,
    Json(how): Json<AcceptNode>,
) -> Answer<AcceptedNode> {
    with_cluster(&app, move |app, cluster| {
        operator(&peer, cluster, "POST /v1/nodes/accept")?;
        let mut node = waiting(cluster, &name)?;
        let (id, key) = (node.id.clone(), node.key.to_string());
        if node.state == NodeState::Active {
            let plan = planning::preview(cluster, &app.rules, None)?;
            return Ok(AcceptedNode { node: id, key, plan });
        }
        if let Some(replaced) = &how.replace {
            node.replaces = Some(replaceable(cluster, replaced)?);
        }
        admission::name_is_free(cluster, &node, clock::now_ms())?;
        let plan = planning::preview(cluster, &app.rules, Some(&node))?;
        if !how.plan {
            move_on(&mut node, NodeEvent::Accepted)?;
            node.lease_until_ms = clock::now_ms() + PATIENCE_MS;
            app.audit("operator", "accept", node.name.as_str(), &key)?;
            cluster.commit(vec![Change::PutNode(Box::new(node))])?;
        }
        Ok(AcceptedNode { node: id, key, plan })
    })
    .await
}

/// The member that a node may take the place of; it stays until that one confirms.
fn replaceable(cluster: &Cluster, name: &NodeName) -> Result<NodeId, MasterError> {
    let replaced = cluster.by_name(name)?;
    if replaced.master {
        return Err(MasterError::LastMaster { name: replaced.name.clone() });
    }
    if replaced.state != NodeState::Active {
        return Err(MasterError::NotAMember { name: replaced.name.clone(), state: replaced.state });
    }
    Ok(replaced.id.clone())
}

/// The node of this id or name that an operator can decide on: a waiting one before a removed one.
///
/// Anybody may ask under any name, so of several that wait none is chosen.
fn waiting(cluster: &Cluster, name: &NodeName) -> Result<NodeRecord, MasterError> {
    if let Some(node) = cluster.by_id(name) {
        return Ok(node.clone());
    }
    let named = |node: &&NodeRecord| node.name == *name && node.state != NodeState::Active;
    let mut candidates: Vec<&NodeRecord> = cluster.nodes.values().filter(named).collect();
    candidates.sort_by_key(|node| (node.state, std::cmp::Reverse(node.registered_ms)));
    match candidates.as_slice() {
        [] => cluster.by_name(name).cloned(),
        [first, second, ..] if first.state == NodeState::Pending && second.state == NodeState::Pending => {
            let pending = candidates.iter().filter(|node| node.state == NodeState::Pending);
            let candidates = pending.map(|node| format!("{} (key {})", node.id, node.key)).collect();
            Err(MasterError::Ambiguous { name: name.clone(), candidates })
        }
        [node, ..] => Ok((*node).clone()),
    }
}

fn move_on(node: &mut NodeRecord, event: NodeEvent) -> Result<(), MasterError> {
    match next(Some(node.state), event) {
        Ok(Next::State(state)) => node.state = state,
        Ok(Next::Forgotten) => {}
        Err(source) => return Err(MasterError::Lifecycle { name: node.name.clone(), source }),
    }
    Ok(())
}

pub(super) async fn reject(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<NodeName>,
) -> Answer<()> {
    with_cluster(&app, move |app, cluster| {
        operator(&peer, cluster, "POST /v1/nodes/reject")?;
        let mut node = waiting(cluster, &name)?;
        move_on(&mut node, NodeEvent::Rejected)?;
        app.audit("operator", "reject", name.as_str(), &node.key.to_string())?;
        cluster.commit(vec![Change::PutNode(Box::new(node))])
    })
    .await
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<NodeName>,
) -> Answer<PlannedRoles> {
    with_cluster(&app, move |app, cluster| {
        operator(&peer, cluster, "POST /v1/nodes/remove")?;
        let mut node = cluster.by_name(&name)?.clone();
        if node.master {
            return Err(MasterError::LastMaster { name });
        }
        let was_member = node.state == NodeState::Active;
        move_on(&mut node, NodeEvent::Removed)?;
        let id = node.id.clone();
        let (mut changes, planned) = if was_member {
            let members = cluster.members().filter(|other| other.id != id).cloned().collect();
            planning::replan(cluster, &app.rules, members)?
        } else {
            (Vec::new(), PlannedRoles { changes: Vec::new(), warnings: Vec::new(), scale: cluster.scale() })
        };
        changes.extend(cluster.give_back(&node));
        node.token = None;
        changes.push(Change::PutNode(Box::new(node)));
        app.audit("operator", "remove", name.as_str(), id.as_str())?;
        cluster.commit(changes)?;
        app.announce(cluster);
        Ok(planned)
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
    Json(wanted): Json<CreateToken>,
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
    Json(wanted): Json<SetRole>,
) -> Answer<PlannedRoles> {
    with_cluster(&app, move |app, cluster| {
        operator(&peer, cluster, "POST /v1/roles/set")?;
        let node = cluster.by_name(&wanted.node)?;
        if node.state != NodeState::Active {
            return Err(MasterError::NotAMember { name: node.name.clone(), state: node.state });
        }
        let id = node.id.clone();
        let mut members: Vec<NodeRecord> = cluster.members().cloned().collect();
        for member in members.iter_mut().filter(|member| member.id == id) {
            member.pinned = wanted.role;
        }
        let (changes, planned) = planning::replan(cluster, &app.rules, members)?;
        if wanted.plan {
            return Ok(planned);
        }
        let role = wanted.role.map_or("planner's choice", crate::model::role::Role::name);
        app.audit("operator", "role", wanted.node.as_str(), role)?;
        cluster.commit(changes)?;
        app.announce(cluster);
        Ok(planned)
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
