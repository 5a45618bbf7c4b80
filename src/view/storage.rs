//! `eos storage status|cleanup`: how full the mounts are, and what was done about it.

use crate::agent::monitor::{Cleaned, StorageReport};
use crate::storage::Health;
use crate::storage::config::Mode;
use crate::storage::status::{ActionRecord, MountStatus, Outcome};
use crate::view::Output;
use crate::view::paragraph::clean;
use crate::view::style::{Tone, paint};
use crate::view::table::table;
use crate::view::units::{bytes, coarse};
use crate::view::verdict::failure_text;

/// How many of the monitor's last actions are shown.
const SHOWN_ACTIONS: usize = 5;

/// How storage stands on this node: the monitor's health, the mounts, its last actions, its problems.
pub fn text(output: &Output, report: &StorageReport) -> String {
    let mut sections = vec![health(output, report), mounts(output, report)];
    let actions = report.monitor.iter().flat_map(|monitor| monitor.actions.iter().rev());
    let rows: Vec<[String; 6]> = actions.take(SHOWN_ACTIONS).map(action).collect();
    if !rows.is_empty() {
        let header = ["ACTION", "MOUNT", "AT", "OUTCOME", "FILES", "FREED"];
        sections.push(table(output.width, header, &rows));
    }
    let seen = report.monitor.iter().flat_map(|monitor| &monitor.problems);
    let problems = report.problems.iter().chain(seen);
    sections.extend(problems.map(|problem| failure_text(output.color, &output.rooted_failure(problem))));
    sections.join("\n")
}

fn health(output: &Output, report: &StorageReport) -> String {
    match &report.health {
        Health::Healthy => {
            let mode = if report.config.mode == Mode::Act { "acts" } else { "observes only" };
            format!("{}: the storage monitor {mode}\n", paint(output.color, Tone::Good, "OK"))
        }
        Health::Unhealthy { why } => {
            format!("{}: {}\n", paint(output.color, Tone::Warning, "WARNING"), clean(why))
        }
    }
}

/// What a cleanup by hand did in each directory, or would do.
pub fn cleaned(output: &Output, cleaned: &[Cleaned], dry_run: bool) -> String {
    if cleaned.is_empty() {
        return "nothing is configured to be cleaned at this level\n".to_owned();
    }
    let rows: Vec<[String; 5]> = cleaned.iter().filter_map(swept).collect();
    let mut sections = Vec::new();
    if !rows.is_empty() {
        sections.push(table(output.width, ["DIRECTORY", "ACTION", "FILES", "FREED", "LEFT ALONE"], &rows));
    }
    let failures = cleaned.iter().filter_map(|part| part.failure.as_ref());
    sections.extend(failures.map(|failure| failure_text(output.color, &output.rooted_failure(failure))));
    let reports = || cleaned.iter().filter_map(|part| part.report.as_ref());
    let files: u64 = reports().map(|report| report.files).sum();
    let freed: u64 = reports().map(|report| report.bytes).sum();
    let verb = if dry_run { "would free" } else { "freed" };
    let noun = if files == 1 { "file" } else { "files" };
    sections.push(format!("{verb} {} in {files} {noun}\n", bytes(freed)));
    sections.join("\n")
}

fn swept(part: &Cleaned) -> Option<[String; 5]> {
    let report = part.report.as_ref()?;
    Some([
        part.directory.display().to_string(),
        part.action.name().to_owned(),
        report.files.to_string(),
        bytes(report.bytes),
        report.kept_count().to_string(),
    ])
}

fn mounts(output: &Output, report: &StorageReport) -> String {
    let rows: Vec<[String; 5]> = report
        .mounts
        .iter()
        .map(|mount| {
            let mut remembered = report.monitor.iter().flat_map(|monitor| &monitor.mounts);
            let remembered = remembered.find(|status| status.path == mount.path);
            [
                mount.path.display().to_string(),
                mount.level.to_string(),
                format!("{:.1} %", mount.percent),
                format!("{} of {}", bytes(mount.used), bytes(mount.total)),
                remembered.map_or("-".to_owned(), full_in),
            ]
        })
        .collect();
    table(output.width, ["MOUNT", "LEVEL", "FULL", "USED", "FULL IN"], &rows)
}

