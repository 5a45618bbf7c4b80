//! What the agent does with the Salt master beside it: keys are accepted and forgotten, orchestrations are run.
//!
//! The eos master has no power over this host; the agent is root here in any case. It is told what to reach and never
//! what to run, so that a master that was taken over gets no command onto the fleet by this.

mod answering;
mod error;
mod keys;
mod orchestration;
mod pillar;
#[cfg(test)]
mod tests;
mod tools;

pub use error::SaltError;
#[cfg(test)]
pub(crate) use error::samples;
pub use tools::Tools;

use crate::agent::link::Link;
use crate::model::explain::Failure;
use crate::wire::salt::{Part, SaltDone, SaltErrand, SaltMaster, SaltReport};
use std::sync::Arc;
use std::time::Duration;

/// How long the master may keep the answer back.
const WAIT_MS: u64 = 20_000;

/// The pause after the master could not be asked, or the Salt master's settings could not be read.
const PAUSE: Duration = Duration::from_secs(2);

/// Works for the eos master with the Salt master of this host.
pub struct Steward {
    tools: Tools,
    link: Arc<Link>,
}

impl Steward {
    /// With these programs.
    pub fn new(tools: Tools, link: Arc<Link>) -> Self {
        Self { tools, link }
    }

    /// Works until it is dropped.
    pub async fn work(self) {
        let keys = self.work_on(Part::Keys);
        let orchestrations = self.work_on(Part::Orchestrations);
        tokio::join!(keys, orchestrations);
    }

    /// Asks for one thing after the other; what was done is told until the master has heard of it.
    async fn work_on(&self, part: Part) {
        let (mut master, mut done, mut problem) = (None, None, None);
        loop {
            match self.round(part, &mut master, &mut done).await {
                Ok(()) => problem = None,
                Err(failure) => {
                    if problem.as_ref() != Some(&failure) {
                        tracing::warn!(
                            code = failure.code,
                            ?part,
                            "Salt is not worked with: {}",
                            failure.message
                        );
                    }
                    problem = Some(failure);
                    self.link.renew();
                    tokio::time::interval_at(tokio::time::Instant::now() + PAUSE, PAUSE).tick().await;
                }
            }
        }
    }

    async fn round(
        &self,
        part: Part,
        master: &mut Option<SaltMaster>,
        done: &mut Option<SaltDone>,
    ) -> Result<(), Failure> {
        if master.is_none() && part == Part::Keys {
            let tools = self.tools.clone();
            *master = Some(blocking(move || tools.master()).await.map_err(|error| Failure::of(&error))?);
        }
        let link = self.link.clone();
        let client = blocking(move || link.client()).await.map_err(Failure::from)?;
        let report = SaltReport { part, master: master.clone(), done: done.clone(), wait_ms: WAIT_MS };
        let work = client.salt(&report).await.map_err(|error| Failure::of(&error))?;
        *done = None;
        let Some(errand) = work.errand else { return Ok(()) };
        let (tools, id) = (self.tools.clone(), errand.id());
        let told = blocking(move || carry_out(&tools, &errand)).await;
        if let Some(failure) = &told.failure {
            tracing::warn!(errand = id, code = failure.code, "{}", failure.message);
            // Its settings may be others by now.
            *master = None;
        }
        *done = Some(told);
        Ok(())
    }
}

fn carry_out(tools: &Tools, errand: &SaltErrand) -> SaltDone {
    let (steps, failed) = match errand {
        SaltErrand::Accept { name, key } => (Vec::new(), keys::accept(tools, name, *key).err()),
        SaltErrand::Delete { name, key } => (Vec::new(), keys::delete(tools, name, *key).err()),
        SaltErrand::Orchestrate { sls, pillar, .. } => match orchestration::run(tools, sls, pillar) {
            Ok(steps) => (steps, None),
            Err(error) => (Vec::new(), Some(error)),
        },
    };
    SaltDone { id: errand.id(), failure: failed.map(|error| Failure::of(&error)), steps }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
