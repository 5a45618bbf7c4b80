//! How full the mounts of this node are and what was done about it, as its storage monitor says, for the agent's
//! metrics.

use crate::agent::monitor;
use crate::host::root::Root;
use crate::storage::config::Mode;
use crate::storage::status::{MonitorStatus, MountStatus, Total};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt::Error;

/// What is told of storage.
#[derive(Debug)]
pub struct Fullness {
    healthy: bool,
    status: Option<MonitorStatus>,
    stopped: usize,
}

impl Fullness {
    /// As it stands on this root; nothing on a node without storage operations.
    pub fn of(root: &Root) -> Option<Self> {
        let report = monitor::status(root).ok()?;
        let healthy = report.health.is_healthy();
        Some(Self { healthy, status: report.monitor, stopped: report.stopped.len() })
    }

    fn of_mounts(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut family = |name: &str, help: &str, values: &Values<'_>| {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for mount in self.status.iter().flat_map(|status| &status.mounts) {
                let path = mount.path.to_string_lossy();
                for (kind, value) in values(mount) {
                    let mut labels = vec![("mount", path.as_ref())];
                    labels.extend(kind.map(|kind| ("of", kind)));
                    let labels = labels.as_slice();
                    ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
                }
            }
            Ok::<(), Error>(())
        };
        family("storage_used_percent", "Percent of a mount in use, of bytes and of inodes", &|mount| {
            vec![(Some("bytes"), mount.bytes_percent), (Some("inodes"), mount.inodes_percent)]
        })?;
        family("storage_used", "Bytes and inodes of a mount in use", &|mount| {
            vec![(Some("bytes"), mount.used as f64), (Some("inodes"), mount.inodes_used as f64)]
        })?;
        family("storage_level", "The level of a mount, from 0 (normal) to 6 (critical)", &|mount| {
            vec![(None, f64::from(mount.level as u8))]
        })?;
        family("storage_time_to_full_seconds", "When a mount will be full at its growth", &|mount| {
            mount.time_to_full_seconds.map(|left| (None, left as f64)).into_iter().collect()
        })
    }

    fn of_actions(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let totals = || self.status.iter().flat_map(|status| &status.totals);
        let help = "Actions of the storage monitor, by what came of them";
        let mut counter = encoder.encode_descriptor("storage_actions", help, None, MetricType::Counter)?;
        for (action, Total { done, failed, planned, .. }) in totals() {
            for (outcome, count) in [("done", done), ("failed", failed), ("planned", planned)] {
                let labels = [("action", action.name()), ("outcome", outcome)];
                counter.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
            }
        }
        let help = "Bytes that actions of the storage monitor freed";
        let mut counter =
            encoder.encode_descriptor("storage_freed_bytes", help, None, MetricType::Counter)?;
        for (action, total) in totals() {
            let labels = [("action", action.name())];
            counter.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&total.bytes, None)?;
        }
        let help = "Files that actions of the storage monitor compressed or deleted";
        let mut counter = encoder.encode_descriptor("storage_files", help, None, MetricType::Counter)?;
        for (action, total) in totals() {
            let labels = [("action", action.name())];
            counter.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&total.files, None)?;
        }
        Ok(())
    }
}

type Values<'a> = dyn Fn(&MountStatus) -> Vec<(Option<&'static str>, f64)> + 'a;

impl Collector for Fullness {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let status = self.status.as_ref();
        let mut gauge = |name: &str, help: &str, value: i64| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        let acts = status.is_some_and(|status| status.mode == Mode::Act);
        gauge(
            "storage_monitor_healthy",
            "Whether the storage monitor lives and is up to date",
            self.healthy.into(),
        )?;
        gauge("storage_monitor_acts", "Whether the storage monitor acts, or observes only", acts.into())?;
        let problems = status.map_or(0, |status| status.problems.len());
        gauge("storage_problems", "What the storage monitor complains of", problems as i64)?;
        gauge(
            "storage_services_stopped",
            "Services that are stopped until there is room",
            self.stopped as i64,
        )?;
        let refused = status.is_some_and(|status| status.snapshots_refused);
        gauge("storage_snapshots_refused", "Whether new snapshots are refused", refused.into())?;
        self.of_mounts(&mut encoder)?;
        self.of_actions(&mut encoder)
    }
}

#[cfg(test)]
mod tests {
    use crate::agent::metrics::Metrics;
    use crate::host::root::Root;
    use std::fs;

    const CONFIG: &str = include_str!("../../tests/fixtures/v1/storage-ops/single.yaml");
    const STATUS: &str = include_str!("../../tests/fixtures/v1/storage-ops/monitor-status.json");

    #[test]
    fn how_full_the_mounts_are_and_what_was_done_is_told_as_metrics() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let metrics = Metrics::of(Root::new(folder.path())?);
        assert!(metrics.storage().is_none(), "nothing is configured");
        fs::create_dir_all(folder.path().join("etc/eos"))?;
        fs::create_dir_all(folder.path().join("run/eos"))?;
        fs::write(folder.path().join("etc/eos/storage-ops.yaml"), CONFIG)?;
        let totals = r#""totals": {"compress-logs": {"done": 3, "failed": 1, "planned": 0, "files": 9, "bytes": 4096}},"#;
        let status = STATUS.replacen("\"snapshots_refused\"", &format!("{totals} \"snapshots_refused\""), 1);
        fs::write(folder.path().join("run/eos/storage-monitor.json"), status)?;
        let text = metrics.encode(None, metrics.storage());
        for line in [
            "eos_agent_storage_monitor_healthy 0",
            "eos_agent_storage_monitor_acts 0",
            "eos_agent_storage_snapshots_refused 0",
            "eos_agent_storage_used_percent{mount=\"/\",of=\"bytes\"} 71.5",
            "eos_agent_storage_used_percent{mount=\"/\",of=\"inodes\"} 3.1",
            "eos_agent_storage_used{mount=\"/\",of=\"bytes\"} 715000.0",
            "eos_agent_storage_level{mount=\"/\"} 2.0",
            "eos_agent_storage_time_to_full_seconds{mount=\"/\"} 22800.0",
            "eos_agent_storage_actions_total{action=\"compress-logs\",outcome=\"done\"} 3",
            "eos_agent_storage_actions_total{action=\"compress-logs\",outcome=\"failed\"} 1",
            "eos_agent_storage_freed_bytes_total{action=\"compress-logs\"} 4096",
            "eos_agent_storage_files_total{action=\"compress-logs\"} 9",
        ] {
            assert!(text.lines().any(|there| there == line), "no {line} in\n{text}");
        }
        Ok(())
    }
}
