//! The agent's loop: report, learn what this node shall be, apply it, and renew the certificate.
//!
//! It keeps nothing in memory that a crash may not lose: what was applied is in the membership file,
//! and an unfinished generation is in the journal.

use crate::agent::attempts::Attempts;
use crate::agent::certificate::NodeCertificate;
use crate::agent::contact::Contact;
use crate::agent::deputy;
use crate::agent::endpoint::Offer;
use crate::agent::error::AgentError;
use crate::agent::generation::{self, Applied, Workshop};
use crate::agent::metrics::Metrics;
use crate::client::chance::apart;
use crate::client::{ClientError, MasterClient, Terms};
use crate::host::clock;
use crate::host::facts;
use crate::host::paths;
use crate::host::tree;
use crate::identity::IdentityError;
use crate::identity::key::{PrivateKey, random};
use crate::identity::membership::Membership;
use crate::identity::served::Served;
use crate::model::digest::hex;
use crate::model::explain::{Explain, Failure};
use crate::steps::env;
use crate::steps::renewal;
use crate::steps::report;
use crate::telemetry::context;
use crate::wire::member::{Confirm, Desired, Poll, Task, TaskDone};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long the master may keep the answer back.
const WAIT: Duration = Duration::from_secs(20);

/// The same while the monitor has not reported yet or complains: the master hears soon that it is well.
const WAIT_UNWELL: Duration = Duration::from_secs(1);

/// The pause after a failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How often the master hears of a node that applies a generation, which may take minutes.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The agent.
pub struct Agent {
    workshop: Workshop,
    metrics: Arc<Metrics>,
    offer: Offer,
    /// Has the holdings told.
    holdings: Arc<Notify>,
    boot_id: Option<String>,
    /// Which run of an agent this is, for a master that hears two.
    life: String,
    /// Where it listens.
    address: IpAddr,
    certificate: NodeCertificate,
    failure: Option<Failure>,
    /// The generation that could not be applied.
    failed_generation: Option<u64>,
    /// The last task that it did; the master knows it by its id.
    done: Option<TaskDone>,
    attempts: Attempts,
    /// The generation of the master's last answer: each change of the members makes a new one.
    told: Option<u64>,
    /// Whether the master could not be asked in the round before.
    disconnected: bool,
    pause: Duration,
    client: Option<(MasterClient, Membership)>,
    contact: Contact,
}

/// How a round ended well.
#[derive(Debug, PartialEq, Eq)]
enum Round {
    /// Everything that the master wants is in force.
    Settled,
    /// Another operation is in progress on this host, or what failed is not tried again yet.
    Busy,
}

/// Why a round failed.
#[derive(Debug)]
enum Trouble {
    /// The master did not answer, or this node and the master do not believe each other.
    Connection(Failure),
    /// The master answered; what failed is its refusal, or something on this node.
    Work(Failure),
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        let failure = Failure::of(&error);
        match error {
            ClientError::Refused { .. } => Self::Work(failure),
            _ => Self::Connection(failure),
        }
    }
}

/// For `map_err`: something on this node.
fn work<E: Explain>(error: E) -> Trouble {
    Trouble::Work(Failure::of(&error))
}

impl Agent {
    /// For a host that is a member, or is becoming one.
    ///
    /// # Errors
    /// When it is none, or its identity cannot be used.
    pub fn new(workshop: Workshop, offer: Offer, holdings: Arc<Notify>) -> Result<Self, AgentError> {
        let membership = Membership::load(&workshop.root).map_err(AgentError::Identity)?;
        let address = membership.ok_or(AgentError::NotMember)?.address;
        for path in [paths::MEMBERSHIP, paths::NODE_CERTIFICATE] {
            tree::remove_leftovers(&workshop.root.join(path))
                .map_err(|error| AgentError::Identity(IdentityError::File(error)))?;
        }
        let certificate = NodeCertificate::load(&workshop.root)?;
        let boot_id = facts::boot_id();
        let life = random::<16>().map(|drawn| hex(&drawn)).map_err(AgentError::Identity)?;
        let contact = Contact::new(workshop.root.clone());
        Ok(Self {
            workshop,
            metrics: offer.metrics.clone(),
            offer,
            holdings,
            boot_id,
            life,
            address,
            certificate,
            failure: None,
            failed_generation: None,
            done: None,
            attempts: Attempts::default(),
            told: None,
            disconnected: false,
            pause: FIRST_PAUSE,
            client: None,
            contact,
        })
    }

