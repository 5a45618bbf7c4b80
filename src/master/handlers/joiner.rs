//! Routes for nodes that are not members yet.

use super::answer::{Answer, with_cluster};
use crate::host::clock;
use crate::identity::authority::{self, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key;
use crate::identity::proof::{Side, Transcript};
use crate::identity::token::TokenKey;
use crate::lifecycle::{Next, NodeEvent, NodeState, next};
use crate::master::admission::{self, Verdict, Voucher};
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::model::digest::Fingerprint;
use crate::registry::Change;
use crate::registry::record::NodeRecord;
use crate::server::Peer;
use crate::wire::join::{Accepted, DialBack, DialBackResult, Hello, RegisterReply, RegisterRequest};
use crate::wire::version::Versions;
use axum::extract::State;
use axum::{Extension, Json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a waiting node pauses between two questions.
const RETRY_MS: u64 = 1000;

/// For how long a node that waits, or was accepted while it was away, is remembered.
const PATIENCE_MS: u64 = 3_600_000;

pub(super) async fn hello(State(app): State<Arc<App>>) -> Answer<Hello> {
    with_cluster(&app, |app, cluster| {
        let now = clock::now_ms();
        Ok(Hello {
            versions: Versions::own(),
            cluster: cluster.id.clone(),
            time_ms: now,
            challenge: app.challenger.issue(now / 1000).map_err(MasterError::Identity)?,
        })
    })
    .await
}

/// Connects to the caller's own address only, so it cannot be used against anybody else.
pub(super) async fn dial_back(
    Extension(peer): Extension<Peer>,
    Json(wanted): Json<DialBack>,
) -> Json<DialBackResult> {
    let target = SocketAddr::new(peer.address, wanted.port);
    let connecting = tokio::net::TcpStream::connect(target);
    let failure = match tokio::time::timeout(Duration::from_secs(2), connecting).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer within 2 s".to_owned()),
    };
    Json(DialBackResult { address: peer.address, failure })
}

pub(super) async fn register(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Json(request): Json<RegisterRequest>,
) -> Answer<RegisterReply> {
    tracing::info!(name = %request.registration.hostname, from = %peer.address, "registration");
    let answer = with_cluster(&app, move |app, cluster| {
        let result = admit(app, cluster, &request);
        if let Err(error) = &result {
            app.metrics.refused.inc();
            let subject = request.registration.hostname.as_str();
            app.audit(&peer.address.to_string(), "refuse", subject, &error.to_string())?;
        }
        result
    })
    .await?;
    Ok(answer)
}

fn admit(app: &App, cluster: &mut Cluster, request: &RegisterRequest) -> Result<RegisterReply, MasterError> {
    let now = clock::now_ms();
    let key = authority::request_key(&request.csr).map_err(MasterError::Identity)?;
    if !app.challenger.recognises(&request.challenge, now / 1000) {
        return Err(MasterError::ChallengeStale);
    }
    let transcript = Transcript {
        authority: app.authority.fingerprint(),
        challenge: &request.challenge,
        nonce: &request.nonce,
        key,
    };
    let verdict = admission::verdict(cluster, key, &request.registration, now)?;
    let voucher = admission::voucher(cluster, &app.config.admission, request, &transcript, &verdict, now)?;
    let (node, mut changes) = enter(app, cluster, request, key, &verdict, &voucher, now)?;
    if let Voucher::Token(token) = &voucher {
        let mut token = (**token).clone();
        token.used += 1;
        changes.push(Change::PutToken(token));
    }
    if let Verdict::Reinstalled(previous) = &verdict {
        changes.insert(0, Change::DropNode(previous.clone()));
    }
    let before = cluster.nodes.get(&node.id).map(|known| known.state);
    if before != Some(node.state) {
        app.audit(node.id.as_str(), &format!("register-{}", node.state), node.name.as_str(), verdict.name())?;
    }
    cluster.commit(changes)?;
    cluster.live.entry(node.id.clone()).or_default().seen_ms = now;
    if node.state == NodeState::Pending {
        return Ok(RegisterReply::Pending { key: key.to_string(), retry_after_ms: RETRY_MS });
    }
    let grant = Grant { subject: Subject::Node(node.id.clone()), now: (now / 1000) as i64 };
    let token = request.token.as_ref().and_then(|shown| cluster.tokens.get(&shown.id));
    let proof = token.and_then(|token| TokenKey::from_stored(&token.key));
    Ok(RegisterReply::Accepted(Box::new(Accepted {
        certificate: app.authority.sign_request(&request.csr, &grant).map_err(MasterError::Identity)?,
        verdict: verdict.name().to_owned(),
        lease_seconds: (app.lease_ms() / 1000) as u32,
        proof: proof.map(|key| transcript.prove(Side::Master, &key)),
        member: node.state == NodeState::Active,
        warnings: admission::precheck(cluster, &node.id, now),
        node: node.id,
    })))
}

/// The record of the applicant after this registration, and the changes that write it down.
fn enter(
    app: &App,
    cluster: &Cluster,
    request: &RegisterRequest,
    key: Fingerprint,
    verdict: &Verdict,
    voucher: &Voucher,
    now: u64,
) -> Result<(NodeRecord, Vec<Change>), MasterError> {
    let known = cluster.nodes.get(&key::node_id(key));
    let event = if *voucher == Voucher::Nobody { NodeEvent::Asked } else { NodeEvent::Admitted };
    let name = request.registration.hostname.clone();
    let state = match next(known.map(|node| node.state), event) {
        Ok(Next::State(state)) => state,
        Ok(Next::Forgotten) => NodeState::Pending,
        Err(source) => return Err(MasterError::Lifecycle { name, source }),
    };
    let fresh = || fresh(cluster, request, key, now);
    let mut node = known.cloned().unwrap_or_else(fresh);
    if let Verdict::Reinstalled(previous) = verdict
        && let Some(previous) = cluster.nodes.get(previous)
    {
        node.order = previous.order;
        node.pinned = previous.pinned;
    }
    node.state = state;
    if state != NodeState::Active {
        node.name = name;
        node.address = request.registration.ip;
        node.preferred = request.registration.request_role;
        node.resources = request.registration.resources;
        node.lease_until_ms = now + if state == NodeState::Joining { app.lease_ms() } else { PATIENCE_MS };
    }
    if let Voucher::Token(token) = voucher {
        node.token = Some(token.id.clone());
    }
    let changes = vec![Change::PutNode(Box::new(node.clone()))];
    Ok((node, changes))
}

fn fresh(cluster: &Cluster, request: &RegisterRequest, key: Fingerprint, now: u64) -> NodeRecord {
    let said = &request.registration;
    NodeRecord {
        id: key::node_id(key),
        name: said.hostname.clone(),
        address: said.ip,
        state: NodeState::Pending,
        key,
        role: None,
        preferred: said.request_role,
        pinned: None,
        resources: said.resources,
        machine_id: said.machine_id.clone(),
        hardware_id: said.hardware_id.clone(),
        boot_id: said.boot_id.clone(),
        version: said.versions.version.clone(),
        order: cluster.next_order(),
        registered_ms: now,
        lease_until_ms: now,
        stage: "register".to_owned(),
        applied: 0,
        master: false,
        token: None,
    }
}
