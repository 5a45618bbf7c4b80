//! What an operator would graph of a master.

use crate::model::explain::Code;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The master's metrics.
pub struct Metrics {
    registry: Registry,
    /// Nodes that confirmed their join since the master started.
    pub joined: Counter,
    /// Registrations refused since the master started.
    pub refused: Counter,
    /// Leases that ended without a confirmation since the master started.
    pub expired: Counter,
    /// Looks at leases or the certificate that failed since the master started; each is tried again.
    pub upkeep_failures: Counter,
    /// Members now.
    pub members: Gauge,
    /// The newest generation.
    pub generation: Gauge,
    /// Bytes of snapshots sent since the master started.
    pub snapshot_bytes: Counter,
    /// Ranges of parts of snapshots sent since the master started.
    pub snapshot_ranges: Counter,
    /// Snapshots made since the master started.
    pub snapshot_captures: Counter,
    /// Pulls of snapshots that are going on.
    pub snapshot_pulls: Gauge,
    /// Snapshots that could not be made or read since the master started, by the code of the error.
    snapshot_failures: Family<Vec<(&'static str, String)>, Counter>,
}

impl Metrics {
    /// Registers every metric under `eos_master_`.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("eos_master");
        let metrics = Self {
            joined: Counter::default(),
            refused: Counter::default(),
            expired: Counter::default(),
            upkeep_failures: Counter::default(),
            members: Gauge::default(),
            generation: Gauge::default(),
            snapshot_bytes: Counter::default(),
            snapshot_ranges: Counter::default(),
            snapshot_captures: Counter::default(),
            snapshot_pulls: Gauge::default(),
            snapshot_failures: Family::default(),
            registry: Registry::default(),
        };
        registry.register("nodes_joined", "Nodes that confirmed their join", metrics.joined.clone());
        registry.register(
            "registrations_refused",
            "Registrations that were refused",
            metrics.refused.clone(),
        );
        registry.register(
            "leases_expired",
            "Joins that ended without a confirmation",
            metrics.expired.clone(),
        );
        registry.register(
            "upkeep_failures",
            "Looks at leases or the certificate that failed",
            metrics.upkeep_failures.clone(),
        );
        registry.register("members", "Members of the cluster", metrics.members.clone());
        registry.register("generation", "The newest generation of the plan", metrics.generation.clone());
        metrics.register_snapshots(&mut registry);
        Self { registry, ..metrics }
    }

    fn register_snapshots(&self, registry: &mut Registry) {
        registry.register("snapshot_sent_bytes", "Bytes of snapshots sent", self.snapshot_bytes.clone());
        registry.register("snapshot_sent_ranges", "Ranges of parts sent", self.snapshot_ranges.clone());
        registry.register("snapshot_captures", "Snapshots made", self.snapshot_captures.clone());
        registry.register("snapshot_pulls", "Pulls that are going on", self.snapshot_pulls.clone());
        registry.register(
            "snapshot_failures",
            "Snapshots that could not be made or read, by the code of the error",
            self.snapshot_failures.clone(),
        );
    }

    /// Counts a snapshot that could not be made or read.
    pub fn snapshot_failed(&self, code: Code) {
        self.snapshot_failures.get_or_create(&vec![("code", code.to_string())]).inc();
    }

    /// All metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
