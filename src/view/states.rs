//! `eos state show|apply`: the results of states, as Salt prints them.

use crate::sls::difference::{Change, Outcome, StateResult};
use crate::view::paragraph::clean;
use std::time::Duration;

/// A block for each state, then a summary.
pub fn results(results: &[StateResult]) -> String {
    let blocks: String = results.iter().map(block).collect();
    blocks + &summary(results)
}

fn block(result: &StateResult) -> String {
    let mut text = "----------\n".to_owned();
    let mut fields = vec![
        ("ID", result.id.clone()),
        ("Function", result.function.clone()),
        ("Name", result.name.clone()),
        ("SLS", format!("{} ({}:{})", result.sls, result.file, result.line)),
        ("Result", word(result.outcome).to_owned()),
    ];
    fields.extend(
        result
            .comment
            .lines()
            .enumerate()
            .map(|(at, line)| (if at == 0 { "Comment" } else { "" }, line.to_owned())),
    );
    fields.push(("Started", result.started.strftime("%H:%M:%S%.6f").to_string()));
    fields.push((
        "Duration",
        format!("{:.3} ms", Duration::from_micros(result.duration_microseconds).as_secs_f64() * 1000.0),
    ));
    for (field, value) in fields {
        let mark = if field.is_empty() { ' ' } else { ':' };
        text.push_str(format!("{field:>12}{mark} {}", clean(&value)).trim_end());
        text.push('\n');
    }
    text.push_str("     Changes:\n");
    for line in result.changes.iter().flat_map(change) {
        text.push_str(format!("              {}", clean(&line)).trim_end());
        text.push('\n');
    }
    text
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unchanged | Outcome::Changed => "True",
        Outcome::WouldChange => "None",
        Outcome::Failed => "False",
    }
}

fn change(change: &Change) -> Vec<String> {
    match change {
        Change::Created(kind) => vec![format!("new: {kind}")],
        Change::Removed => vec!["removed".to_owned()],
        Change::Replaced(kind) => vec![format!("replaced: {kind}")],
        Change::Contents(difference) => {
            let lines = difference.lines().map(|line| format!("  {line}"));
            std::iter::once("contents:".to_owned()).chain(lines).collect()
        }
        Change::Mode { from, to } => vec![format!("mode: {from} -> {to}")],
        Change::User { from, to } => vec![format!("user: {from} -> {to}")],
        Change::Group { from, to } => vec![format!("group: {from} -> {to}")],
        Change::Target { from, to } => vec![format!("target: {from} -> {to}")],
        Change::Set { what, from, to } => {
            let from = from.as_ref().map_or_else(String::new, |from| format!("{from} -> "));
            format!("{what}: {from}{to}").lines().map(str::to_owned).collect()
        }
        Change::At { path, changes } => {
            let below = changes.iter().flat_map(self::change).map(|line| format!("  {line}"));
            std::iter::once(format!("{path}:")).chain(below).collect()
        }
    }
}

fn summary(results: &[StateResult]) -> String {
    let count = |wanted: Outcome| results.iter().filter(|result| result.outcome == wanted).count();
    let failed = count(Outcome::Failed);
    let changed = results
        .iter()
        .filter(|result| !result.changes.is_empty() && result.outcome == Outcome::Changed)
        .count();
    let notes: Vec<String> = [(count(Outcome::WouldChange), "would change"), (changed, "changed")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, note)| format!("{note}={count}"))
        .collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    let lasted: u64 = results.iter().map(|result| result.duration_microseconds).sum();
    format!(
        "\nSummary\n------------\nSucceeded: {}{notes}\nFailed:    {failed}\n------------\nTotal states run: {}\nTotal run time:   {:.3} ms\n",
        results.len() - failed,
        results.len(),
        Duration::from_micros(lasted).as_secs_f64() * 1000.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(id: &str, outcome: Outcome, changes: Vec<Change>) -> StateResult {
        StateResult {
            id: id.to_owned(),
            function: "file.managed".to_owned(),
            name: "/etc/motd".to_owned(),
            sls: "base".to_owned(),
            file: "base.sls".to_owned(),
            line: 3,
            outcome,
            comment: "File /etc/motd updated".to_owned(),
            changes,
            ran: true,
            started: jiff::Timestamp::from_second(3_661).expect("a time"),
            duration_microseconds: 1_500,
        }
    }

    #[test]
    fn a_state_is_a_block_and_all_of_them_are_summed_up() {
        let contents = Change::Contents("--- /etc/motd\n+++ /etc/motd\n-a\n+b\n".to_owned());
        let mode = Change::Mode { from: "0600".to_owned(), to: "0644".to_owned() };
        let changed = result("motd", Outcome::Changed, vec![contents, mode]);
        assert_eq!(
            results(&[changed]),
            "\
----------
          ID: motd
    Function: file.managed
        Name: /etc/motd
         SLS: base (base.sls:3)
      Result: True
     Comment: File /etc/motd updated
     Started: 01:01:01.000000
    Duration: 1.500 ms
     Changes:
              contents:
                --- /etc/motd
                +++ /etc/motd
                -a
                +b
              mode: 0600 -> 0644

Summary
------------
Succeeded: 1 (changed=1)
Failed:    0
------------
Total states run: 1
Total run time:   1.500 ms
"
        );
    }

    #[test]
    fn a_test_run_and_a_failure_are_told_apart() {
        let shown = results(&[
            result("a", Outcome::WouldChange, vec![Change::Created("file".to_owned())]),
            result("b", Outcome::Failed, Vec::new()),
            result("c", Outcome::Unchanged, Vec::new()),
        ]);
        assert!(shown.contains("      Result: None\n"));
        assert!(shown.contains("      Result: False\n"));
        assert!(shown.contains("              new: file\n"));
        assert!(
            shown
                .contains("Succeeded: 2 (would change=1)\nFailed:    1\n------------\nTotal states run: 3\n")
        );
    }

    #[test]
    fn what_is_no_file_and_what_is_many_is_told_too() {
        let many =
            Change::At { path: "/srv/a".to_owned(), changes: vec![Change::Created("file".to_owned())] };
        let from = Some("yes".to_owned());
        let service = Change::Set { what: "enabled".to_owned(), from, to: "no".to_owned() };
        let shown = results(&[result("a", Outcome::Changed, vec![many, service])]);
        assert!(
            shown.contains(
                "              /srv/a:\n                new: file\n              enabled: yes -> no\n"
            ),
            "{shown}"
        );
    }
}
