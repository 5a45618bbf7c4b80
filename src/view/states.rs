//! `eos state show|apply`: the results of states, as Salt prints them.

use crate::sls::difference::{Change, Outcome, StateResult};
use crate::view::paragraph::clean;

/// A block for each state, then a summary.
pub fn results(results: &[StateResult]) -> String {
    let blocks: String = results.iter().map(block).collect();
    blocks + &summary(results)
}

fn block(result: &StateResult) -> String {
    let mut text = "----------\n".to_owned();
    let fields = [
        ("ID", &result.id),
        ("Function", &result.function),
        ("Name", &result.name),
        ("SLS", &result.sls),
        ("Result", &word(result.outcome).to_owned()),
        ("Comment", &result.comment),
    ];
    for (field, value) in fields {
        text.push_str(format!("{field:>12}: {}", clean(value)).trim_end());
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
    }
}

fn summary(results: &[StateResult]) -> String {
    let count = |wanted: Outcome| results.iter().filter(|result| result.outcome == wanted).count();
    let failed = count(Outcome::Failed);
    let notes: Vec<String> =
        [(count(Outcome::WouldChange), "would change"), (count(Outcome::Changed), "changed")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, note)| format!("{note}: {count}"))
            .collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    format!(
        "\nSummary\n------------\nSucceeded: {}{notes}\nFailed:    {failed}\n------------\nTotal states run: {}\n",
        results.len() - failed,
        results.len()
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
            outcome,
            comment: "File /etc/motd updated".to_owned(),
            changes,
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
         SLS: base
      Result: True
     Comment: File /etc/motd updated
     Changes:
              contents:
                --- /etc/motd
                +++ /etc/motd
                -a
                +b
              mode: 0600 -> 0644

Summary
------------
Succeeded: 1 (changed: 1)
Failed:    0
------------
Total states run: 1
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
            shown.ends_with(
                "Succeeded: 2 (would change: 1)\nFailed:    1\n------------\nTotal states run: 3\n"
            )
        );
    }
}
