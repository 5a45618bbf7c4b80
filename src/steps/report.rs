//! What a node tells the master of itself: its agent with each poll, and the join with its confirmation.

use crate::host::clock;
use crate::host::files;
use crate::host::mounts;
use crate::host::paths;
use crate::host::root::Root;
use crate::model::digest::Digest;
use crate::model::explain::Failure;
use crate::storage::status::MonitorStatus;
use crate::storage::verdict::{self, Health};
use crate::wire::member::Report;
use crate::wire::version::VERSION;

/// The most letters of one text of a failure, and the most causes and hints.
const TEXT: usize = 400;
const TEXTS: usize = 4;

/// Gathers the report; what cannot be read is told as the monitor's complaint.
pub fn gather(root: &Root, boot_id: Option<&str>, failure: Option<&Failure>) -> Report {
    let status = files::read_optional(&root.join(paths::MONITOR_STATUS));
    let configured = files::read_optional(&root.join(paths::STORAGE_OPS));
    let (monitor, level) = match (status, configured) {
        (Ok(status), Ok(configured)) => {
            let digest = configured.map(|bytes| Digest::of(&bytes));
            let complaint = match verdict::health(status.as_deref(), digest, clock::timestamp()) {
                Health::Healthy => None,
                Health::Unhealthy { why } => Some(why),
            };
            (complaint, status.as_deref().and_then(fullest))
        }
        (Err(error), _) | (_, Err(error)) => (Some(error.to_string()), None),
    };
    Report {
        version: VERSION.to_owned(),
        monitor,
        storage_level: level,
        failure: failure.map(shortened),
        boot_id: boot_id.map(str::to_owned),
        disk_free_bytes: mounts::sample(&root.join(paths::STATE)).ok().map(|sample| sample.available),
    }
}

/// The failure in a length that a report may have: what failed may quote a program's output.
fn shortened(failure: &Failure) -> Failure {
    let short = |text: &String| text.chars().take(TEXT).collect::<String>();
    Failure {
        code: failure.code.clone(),
        message: short(&failure.message),
        causes: failure.causes.iter().take(TEXTS).map(short).collect(),
        hints: failure.hints.iter().take(TEXTS).map(short).collect(),
        exit: failure.exit,
    }
}

fn fullest(status: &[u8]) -> Option<String> {
    let status = MonitorStatus::parse(status).ok()?;
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
