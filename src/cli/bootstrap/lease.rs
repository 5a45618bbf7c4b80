//! Keeps the lease of a join alive while its saga makes progress, and tells the master its stage.
//!
//! It ends with the process: a joiner that is killed stops renewing, and the master forgets it.

use crate::host::root::Root;
use crate::identity::membership::Membership;
use crate::model::progress::{Event, Sink, Wait};
use crate::steps::env;
use crate::telemetry::context;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// How often the master is told; far below any sensible lease.
const PERIOD: Duration = Duration::from_millis(700);

/// Passes events on and remembers the phase.
pub(super) struct StageWatch {
    inner: Arc<dyn Sink>,
    stage: Mutex<String>,
}

impl StageWatch {
    /// In front of this sink.
    pub(super) fn new(inner: Arc<dyn Sink>) -> Arc<Self> {
        Arc::new(Self { inner, stage: Mutex::new("register".to_owned()) })
    }

    fn stage(&self) -> String {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for StageWatch {
    fn emit(&self, event: Event) {
        if let Event::Phase { name } = &event {
            self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone_from(name);
        }
        self.inner.emit(event);
    }

    fn expect(&self, wait: Option<Wait>) {
        self.inner.expect(wait);
    }
}

/// Renews until it is dropped.
pub(super) struct Lease {
    task: JoinHandle<()>,
}

impl Lease {
    /// Begins as soon as there is a membership that is not confirmed.
    pub(super) fn keep(root: Root, watch: Arc<StageWatch>, runtime: &tokio::runtime::Handle) -> Self {
        // A clone of the command's span would keep it open for as long as the task is not gone.
        let trace = context::current();
        let task = runtime.spawn(async move {
            let mut ticks = tokio::time::interval(PERIOD);
            let mut told = String::new();
            let mut rounds = 0u32;
            loop {
                ticks.tick().await;
                let stage = watch.stage();
                rounds += 1;
                // A new stage at once, the same one every few seconds.
                if stage == told && !rounds.is_multiple_of(5) {
                    continue;
                }
                let span = tracing::info_span!("lease", stage);
                if let Some(trace) = &trace {
                    context::adopt_for(&span, trace);
                }
                if renew(&root, &stage).instrument(span).await {
                    told = stage;
                }
            }
        });
        Self { task }
    }
}

async fn renew(root: &Root, stage: &str) -> bool {
    let Ok(Some(membership)) = Membership::load(root) else { return false };
    if membership.confirmed {
        return false;
    }
    let Ok(client) = env::member_client(root, membership.master, membership.address) else { return false };
    match client.progress(stage).await {
        Ok(()) => true,
        Err(error) => {
            // The steps themselves meet the same trouble and say so; the next tick tries again.
            tracing::debug!(%error, "the lease could not be renewed");
            false
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}
