//! Routes for nodes that are not members yet.

use super::answer::{Answer, with_cluster};
use super::body::Sent;
use crate::host::clock;
use crate::identity::authority::{self, Grant};
use crate::identity::certificate::Subject;
use crate::identity::proof::{Side, Transcript};
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
use crate::wire::join::{Accepted, DialBack, DialBackResult, Hello, RegisterReply, RegisterRequest};
use crate::wire::version::Versions;
use axum::extract::State;
use axum::{Extension, Json};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long a waiting node pauses between two questions.
const RETRY_MS: u64 = 1000;

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
    Sent(wanted): Sent<DialBack>,
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
    Sent(request): Sent<RegisterRequest>,
) -> Answer<RegisterReply> {
    tracing::info!(name = %request.registration.hostname, from = %peer.address, "registration");
    with_cluster(&app, move |app, cluster| {
        let result = admit(app, cluster, &request, peer.address);
        if let Err(error) = &result {
            app.metrics.refused.inc();
            let subject = request.registration.hostname.as_str();
            app.audit_stranger(peer.address, "refuse", subject, &error.to_string())?;
        }
        result
    })
    .await
}

fn admit(
    app: &App,
    cluster: &mut Cluster,
    request: &RegisterRequest,
    from: IpAddr,
) -> Result<RegisterReply, MasterError> {
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
    let voucher = admission::voucher(cluster, &app.config.admission, request, from, &transcript, now)?;
    let applicant = Applicant { said: &request.registration, key, from, now };
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
