//! What counts as a test that reaches an error: its variant is looked for, or its code is asserted.
//!
//! Values made for the tests of texts (`samples`) prove nothing, nor does a value that a test makes itself.

use crate::tidy::source::{Source, closing};
use crate::tidy::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};

/// What asserts a code: macros, and functions of the tests whose argument it is.
const ASSERTIONS: &[&str] =
    &["assert", "assert_eq", "assert_ne", "tells", "explained", "failed", "refused", "edited", "damaged"];

/// An enum of errors and one of its variants; a struct has none.
pub type Variant = (String, Option<String>);

/// Every code of the sources with the variants that give it, read from the `impl Explain`.
pub fn variants(tree: &Tree) -> BTreeMap<String, BTreeSet<Variant>> {
    let mut found: BTreeMap<String, BTreeSet<Variant>> = BTreeMap::new();
    for source in tree.sources.iter().filter(|source| source.path.starts_with("src/")) {
        for at in 0..source.tokens.len() {
            let explains = source.text_at(at) == "Explain" && source.text_at(at + 1) == "for";
            if explains && !source.tokens[at].in_test {
                for (code, variant) in given(source, at + 2) {
                    found.entry(code).or_default().insert(variant);
                }
            }
        }
    }
    found
}

/// The codes of one `impl Explain for NAME`, from the token of the name on.
fn given(source: &Source, name: usize) -> Vec<(String, Variant)> {
    let Some((_, body)) =
        source.bodies().into_iter().find(|(function, body)| *function == "code" && *body.start() > name)
    else {
        return Vec::new();
    };
    let of_enum = source.text_at(name).to_owned();
    let (mut found, mut pending, mut arrow) = (Vec::new(), Vec::new(), false);
    for at in body {
        for literal in source.literals.iter().filter(|l| l.at == at && super::is_code(&l.text)) {
            let variants: Vec<Option<String>> =
                if pending.is_empty() { vec![None] } else { pending.drain(..).map(Some).collect() };
            found.extend(variants.into_iter().map(|v| (literal.text.clone(), (of_enum.clone(), v))));
        }
        if source.text_at(at) == "=" && source.text_at(at + 1) == ">" {
            arrow = true;
        }
        if source.text_at(at) == "Self" && source.text_at(at + 1) == "::" {
            if std::mem::take(&mut arrow) {
                pending.clear();
            }
            pending.push(source.text_at(at + 2).to_owned());
        }
    }
    found
}

/// The codes that the tests of the binary assert: those outside of `src`.
pub fn provoked(tree: &Tree) -> BTreeSet<String> {
    let judged = |path: &str| path.starts_with("tests/") && !path.starts_with("tests/it/tidy");
    let sources = tree.sources.iter().filter(|source| judged(&source.path));
    let sources = sources.filter(|source| !matches!(source.path.as_str(), TABLE | "tests/it/errors.rs"));
    sources.flat_map(asserted).collect()
}

/// This part of the tests, which names codes without asserting them.
const TABLE: &str = "tests/it/errors/table.rs";

/// Parts that show and carry the errors of others: their tests make them.
const SHOWING: &[&str] = &["src/view/", "src/wire/", "src/cli/catalogue"];

/// The codes among these for which a test under `src` proves that they are reached.
pub fn proven(tree: &Tree, codes: &BTreeMap<String, BTreeSet<Variant>>) -> BTreeSet<String> {
    let judged = |path: &str| path.starts_with("src/") && !SHOWING.iter().any(|part| path.starts_with(part));
    let sources = || tree.sources.iter().filter(|source| judged(&source.path));
    let by_code: BTreeSet<String> = sources().flat_map(asserted).collect();
    let looked_for: BTreeSet<Variant> = sources().flat_map(looked_for).collect();
    let reached = |(code, variants): &(&String, &BTreeSet<Variant>)| {
        by_code.contains(*code) || variants.iter().any(|variant| looked_for.contains(variant))
    };
    codes.iter().filter(reached).map(|(code, _)| code.clone()).collect()
}

/// The bodies of functions that make values for the tests of texts, or go over them.
fn of_samples(source: &Source) -> Vec<std::ops::RangeInclusive<usize>> {
    let bodies = source.bodies().into_iter();
    let made = bodies.filter(|(name, body)| {
        let asks = |at: usize| source.text_at(at) == "samples" && source.text_at(at + 1) == "(";
        name.contains("samples") || (*name != "main" && body.clone().any(asks))
    });
    made.map(|(_, body)| body).collect()
}

