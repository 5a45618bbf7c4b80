//! How handlers run, who may call them, and how an error becomes an answer.

use crate::identity::certificate::Subject;
use crate::lifecycle::NodeState;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::model::explain::{Exit, Explain};
use crate::registry::record::NodeRecord;
use crate::server::Peer;
use crate::serving;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// An error on its way out.
pub(super) struct Refusal(pub MasterError);

impl From<MasterError> for Refusal {
    fn from(error: MasterError) -> Self {
        Self(error)
    }
}

impl From<Refusal> for serving::Refusal {
    fn from(Refusal(error): Refusal) -> Self {
        let status = match error.exit() {
            _ if let MasterError::Unreadable { status, .. } = &error => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST)
            }
            Exit::Usage => StatusCode::NOT_FOUND,
            Exit::Refused => StatusCode::FORBIDDEN,
            Exit::Conflict => StatusCode::CONFLICT,
            Exit::NoAnswer => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, &error).again(error.again())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        serving::Refusal::from(self).into_response()
    }
}

/// The result of a handler.
pub(super) type Answer<T> = Result<Json<T>, Refusal>;

/// Runs `work` on the cluster away from the threads that serve, since it may wait for the disk.
pub(super) async fn with_cluster<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App, &mut Cluster) -> Result<T, MasterError> + Send + 'static,
) -> Answer<T> {
    blocking(app, move |app| work(app, &mut app.cluster())).await.map(Json)
}

/// Runs `work` away from the threads that serve and without the cluster, which others can use meanwhile.
pub(super) async fn blocking<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T, MasterError> + Send + 'static,
) -> Result<T, Refusal> {
    let app = app.clone();
    let span = tracing::Span::current();
    let task = tokio::task::spawn_blocking(move || span.in_scope(|| work(&app)));
    match task.await {
        Ok(result) => result.map_err(Refusal),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Runs `work` of a caller that nobody knows, when it is its turn: strangers queue among themselves and
/// do not fill the queue in which members wait. A caller that goes away leaves its turn to its work.
pub(super) async fn for_stranger<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T, MasterError> + Send + 'static,
) -> Answer<T> {
    let turn = app.questions.take().await?;
    let done = blocking(app, move |app| {
        let result = work(app);
        drop(turn);
        result
    });
    done.await.map(Json)
}

/// Insists on the operator's certificate.
pub(super) fn operator(peer: &Peer, cluster: &Cluster, action: &str) -> Result<(), MasterError> {
    match &peer.subject {
        Some(summary) if summary.subject == Subject::Admin && summary.cluster == cluster.id => Ok(()),
        _ => Err(not_allowed(peer, action, "the operator's certificate")),
    }
}

/// Insists on the certificate of a node that is accepted at this moment: a removed node's is void.
pub(super) fn member(peer: &Peer, cluster: &Cluster, action: &str) -> Result<NodeRecord, MasterError> {
    let refused = || not_allowed(peer, action, "a member's certificate");
    let summary =
        peer.subject.as_ref().filter(|summary| summary.cluster == cluster.id).ok_or_else(refused)?;
    let Subject::Node(id) = &summary.subject else { return Err(refused()) };
    let node =
        cluster.nodes.get(id).ok_or_else(|| MasterError::Unknown { kind: "node", name: id.to_string() })?;
    match node.state {
        NodeState::Removed => Err(MasterError::NodeRemoved { name: node.name.clone() }),
        NodeState::Rejected => Err(MasterError::NodeRejected { name: node.name.clone() }),
        NodeState::Joining | NodeState::Active if node.key == summary.key => Ok(node.clone()),
        _ => Err(refused()),
    }
}

/// Insists on a member's or the operator's certificate.
pub(super) fn insider(peer: &Peer, cluster: &Cluster, action: &str) -> Result<(), MasterError> {
    operator(peer, cluster, action).or_else(|_| member(peer, cluster, action).map(|_| ()))
}

pub(super) fn not_allowed(peer: &Peer, action: &str, needed: &'static str) -> MasterError {
    let caller = match peer.subject.as_ref().map(|summary| &summary.subject) {
        None => format!("unknown ({})", peer.address),
        Some(Subject::Node(id)) => format!("node {id}"),
        Some(Subject::Admin) => "an operator of another cluster".to_owned(),
        Some(Subject::Master) => "a master".to_owned(),
    };
    MasterError::NotAllowed { action: action.to_owned(), needed, caller }
}

/// `GET /v1/health`.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// `GET /metrics`, in the OpenMetrics text format.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(axum::http::header::CONTENT_TYPE, kind)], app.metrics.encode())
}