    /// The certificate for the agent's listener.
    pub fn served(&self) -> Arc<Served> {
        self.certificate.served()
    }

    /// Works until it is dropped, or the node is reached at another address: it has to listen there, and starts anew.
    pub async fn work(&mut self) {
        self.restore().await;
        while !self.is_moved() {
            let ended = self.round().await;
            if self.heed(ended) {
                self.rest().await;
            }
        }
        tracing::info!("the node has another address now: starting anew");
    }

    fn is_moved(&self) -> bool {
        let membership = Membership::load(&self.workshop.root);
        membership.is_ok_and(|found| found.is_some_and(|membership| membership.address != self.address))
    }

    /// Undoes what a crash left of an application of states, before the master is asked: it may be away for long.
    async fn restore(&mut self) {
        let ended = match generation::is_unfinished(&self.workshop.root) {
            Ok(false) => return,
            Ok(true) => {
                let (workshop, runtime) = (self.workshop.clone(), tokio::runtime::Handle::current());
                deputy::beside(workshop.hand, move || deputy::restore(&workshop, runtime)).await
            }
            Err(failure) => Applied::Failed(failure),
        };
        match ended {
            Applied::Done => tracing::warn!("what was interrupted while states were applied is undone"),
            // It is at it, for an agent that was here before.
            Applied::Busy => {}
            Applied::Failed(failure) => {
                tracing::error!(code = failure.code, causes = ?failure.causes, "{}", failure.message);
                self.failure = Some(failure);
            }
        }
    }

    /// Takes note of how a round ended; says whether to pause before the next.
    fn heed(&mut self, ended: Result<Round, Trouble>) -> bool {
        self.disconnected = matches!(ended, Err(Trouble::Connection(_)));
        let failure = match ended {
            Ok(Round::Settled) => {
                self.pause = FIRST_PAUSE;
                return false;
            }
            Ok(Round::Busy) => return true,
            Err(Trouble::Work(failure)) => failure,
            Err(Trouble::Connection(failure)) => {
                self.metrics.connected.set(0);
                self.client = None;
                failure
            }
        };
        tracing::warn!(code = failure.code, causes = ?failure.causes, "{}", failure.message);
        self.metrics.failures.inc();
        true
    }

    async fn rest(&mut self) {
        let pause = self.next_pause();
        tokio::time::interval_at(tokio::time::Instant::now() + pause, pause).tick().await;
    }

    /// The pause, of which the latter half is left to chance, so that agents that lost their master at
    /// the same time do not come back at the same time. It is twice as long the next time.
    fn next_pause(&mut self) -> Duration {
        let longest = self.pause;
        self.pause = (longest * 2).min(LONGEST_PAUSE);
        apart(longest)
    }

    async fn round(&mut self) -> Result<Round, Trouble> {
        let membership = Membership::load(&self.workshop.root).map_err(work)?;
        let membership = membership.ok_or_else(|| work(AgentError::NotMember))?;
        self.keep_certificate(&membership).await?;
        let client = self.client(&membership)?;
        let poll = self.poll(&membership);
        let applied = poll.applied;
        let answer = client.poll(&poll).await;
        let silence = match &answer {
            Ok(_) | Err(ClientError::Refused { .. }) => None,
            Err(error) => Some(Failure::of(error)),
        };
        self.metrics.connected.set(i64::from(silence.is_none()));
        let noted = self.contact.heard(silence.as_ref()).map_err(work);
        self.tell(noted);
        let reply = answer?;
        self.metrics.generation.set(applied as i64);
        // A generation waits for no certificate, and a certificate for no generation.
        let renewed = if reply.renew { self.renew(&client).await } else { Ok(()) };
        let failed = self.tell(renewed);
        let wanted = reply.desired.generation;
        if self.told.replace(wanted) != Some(wanted) {
            self.offer.readers.forget();
            self.offer.shelf.audience.again();
        }
        if wanted > applied && self.apply(&client, reply.desired, reply.trace).await? == Round::Busy {
            return Ok(Round::Busy);
        }
        if reply.holdings {
            self.holdings.notify_one();
        }
        let known = |task: &Task| self.done.as_ref().is_some_and(|done| done.id == task.id);
        if let Some(task) = reply.task.filter(|task| !known(task))
            && self.perform(&client, task).await == Round::Busy
        {
            return Ok(Round::Busy);
        }
        // A join confirms by itself; this is a member that was removed and is let in again.
        if reply.confirm && membership.confirmed {
            self.confirm(&client, wanted).await?;
        }
        Ok(if failed { Round::Busy } else { Round::Settled })
    }

