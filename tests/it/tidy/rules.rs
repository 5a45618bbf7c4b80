//! The rules of the package besides its tiers: who may touch what, sizes, names and words.

use super::source::Source;
use super::tiers::names;
use super::tree::{Tree, Violation};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 60;

/// Something only some parts may use. Test code is free to, unless `in_tests` says otherwise.
struct Reserved {
    what: &'static str,
    paths: &'static [&'static [&'static str]],
    parts: &'static [&'static str],
    in_tests: bool,
}

const FILES: Reserved = Reserved {
    what: "the file system",
    paths: &[&["std", "fs"], &["tokio", "fs"], &["rustix", "fs"], &["std", "os", "unix", "fs"]],
    parts: &["host", "snapshot"],
    in_tests: false,
};
const PROCESSES: Reserved = Reserved {
    what: "child processes",
    paths: &[&["process", "Command"], &["tokio", "process"]],
    parts: &["host"],
    in_tests: false,
};
const COMMAND_LINE: Reserved = Reserved {
    what: "the command line parser",
    paths: &[&["clap"], &["clap_complete"], &["clap_mangen"]],
    parts: &["cli"],
    in_tests: true,
};
const HTTP_CLIENT: Reserved =
    Reserved { what: "the HTTP client", paths: &[&["reqwest"]], parts: &["client"], in_tests: true };
const STANDARD_OUTPUT: Reserved = Reserved {
    what: "the standard output",
    paths: &[&["io", "stdout"], &["io", "Stdout"], &["anstream", "stdout"]],
    parts: &["view", "cli", "main"],
    in_tests: false,
};
const ENVIRONMENT: Reserved = Reserved {
    what: "environment variables",
    paths: &[&["std", "env"]],
    parts: &["cli", "main"],
    in_tests: false,
};
const SLEEP: Reserved = Reserved {
    what: "a sleep (wait for a condition with a deadline)",
    paths: &[&["thread", "sleep"], &["time", "sleep"], &["thread", "nanosleep"]],
    parts: &[],
    in_tests: true,
};

/// Only `host`, and `snapshot` through directory handles, touch files.
pub fn file_system(tree: &Tree) -> Vec<Violation> {
    let mut found = reserved(tree, &FILES);
    for source in in_library(tree).filter(|s| !s.part().is_some_and(|part| FILES.parts.contains(&part))) {
        for at in 0..source.tokens.len() {
            // Without arguments these are the methods of `std::path::Path`, which ask the disk.
            let asks = ["exists", "try_exists", "canonicalize", "read_dir", "symlink_metadata", "read_link"]
                .iter()
                .any(|name| follows(source, at, &[".", name, "(", ")"]));
            if asks && !source.tokens[at].in_test {
                let detail = format!("asks the file system with .{}()", source.text_at(at + 1));
                found.push(Violation::new(source, source.tokens[at].line, detail));
            }
        }
    }
    found
}

/// Only `host` runs processes.
pub fn processes(tree: &Tree) -> Vec<Violation> {
    reserved(tree, &PROCESSES)
}

/// Only `cli` knows the parser of the command line.
pub fn command_line(tree: &Tree) -> Vec<Violation> {
    reserved(tree, &COMMAND_LINE)
}

/// Only `client` speaks HTTP outwards.
pub fn http_client(tree: &Tree) -> Vec<Violation> {
    reserved(tree, &HTTP_CLIENT)
}

/// Only `view`, `cli` and `main` print.
pub fn printing(tree: &Tree) -> Vec<Violation> {
    let mut found = reserved(tree, &STANDARD_OUTPUT);
    for source in in_library(tree) {
        let may_print = source.part().is_some_and(|part| STANDARD_OUTPUT.parts.contains(&part));
        for (at, token) in source.tokens.iter().enumerate() {
            let macro_call = source.text_at(at + 1) == "!";
            let prints = matches!(token.text.as_str(), "print" | "println" | "eprint" | "eprintln" | "dbg");
            if macro_call && prints && !may_print && !token.in_test {
                found.push(Violation::new(source, token.line, format!("prints with {}!", token.text)));
            }
        }
    }
    found
}

/// Only `cli` and `main` read the environment.
pub fn environment(tree: &Tree) -> Vec<Violation> {
    reserved(tree, &ENVIRONMENT)
}

/// Nothing sleeps, tests included.
pub fn no_sleep(tree: &Tree) -> Vec<Violation> {
    reserved(tree, &SLEEP)
}

/// Line 1 of every file says what the file is.
pub fn header(tree: &Tree) -> Vec<Violation> {
    let headless = tree.sources.iter().filter(|source| !source.text.starts_with("//! "));
    headless.map(|source| Violation::new(source, 1, "line 1 is not a `//! ` sentence".to_owned())).collect()
}

/// No file is over 500 lines.
pub fn file_length(tree: &Tree) -> Vec<Violation> {
    let lengths = tree.sources.iter().map(|source| (source, source.text.lines().count()));
    lengths
        .filter(|(_, lines)| *lines > MAX_FILE_LINES)
        .map(|(source, lines)| {
            Violation::new(source, lines, format!("{lines} lines, at most {MAX_FILE_LINES} are allowed"))
        })
        .collect()
}

/// No function body is over 60 lines, tests included.
pub fn function_length(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &tree.sources {
        for function in source.functions().iter().filter(|f| f.body_lines > MAX_FUNCTION_LINES) {
            let detail = format!(
                "`fn {}` has {} lines, at most {MAX_FUNCTION_LINES} are allowed",
                function.name, function.body_lines
            );
            found.push(Violation::new(source, function.line, detail));
        }
    }
    found
}

