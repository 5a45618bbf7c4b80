//! A node that is not a member takes its registration back.

use super::answer::{Answer, with_cluster};
use super::body::Sent;
use super::member::forget;
use crate::host::clock;
use crate::identity::authority;
use crate::lifecycle::NodeState;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::server::Peer;
use crate::wire::withdraw::{WithdrawRequest, Withdrawn};
use axum::Extension;
use axum::extract::State;
use std::net::IpAddr;
use std::sync::Arc;

pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(request): Sent<WithdrawRequest>,
) -> Answer<Withdrawn> {
    tracing::info!(from = %peer.address, "withdrawal");
    with_cluster(&app, move |app, cluster| take_back(app, cluster, &request, peer.address)).await
}

/// Forgets a node that waits or joins; a member leaves by its certificate, and a decision of the
/// operator against a node stands.
fn take_back(
    app: &App,
    cluster: &mut Cluster,
    request: &WithdrawRequest,
    from: IpAddr,
) -> Result<Withdrawn, MasterError> {
    let key = authority::request_key(&request.csr).map_err(MasterError::Identity)?;
    if !app.challenger.recognises(&request.challenge, clock::now_ms() / 1000) {
        return Err(MasterError::ChallengeStale);
    }
    let waits = |state| matches!(state, NodeState::Pending | NodeState::Joining);
    let Some(node) = cluster.by_key(key).filter(|node| waits(node.state)).cloned() else {
        return Ok(Withdrawn { forgotten: false });
    };
    let changes = forget(app, cluster, &node)?;
    let detail = format!("{} with key {}", node.state, node.key);
    app.audit_stranger(from, "withdraw", node.name.as_str(), &detail)?;
    cluster.commit(changes)?;
    Ok(Withdrawn { forgotten: true })
}
