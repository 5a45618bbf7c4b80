//! Routes for nodes that are not members yet.

use super::answer::{Answer, for_stranger};
use super::body::Sent;
use super::proven::{Claim, Proven, unsigned};
use crate::host::clock;
use crate::identity::authority::Grant;
use crate::identity::certificate::Subject;
use crate::identity::proof::{Side, Transcript, Wish};
use crate::identity::token::TokenKey;
use crate::lifecycle::NodeState;
use crate::master::admission::{self, Verdict, Voucher};
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::entry::{self, Applicant};
use crate::master::error::MasterError;
use crate::master::precheck;
use crate::registry::Change;
use crate::registry::record::NodeRecord;
use crate::server::Peer;
use crate::wire::join::{
    Accepted, DialBack, DialBackResult, Hello, NOBODY, NodeRegistration, RegisterReply, RegisterRequest,
};
use crate::wire::version::Versions;
use axum::extract::State;
use axum::{Extension, Json};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long a waiting node pauses between two questions.
const RETRY_MS: u64 = 1000;

pub(super) async fn hello(State(app): State<Arc<App>>) -> Answer<Hello> {
    for_stranger(&app, |app| {
        let now = clock::now_ms();
        Ok(Hello {
            versions: Versions::own(),
            cluster: app.cluster().id.clone(),
            time_ms: now,
            challenge: app.challenger.issue(now / 1000).map_err(MasterError::Identity)?,
        })
    })
    .await
}

/// Connects to the caller's own address only, so it cannot be used against anybody else; and to so many
/// at a time, so that it cannot be used against the master.
pub(super) async fn dial_back(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(wanted): Sent<DialBack>,
) -> Answer<DialBackResult> {
    let _turn = app.dials.take().await?;
    let target = SocketAddr::new(peer.address, wanted.port);
    let connecting = tokio::net::TcpStream::connect(target);
    let failure = match tokio::time::timeout(Duration::from_secs(2), connecting).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer within 2 s".to_owned()),
    };
    Ok(Json(DialBackResult { address: peer.address, failure }))
}

pub(super) async fn register(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(request): Sent<RegisterRequest>,
) -> Answer<RegisterReply> {
    tracing::info!(name = %request.registration.hostname, from = %peer.address, "registration");
    for_stranger(&app, move |app| {
        let result = proven(app, &request)
            .and_then(|proven| admit(app, &mut app.cluster(), &request, &proven, peer.address));
        tell(app, &request, peer.address, &result)?;
        result
    })
    .await
}

/// Writes down what did not come to a registration: a refusal, and a question how it would be judged,
/// whatever the answer, since names and machine-ids can be found out by asking.
fn tell(
    app: &App,
    request: &RegisterRequest,
    from: IpAddr,
    result: &Result<RegisterReply, MasterError>,
) -> Result<(), MasterError> {
    let action = if request.dry_run { "judge" } else { "refuse" };
    let detail = match result {
        Err(error) => error.to_string(),
        Ok(RegisterReply::Judged { verdict, .. }) => verdict.clone(),
        Ok(_) => return Ok(()),
    };
    if result.is_err() {
        app.metrics.refused.inc();
    }
    if request.dry_run && is_for_nobody(&request.registration) {
        return Ok(());
    }
    app.audit_stranger(from, action, request.registration.hostname.as_str(), &detail)
}

/// Whether the question is about a token only: there is no such name and no machine in it.
fn is_for_nobody(said: &NodeRegistration) -> bool {
    said.hostname.as_str().starts_with(NOBODY) && said.machine_id.is_none()
}

/// The key that asks. One that speaks of a protocol whose nodes sign has to.
fn proven(app: &App, request: &RegisterRequest) -> Result<Proven, MasterError> {
    let proven = Claim {
        csr: &request.csr,
        challenge: &request.challenge,
        nonce: &request.nonce,
        signature: request.signature.as_deref(),
    }
    .prove(app, Wish::Register)?;
    if request.registration.versions.signs() && !proven.signed { Err(unsigned()) } else { Ok(proven) }
}

fn admit(
    app: &App,
    cluster: &mut Cluster,
    request: &RegisterRequest,
    proven: &Proven,
    from: IpAddr,
) -> Result<RegisterReply, MasterError> {
    proven.insist(cluster)?;
    let (now, key) = (clock::now_ms(), proven.key);
    let transcript = Transcript {
        authority: app.authority.fingerprint(),
        challenge: &request.challenge,
        nonce: &request.nonce,
        key,
    };
    let verdict = admission::verdict(cluster, key, &request.registration, now)?;
    let voucher = admission::voucher(cluster, &app.config.admission, request, from, &transcript, now)?;
    let applicant = Applicant { said: &request.registration, key, from, now, signed: proven.signed };
    let node = entry::record(cluster, applicant, &verdict, &voucher, app.lease_ms())?;
    if request.dry_run {
        let (verdict, admitted_by) = (verdict.name().to_owned(), voucher.name().to_owned());
        return Ok(RegisterReply::Judged { verdict, admitted_by });
    }
    enter(app, cluster, &node, &verdict, voucher)?;
    cluster.live.entry(node.id.clone()).or_default().presence.heard(now);
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
        warnings: precheck::precheck(cluster, &node.id, now),
        node: node.id,
    })))
}

/// Writes down what changed by this registration; a node that only asks again changes nothing.
fn enter(
    app: &App,
    cluster: &mut Cluster,
    node: &NodeRecord,
    verdict: &Verdict,
    voucher: Voucher,
) -> Result<(), MasterError> {
    let before = cluster.nodes.get(&node.id);
    let mut changes = Vec::new();
    // Another token speaks for it now, or none.
    changes
        .extend(before.filter(|known| known.token != node.token).and_then(|known| cluster.give_back(known)));
    if before != Some(node) {
        changes.push(Change::PutNode(Box::new(node.clone())));
    }
    if let Voucher::Token(token) = voucher {
        changes.push(Change::PutToken(*token));
    }
    if before.map(|known| known.state) != Some(node.state) {
        let action = format!("register-{}", node.state);
        match node.asked_from.filter(|_| node.state == NodeState::Pending) {
            Some(from) => {
                let detail = format!("{} with key {}", verdict.name(), node.key);
                app.audit_stranger(from, &action, node.name.as_str(), &detail)?;
            }
            None => app.audit(node.id.as_str(), &action, node.name.as_str(), verdict.name())?,
        }
    }
    if changes.is_empty() { Ok(()) } else { cluster.commit(changes) }
}
