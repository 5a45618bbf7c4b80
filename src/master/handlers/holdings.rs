//! Routes that say who holds which snapshots.

use super::answer::{self, Answer, Refusal, blocking, member, operator, with_cluster};
use super::body::Sent;
use crate::host::clock;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::master::holdings;
use crate::server::Peer;
use crate::wire::snapshots::{ClusterHoldings, HOLDINGS, Held, Holding, Holdings, MOST};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use std::sync::Arc;

pub(super) async fn tell(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Sent(told): Sent<Holdings>,
) -> Answer<()> {
    if told.version != HOLDINGS || told.snapshots.len() > MOST {
        let why = format!("version {} with {} holdings", told.version, told.snapshots.len());
        return Err(Refusal(MasterError::Unreadable { status: StatusCode::BAD_REQUEST.as_u16(), why }));
    }
    with_cluster(&app, move |_, cluster| {
        let node = member(&peer, cluster, "POST /v1/snapshots/holdings")?;
        holdings::told(cluster, &node.id, &node.name, told);
        Ok(())
    })
    .await
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
) -> Answer<ClusterHoldings> {
    let caller = peer.clone();
    let Json(()) =
        with_cluster(&app, move |_, cluster| operator(&caller, cluster, "GET /v1/snapshots/holdings"))
            .await?;
    all(&app, |_| true).await
}

/// For whoever pulls: the newest snapshot of a source and who has it.
pub(super) async fn source(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(source): Path<String>,
) -> Answer<Held> {
    let action = "GET /v1/snapshots/sources";
    let Json(()) = with_cluster(&app, move |_, cluster| answer::insider(&peer, cluster, action)).await?;
    // Whoever asks for one thing costs a look at it, and not a list of all that is anywhere.
    let text = source.clone();
    let Json(all) = all(&app, move |one| holdings::may_mean(&text, one)).await?;
    Ok(Json(holdings::meant(all, &source)?))
}

async fn all(app: &Arc<App>, wanted: impl Fn(&Holding) -> bool + Send + 'static) -> Answer<ClusterHoldings> {
    let (own, roles) = blocking(app, |app| Ok((holdings::own(app)?, app.source_roles()))).await?;
    let look = move |app: &App, cluster: &Cluster| {
        holdings::all(app, cluster, (&own, &roles), &wanted, clock::now_ms())
    };
    with_cluster(app, move |app, cluster| Ok(look(app, cluster))).await
}
