//! What an operator would graph of an agent.

use crate::agent::deeds::Told;
use crate::agent::fullness::Fullness;
use crate::host::root::Root;
use crate::serving::Traffic;
use crate::snapshot::store::Tally;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// The agent's metrics.
#[derive(Default)]
pub struct Metrics {
    /// 1 while the master answers.
    pub connected: Gauge,
    /// The generation that is in force.
    pub generation: Gauge,
    /// Generations applied since the agent started.
    pub applied: Counter,
    /// How long the newest generation took to apply, in seconds.
    pub applied_seconds: Gauge<f64, AtomicU64>,
    /// Rounds that failed since the agent started.
    pub failures: Counter,
    /// Of the snapshots that it hands out.
    pub traffic: Traffic,
    /// Where the storage monitor of this node reports.
    pub watched: Option<Root>,
}

impl Metrics {
    /// Of an agent on this root.
    pub fn of(root: Root) -> Self {
        Self { watched: Some(root), ..Self::default() }
    }

    /// What the storage monitor found last.
    pub fn storage(&self) -> Option<Fullness> {
        self.watched.as_ref().and_then(Fullness::of)
    }

    /// All metrics in the OpenMetrics text format, with what commands did with the node's store, and what the
    /// storage monitor found.
    pub fn encode(&self, tally: Option<Tally>, storage: Option<Fullness>) -> String {
        let mut registry = Registry::with_prefix("eos_agent");
        registry.register("connected", "Whether the master answers", self.connected.clone());
        registry.register("generation", "The generation in force", self.generation.clone());
        registry.register("generations_applied", "Generations applied", self.applied.clone());
        let took = "How long the newest generation took to apply";
        registry.register("generation_seconds", took, self.applied_seconds.clone());
        registry.register("rounds_failed", "Rounds that failed", self.failures.clone());
        self.traffic.register(&mut registry);
        if let Some(tally) = tally {
            registry.register_collector(Box::new(Told(tally)));
        }
        if let Some(storage) = storage {
            registry.register_collector(Box::new(storage));
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a string does not fail");
        text
    }
}
