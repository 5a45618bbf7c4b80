//! `eos storage status`: how full the mounts are, and what was done about it.

use crate::agent::monitor::{MountNow, StorageReport};
use crate::storage::Health;
use crate::storage::config::Mode;
use crate::storage::status::{ActionRecord, MountStatus, Outcome};
use crate::view::Output;
use crate::view::paragraph::clean;
use crate::view::style::{Tone, paint};
use crate::view::table::{fields, table};
use crate::view::units::{bytes, coarse};
use crate::view::verdict::failure_text;

/// How many of the monitor's last actions are shown.
const SHOWN_ACTIONS: usize = 5;

/// How storage stands on this node: the monitor's health, the mounts, its last actions, its problems.
pub fn text(output: &Output, report: &StorageReport) -> String {
    let mut sections = vec![health(output, report), mounts(output, report)];
    sections.extend(effects(output, report));
    let actions =
        || report.monitor.iter().flat_map(|monitor| monitor.actions.iter().rev()).take(SHOWN_ACTIONS);
    let rows: Vec<[String; 6]> = actions().map(action).collect();
    if !rows.is_empty() {
        let header = ["ACTION", "MOUNT", "AT", "OUTCOME", "FILES", "FREED"];
        sections.push(table(output.width, header, &rows));
    }
    let failed = actions().filter_map(|record| record.failure.as_ref());
    sections.extend(failed.map(|failure| failure_text(output.color, &output.rooted_failure(failure))));
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

fn mounts(output: &Output, report: &StorageReport) -> String {
    let rows: Vec<[String; 6]> = report
        .mounts
        .iter()
        .map(|mount| {
            let mut remembered = report.monitor.iter().flat_map(|monitor| &monitor.mounts);
            let remembered = remembered.find(|status| status.path == mount.path);
            [
                mount.path.display().to_string(),
                // The monitor leaves a level below its threshold only, which one look does not know.
                remembered.map_or(mount.level, |status| status.level.max(mount.level)).to_string(),
                format!("{:.1} % of {}", mount.percent, mount.decided_by.name()),
                format!("{} of {}", bytes(mount.used), bytes(mount.total)),
                inodes(mount),
                remembered.map_or("-".to_owned(), full_in),
            ]
        })
        .collect();
    table(output.width, ["MOUNT", "LEVEL", "FULL", "USED", "INODES", "FULL IN"], &rows)
}

/// Percent of the inodes, where a file system has a fixed number of them.
fn inodes(mount: &MountNow) -> String {
    if mount.inodes_total == 0 { "-".to_owned() } else { format!("{:.1} %", mount.inodes_percent) }
}

/// What lasts as long as a level does.
fn effects(output: &Output, report: &StorageReport) -> Option<String> {
    let mut rows = Vec::new();
    if !report.stopped.is_empty() {
        let names: Vec<&str> = report.stopped.iter().map(|service| service.name.as_str()).collect();
        rows.push(("stopped", format!("{}, until there is room again", names.join(", "))));
    }
    if report.monitor.as_ref().is_some_and(|monitor| monitor.snapshots_refused) {
        rows.push(("refused", "new snapshots, until there is room again".to_owned()));
    }
    (!rows.is_empty()).then(|| fields(output.width, &rows))
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
    let did = record.detail.as_ref().map_or(String::new(), |detail| format!(" ({detail})"));
    [
        format!("{}{did}", record.action.name()),
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
    use crate::storage::MonitorStatus;
    use crate::storage::errand::Halted;
    use crate::storage::growth::Resource;
    use crate::storage::level::Level;
    use crate::view::samples;

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
            (mount.decided_by, mount.inodes_total, mount.inodes_percent) = (Resource::Bytes, 1000, 3.1);
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

MOUNT  LEVEL     FULL             USED                     INODES  FULL IN
/      compress  71.5 % of bytes  715.0 MiB of 1000.0 MiB  3.1 %   6 h

ACTION         MOUNT  AT                    OUTCOME  FILES  FREED
compress-logs  /      2026-01-02T03:00:05Z  planned  0      0 B
"
        );
        Ok(())
    }

    #[test]
    fn what_lasts_is_said_and_so_is_what_failed() -> anyhow::Result<()> {
        let mut report = report()?;
        let at = report.monitor.as_ref().map_or(jiff::Timestamp::UNIX_EPOCH, |monitor| monitor.at);
        let halted = |name: &str| Halted { name: name.to_owned(), ran: true, at };
        report.stopped = vec![halted("nginx"), halted("batch")];
        let monitor = report.monitor.as_mut().expect("a status");
        monitor.snapshots_refused = true;
        monitor.actions[0].detail = Some("stopped: \u{1b}[2Jnginx".to_owned());
        monitor.actions[0].failure = Some(samples::failure());
        let text = text(&Output::plain(120), &report);
        for line in [
            "stopped  nginx, batch, until there is room again",
            "refused  new snapshots, until there is room again",
            "error[EOS-J012]: the master 10.0.0.1:7700 did not answer within 10 s",
        ] {
            assert!(text.lines().any(|there| there == line), "no {line} in\n{text}");
        }
        assert!(text.contains("compress-logs (stopped: ") && !text.contains('\u{1b}'), "{text}");
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
  full     71.5 % of bytes
  used     715.0 MiB of 1000.0 MiB
  inodes   3.1 %
  full in  -

error[EOS-J012]: the master 10.0.0.1:7700 did not answer within 10 s
  caused by: the connection was refused
  caused by: os error 111
hint: see whether it runs: systemctl status eos-master
"
        );
        Ok(())
    }
}
