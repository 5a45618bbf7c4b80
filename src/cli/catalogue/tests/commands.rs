//! Holds every command of eos that a text names to the parser of the command line itself.

use super::{assert_none, entries, source, told};
use crate::cli::arguments::Arguments;
use clap::CommandFactory;
use clap::error::ErrorKind;

/// Words after `eos` that speak of the program and are no command of it.
const PROSE: &str = "again alone changed died listens makes replaces applies are began binary can cannot complete did does ended has have itself keeps \
    knows made may needs never on or outside panicked put reads refuses supervises that understands version was \
    with writes write wrote is";

/// The commands of eos in a text, each with what may be its arguments: what stands before the next mark.
fn commands(text: &str) -> Vec<Vec<String>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if word.trim_start_matches(['(', '`', '"']) != "eos" {
            continue;
        }
        let mut line = Vec::new();
        for word in &words[index + 1..] {
            let bare = word.trim_end_matches(['.', ',', ';', ':', ')', '`', '"', '…']);
            if matches!(*word, "&&" | "and") || word.starts_with('(') {
                break;
            }
            line.push(bare.to_owned());
            if bare != *word {
                break;
            }
        }
        let prose = line.first().is_none_or(|word| {
            word.starts_with('/')
                || is_placeholder(word)
                || PROSE.split_whitespace().any(|prose| prose == word)
        });
        if !prose {
            found.push(line);
        }
    }
    found
}

/// What a person puts something else for: `NAME`, `ADDRESS`.
fn is_placeholder(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'))
}

/// Why the parser refuses a command; the words of the sentence that goes on behind it are left out.
fn refusal(line: &[String]) -> Option<String> {
    let mut words = line.to_vec();
    loop {
        let given = ["eos"].into_iter().chain(words.iter().map(String::as_str));
        let error = match Arguments::command().try_get_matches_from(given) {
            Ok(_) => return None,
            Err(error) => error,
        };
        let stands_for = |word: &String| is_placeholder(word.rsplit('=').next().unwrap_or(word));
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return None,
            ErrorKind::InvalidValue | ErrorKind::ValueValidation if words.iter().any(stands_for) => {
                return None;
            }
            _ => {}
        }
        let sentence = |word: &String| word.bytes().all(|byte| byte.is_ascii_lowercase());
        if words.len() < 2 || words.pop_if(|word| sentence(word)).is_none() {
            return Some(error.to_string().lines().next().unwrap_or_default().to_owned());
        }
    }
}

fn faults<'a>(texts: impl IntoIterator<Item = (String, &'a str)>) -> Vec<String> {
    let mut faults = Vec::new();
    for (place, text) in texts {
        for line in commands(text) {
            if let Some(why) = refusal(&line) {
                faults.push(format!("{place}: eos {}: {why}", line.join(" ")));
            }
        }
    }
    faults
}

#[test]
fn every_command_that_a_hint_names_is_one_that_the_parser_takes() {
    let told = told();
    let hints: Vec<(String, String)> = told
        .iter()
        .flat_map(|(_, error)| error.hints().into_iter().map(|hint| (error.code().to_string(), hint)))
        .collect();
    assert_none(faults(hints.iter().map(|(code, hint)| (code.clone(), hint.as_str()))));
}

#[test]
fn every_command_that_the_catalogue_names_is_one_that_the_parser_takes() {
    let texts = entries().flat_map(|entry| {
        [entry.cause, entry.evidence, entry.remedy].map(|text| (entry.code.to_owned(), text))
    });
    assert_none(faults(texts));
}

/// Hints that are no errors: fixes of checks, risks of the status, notes.
#[test]
fn no_text_of_the_source_names_a_command_below_another_that_is_not_there() {
    let root = Arguments::command();
    // The full name of the account, and what keeps signatures of different things apart.
    let names = ["storage cluster\"", "token key", "snapshot manifest"];
    let is_name =
        |words: &[&str]| names.iter().any(|name| format!("{} {}", words[1], words[2]).starts_with(name));
    let mut faults = Vec::new();
    for (path, text) in source::texts() {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            for three in words.windows(3).filter(|three| three[0].ends_with("eos") && !is_name(three)) {
                let group = root.get_subcommands().find(|command| command.get_name() == three[1]);
                let below = three[2].trim_end_matches(|c: char| !c.is_ascii_lowercase());
                let plain = !below.is_empty() && below.bytes().all(|byte| byte.is_ascii_lowercase());
                let missing = group.filter(|group| group.is_subcommand_required_set());
                if plain && missing.is_some_and(|group| group.find_subcommand(below).is_none()) {
                    faults.push(format!("{path}: {}", three.join(" ")));
                }
            }
        }
    }
    assert_none(faults);
}

#[test]
fn a_command_ends_where_its_sentence_goes_on() {
    let line = |text: &str| commands(text).into_iter().map(|words| words.join(" ")).collect::<Vec<_>>();
    assert_eq!(
        line("first: eos reset && eos bootstrap (eos status tells)."),
        ["reset", "bootstrap", "status tells"]
    );
    assert_eq!(line("this eos reads version 1"), Vec::<String>::new());
    let refused = |text: &str| commands(text).iter().any(|line| refusal(line).is_some());
    for wrong in
        ["eos snapshot squash", "run `eos discovr`", "eos node accept", "eos reset --all", "eos token: x"]
    {
        assert!(refused(wrong), "{wrong}");
    }
    for right in
        ["eos reset --verify lists them all", "eos token revoke ID", "see eos --help; then", "eos wrote it"]
    {
        assert!(!refused(right), "{right}");
    }
}

#[test]
fn the_commands_that_get_a_root_in_texts_are_those_of_the_parser() {
    let root = Arguments::command();
    // Those that read nothing under the root, and the daemons, which a service manager starts.
    let others = ["agent", "cloud-init", "completions", "explain", "man", "master", "supervise"];
    let names = root.get_subcommands().map(clap::Command::get_name);
    let mut expected: Vec<&str> = names.filter(|name| !others.contains(name)).collect();
    expected.sort_unstable();
    assert_eq!(expected, crate::view::VERBS);
}
