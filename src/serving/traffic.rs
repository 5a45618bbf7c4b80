//! What an operator would graph of the snapshots that a daemon hands out.

use crate::model::explain::Code;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The metrics; every clone counts the same.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// Bytes of parts sent since the daemon started.
    pub bytes: Counter,
    /// Ranges of parts sent since the daemon started.
    pub ranges: Counter,
    /// Milliseconds of all answers with parts, from the request to the last byte; those of several at once add up.
    pub milliseconds: Counter,
    /// Who pulls, times what it pulls.
    pub pulls: Gauge,
    /// Places that are taken.
    pub pullers: Gauge,
    /// Requests that found no place since the daemon started.
    pub turned_away: Counter,
    /// Snapshots that could not be made or read since the daemon started, by the code of the error.
    failures: Family<Vec<(&'static str, String)>, Counter>,
}

impl Traffic {
    /// Registers every metric under `snapshot_`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("snapshot_sent_bytes", "Bytes of snapshots sent", self.bytes.clone());
        registry.register("snapshot_sent_ranges", "Ranges of parts sent", self.ranges.clone());
        let help = "Milliseconds that it took to send them, of all answers added up";
        registry.register("snapshot_sent_milliseconds", help, self.milliseconds.clone());
        registry.register("snapshot_pulls", "Pulls that are going on", self.pulls.clone());
        registry.register("snapshot_pullers", "Places for pullers that are taken", self.pullers.clone());
        registry.register(
            "snapshot_reservations_refused",
            "Requests that found no place",
            self.turned_away.clone(),
        );
        registry.register(
            "snapshot_failures",
            "Snapshots that could not be made or read, by the code of the error",
            self.failures.clone(),
        );
    }

    /// Counts a snapshot that could not be made or read.
    pub fn failed(&self, code: Code) {
        self.failures.get_or_create(&vec![("code", code.to_string())]).inc();
    }
}
