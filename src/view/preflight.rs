//! `eos preflight`: what was measured, what stops, and what helps.

use crate::preflight::{CheckResult, Report, Verdict};
use crate::view::Output;
use crate::view::paragraph::clean;
use crate::view::units::plural;

/// The report: failures first, then warnings and what was skipped, what was not measured and why, and what
/// passed with its value. Ends with a line of counts.
pub fn text(output: &Output, report: &Report) -> String {
    let mut text = String::new();
    for word in ["failed", "warning", "skipped", "not measured", "passed"] {
        text.extend(of(report, word).map(check));
    }
    text.push_str(&counts(report));
    output.rooted(&text)
}

fn of<'a>(report: &'a Report, word: &'a str) -> impl Iterator<Item = &'a CheckResult> {
    report.results.iter().filter(move |result| result.verdict.word() == word)
}

fn check(result: &CheckResult) -> String {
    let head = |text: &str| format!("{} {}: {}\n", result.verdict.word(), clean(&result.name), clean(text));
    match &result.verdict {
        Verdict::Passed { measured } => head(measured),
        Verdict::NotMeasured { why } => head(why),
        Verdict::Warning { measured, fix } | Verdict::Skipped { measured, fix } => {
            format!("{}  fix: {}\n", head(measured), clean(fix))
        }
        Verdict::Failed { measured, fix } => {
            format!("{}  fix: {}\n  skip: {}\n", head(measured), clean(fix), clean(&result.skip_flag))
        }
    }
}

fn counts(report: &Report) -> String {
    let total = report.results.len();
    let mut text = format!("{total} {}", plural(total, "check", "checks"));
    for word in ["passed", "failed", "warning", "skipped", "not measured"] {
        let count = of(report, word).count();
        let name = if word == "warning" { plural(count, "warning", "warnings") } else { word };
        if count > 0 {
            text.push_str(&format!(", {count} {name}"));
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::REPORT_VERSION;

    fn report() -> Report {
        let result = |name: &str, verdict| CheckResult {
            name: name.to_owned(),
            skip_flag: format!("--skip-check {name}"),
            verdict,
        };
        let (measured, fix) = ("20 ms, at most 10 ms are wanted".to_owned(), "use a faster disk".to_owned());
        let results = vec![
            result("kernel", Verdict::Passed { measured: "6.1.0".to_owned() }),
            result("fsync", Verdict::Warning { measured: measured.clone(), fix: fix.clone() }),
            result("clock", Verdict::NotMeasured { why: "no master was asked".to_owned() }),
            result(
                "ports",
                Verdict::Failed {
                    measured: "port 7700 is held by nginx (pid 812)".to_owned(),
                    fix: "stop it: systemctl stop nginx".to_owned(),
                },
            ),
            result(
                "memory",
                Verdict::Skipped { measured: "100 MiB".to_owned(), fix: "add memory".to_owned() },
            ),
        ];
        Report { version: REPORT_VERSION, results }
    }

    #[test]
    fn failures_come_first_with_their_fix_and_the_way_round_them() {
        assert_eq!(
            text(&Output::plain(80), &report()),
            "\
failed ports: port 7700 is held by nginx (pid 812)
  fix: stop it: systemctl stop nginx
  skip: --skip-check ports
warning fsync: 20 ms, at most 10 ms are wanted
  fix: use a faster disk
skipped memory: 100 MiB
  fix: add memory
not measured clock: no master was asked
passed kernel: 6.1.0
5 checks, 1 passed, 1 failed, 1 warning, 1 skipped, 1 not measured
"
        );
    }
}
