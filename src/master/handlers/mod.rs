//! The master's API: one file for each kind of caller, one line for each route.

mod admin;
mod answer;
mod body;
mod confirming;
mod holdings;
mod joiner;
pub(crate) mod member;
mod proven;
mod salt;
mod snapshots;
#[cfg(test)]
mod tests;
mod withdraw;

pub(crate) use member::forget;

use crate::master::app::App;
use crate::serving;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post};
use std::sync::Arc;

/// The most bytes that the body of a request may have: each is a question or a report.
const BODY: usize = 16 * 1024;

/// The same of a list of holdings.
const HOLDINGS: usize = 2 * 1024 * 1024;

/// The same of what Salt told of an orchestration.
const ORCHESTRATED: usize = 512 * 1024;

/// Every route.
pub(crate) fn router(app: Arc<App>) -> Router {
    let routes = Router::new()
        .route("/v1/hello", get(joiner::hello))
        .route("/v1/dial-back", post(joiner::dial_back))
        .route("/v1/register", post(joiner::register))
        .route("/v1/withdraw", post(withdraw::withdraw))
        .route("/v1/member/desired", get(member::desired))
        .route("/v1/member/lease", post(member::lease))
        .route("/v1/member/confirm", post(confirming::confirm))
        .route("/v1/member/poll", post(member::poll))
        .route("/v1/member/leave", post(member::leave))
        .route("/v1/member/renew", post(member::renew))
        .route("/v1/member/minion", post(salt::minion))
        .route("/v1/member/salt", post(salt::work).layer(DefaultBodyLimit::max(ORCHESTRATED)))
        .route("/v1/members/{id}", get(snapshots::standing))
        .route(
            "/v1/snapshots/holdings",
            get(holdings::list).post(holdings::tell).layer(DefaultBodyLimit::max(HOLDINGS)),
        )
        .route("/v1/snapshots/sources/{source}", get(holdings::source))
        .route("/v1/snapshots/latest", get(snapshots::latest))
        .route("/v1/status", get(admin::status))
        .route("/v1/nodes/{name}", get(admin::node))
        .route("/v1/nodes/{name}/accept", post(admin::accept))
        .route("/v1/nodes/{name}/reject", post(admin::reject))
        .route("/v1/nodes/{name}/remove", post(admin::remove))
        .route("/v1/tokens", get(admin::tokens).post(admin::create_token))
        .route("/v1/tokens/{id}", delete(admin::revoke_token))
        .route("/v1/roles/set", post(admin::set_role))
        .route("/v1/audit", get(admin::audit))
        .route("/v1/health", get(answer::health))
        .route("/metrics", get(answer::metrics))
        .merge(serving::router(app.snapshots.shelf.clone(), snapshots::Insiders(app.clone())))
        .fallback(body::unknown)
        .method_not_allowed_fallback(body::unknown)
        .layer(DefaultBodyLimit::max(BODY));
    #[cfg(feature = "testing")]
    let routes =
        routes.route_layer(axum::middleware::from_fn_with_state(app.clone(), crate::master::faults::meet));
    routes.with_state(app)
}
