//! What a node tells the master of itself: its agent with each poll, and the join with its confirmation.

use crate::host::clock;
use crate::host::files::{self, FileError};
use crate::host::mounts;
use crate::host::paths;
use crate::host::root::Root;
use crate::model::digest::Digest;
use crate::model::explain::Failure;
use crate::storage::status::MonitorStatus;
use crate::storage::verdict::{self, Health};
use crate::wire::member::Report;
use crate::wire::version::VERSION;
use jiff::Timestamp;

/// This node's storage monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// Whether it is alive and runs with what is configured.
    pub health: Health,
    /// What it found last; none when it has not run, or its status cannot be understood, which the
    /// health then tells.
    pub status: Option<MonitorStatus>,
}

impl Monitor {
    /// What is wrong with it, if something is.
    pub fn complaint(&self) -> Option<String> {
        match &self.health {
            Health::Healthy => None,
            Health::Unhealthy { why } => Some(why.clone()),
        }
    }
}

/// Judges this node's storage monitor by what it reported last.
///
/// # Errors
/// When its status or the configuration cannot be read.
pub fn monitor(root: &Root, now: Timestamp) -> Result<Monitor, FileError> {
    let status = files::read_optional(&root.join(paths::MONITOR_STATUS))?;
    let configured = files::read_optional(&root.join(paths::STORAGE_OPS))?;
    let digest = configured.map(|bytes| Digest::of(&bytes));
    Ok(Monitor {
        health: verdict::health(status.as_deref(), digest, now),
        status: status.and_then(|bytes| MonitorStatus::parse(&bytes).ok()),
    })
}

/// The most letters of one text of a failure, and the most causes and hints.
const TEXT: usize = 400;
const TEXTS: usize = 4;

/// Gathers the report; what cannot be read is told as the monitor's complaint.
pub fn gather(root: &Root, boot_id: Option<&str>, failure: Option<&Failure>) -> Report {
    let (monitor, level) = match monitor(root, clock::timestamp()) {
        Ok(monitor) => (monitor.complaint(), monitor.status.as_ref().and_then(fullest)),
        Err(error) => (Some(error.to_string()), None),
    };
    Report {
        version: VERSION.to_owned(),
        monitor,
        storage_level: level,
        failure: failure.map(shortened),
        failed_generation: None,
        boot_id: boot_id.map(str::to_owned),
        life: None,
        address: None,
        snapshot_pullers: None,
        disk_free_bytes: mounts::sample(&root.join(paths::STATE)).ok().map(|sample| sample.available),
    }
}

/// The failure in a length that a report may have: what failed may quote a program's output.
pub fn shortened(failure: &Failure) -> Failure {
    let short = |text: &String| text.chars().take(TEXT).collect::<String>();
    Failure {
        code: failure.code.clone(),
        message: short(&failure.message),
        causes: failure.causes.iter().take(TEXTS).map(short).collect(),
        hints: failure.hints.iter().take(TEXTS).map(short).collect(),
        exit: failure.exit,
    }
}

fn fullest(status: &MonitorStatus) -> Option<String> {
    let mount = status.mounts.iter().max_by(|left, right| left.percent.total_cmp(&right.percent))?;
    Some(format!("{} ({:.0} %)", mount.level.name(), mount.percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_a_failure_that_quotes_a_megabyte_is_short_enough_for_the_master() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let long = || "ä".repeat(1 << 20);
        let failure = Failure {
            code: "EOS-S001".to_owned(),
            message: long(),
            causes: vec![long(); 50],
            hints: vec![long(); 50],
            exit: 1,
        };
        let report = gather(&Root::new(folder.path())?, None, Some(&failure));
        assert!(serde_json::to_vec(&report)?.len() < 12 * 1024);
        Ok(())
    }
}
