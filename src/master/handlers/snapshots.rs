//! Routes about snapshots that the master alone has: the id of the newest; and whom it serves.

use super::answer::{self, Answer, Refusal, blocking, member, operator, with_cluster};
use crate::lifecycle::NodeState;
use crate::master::app::App;
use crate::master::error::MasterError;
use crate::model::ids::{NodeId, SnapshotId};
use crate::server::Peer;
use crate::serving::{self, Access, Admission, Reader, Roles};
use crate::wire::member::LatestSnapshot;
use crate::wire::snapshots::Standing;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use std::sync::Arc;

pub(super) async fn latest(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
) -> Answer<LatestSnapshot> {
    let reader = insider(&app, &peer, "GET /v1/snapshots/latest").await?;
    let id = blocking(&app, move |app| app.snapshots.latest(app, &reader.puller)).await?;
    Ok(Json(LatestSnapshot { id }))
}

/// What a node is that asks an agent for snapshots.
pub(super) async fn standing(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<NodeId>,
) -> Answer<Standing> {
    let said = blocking(&app, |app| Ok(app.source_roles())).await?;
    with_cluster(&app, move |app, cluster| {
        answer::insider(&peer, cluster, "GET /v1/members")?;
        let unknown = || MasterError::Unknown { kind: "node", name: id.to_string() };
        let node = cluster.nodes.get(&id).ok_or_else(unknown)?;
        let admitted = matches!(node.state, NodeState::Joining | NodeState::Active);
        let role = if admitted { Some(app.desired(cluster, node)?.role) } else { None };
        let (state, sources) = (node.state.name().to_owned(), Some(Roles::clone(&said)));
        Ok(Standing { id: node.id.clone(), name: node.name.clone(), state, admitted, role, sources })
    })
    .await
}

/// Members, those that are joining, and the operator.
pub(super) struct Insiders(pub Arc<App>);

impl Access for Insiders {
    fn admit<'a>(&'a self, peer: &'a Peer, action: &'static str) -> Admission<'a> {
        Box::pin(async move { Ok(insider(&self.0, peer, action).await?) })
    }

    fn note(&self, reader: &Reader, id: &SnapshotId) -> Result<(), serving::Refusal> {
        self.0.audit(&reader.actor, "snapshot-read", id.as_str(), "").map_err(|error| Refusal(error).into())
    }
}

/// Insists on a member's or the operator's certificate.
async fn insider(app: &Arc<App>, peer: &Peer, action: &'static str) -> Result<Reader, Refusal> {
    let peer = peer.clone();
    let judged = with_cluster(app, move |_, cluster| {
        if operator(&peer, cluster, action).is_ok() {
            return Ok(Reader::of(&peer, None));
        }
        member(&peer, cluster, action).map(|node| Reader::of(&peer, node.role))
    });
    judged.await.map(|Json(reader)| reader)
}
