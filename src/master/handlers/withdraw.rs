//! A node that is not a member takes its registration back.

use super::answer::{Answer, for_stranger};
use super::body::Sent;
use super::member::forget;
use super::proven::{Claim, Proven};
use crate::identity::proof::Wish;
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
    for_stranger(&app, move |app| {
        let WithdrawRequest { csr, challenge, signature } = &request;
        let claim = Claim { csr, challenge, nonce: "", signature: signature.as_deref() };
        let proven = claim.prove(app, Wish::Withdraw)?;
        take_back(app, &mut app.cluster(), &proven, peer.address)
    })
    .await
}

/// Forgets a node that waits or joins; a member leaves by its certificate, and a decision of the
/// operator against a node stands.
fn take_back(
    app: &App,
    cluster: &mut Cluster,
    proven: &Proven,
    from: IpAddr,
) -> Result<Withdrawn, MasterError> {
    proven.insist(cluster)?;
    let waits = |state| matches!(state, NodeState::Pending | NodeState::Joining);
    let Some(node) = cluster.by_key(proven.key).filter(|node| waits(node.state)).cloned() else {
        return Ok(Withdrawn { forgotten: false });
    };
    let changes = forget(app, cluster, &node)?;
    let detail = format!("{} with key {}", node.state, node.key);
    app.audit_stranger(from, "withdraw", node.name.as_str(), &detail)?;
    cluster.commit(changes)?;
    Ok(Withdrawn { forgotten: true })
}
