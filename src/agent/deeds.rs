//! What commands did with this node's store, for the agent's metrics.

use crate::snapshot::store::{Deeds, Tally, WITHIN};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt::Error;

/// The counts as metrics.
#[derive(Debug)]
pub struct Told(pub Tally);

impl Collector for Told {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let tally = &self.0;
        let mut counter = |name: &str, help: &str, value: u64| {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
        };
        counter("snapshot_captures", "Snapshots made", tally.captures.count)?;
        counter("snapshot_received_bytes", "Bytes of snapshots received", tally.received_bytes)?;
        let mut durations = |name: &str, help: &str, deeds: &Deeds| {
            let ends = WITHIN.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = ends.zip(deeds.within).collect();
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
            let seconds = deeds.milliseconds as f64 / 1000.0;
            metric.encode_histogram::<NoLabelSet>(seconds, deeds.count, &buckets, None)
        };
        durations("snapshot_capture_seconds", "How long captures took", &tally.captures)?;
        durations("snapshot_pull_seconds", "How long pulls took", &tally.pulls)?;
        durations("snapshot_restore_seconds", "How long restores took", &tally.restores)?;
        let help = "Captures, pulls and restores that failed, by the code of the error";
        let mut failures =
            encoder.encode_descriptor("snapshot_commands_failed", help, None, MetricType::Counter)?;
        for (code, count) in &tally.failures {
            let labels = [("code", code.as_str())];
            failures.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
        }
        Ok(())
    }
}
