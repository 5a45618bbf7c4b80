//! `eos reset`: what was taken away, what is back, what was kept and why.

use crate::journal::reset::ResetReport;
use crate::steps::executor::taking_back::TakenBack;
use crate::view::paragraph::clean;
use crate::view::units::plural;
use std::collections::BTreeMap;

/// The report; `difference` is what is not as it was before eos, when that was verified.
pub fn text(report: &ResetReport, difference: Option<&[String]>) -> String {
    let mut text = section("removed", &report.removed) + &section("restored", &report.restored);
    let kept: Vec<String> =
        report.kept.iter().map(|kept| format!("{}: {}", kept.path, kept.reason)).collect();
    text.push_str(&section("kept", &kept));
    if text.is_empty() {
        text.push_str("nothing to remove\n");
    }
    match difference {
        None => {}
        Some([]) => text.push_str("verified: everything is as it was before eos\n"),
        Some(found) => text.push_str(&section("not as before eos", found)),
    }
    text
}

/// What became of what states changed besides files: users, groups, packages, services, mounts, and parameters of the
/// kernel.
pub fn taken_back(taken: &TakenBack) -> String {
    let listed = |title: &str, lines: Vec<String>| {
        let head = if lines.is_empty() { String::new() } else { format!("{title}: {}\n", lines.len()) };
        lines.iter().fold(head, |text, line| format!("{text}  {}\n", clean(line)))
    };
    let left = taken.left.iter().map(|left| format!("{}: {}; {}", left.what, left.reason, left.command));
    listed("taken back besides files", taken.restored.clone())
        + &listed("left besides files, each with the command that takes it back", left.collect())
}

/// What became of user data: the snapshots that went with the node's store, by their sources, and the work areas
/// beside sources that stay.
pub fn data(snapshots: &BTreeMap<String, usize>, left: &[String]) -> String {
    let lines = snapshots.iter().map(|(source, count)| {
        format!(
            "removed with the store of this node: {count} {} of {}\n",
            plural(*count, "snapshot", "snapshots"),
            clean(source)
        )
    });
    lines.collect::<String>() + &section("left beside the sources, to be removed by hand", left)
}

/// What a rollback left where it is; nothing when there is nothing.
pub fn kept(paths: &[String]) -> String {
    section("kept, because somebody else put them there or changed them", paths)
}

fn section(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let head = format!("{title}: {} {}\n", lines.len(), plural(lines.len(), "path", "paths"));
    lines.iter().fold(head, |text, line| format!("{text}  {}\n", clean(line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::ledger::Ledger;
    use crate::journal::reset::Kept;
    use crate::steps::executor::taking_back::Left;

    fn report() -> ResetReport {
        ResetReport {
            removed: vec!["etc/eos/cluster.yaml".to_owned(), "etc/eos".to_owned()],
            restored: vec!["etc/hosts".to_owned()],
            kept: vec![Kept {
                path: "etc/eos/x".to_owned(),
                reason: "it was changed since eos wrote it".to_owned(),
            }],
            ledger: Ledger::default(),
        }
    }

    #[test]
    fn what_a_rollback_kept_is_listed() {
        assert_eq!(kept(&[]), "");
        let text = "kept, because somebody else put them there or changed them: 1 path\n  run/eos/x\n";
        assert_eq!(kept(&["run/eos/x".to_owned()]), text);
    }

    #[test]
    fn snapshots_that_went_and_work_areas_that_stay_are_told() {
        assert_eq!(data(&BTreeMap::new(), &[]), "");
        let snapshots = [("app".to_owned(), 1), ("metrics".to_owned(), 3)].into();
        assert_eq!(
            data(&snapshots, &["/srv/.metrics.eos: previous".to_owned()]),
            "\
removed with the store of this node: 1 snapshot of app
removed with the store of this node: 3 snapshots of metrics
left beside the sources, to be removed by hand: 1 path
  /srv/.metrics.eos: previous
"
        );
    }

    #[test]
    fn what_is_taken_back_and_what_is_left_besides_files_is_told_with_its_command() {
        assert_eq!(taken_back(&TakenBack::default()), "");
        let left = Left {
            what: "user ann".to_owned(),
            reason: "it was changed since eos changed it".to_owned(),
            command: "userdel ann".to_owned(),
        };
        let taken = TakenBack { restored: vec!["group ops".to_owned()], left: vec![left] };
        let text = "\
taken back besides files: 1
  group ops
left besides files, each with the command that takes it back: 1
  user ann: it was changed since eos changed it; userdel ann
";
        assert_eq!(taken_back(&taken), text);
    }

    #[test]
    fn what_was_done_and_what_was_kept_is_listed() {
        assert_eq!(
            text(&report(), Some(&["etc/eos/x: added".to_owned()])),
            "\
removed: 2 paths
  etc/eos/cluster.yaml
  etc/eos
restored: 1 path
  etc/hosts
kept: 1 path
  etc/eos/x: it was changed since eos wrote it
not as before eos: 1 path
  etc/eos/x: added
"
        );
    }

    #[test]
    fn an_empty_difference_is_said() {
        let mut report = report();
        (report.removed, report.restored, report.kept) = (Vec::new(), Vec::new(), Vec::new());
        assert_eq!(text(&report, None), "nothing to remove\n");
        assert_eq!(
            text(&report, Some(&[])),
            "nothing to remove\nverified: everything is as it was before eos\n"
        );
    }
}