    /// Tells of work besides that failed and that the round goes on without; whether it did.
    fn tell(&mut self, ended: Result<(), Trouble>) -> bool {
        ended.is_err_and(|trouble| self.heed(Err(trouble)))
    }

    fn poll(&self, membership: &Membership) -> Poll {
        let mut report = report::gather(&self.workshop.root, self.boot_id.as_deref(), self.failure.as_ref());
        report.life = Some(self.life.clone());
        report.address = Some(membership.address);
        report.failed_generation = self.failed_generation;
        report.snapshot_pullers = u32::try_from(self.offer.shelf.pulls.taken(Instant::now())).ok();
        let wait = match &report.monitor {
            // A master that was away may have forgotten what this node holds, and says so in its answer.
            _ if self.disconnected => Duration::ZERO,
            Some(_) => WAIT_UNWELL,
            None => WAIT,
        };
        let applied = membership.applied.as_ref();
        Poll {
            applied: applied.map_or(0, |applied| applied.generation),
            role: applied.map(|applied| applied.role),
            scale: applied.map(|applied| applied.scale),
            wait_ms: wait.as_millis() as u64,
            tasks: true,
            done: self.done.clone(),
            report,
        }
    }

    /// Adopts a certificate that was replaced on disk, and asks for a new one by the node's key when
    /// the master can no longer be asked with it: it has ended, or it was signed while a clock was
    /// ahead, and the master does not believe it yet.
    async fn keep_certificate(&mut self, membership: &Membership) -> Result<(), Trouble> {
        self.adopt_certificate()?;
        let (now, own) = (clock::now_seconds(), self.served().summary());
        let early = self.disconnected && !own.is_valid(now);
        if !renewal::has_ended(&own, now) && !early {
            return Ok(());
        }
        tracing::info!("the node's certificate cannot be used or is about to end; registering with the key");
        match renewal::by_key(&self.workshop.root, membership, &Terms::default()).await {
            Ok(()) => self.adopt_certificate(),
            Err(error) if own.is_valid(now) => {
                tracing::warn!(%error, "the certificate still holds; its renewal is tried again");
                Ok(())
            }
            Err(error) => {
                self.metrics.connected.set(0);
                Err(Trouble::Work(Failure::from(error)))
            }
        }
    }

    fn adopt_certificate(&mut self) -> Result<(), Trouble> {
        if self.certificate.adopt(&self.workshop.root).map_err(work)? {
            self.client = None;
        }
        Ok(())
    }

    async fn confirm(&self, client: &MasterClient, wanted: u64) -> Result<(), Trouble> {
        let membership = Membership::load(&self.workshop.root).map_err(work)?;
        let applied = membership.and_then(|found| found.applied).map_or(0, |applied| applied.generation);
        if applied < wanted {
            return Ok(());
        }
        let report = report::gather(&self.workshop.root, self.boot_id.as_deref(), self.failure.as_ref());
        client.confirm(&Confirm { applied, report }).await?;
        tracing::info!(generation = applied, "this node is a member again");
        Ok(())
    }