/// The codes that the test code of a file asserts.
fn asserted(source: &Source) -> Vec<String> {
    let skipped = of_samples(source);
    let in_test = |at: usize| source.tokens.get(at.saturating_sub(1)).is_some_and(|token| token.in_test);
    let literals = source.literals.iter().filter(|literal| in_test(literal.at));
    let literals = literals.filter(|literal| !skipped.iter().any(|body| body.contains(&literal.at)));
    let codes = literals.filter_map(|literal| {
        let code = literal.text.strip_prefix("EOS-").unwrap_or(&literal.text);
        super::is_code(code).then_some((code, literal.at))
    });
    let reached = codes.filter(|(_, at)| is_argument(source, *at) || is_gone_over(source, *at));
    reached.map(|(code, _)| code.to_owned()).collect()
}

/// The brackets that are open before a token, the innermost first.
fn open_before(source: &Source, at: usize) -> Vec<usize> {
    let (mut open, mut closed) = (Vec::new(), 0_usize);
    for i in (0..at).rev() {
        match source.text_at(i) {
            ")" | "]" | "}" => closed += 1,
            "(" | "[" | "{" if closed > 0 => closed -= 1,
            "(" | "[" | "{" => open.push(i),
            _ => {}
        }
    }
    open
}

/// The name before a bracket: `name(`, `name!(`.
fn called(source: &Source, open: usize) -> &str {
    let before = open.saturating_sub(1);
    source.text_at(if source.text_at(before) == "!" { before.saturating_sub(1) } else { before })
}

fn is_argument(source: &Source, at: usize) -> bool {
    open_before(source, at)
        .into_iter()
        .any(|open| source.text_at(open) == "(" && ASSERTIONS.contains(&called(source, open)))
}

/// Whether it stands in a list that a loop with an assertion goes over.
fn is_gone_over(source: &Source, at: usize) -> bool {
    let lists = open_before(source, at).into_iter().filter(|open| source.text_at(*open) == "[");
    lists.into_iter().any(|open| {
        let before = (0..open).rev().find(|i| source.text_at(*i) != "&").unwrap_or(0);
        match source.text_at(before) {
            "in" => asserts(source, closing(&source.tokens, open) + 1),
            "=" => {
                let start = (0..before).rev().find(|i| matches!(source.text_at(*i), "const" | "let"));
                start.is_some_and(|start| loops_over(source, source.text_at(start + 1)))
            }
            _ => false,
        }
    })
}

/// Whether a loop with an assertion goes over the list of this name.
fn loops_over(source: &Source, name: &str) -> bool {
    let named = |at: &usize| {
        source.text_at(*at) == name && (source.text_at(at - 1) == "in" || source.text_at(at - 2) == "in")
    };
    (2..source.tokens.len()).filter(named).any(|at| asserts(source, at + 1))
}

/// Whether the block that begins here has an assertion.
fn asserts(source: &Source, at: usize) -> bool {
    if source.text_at(at) != "{" {
        return false;
    }
    let mut block = at..closing(&source.tokens, at);
    block.any(|i| ASSERTIONS.contains(&source.text_at(i)) && matches!(source.text_at(i + 1), "(" | "!"))
}

/// The variants that the test code of a file looks for: as a pattern, or as what a value shall equal.
fn looked_for(source: &Source) -> Vec<Variant> {
    let skipped = of_samples(source);
    let path = |at: &usize| {
        source.tokens[*at].in_test
            && source.text_at(at + 1) == "::"
            && source.tokens.get(at + 2).is_some_and(|token| token.is_word())
            && !skipped.iter().any(|body| body.contains(at))
    };
    let found = (0..source.tokens.len()).filter(path).filter(|at| is_pattern(source, *at));
    found.map(|at| (source.text_at(at).to_owned(), Some(source.text_at(at + 2).to_owned()))).collect()
}

fn is_pattern(source: &Source, at: usize) -> bool {
    const EXPECTATIONS: &[&str] = &["matches", "assert_eq"];
    let expected = open_before(source, at)
        .into_iter()
        .take(3)
        .any(|open| source.text_at(open - 1) == "!" && EXPECTATIONS.contains(&called(source, open)));
    let mut end = at + 3;
    if matches!(source.text_at(end), "{" | "(") {
        end = closing(&source.tokens, end) + 1;
    }
    while source.text_at(end) == ")" {
        end += 1;
    }
    let binds = source.text_at(end) == "=" && source.text_at(end + 1) != "=";
    expected || binds || matches!(source.text_at(end), "|" | "if")
}
