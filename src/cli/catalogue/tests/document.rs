//! Renders docs/errors.md: every code with what it looks like on a screen and what the catalogue tells.

use super::super::{AREAS, Entry};
use super::samples::Group;
use crate::model::explain::Explain;
use std::fmt::Write;

const HEAD: &str = "# Errors\n\n\
    Every error of eos has a code, one line of what failed, the causes below it, and hints with the command\n\
    that helps. `eos explain CODE` shows an entry on the machine itself. The examples are what eos writes,\n\
    with made-up names; this file is written and checked by the tests.\n\n\
    | Exit status | Meaning |\n|---|---|\n\
    | 0 | done, or nothing to do |\n\
    | 1 | failed, and everything undone |\n\
    | 2 | the command line or the configuration is wrong |\n\
    | 3 | a preflight check failed; nothing changed |\n\
    | 4 | nobody answered, or no approval in time; nothing changed |\n\
    | 5 | refused: identity, token or version |\n\
    | 6 | failed and not fully undone: a person is needed |\n\
    | 7 | conflict: another cluster, an operation in progress, a stale plan |\n\
    | 130 | interrupted |\n";

/// The whole file.
pub fn render(groups: &[Group]) -> String {
    let mut text = HEAD.to_owned();
    let mut letter = "";
    for entry in AREAS.iter().copied().flatten() {
        if letter != &entry.code[..1] {
            letter = &entry.code[..1];
            write!(text, "\n## {letter}: {}\n", area(letter)).unwrap();
        }
        text.push_str(&section(entry, groups));
    }
    text
}

fn area(letter: &str) -> &'static str {
    match letter {
        "A" => "agent",
        "C" => "configuration",
        "D" => "discovery",
        "G" => "operations and their journal",
        "H" => "host",
        "I" => "identity and trust",
        "J" => "joining",
        "M" => "master",
        "P" => "preflight",
        "R" => "roles",
        "S" => "states",
        "T" => "snapshots and their transfer",
        "U" => "usage",
        "V" => "storage operations and verification",
        other => panic!("the area {other} has no name"),
    }
}

fn section(entry: &Entry, groups: &[Group]) -> String {
    let mut exits: Vec<u8> = Vec::new();
    let mut shown: Vec<String> = Vec::new();
    for error in groups.iter().flat_map(|group| &group.errors).filter(|error| error.code().0 == entry.code) {
        exits.push(error.exit() as u8);
        shown.push(screen(error.as_ref()));
    }
    exits.sort_unstable();
    exits.dedup();
    shown.dedup();
    let exits: Vec<String> = exits.iter().map(u8::to_string).collect();
    format!(
        "\n### EOS-{}: {}\n\nExit status {}. {} A retry {}.\n\n```\n{}\n```\n\nWhere to look: {}\n\nWhat to do: {}\n",
        entry.code,
        entry.title,
        exits.join(" or "),
        entry.cause,
        if entry.retry { "can help" } else { "does not help by itself" },
        // The first two tell enough of an error that several others hand on.
        shown.into_iter().take(2).collect::<Vec<_>>().join("\n\n"),
        entry.evidence,
        entry.remedy
    )
}

fn screen(error: &dyn Explain) -> String {
    let hints = error.hints().into_iter().map(|hint| format!("\nhint: {hint}"));
    format!("{}: {error}{}", error.code(), hints.collect::<String>())
}
