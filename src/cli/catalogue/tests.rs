//! Holds the errors of the whole package to their form, the catalogue to the errors, and docs/errors.md
//! to both. `UPDATE=1 cargo test --lib catalogue` writes that file anew.

mod commands;
mod document;
mod roots;
mod samples;
mod source;

use super::*;
use crate::model::explain::Explain;
use std::collections::{BTreeMap, BTreeSet};

/// What a hint may name to run.
const COMMANDS: &str = "apt-get awk cat chmod chown command cp date df dmesg env eos file findmnt free fuser getent \
    grep head iconv id ip journalctl kill ls mkdir mount mv namei nc ps pwck readlink rm sed sqlite3 ss stat systemctl \
    systemd-analyze systemd-machine-id-setup tail timedatectl ulimit unset useradd vipw ./install.sh tar zstd";

/// How a hint begins or goes on that names a correction instead, or the command at hand.
const CORRECTIONS: &[&str] = &[
    "did you mean",
    "may hold",
    "write it like",
    "give all values",
    "the checks are",
    "the supported functions",
    "the command",
    "the same command",
    "run it as root",
];

/// How every token begins: the one word with a full stop that may end a text.
const TOKEN_PREFIX: &str = " eos1.";

fn told() -> Vec<(&'static str, Box<dyn Explain>)> {
    samples::all()
        .into_iter()
        .flat_map(|group| group.errors.into_iter().map(move |error| (group.file, error)))
        .collect()
}

fn assert_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_file_with_errors_has_its_samples_here() {
    let in_source: BTreeSet<String> = source::files().into_iter().map(|file| file.path).collect();
    let listed: BTreeSet<String> = samples::all().iter().map(|group| group.file.to_owned()).collect();
    let missing: Vec<_> = in_source.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&in_source).collect();
    assert!(missing.is_empty() && gone.is_empty(), "add to tests/samples.rs: {missing:?}; remove: {gone:?}");
}

#[test]
fn a_code_stands_for_one_variant_of_one_error() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in source::files() {
        for code in file.codes {
            places.entry(code).or_default().push(file.path.clone());
        }
    }
    assert_none(
        places
            .iter()
            .filter(|(_, files)| files.len() > 1)
            .map(|(code, files)| format!("{code} is used in {files:?}"))
            .collect(),
    );
}

#[test]
fn every_code_of_the_source_has_a_sample() {
    let mut sampled: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (file, error) in told() {
        sampled.entry(file).or_default().insert(error.code().0.to_owned());
    }
    let missing = |file: source::Errors| {
        let known = sampled.get(file.path.as_str()).cloned().unwrap_or_default();
        file.codes.into_iter().filter(move |code| !known.contains(code))
    };
    assert_none(source::files().into_iter().flat_map(missing).collect());
}

#[test]
fn the_catalogue_has_exactly_the_codes_of_the_source() {
    let used: BTreeSet<String> = source::files().into_iter().flat_map(|file| file.codes).collect();
    let listed: Vec<&str> = entries().map(|entry| entry.code).collect();
    let known: BTreeSet<String> = listed.iter().map(|code| (*code).to_owned()).collect();
    assert_eq!(known.len(), listed.len(), "a code is listed twice");
    let missing: Vec<_> = used.difference(&known).collect();
    let stale: Vec<_> = known.difference(&used).collect();
    assert!(missing.is_empty() && stale.is_empty(), "without an entry: {missing:?}; stale: {stale:?}");
    for area in AREAS {
        assert!(area.is_sorted_by_key(|entry| entry.code), "not in order: {}", area[0].code);
    }
}

#[test]
fn every_entry_tells_something_in_each_part() {
    let commands: Vec<&str> = COMMANDS.split_whitespace().collect();
    let mut faults = Vec::new();
    for entry in entries() {
        for part in [entry.title, entry.cause, entry.evidence, entry.remedy] {
            if part.len() < 6 || part.contains(['\n', '`']) || part.trim() != part || part.contains("  ") {
                faults.push(format!("{}: {part:?}", entry.code));
            }
        }
        if !entry.cause.ends_with('.') || !entry.remedy.ends_with('.') || entry.title.ends_with('.') {
            faults.push(format!("{}: cause and remedy are sentences, the title is none", entry.code));
        }
        let acts = entry
            .remedy
            .split([' ', '('])
            .any(|word| commands.contains(&word.trim_end_matches(['.', ',', ':', ';'])));
        let corrects = ["--", "command", "Write", "Use ", "Correct", "Keep", "Name ", "Run "];
        if !acts && !corrects.iter().any(|way| entry.remedy.contains(way)) {
            faults.push(format!("{}: the remedy says nothing to do: {}", entry.code, entry.remedy));
        }
    }
    assert_none(faults);
}