/// Names say what a thing is: no `utils`, no `name2`. System calls keep the name they have.
pub fn plain_names(tree: &Tree) -> Vec<Violation> {
    const EMPTY: [&str; 7] = ["utils", "util", "helpers", "helper", "common", "manager", "misc"];
    const SYSTEM: [&str; 5] = ["openat2", "renameat2", "statx2", "http2", "h2"];
    const ITEMS: [&str; 7] = ["mod", "fn", "struct", "enum", "trait", "type", "const"];
    let bad = |name: &str| {
        let numbered = name.ends_with('2') && !SYSTEM.iter().any(|known| name.ends_with(known));
        numbered || EMPTY.contains(&name.to_lowercase().as_str())
    };
    let mut found = Vec::new();
    for source in &tree.sources {
        for segment in source.path.trim_end_matches(".rs").split('/') {
            if bad(segment) || segment.split(['_', '-']).any(|word| EMPTY.contains(&word)) {
                found.push(Violation::new(source, 1, format!("the name `{segment}` says nothing")));
            }
        }
        for pair in source.tokens.windows(2).filter(|pair| ITEMS.contains(&pair[0].text.as_str())) {
            if pair[1].is_word() && bad(&pair[1].text) {
                let detail = format!("the name `{}` says nothing", pair[1].text);
                found.push(Violation::new(source, pair[1].line, detail));
            }
        }
    }
    found
}

/// `.unwrap()` is for tests; an invariant is an `.expect("why it holds")`.
pub fn no_unwrap(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &tree.sources {
        for at in 0..source.tokens.len() {
            if follows(source, at, &[".", "unwrap", "(", ")"]) && !source.tokens[at].in_test {
                found.push(Violation::new(
                    source,
                    source.tokens[at + 1].line,
                    ".unwrap() outside tests".to_owned(),
                ));
            }
        }
    }
    found
}

/// The word `unsafe` is not in the language of this package.
pub fn no_unsafe(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &tree.sources {
        for token in source.tokens.iter().filter(|token| token.text == "unsafe") {
            found.push(Violation::new(source, token.line, "unsafe code".to_owned()));
        }
    }
    found
}

/// Nothing is left unfinished, a merge neither, in any text file.
pub fn nothing_unfinished(tree: &Tree) -> Vec<Violation> {
    // Put together here, so that this file does not hold them.
    let marks = [concat!("<<<<", "<<<"), concat!(">>>>", ">>>")];
    words(tree, &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), marks[0], marks[1]])
}

/// No text points to a place outside the package.
pub fn no_outside_words(tree: &Tree) -> Vec<Violation> {
    words(tree, &[concat!("/wo", "rk"), concat!("DESIGN", ".md")])
}

/// Every test binary is declared: an undeclared one is never built, and nobody notices.
pub fn tests_are_declared(tree: &Tree) -> Vec<Violation> {
    let manifest = tree.texts.iter().find(|text| text.path == "Cargo.toml").map_or("", |text| &text.text);
    let mut found = Vec::new();
    for source in &tree.sources {
        let Some(inside) = source.path.strip_prefix("tests/") else { continue };
        let is_binary = match inside.split('/').collect::<Vec<_>>().as_slice() {
            [_] => true,
            [_, file] => *file == "main.rs",
            _ => false,
        };
        if is_binary && !manifest.contains(&format!("path = \"{}\"", source.path)) {
            let detail = "no [[test]] of Cargo.toml has this path, so it never runs".to_owned();
            found.push(Violation::new(source, 1, detail));
        }
    }
    found
}

fn in_library(tree: &Tree) -> impl Iterator<Item = &Source> {
    tree.sources.iter().filter(|source| source.path.starts_with("src/"))
}

fn follows(source: &Source, at: usize, wanted: &[&str]) -> bool {
    wanted.iter().enumerate().all(|(i, text)| source.text_at(at + i) == *text)
}

fn reserved(tree: &Tree, rule: &Reserved) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &tree.sources {
        if source.part().is_some_and(|part| rule.parts.contains(&part)) {
            continue;
        }
        for path in source.paths().iter().filter(|path| rule.in_tests || !path.in_test) {
            if rule.paths.iter().any(|wanted| names(path, wanted)) {
                let detail = format!("uses {}: {}", rule.what, path.segments.join("::"));
                found.push(Violation::new(source, path.line, detail));
            }
        }
    }
    found
}

fn words(tree: &Tree, banned: &[&str]) -> Vec<Violation> {
    let mut found = Vec::new();
    for text in &tree.texts {
        for (number, line) in text.text.lines().enumerate() {
            if let Some(word) = banned.iter().find(|word| contains_word(line, word)) {
                let detail = format!("the word {word}");
                found.push(Violation { path: text.path.clone(), line: number + 1, detail });
            }
        }
    }
    found
}

/// Whether the line holds the word with no letter, digit or `_` on either side, and, when it starts
/// with `/`, no path before it.
fn contains_word(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let rooted = word.starts_with('/');
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let in_path = |c: char| rooted && matches!(c, '.' | '-' | '/' | '}' | ')');
        !before.is_some_and(|c| joins(c) || in_path(c))
            && !after.is_some_and(|c| joins(c) || c == '-' && rooted)
    })
}
