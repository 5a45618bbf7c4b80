//! What an operator would graph of an agent.

use crate::agent::deeds::Told;
use crate::host::root::Root;
use crate::serving::Traffic;
use crate::snapshot::create::Counters;
use crate::snapshot::restore::{self, Statistics};
use crate::snapshot::store::Tally;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the processes counted that restored.
fn register_restores(registry: &mut Registry, restores: &Statistics) {
    registry.register("restores", "Restores that stayed", counted(restores.restored));
    let time = "From their first hook to their commit, in milliseconds";
    registry.register("restore_milliseconds", time, counted(restores.milliseconds));
    let received = "Bytes received for restores that stayed";
    registry.register("restore_received_bytes", received, counted(restores.received_bytes));
    let failures: Family<Vec<(&'static str, String)>, Counter> = Family::default();
    for (code, count) in &restores.failures {
        failures.get_or_create(&vec![("code", code.clone())]).inc_by(*count);
    }
    registry.register("restore_failures", "Restores that did not stay, by the code of the error", failures);
}

fn counted(value: u64) -> Counter {
    let counter = Counter::default();
    counter.inc_by(value);
    counter
}

/// The agent's metrics.
#[derive(Default)]
pub struct Metrics {
    /// 1 while the master answers.
    pub connected: Gauge,
    /// The generation that is in force.
    pub generation: Gauge,
    /// Generations applied since the agent started.
    pub applied: Counter,
    /// Rounds that failed since the agent started.
    pub failures: Counter,
    /// Interrupted restores that were dealt with when the agent started, by what became of them.
    recovered: Family<Vec<(&'static str, &'static str)>, Counter>,
    /// Of the snapshots that it hands out.
    pub traffic: Traffic,
    /// Where captures and restores are counted, which are processes of their own.
    root: Option<Root>,
}

impl Metrics {
    /// With what the captures and restores of this node did.
    pub fn of(root: &Root) -> Self {
        Self { root: Some(root.clone()), ..Self::default() }
    }

    /// All metrics in the OpenMetrics text format, with what commands did with the node's store.
    pub fn encode(&self, tally: Option<Tally>) -> String {
        let mut registry = Registry::with_prefix("eos_agent");
        registry.register("connected", "Whether the master answers", self.connected.clone());
        registry.register("generation", "The generation in force", self.generation.clone());
        registry.register("generations_applied", "Generations applied", self.applied.clone());
        registry.register("rounds_failed", "Rounds that failed", self.failures.clone());
        registry.register(
            "restores_recovered",
            "Interrupted restores dealt with, by what became of them",
            self.recovered.clone(),
        );
        match self.root.as_ref().map(restore::statistics) {
            Some(Ok(restores)) => register_restores(&mut registry, &restores),
            Some(Err(error)) => tracing::warn!(%error, "the count of restores is left out"),
            None => {}
        }
        self.traffic.register(&mut registry);
        self.captures(&mut registry);
        if let Some(tally) = tally {
            registry.register_collector(Box::new(Told(tally)));
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a string does not fail");
        text
    }

    fn captures(&self, registry: &mut Registry) {
        let counters = self.root.as_ref().map(Counters::load).transpose().unwrap_or_else(|error| {
            tracing::warn!(%error, "the counters of captures cannot be read");
            None
        });
        let Some(counters) = counters else { return };
        let sums = [
            ("snapshot_captures", "Snapshots that were made of sources", counters.captures),
            ("snapshot_captures_unchanged", "Captures that found nothing changed", counters.unchanged),
            ("snapshot_capture_read_bytes", "Bytes read from files by captures", counters.read_bytes),
            (
                "snapshot_capture_borrowed_bytes",
                "Bytes borrowed from earlier snapshots",
                counters.borrowed_bytes,
            ),
            ("snapshot_capture_stored_bytes", "Bytes of parts written by captures", counters.stored_bytes),
        ];
        for (name, help, value) in sums {
            registry.register(name, help, counted(value));
        }
        let failures: Family<Vec<(String, String)>, Counter> = Family::default();
        for (code, count) in counters.failures {
            failures.get_or_create(&vec![("code".to_owned(), code)]).inc_by(count);
        }
        registry.register("snapshot_capture_failures", "Captures that failed", failures);
    }

    /// Counts an interrupted restore that was dealt with.
    pub fn restore_recovered(&self, outcome: &'static str) {
        self.recovered.get_or_create(&vec![("outcome", outcome)]).inc();
    }
}