fn full_in(mount: &MountStatus) -> String {
    mount.time_to_full_seconds.map_or("-".to_owned(), |seconds| coarse(seconds.saturating_mul(1000)))
}

fn action(record: &ActionRecord) -> [String; 6] {
    let outcome = match record.outcome {
        Outcome::Planned => "planned",
        Outcome::Done => "done",
        Outcome::Unfinished => "unfinished",
        Outcome::Failed => "failed",
    };
    [
        record.action.name().to_owned(),
        record.mount.display().to_string(),
        format!("{:.0}", record.at),
        outcome.to_owned(),
        record.files.to_string(),
        bytes(record.bytes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::monitor;
    use crate::host::root::Root;
    use crate::host::sweep::Report;
    use crate::storage::MonitorStatus;
    use crate::storage::config::Action;
    use crate::storage::level::Level;
    use crate::view::samples;
    use std::path::PathBuf;

    const CONFIG: &str = include_str!("../../tests/fixtures/v1/storage-ops/single.yaml");
    const STATUS: &[u8] = include_bytes!("../../tests/fixtures/v1/storage-ops/monitor-status.json");

    /// A report of a real root, with figures that stay the same.
    fn report() -> anyhow::Result<StorageReport> {
        let directory = tempfile::tempdir()?;
        std::fs::create_dir_all(directory.path().join("etc/eos"))?;
        std::fs::write(directory.path().join("etc/eos/storage-ops.yaml"), CONFIG)?;
        let mut report = monitor::status(&Root::new(directory.path())?)?;
        for mount in &mut report.mounts {
            (mount.level, mount.percent) = (Level::Compress, 71.5);
            (mount.used, mount.total) = (715 << 20, 1000 << 20);
        }
        report.monitor = Some(MonitorStatus::parse(STATUS)?);
        report.health = Health::Healthy;
        Ok(report)
    }

    #[test]
    fn storage_is_health_mounts_and_last_actions() -> anyhow::Result<()> {
        assert_eq!(
            text(&Output::plain(80), &report()?),
            "\
OK: the storage monitor observes only

MOUNT  LEVEL     FULL    USED                     FULL IN
/      compress  71.5 %  715.0 MiB of 1000.0 MiB  6 h

ACTION         MOUNT  AT                    OUTCOME  FILES  FREED
compress-logs  /      2026-01-02T03:00:05Z  planned  0      0 B
"
        );
        Ok(())
    }

    #[test]
    fn a_monitor_that_does_not_run_is_said_first_and_problems_last() -> anyhow::Result<()> {
        let mut report = report()?;
        report.health = Health::Unhealthy { why: "the storage monitor has not reported yet".to_owned() };
        report.monitor = None;
        report.problems = vec![samples::failure()];
        assert_eq!(
            text(&Output::plain(40), &report),
            "\
WARNING: the storage monitor has not reported yet

/
  level    compress
  full     71.5 %
  used     715.0 MiB of 1000.0 MiB
  full in  -

error[EOS-J012]: the master 10.0.0.1:7700 did not answer within 10 s
  caused by: the connection was refused
  caused by: os error 111
hint: see whether it runs: systemctl status eos-master
"
        );
        Ok(())
    }

    #[test]
    fn a_cleanup_is_summed_up() {
        let swept = Cleaned {
            action: Action::CompressLogs,
            directory: PathBuf::from("/var/log"),
            report: Some(Report { files: 3, bytes: 5 << 20, ..Report::default() }),
            failure: None,
        };
        let failed = Cleaned {
            action: Action::DeleteExpendable,
            directory: PathBuf::from("/var/cache/eos"),
            report: None,
            failure: Some(samples::failure()),
        };
        let text = cleaned(&Output::plain(80), &[swept, failed], true);
        assert_eq!(
            text,
            "\
DIRECTORY  ACTION         FILES  FREED    LEFT ALONE
/var/log   compress-logs  3      5.0 MiB  0

error[EOS-J012]: the master 10.0.0.1:7700 did not answer within 10 s
  caused by: the connection was refused
  caused by: os error 111
hint: see whether it runs: systemctl status eos-master

would free 5.0 MiB in 3 files
"
        );
        assert_eq!(
            cleaned(&Output::plain(80), &[], false),
            "nothing is configured to be cleaned at this level\n"
        );
    }
}
