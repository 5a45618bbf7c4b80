//! The agent's loop: report, learn what this node shall be, apply it, and renew the certificate.
//!
//! It keeps nothing in memory that a crash may not lose: what was applied is in the membership file,
//! and an unfinished generation is in the journal.

use crate::agent::error::AgentError;
use crate::agent::generation::{self, Applied, Workshop};
use crate::agent::metrics::Metrics;
use crate::client::{ClientError, MasterClient};
use crate::host::facts;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::identity::key::PrivateKey;
use crate::identity::membership::Membership;
use crate::model::explain::{Explain, Failure};
use crate::steps::StepFailure;
use crate::steps::env;
use crate::steps::report;
use crate::telemetry::context;
use crate::wire::member::{Confirm, Desired, Poll};
use std::sync::Arc;
use std::time::Duration;

/// How long the master may keep the answer back.
const WAIT: Duration = Duration::from_secs(20);

/// The same while the monitor has not reported yet or complains: the master hears soon that it is well.
const WAIT_UNWELL: Duration = Duration::from_secs(1);

/// The pause after a failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The agent.
pub struct Agent {
    workshop: Workshop,
    metrics: Arc<Metrics>,
    boot_id: Option<String>,
    failure: Option<Failure>,
    pause: Duration,
    client: Option<(MasterClient, Membership)>,
}

impl Agent {
    /// For a host that is a member, or is becoming one.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(workshop: Workshop, metrics: Arc<Metrics>) -> Result<Self, AgentError> {
        let boot_id =
            facts::gather(&workshop.root, &workshop.root.join(paths::STATE)).ok().and_then(|f| f.boot_id);
        let membership = Membership::load(&workshop.root).map_err(AgentError::Identity)?;
        if membership.is_none() {
            return Err(AgentError::NotMember);
        }
        Ok(Self { workshop, metrics, boot_id, failure: None, pause: FIRST_PAUSE, client: None })
    }

    /// Works until it is dropped.
    pub async fn work(&mut self) {
        loop {
            match self.round().await {
                Ok(()) => self.pause = FIRST_PAUSE,
                Err(failure) => {
                    tracing::warn!(code = failure.code, causes = ?failure.causes, "{}", failure.message);
                    self.metrics.failures.inc();
                    self.metrics.connected.set(0);
                    self.client = None;
                    self.rest().await;
                }
            }
        }
    }

    /// Waits for the pause, then doubles it.
    async fn rest(&mut self) {
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + self.pause, self.pause);
        ticks.tick().await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    async fn round(&mut self) -> Result<(), Failure> {
        let membership = Membership::load(&self.workshop.root).map_err(|error| Failure::of(&error))?;
        let membership = membership.ok_or_else(|| Failure::of(&AgentError::NotMember))?;
        let client = self.client(&membership)?;
        let applied = membership.applied.as_ref().map_or(0, |applied| applied.generation);
        let report = report::gather(&self.workshop.root, self.boot_id.as_deref(), self.failure.as_ref());
        let wait = if report.monitor.is_some() { WAIT_UNWELL } else { WAIT };
        let poll = Poll { applied, wait_ms: wait.as_millis() as u64, report };
        let reply = client.poll(&poll).await.map_err(|error| Failure::of(&error))?;
        self.metrics.connected.set(1);
        self.metrics.generation.set(applied as i64);
        if reply.renew {
            self.renew(&client).await?;
        }
        let wanted = reply.desired.generation;
        if wanted > applied {
            self.apply(reply.desired, reply.trace).await?;
        }
        // A join confirms by itself; this is a member that was removed and is let in again.
        if reply.confirm && membership.confirmed {
            self.confirm(&client, wanted).await?;
        }
        Ok(())
    }

    async fn confirm(&self, client: &MasterClient, wanted: u64) -> Result<(), Failure> {
        let membership = Membership::load(&self.workshop.root).map_err(|error| Failure::of(&error))?;
        let applied = membership.and_then(|found| found.applied).map_or(0, |applied| applied.generation);
        if applied < wanted {
            return Ok(());
        }
        let report = report::gather(&self.workshop.root, self.boot_id.as_deref(), self.failure.as_ref());
        let confirmed = client.confirm(&Confirm { applied, report }).await;
        confirmed.map_err(|error| Failure::of(&error))?;
        tracing::info!(generation = applied, "this node is a member again");
        Ok(())
    }

    fn client(&mut self, membership: &Membership) -> Result<MasterClient, Failure> {
        match &self.client {
            Some((client, known)) if known.master == membership.master => Ok(client.clone()),
            _ => {
                let made = env::member_client(&self.workshop.root, membership.master, membership.address);
                let client = made.map_err(Failure::from)?;
                self.client = Some((client.clone(), membership.clone()));
                Ok(client)
            }
        }
    }

    async fn apply(&mut self, desired: Desired, trace: Option<String>) -> Result<(), Failure> {
        let (workshop, runtime) = (self.workshop.clone(), tokio::runtime::Handle::current());
        let (generation, role, scale) = (desired.generation, desired.role, desired.scale);
        let span = tracing::info_span!("generation", generation, %role, %scale);
        if let Some(trace) = trace {
            let adopted = context::adopt_for(&span, &trace);
            tracing::trace!(adopted, "trace context of the change");
        }
        let apply = move || span.in_scope(|| generation::apply(&workshop, &desired, runtime));
        let task = tokio::task::spawn_blocking(apply);
        match task.await {
            Ok(Applied::Done) => {
                tracing::info!(generation, %role, %scale, "generation applied");
                self.failure = None;
                self.metrics.applied.inc();
            }
            Ok(Applied::Busy) => {
                tracing::info!(generation, "another operation is in progress on this host; trying again");
                self.rest().await;
            }
            Ok(Applied::Failed(failure)) => {
                self.failure = Some(failure.clone());
                return Err(failure);
            }
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
        Ok(())
    }

    async fn renew(&mut self, client: &MasterClient) -> Result<(), Failure> {
        let root = &self.workshop.root;
        let key = PrivateKey::load(&root.join(paths::NODE_KEY)).map_err(|error| Failure::of(&error))?;
        let request = key.request().map_err(|error| Failure::of(&error))?;
        let renewed = client.renew(request).await.map_err(|error: ClientError| Failure::of(&error))?;
        let path = root.join(paths::NODE_CERTIFICATE);
        files::write_atomic(&path, renewed.certificate.as_bytes(), Attributes::SECRET)
            .map_err(|error| Failure::from(StepFailure::from(error)))?;
        tracing::info!("the node's certificate was renewed");
        self.client = None;
        Ok(())
    }
}

impl AgentError {
    /// The error for people.
    pub fn failure(&self) -> Failure {
        Failure::of(self as &dyn Explain)
    }
}