#[test]
fn an_error_that_a_retry_helps_says_so_in_the_catalogue_too() {
    let contradicts = |(_, error): (&str, Box<dyn Explain>)| {
        let entry = find(error.code().0).unwrap();
        (error.retry_helps() && !entry.retry).then(|| format!("{}: {error}", entry.code))
    };
    assert_none(told().into_iter().filter_map(contradicts).collect());
}

#[test]
fn every_text_is_one_line_and_leaves_its_cause_to_the_chain() {
    let mut faults = Vec::new();
    for (file, error) in told() {
        let text = error.to_string();
        let first = text.split_whitespace().next().unwrap_or("");
        let mut letters = first.chars();
        let upper = |letter: Option<char>| letter.is_some_and(char::is_uppercase);
        let sentence = upper(letters.next()) && !upper(letters.next());
        let cause = error.source().map(ToString::to_string).filter(|cause| !cause.is_empty());
        let fault = if text.trim().is_empty() || text.contains('\n') {
            "is not one line"
        } else if sentence {
            "begins like a sentence"
        } else if text.ends_with('.') && !text.ends_with(TOKEN_PREFIX) {
            "ends in a full stop"
        } else if cause.is_some_and(|cause| text.contains(&cause)) {
            "repeats its cause"
        } else {
            continue;
        };
        faults.push(format!("{file}: {} {fault}: {text}", error.code()));
    }
    assert_none(faults);
}

#[test]
fn every_error_has_a_hint_that_can_be_acted_on() {
    let commands: Vec<&str> = COMMANDS.split_whitespace().collect();
    let names_one = |hint: &String| {
        let mut words = hint.split([' ', '`', '(', ')', ',', ';', ':']);
        words.any(|word| commands.contains(&word) || word.starts_with("--"))
            || CORRECTIONS.iter().any(|way| hint.contains(way))
    };
    let mut faults = Vec::new();
    for (file, error) in told() {
        let hints = error.hints();
        if !hints.iter().any(names_one) {
            faults.push(format!("{file}: {} has nothing to run: {hints:?}", error.code()));
        }
        if hints.iter().any(|hint| hint.trim().is_empty() || hint.contains('\n')) {
            faults.push(format!("{file}: {} has a hint that is not one line: {hints:?}", error.code()));
        }
    }
    assert_none(faults);
}

#[test]
fn the_documentation_shows_every_error_as_it_is_told() {
    let path = source::root().join("docs/errors.md");
    let rendered = document::render(&samples::all());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &rendered).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(rendered.lines()).position(|(kept, now)| kept != now);
    assert!(
        kept == rendered,
        "docs/errors.md is stale from line {}: UPDATE=1 cargo test --lib catalogue",
        differs.map_or(0, |line| line + 1)
    );
}

#[test]
fn a_code_is_found_however_it_is_written() {
    for text in ["J003", "j003", "EOS-J003", "eos-j003", " EOS-J003\n"] {
        assert_eq!(find(text).unwrap().code, "J003", "{text:?}");
    }
}

#[test]
fn an_unknown_code_is_refused_with_the_nearest_one() {
    let error = find("EOS-J933").unwrap_err();
    assert_eq!(error.to_string(), "there is no error code EOS-J933");
    assert_eq!(error.exit(), Exit::Usage);
    assert_eq!(error.hints(), ["codes are a letter and three digits: eos explain EOS-J003"]);
    assert_eq!(find("J093").unwrap_err().hints(), ["did you mean EOS-J003? eos explain EOS-J003"]);
    for text in ["", "é", "EOS-", "J0034", "J\u{0}03"] {
        assert!(find(text).is_err(), "{text:?}");
    }
}
