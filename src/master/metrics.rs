//! What an operator would graph of a master.

use crate::discovery::respond::Counts;
use crate::serving::Traffic;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
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
    /// Snapshots made since the master started.
    pub snapshot_captures: Counter,
    /// Nodes of which copies were found since the master started.
    pub copied: Counter,
    /// Rivals on the network now.
    pub rivals: Gauge,
    /// What was asked and answered of discovery since the master started.
    pub discovery: Counts,
}

impl Metrics {
    /// Registers every metric under `eos_master_`, with those of the snapshots that it hands out.
    pub fn new(traffic: &Traffic) -> Self {
        let mut registry = Registry::with_prefix("eos_master");
        let metrics = Self {
            joined: Counter::default(),
            refused: Counter::default(),
            expired: Counter::default(),
            upkeep_failures: Counter::default(),
            members: Gauge::default(),
            generation: Gauge::default(),
            snapshot_captures: Counter::default(),
            copied: Counter::default(),
            rivals: Gauge::default(),
            discovery: Counts::default(),
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
        registry.register("snapshot_captures", "Snapshots made", metrics.snapshot_captures.clone());
        registry.register("nodes_copied", "Nodes as which two machines spoke", metrics.copied.clone());
        registry.register(
            "discovery_rivals",
            "Clusters of this one's name, and second masters of it, on the network",
            metrics.rivals.clone(),
        );
        metrics.discovery.register(&mut registry);
        traffic.register(&mut registry);
        Self { registry, ..metrics }
    }

    /// All metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}
