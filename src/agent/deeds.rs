//! What commands did on this node, as its store counted it, for the agent's metrics.

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
        let Tally { captures, pulls, restores, applying_milliseconds, .. } = &self.0;
        let mut counter = |name: &str, help: &str, value: u64| {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
        };
        let made = captures.deeds.count.saturating_sub(captures.unchanged);
        counter("snapshot_captures", "Snapshots made of sources", made)?;
        let help = "Captures that found nothing changed";
        counter("snapshot_captures_unchanged", help, captures.unchanged)?;
        counter("snapshot_capture_read_bytes", "Bytes read from files by captures", captures.read_bytes)?;
        let help = "Bytes that captures borrowed from earlier snapshots";
        counter("snapshot_capture_borrowed_bytes", help, captures.borrowed_bytes)?;
        let help = "Bytes of parts written by captures";
        counter("snapshot_capture_stored_bytes", help, captures.stored_bytes)?;
        counter("snapshot_pull_received_bytes", "Bytes received by pulls", pulls.received_bytes)?;
        counter("snapshot_restore_received_bytes", "Bytes received by restores", restores.received_bytes)?;
        counter(
            "snapshot_capture_excluded",
            "Entries that patterns left out of captures",
            captures.excluded,
        )?;
        let help = "Milliseconds for which the hooks around captures held writers off";
        counter("snapshot_capture_paused_milliseconds", help, captures.paused_milliseconds)?;
        let help = "Milliseconds that it took to put restored snapshots in place, without their transfer";
        counter("snapshot_restore_applying_milliseconds", help, *applying_milliseconds)?;
        for (command, deeds) in self.0.commands() {
            durations(&mut encoder, command, deeds)?;
        }
        self.failures(&mut encoder)
    }
}

impl Told {
    fn failures(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Captures, pulls and restores that failed, by the code of the error";
        let mut failures =
            encoder.encode_descriptor("snapshot_commands_failed", help, None, MetricType::Counter)?;
        for (command, deeds) in self.0.commands() {
            for (code, count) in &deeds.failures {
                let labels = [("command", command), ("code", code.as_str())];
                failures.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
            }
        }
        Ok(())
    }
}

/// How long a command took each time that it ended well.
fn durations(encoder: &mut DescriptorEncoder<'_>, command: &str, deeds: &Deeds) -> Result<(), Error> {
    let ends = WITHIN.into_iter().chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = ends.zip(deeds.within).collect();
    let (name, help) = (format!("snapshot_{command}_seconds"), format!("How long each {command} took"));
    let mut metric = encoder.encode_descriptor(&name, &help, None, MetricType::Histogram)?;
    let seconds = deeds.milliseconds as f64 / 1000.0;
    metric.encode_histogram::<NoLabelSet>(seconds, deeds.count, &buckets, None)
}
