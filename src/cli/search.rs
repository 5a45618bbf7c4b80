//! A search for clusters on the networks, as `eos discover` and bootstraps make it: with progress, and the doctor
//! when nobody answers.

use crate::cli::bootstrap::resolve;
use crate::cli::context::{Context, failure};
use crate::client::Terms;
use crate::discovery::ask::{Asking, answers_at};
use crate::discovery::doctor::{Diagnosis, Probe, diagnose};
use crate::discovery::{DiscoveryError, Findings, Scope, find};
use crate::host::interfaces;
use crate::host::routes::reach;
use crate::identity::key::random;
use crate::identity::membership::Membership;
use crate::model::config::Config;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink, Wait};
use crate::steps::StepFailure;
use crate::view;
use crate::view::progress::Progress;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long a configured address is asked by itself.
const PROBE: Duration = Duration::from_secs(1);

/// How often it is looked whether the operator interrupted.
const LOOK: Duration = Duration::from_millis(50);

/// What is waited for, and why it may last.
const CAUSE: &str = "clusters that answer on the network";

/// What is looked for, and how long.
pub struct Search<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// For how long silence is listened to.
    pub patience: Duration,
    /// For how long others are waited for once one answered.
    pub settle: Duration,
    /// Who is told while it lasts.
    pub progress: &'a Arc<Progress>,
}

impl Search<'_> {
    fn scope(&self) -> Scope {
        Scope::of(self.config.node.advertise_address)
    }

    /// Asks.
    ///
    /// # Errors
    /// When the interfaces cannot be listed, or the operator interrupts.
    pub fn run(&self, context: &Context) -> Result<Findings, Failure> {
        let asking = Asking {
            port: self.config.cluster.discovery.port,
            scope: self.scope(),
            patience: self.worthwhile()?,
            settle: Some(self.settle),
            apart_from: None,
        };
        let began = Instant::now();
        let until = began + asking.patience;
        self.progress.expect(Some(Wait { cause: CAUSE.to_owned(), began, until, retry: until }));
        let terms = Terms::default().stopped_by(context.interrupted.clone());
        let found = context.block_on(async {
            tokio::select! {
                found = find(&asking, &terms) => Some(found),
                () = interrupted(context) => None,
            }
        });
        self.progress.expect(None);
        match found {
            Some(found) => found.map_err(failure),
            None => Err(failure(StepFailure::Interrupted { what: CAUSE.to_owned() })),
        }
    }

    /// A network may still come up while it is waited for; loopback is as it is.
    fn worthwhile(&self) -> Result<Duration, Failure> {
        if self.scope() == Scope::Networks {
            return Ok(self.patience);
        }
        let all = interfaces::interfaces().map_err(failure)?;
        let carries = all.iter().any(|each| each.loopback && each.carries_multicast());
        Ok(if carries { self.patience } else { Duration::ZERO })
    }

    /// Why nobody answered: every finding is told, and the failure names the likely reason.
    pub fn silence(&self, context: &Context, findings: &Findings) -> Failure {
        let diagnosis = match self.diagnosis(context, findings) {
            Ok(diagnosis) => diagnosis,
            Err(failure) => return failure,
        };
        for text in &diagnosis.findings {
            self.progress.emit(Event::Note { text: text.clone() });
        }
        context.put_beside(view::discover::diagnosis(findings, &diagnosis));
        let milliseconds = u64::try_from(findings.elapsed.as_millis()).unwrap_or(u64::MAX);
        failure(DiscoveryError::Nobody { milliseconds, cause: diagnosis.cause })
    }

    fn diagnosis(&self, context: &Context, findings: &Findings) -> Result<Diagnosis, Failure> {
        let port = self.config.cluster.discovery.port;
        let seed = random::<32>().map_err(failure)?;
        let configured = configured(context, self.config)?;
        let probes = context.block_on(async {
            let probes = configured.into_iter().map(|address| probe(address, port, &seed));
            futures_util::future::join_all(probes).await
        });
        let probes = probes.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(diagnose(&findings.ways, &probes, port))
    }
}

/// Resolves once the operator interrupts.
pub(super) async fn interrupted(context: &Context) {
    let mut looks = tokio::time::interval(LOOK);
    while !context.is_interrupted() {
        looks.tick().await;
    }
}

/// The masters that this machine knows of.
fn configured(context: &Context, config: &Config) -> Result<BTreeSet<SocketAddr>, Failure> {
    let mut all = BTreeSet::new();
    if let Some(master) = &config.cluster.master {
        all.insert(resolve(master, config.cluster.port)?);
    }
    all.extend(Membership::load(&context.root).map_err(failure)?.map(|membership| membership.master));
    Ok(all)
}

/// Asks one address by itself, for its API and for an answer.
async fn probe(address: SocketAddr, port: u16, seed: &[u8; 32]) -> Result<Probe, Failure> {
    let unusable = |error| failure(crate::cli::error::CliError::Runtime(error));
    let api = tokio::task::spawn_blocking(move || reach(address, PROBE));
    let answers = answers_at(SocketAddr::new(address.ip(), port), seed, PROBE).await.map_err(unusable)?;
    let api = api.await.map_err(|error| unusable(std::io::Error::other(error)))?;
    Ok(Probe { address, api, answers })
}
