//! `eos storage cleanup`: each file that was or would be taken, and what that frees.

use crate::agent::monitor::{Cleaned, Cleanup};
use crate::view::Output;
use crate::view::paragraph::clean;
use crate::view::table::table;
use crate::view::units::bytes;
use crate::view::verdict::failure_text;

/// What a cleanup by hand did, or would do: every file with its bytes, then the sum of each directory.
pub fn text(output: &Output, done: &Cleanup, dry_run: bool) -> String {
    let mut sections: Vec<String> = done.actions.iter().filter_map(listed).collect();
    let rows: Vec<[String; 5]> = done.actions.iter().filter_map(summed).collect();
    if !rows.is_empty() {
        sections.push(table(output.width, ["DIRECTORY", "ACTION", "FILES", "FREED", "LEFT ALONE"], &rows));
    }
    let engines = done.engines.iter().map(|engine| {
        let freed = engine.bytes.map_or("not known beforehand".to_owned(), bytes);
        format!("{}: {freed}\n", clean(&engine.command.join(" ")))
    });
    sections.extend(engines);
    let failures = done.actions.iter().filter_map(|part| part.failure.as_ref());
    let failures = failures.chain(done.engines.iter().filter_map(|engine| engine.failure.as_ref()));
    let failures = done.problems.iter().chain(failures);
    sections.extend(failures.map(|failure| failure_text(output.color, &output.rooted_failure(failure))));
    if !done.left_to_monitor.is_empty() {
        let names: Vec<&str> = done.left_to_monitor.iter().map(|action| action.name()).collect();
        sections.push(format!("only the monitor does, while a level lasts: {}\n", names.join(", ")));
    }
    sections.push(total(done, dry_run));
    sections.join("\n")
}

fn total(done: &Cleanup, dry_run: bool) -> String {
    if done.actions.is_empty() && done.engines.is_empty() {
        return "nothing is configured to be cleaned at this level\n".to_owned();
    }
    let reports = || done.actions.iter().filter_map(|part| part.report.as_ref());
    let files: u64 = reports().map(|report| report.files).sum();
    let engines: u64 = done.engines.iter().filter_map(|engine| engine.bytes).sum();
    let freed: u64 = reports().map(|report| report.bytes).sum::<u64>() + engines;
    let verb = if dry_run { "would free" } else { "freed" };
    let noun = if files == 1 { "file" } else { "files" };
    let directories = match reports().map(|report| report.directories).sum::<u64>() {
        0 => String::new(),
        1 => " and 1 directory".to_owned(),
        more => format!(" and {more} directories"),
    };
    format!("{verb} {} in {files} {noun}{directories}\n", bytes(freed))
}

/// One line for each file of a directory.
fn listed(part: &Cleaned) -> Option<String> {
    let report = part.report.as_ref().filter(|report| !report.listed.is_empty())?;
    let line = |file: &crate::host::sweep::Listed| {
        format!("{}  {}  {}\n", part.action.name(), bytes(file.bytes), clean(&file.path))
    };
    Some(report.listed.iter().map(line).collect())
}

fn summed(part: &Cleaned) -> Option<[String; 5]> {
    let report = part.report.as_ref()?;
    Some([
        part.directory.display().to_string(),
        part.action.name().to_owned(),
        report.files.to_string(),
        bytes(report.bytes),
        report.kept_count().to_string(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::monitor::errands::engines::Pruned;
    use crate::host::sweep::{Listed, Report};
    use crate::storage::config::Action;
    use crate::view::samples;
    use std::path::PathBuf;

    fn swept() -> Cleaned {
        let file = |path: &str, bytes| Listed { path: path.to_owned(), bytes };
        let listed = vec![file("/var/log/a.log", 3 << 20), file("/var/log/\\u{1b}[2J", 2 << 20)];
        Cleaned {
            action: Action::CompressLogs,
            directory: PathBuf::from("/var/log"),
            report: Some(Report { files: 2, bytes: 5 << 20, listed, ..Report::default() }),
            failure: None,
        }
    }

    #[test]
    fn a_cleanup_lists_each_file_and_is_summed_up() {
        let failed = Cleaned {
            action: Action::DeleteExpendable,
            directory: PathBuf::from("/var/cache/eos"),
            report: None,
            failure: Some(samples::failure()),
        };
        let cleanup = Cleanup { actions: vec![swept(), failed], ..Cleanup::default() };
        assert_eq!(
            text(&Output::plain(80), &cleanup, true),
            "\
compress-logs  3.0 MiB  /var/log/a.log
compress-logs  2.0 MiB  /var/log/\\u{1b}[2J

DIRECTORY  ACTION         FILES  FREED    LEFT ALONE
/var/log   compress-logs  2      5.0 MiB  0

error[EOS-J012]: the master 10.0.0.1:7700 did not answer within 10 s
  caused by: the connection was refused
  caused by: os error 111
hint: see whether it runs: systemctl status eos-master

would free 5.0 MiB in 2 files
"
        );
    }

    #[test]
    fn engines_and_what_only_the_monitor_does_are_named() {
        let engine = Pruned { command: vec!["docker".to_owned()], bytes: None, said: None, failure: None };
        let cleanup = Cleanup {
            engines: vec![
                engine,
                Pruned { bytes: Some(1024), command: vec!["podman".to_owned()], ..Pruned::default() },
            ],
            left_to_monitor: vec![Action::StopServices, Action::Notify],
            ..Cleanup::default()
        };
        assert_eq!(
            text(&Output::plain(80), &cleanup, false),
            "\
docker: not known beforehand

podman: 1.0 KiB

only the monitor does, while a level lasts: stop-services, notify

freed 1.0 KiB in 0 files
"
        );
        assert_eq!(
            text(&Output::plain(80), &Cleanup::default(), false),
            "nothing is configured to be cleaned at this level\n"
        );
    }
}
