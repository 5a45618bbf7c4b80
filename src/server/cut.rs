//! Breaks one connection without a word, for tests of what the other side does then.

use axum::Router;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// Breaks the connection of the request whose extension it is.
#[derive(Debug, Clone, Default)]
pub struct Cut(CancellationToken);

impl Cut {
    /// For one more connection: the cut, and a router whose requests have it.
    pub(super) fn of(router: &Router) -> (Self, Router) {
        let cut = Self::default();
        let router = router.clone().layer(axum::Extension(cut.clone()));
        (cut, router)
    }

    /// Breaks it.
    pub fn now(&self) {
        self.0.cancel();
    }

    /// Serves the connection until its end, or until it is cut.
    pub(super) async fn or(self, serving: impl Future<Output = ()>) {
        self.0.run_until_cancelled(serving).await;
    }
}
