//! The master carries out orchestrations: it hands a new generation to the members in the order of
//! `orchestration/*.sls`.
//!
//! The run is in the registry, from the transaction that begins the generation on, and every advance of it is
//! written down before an agent hears of it. A master that dies goes on with the step at which it was; what nodes
//! have applied they say themselves when they ask again.

mod admit;
mod by_salt;
mod look;
mod preparation;
mod status;
#[cfg(test)]
mod tests;

pub use by_salt::{by_salt, told_by_salt};
pub use preparation::prepare;
pub use status::status;

use crate::host::root::Root;
use crate::master::app::App;
use crate::model::explain::Explain;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

/// How often a run is looked at when nobody asks for it: for its deadlines.
const LOOK: Duration = Duration::from_secs(1);

/// The master rests so many times as long as the last look took, so that a herd of joins is looked at seldom and
/// each generation that is over before it was looked at costs nothing.
const REST: u32 = 2;

/// What has the run looked at.
pub struct Orchestra {
    root: Root,
    wake: Notify,
}

impl Orchestra {
    /// For a master on this root.
    pub fn new(root: Root) -> Self {
        Self { root, wake: Notify::new() }
    }

    /// Has the run looked at soon.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// The root of the master's host.
    pub fn root(&self) -> &Root {
        &self.root
    }
}

/// Looks at the run again and again, whenever there may be something new.
pub async fn conduct(app: Arc<App>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.orchestra.wake.notified() => {}
            _ = ticks.tick() => {}
        }
        let (of_look, begun) = (app.clone(), Instant::now());
        match tokio::task::spawn_blocking(move || look::look(&of_look)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                app.metrics.upkeep_failures.inc();
                tracing::error!(%error, code = %error.code(), "an orchestration could not go on; trying again");
            }
            Err(panicked) => {
                app.metrics.upkeep_failures.inc();
                tracing::error!(error = %panicked, "a look at an orchestration panicked; trying again");
            }
        }
        let rest = begun.elapsed() * REST;
        if !rest.is_zero() {
            tokio::time::interval_at(tokio::time::Instant::now() + rest, rest).tick().await;
        }
    }
}
