//! The part of this machine in an election: it announces itself beside all else, until it is dropped.

use crate::cli::context::{Context, failure};
use crate::discovery::DiscoveryError;
use crate::discovery::contest::{Contest, Recorded, Told};
use crate::discovery::election::Standing;
use crate::model::explain::Failure;
use crate::telemetry::context;
use std::convert::Infallible;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// A running part.
pub(super) struct Part {
    told: watch::Receiver<Option<Told>>,
    task: JoinHandle<Result<Infallible, DiscoveryError>>,
}

impl Part {
    /// Begins, once the record is on the disk: who is heard stands by an identity that a crash does not change.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub(super) fn begin(context: &Context, contest: Contest, recorded: Recorded) -> Result<Self, Failure> {
        recorded.save(&context.root).map_err(failure)?;
        let (sender, told) = watch::channel(None);
        let root = context.root.clone();
        let span = tracing::info_span!("election", candidate = %recorded.candidate.short());
        if let Some(trace) = context::current() {
            context::adopt_for(&span, &trace);
        }
        let run = contest.run(recorded, move |recorded| recorded.save(&root), sender);
        Ok(Self { told, task: context.runtime().spawn(run.instrument(span)) })
    }

    /// Where it stands; none before it spoke first.
    pub(super) fn standing(&self) -> Option<Standing> {
        self.told.borrow().as_ref().map(|told| told.standing)
    }

    /// The same in words.
    pub(super) fn told(&self) -> String {
        let told = self.told.borrow();
        told.as_ref().map_or_else(|| "the election begins".to_owned(), |told| told.text.clone())
    }

    /// Waits until it has spoken again.
    ///
    /// # Errors
    /// With the reason for which it ended.
    pub(super) async fn spoke(&mut self) -> Result<(), Failure> {
        if self.told.changed().await.is_ok() {
            return Ok(());
        }
        match (&mut self.task).await {
            Ok(Err(error)) => Err(failure(error)),
            Ok(Ok(never)) => match never {},
            Err(error) => Err(failure(crate::cli::error::CliError::Runtime(std::io::Error::other(error)))),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.task.abort();
    }
}
