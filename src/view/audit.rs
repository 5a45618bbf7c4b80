//! `eos audit list`: who decided what.

use crate::view::table::table;
use crate::wire::admin::AuditLine;
use jiff::Timestamp;

/// A table of lines in the order given; a line keeps its columns however wide its facts are.
pub fn list(lines: &[AuditLine]) -> String {
    if lines.is_empty() {
        return "no lines\n".to_owned();
    }
    let time = |at: &str| at.parse::<Timestamp>().map_or_else(|_| at.to_owned(), |at| format!("{at:.0}"));
    let row = |line: &AuditLine| {
        let AuditLine { at, actor, action, subject, detail, .. } = line;
        [time(at), actor.clone(), action.clone(), subject.clone(), detail.clone()]
    };
    let rows: Vec<[String; 5]> = lines.iter().map(row).collect();
    table(usize::MAX, ["TIME", "ACTOR", "ACTION", "SUBJECT", "DETAIL"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(actor: &str, action: &str, subject: &str, detail: &str) -> AuditLine {
        let text = |text: &str| text.to_owned();
        AuditLine {
            at: text("2026-01-02T03:04:05.678901Z"),
            actor: text(actor),
            action: text(action),
            subject: text(subject),
            detail: text(detail),
            previous: text("b3:00"),
        }
    }

    #[test]
    fn lines_have_columns_and_cannot_drive_the_terminal() {
        let lines =
            [line("operator", "accept", "node2", "sha256:ab"), line("10.0.0.7", "refuse", "x", "\u{1b}[2J")];
        assert_eq!(
            list(&lines),
            "\
TIME                  ACTOR     ACTION  SUBJECT  DETAIL
2026-01-02T03:04:05Z  operator  accept  node2    sha256:ab
2026-01-02T03:04:05Z  10.0.0.7  refuse  x        \\u{1b}[2J
"
        );
        assert_eq!(list(&[]), "no lines\n");
    }
}
