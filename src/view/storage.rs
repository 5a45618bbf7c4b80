//! `eos storage status|cleanup`: how full the mounts are, and what was done about it.

use crate::agent::monitor::{Cleaned, StorageReport};
use crate::storage::Health;
use crate::storage::config::Mode;
use crate::storage::status::{ActionRecord, MountStatus, Outcome};
use crate::view::Output;
use crate::view::paragraph::clean;
use crate::view::style::{Tone, paint};
use crate::view::table::table;
use crate::view::units::{bytes, coarse, plural};
use crate::view::verdict::failure_text;

/// How many of the monitor's last actions are shown.
const SHOWN_ACTIONS: usize = 5;

/// How storage stands on this node: the monitor's health, the mounts, its last actions, its problems.
pub fn text(output: &Output, report: &StorageReport) -> String {
    let mode = if report.config.mode == Mode::Act { "acts" } else { "observes only" };
    let mut text = match &report.health {
        Health::Healthy => format!("{}: the storage monitor {mode}\n", paint(output.color, Tone::Good, "OK")),
        Health::Unhealthy { why } => {
            format!("{}: {}\n", paint(output.color, Tone::Warning, "WARNING"), clean(why))
        }
    };
    text.push_str(&mounts(output, report));
    let actions = report.monitor.iter().flat_map(|monitor| monitor.actions.iter().rev());
    let rows: Vec<[String; 6]> = actions.take(SHOWN_ACTIONS).map(action).collect();
    if !rows.is_empty() {
        let header = ["ACTION", "MOUNT", "AT", "OUTCOME", "FILES", "FREED"];
        text.push_str(&format!("\n{}", table(output.width, header, &rows)));
    }
    let seen = report.monitor.iter().flat_map(|monitor| &monitor.problems);
    for problem in report.problems.iter().chain(seen) {
        text.push_str(&failure_text(output.color, problem));
    }
    text
}

/// What a cleanup by hand did in each directory, or would do.
pub fn cleaned(output: &Output, cleaned: &[Cleaned], dry_run: bool) -> String {
    if cleaned.is_empty() {
        return "nothing is configured to be cleaned at this level\n".to_owned();
    }
    let (mut text, mut files, mut freed) = (String::new(), 0, 0);
    let rows: Vec<[String; 5]> = cleaned.iter().filter_map(swept).collect();
    if !rows.is_empty() {
        text.push_str(&table(output.width, ["DIRECTORY", "ACTION", "FILES", "FREED", "LEFT ALONE"], &rows));
    }
    for part in cleaned {
        if let Some(report) = &part.report {
            (files, freed) = (files + report.files, freed + report.bytes);
        }
        if let Some(failure) = &part.failure {
            text.push_str(&failure_text(output.color, failure));
        }
    }
    let (verb, count) =
        (if dry_run { "would free" } else { "freed" }, usize::try_from(files).unwrap_or(usize::MAX));
    text.push_str(&format!("{verb} {} in {files} {}\n", bytes(freed), plural(count, "file", "files")));
    text
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
            let remembered = report.monitor.iter().flat_map(|monitor| &monitor.mounts);
            let remembered = remembered.filter(|status| status.path == mount.path).next_back();
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