    fn client(&mut self, membership: &Membership) -> Result<MasterClient, Trouble> {
        match &self.client {
            Some((client, known)) if known.master == membership.master => Ok(client.clone()),
            _ => {
                let made = env::member_client(&self.workshop.root, membership.master, membership.address);
                let client = made.map_err(|error| Trouble::Work(Failure::from(error)))?;
                self.client = Some((client.clone(), membership.clone()));
                Ok(client)
            }
        }
    }

    async fn apply(
        &mut self,
        client: &MasterClient,
        desired: Desired,
        trace: Option<String>,
    ) -> Result<Round, Trouble> {
        let (workshop, runtime) = (self.workshop.clone(), tokio::runtime::Handle::current());
        let (generation, role, scale) = (desired.generation, desired.role, desired.scale);
        if !self.attempts.are_due(generation, Instant::now()) {
            return Ok(Round::Busy);
        }
        let span = tracing::info_span!("generation", generation, %role, %scale);
        if let Some(trace) = &trace {
            let adopted = context::adopt_for(&span, trace);
            tracing::trace!(adopted, "trace context of the change");
        }
        let (hand, began) = (workshop.hand, Instant::now());
        let apply = move || span.in_scope(|| deputy::apply(&workshop, desired, trace, runtime));
        let ended = heard_until(deputy::beside(hand, apply), client, SIGN_OF_LIFE).await;
        match ended {
            Applied::Done => {
                tracing::info!(generation, %role, %scale, "generation applied");
                (self.failure, self.failed_generation) = (None, None);
                self.metrics.applied.inc();
                self.metrics.applied_seconds.set(began.elapsed().as_secs_f64());
                Ok(Round::Settled)
            }
            Applied::Busy => {
                tracing::info!(generation, "another operation is in progress on this host; trying again");
                Ok(Round::Busy)
            }
            Applied::Failed(failure) => {
                self.attempts.failed(generation, Instant::now());
                (self.failure, self.failed_generation) = (Some(failure.clone()), Some(generation));
                Err(Trouble::Work(failure))
            }
        }
    }

    /// Does what an orchestration asks for besides generations; the next poll tells what came of it.
    async fn perform(&mut self, client: &MasterClient, task: Task) -> Round {
        let (workshop, runtime) = (self.workshop.clone(), tokio::runtime::Handle::current());
        let id = task.id.clone();
        let work = deputy::beside(workshop.hand, move || deputy::perform(&workshop, &task, runtime));
        match heard_until(work, client, SIGN_OF_LIFE).await {
            Some(done) => {
                match &done.failure {
                    None => {
                        tracing::info!(task = id, changed = done.changed, "task of an orchestration done")
                    }
                    Some(failure) => {
                        tracing::warn!(task = id, code = failure.code, "{}", failure.message);
                        self.metrics.failures.inc();
                    }
                }
                self.done = Some(done);
                Round::Settled
            }
            None => Round::Busy,
        }
    }

    /// The next round adopts what this stores.
    async fn renew(&mut self, client: &MasterClient) -> Result<(), Trouble> {
        let root = &self.workshop.root;
        let key = PrivateKey::load(&root.join(paths::NODE_KEY)).map_err(work)?;
        let renewed = client.renew(key.request().map_err(work)?).await?;
        renewal::store(root, &renewed.certificate).map_err(|error| Trouble::Work(Failure::from(error)))?;
        tracing::info!("the node's certificate was renewed");
        Ok(())
    }
}

/// Waits for the work to end and tells the master meanwhile that this node is there.
async fn heard_until<T>(work: impl Future<Output = T>, client: &MasterClient, every: Duration) -> T {
    let signs = async {
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
        loop {
            ticks.tick().await;
            if let Err(error) = client.progress("apply").await {
                // The next poll tells what is wrong with the master; the work does not depend on it.
                tracing::debug!(%error, "no sign of life could be given");
            }
        }
    };
    tokio::select! {
        done = work => done,
        () = signs => unreachable!("signs are given until the work is done"),
    }
}

impl AgentError {
    /// The error for people.
    pub fn failure(&self) -> Failure {
        Failure::of(self as &dyn Explain)
    }
}

#[cfg(test)]
mod tests;
