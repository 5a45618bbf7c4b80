//! Holds the rules of the package: tiers, who may touch what, sizes, names and words.
//!
//! Each rule is proved by a bad snippet that it must report and by a good one that it must not.

mod named;
mod rules;
pub mod source;
mod tiers;
pub mod tree;

use source::Source;
use tree::{Tree, Violation};

type Rule = fn(&Tree) -> Vec<Violation>;

const RULES: &[(&str, Rule)] = &[
    ("imports-go-down", tiers::imports_go_down),
    ("pure-parts-stay-pure", tiers::pure_parts_stay_pure),
    ("file-system", rules::file_system),
    ("processes", rules::processes),
    ("command-line", rules::command_line),
    ("http-client", rules::http_client),
    ("printing", rules::printing),
    ("environment", rules::environment),
    ("no-sleep", rules::no_sleep),
    ("header", rules::header),
    ("file-length", rules::file_length),
    ("function-length", rules::function_length),
    ("plain-names", rules::plain_names),
    ("no-unwrap", rules::no_unwrap),
    ("no-unsafe", rules::no_unsafe),
    ("nothing-unfinished", rules::nothing_unfinished),
    ("no-outside-words", rules::no_outside_words),
    ("tests-are-declared", rules::tests_are_declared),
    ("what-is-named-exists", named::what_is_named_exists),
];

#[test]
fn the_package_keeps_its_rules() {
    let tree = Tree::of_package();
    assert!(tree.sources.len() > 20, "only {} Rust files were found", tree.sources.len());
    let broken: Vec<String> = RULES
        .iter()
        .flat_map(|(name, rule)| rule(&tree).into_iter().map(move |found| format!("{found} [{name}]")))
        .collect();
    assert!(broken.is_empty(), "{} broken rules:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn the_median_file_is_short() {
    let tree = Tree::of_package();
    let mut lengths: Vec<usize> = tree
        .sources
        .iter()
        .filter(|source| source.path.starts_with("src/"))
        .map(|source| source.text.lines().count())
        .collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    println!(
        "{} files under src, median {median} lines, longest {}",
        lengths.len(),
        lengths[lengths.len() - 1]
    );
    assert!(median <= 200, "the median file under src has {median} lines; about 150 is wanted");
}

/// A snippet, the file it stands in, and the line that the rule must name; line 0 means none.
type Case = (&'static str, &'static str, &'static str, usize);

const CASES: &[Case] = &[
    ("imports-go-down", "src/model/a.rs", "//! A.\nuse crate::host::files;\n", 2),
    ("imports-go-down", "src/wire/a.rs", "use crate::{\n    model::ids,\n    storage::x,\n};", 3),
    ("imports-go-down", "src/master/a.rs", "fn f() {\n    crate::agent::tasks::run();\n}", 2),
    ("imports-go-down", "src/agent/mod.rs", "use super::master::router;", 1),
    ("imports-go-down", "src/agent/a/b.rs", "use super::super::super::master;", 1),
    ("imports-go-down", "src/registry/a.rs", "use crate::snapshot::store;", 1),
    (
        "imports-go-down",
        "src/saga/mod.rs",
        "#[cfg(test)]\nmod tests {\n    use super::super::steps::x;\n}",
        3,
    ),
    ("imports-go-down", "src/unknown/mod.rs", "//! Not in the table.", 1),
    ("imports-go-down", "src/steps/a.rs", "use crate::saga::{Step, Outcome};\nuse crate::host;", 0),
    ("imports-go-down", "src/agent/a/b.rs", "use super::master::x;\nuse self::cli;", 0),
    ("imports-go-down", "src/model/a.rs", "// use crate::cli::x\nconst A: &str = \"crate::cli::x\";", 0),
    (
        "pure-parts-stay-pure",
        "src/roles/a.rs",
        "fn f() -> u8 {\n    let t = std::time::Instant::now();\n}",
        2,
    ),
    ("pure-parts-stay-pure", "src/snapshot/manifest.rs", "use tokio::io;", 1),
    ("pure-parts-stay-pure", "src/wire/a.rs", "use uuid::Uuid;\nfn f() { Uuid::new_v4(); }", 2),
    ("pure-parts-stay-pure", "src/snapshot/store.rs", "use tokio::io;", 0),
    ("pure-parts-stay-pure", "src/sls/a.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n}", 0),
    ("file-system", "src/master/a.rs", "use std::{io, fs as files};", 1),
    ("file-system", "src/steps/a.rs", "fn f() {\n    tokio::fs::read(\"a\");\n}", 2),
    ("file-system", "src/journal/a.rs", "use rustix::fs::{openat2, Mode};", 1),
    ("file-system", "src/cli/a.rs", "fn f(p: &Path) {\n    if p.exists() {}\n}", 2),
    ("file-system", "src/host/files.rs", "use std::fs;\nfn f(p: &Path) { p.exists(); }", 0),
    (
        "file-system",
        "src/registry/a.rs",
        "fn f() { self.exists(id) }\n#[test]\nfn t() { std::fs::read(\"a\"); }",
        0,
    ),
    ("processes", "src/steps/a.rs", "use std::process::{Command, Stdio};", 1),
    ("processes", "src/agent/a.rs", "use std::process;\nfn f() { process::Command::new(\"a\"); }", 2),
    ("processes", "src/master/a.rs", "use tokio::process::Child;", 1),
    ("processes", "src/host/commands.rs", "use std::process::Command;", 0),
    ("command-line", "src/view/a.rs", "use clap::Parser;", 1),
    ("command-line", "src/cli/a.rs", "use clap::Parser;", 0),
    ("http-client", "src/agent/a.rs", "fn f(c: reqwest::Client) {}", 1),
    ("http-client", "src/client/a.rs", "use reqwest::Client;", 0),
    ("printing", "src/host/a.rs", "fn f() {\n    println!(\"x\");\n}", 2),
    ("printing", "src/saga/a.rs", "use std::io::{self, Write};\nfn f() { io::stdout(); }", 2),
    ("printing", "src/view/a.rs", "fn f() { println!(\"x\"); }", 0),
    ("printing", "src/host/a.rs", "/// `println!(\"x\")`\nfn f() { write!(w, \"println!\"); }", 0),
    ("environment", "src/host/a.rs", "fn f() {\n    std::env::var(\"HOME\");\n}", 2),
    ("environment", "src/cli/a.rs", "use std::env;", 0),
    ("environment", "src/host/a.rs", "const V: &str = env!(\"CARGO_PKG_VERSION\");", 0),
    ("no-sleep", "src/agent/a.rs", "async fn f() {\n    tokio::time::sleep(d).await;\n}", 2),
    ("no-sleep", "tests/it/a.rs", "use std::thread;\nfn f() { thread::sleep(d); }", 2),
    ("no-sleep", "tests/it/a.rs", "use tokio::time::{sleep, timeout};", 1),
    ("no-sleep", "tests/it/a.rs", "use tokio::time::timeout; // not thread::sleep", 0),
    ("header", "src/host/a.rs", "use std::fs;\n//! Late.", 1),
    ("header", "src/host/a.rs", "//! Files under a root.", 0),
    ("plain-names", "src/host/path_utils.rs", "//! X.", 1),
    ("plain-names", "src/host/files2.rs", "//! X.", 1),
    ("plain-names", "src/host/a.rs", "//! X.\nmod helpers;", 2),
    ("plain-names", "src/host/a.rs", "//! X.\n\nfn write2() {}", 3),
    ("plain-names", "src/host/a.rs", "fn openat2() {}\nlet node2 = 2;\nstruct ServiceManager;", 0),
    ("no-unwrap", "src/host/a.rs", "fn f() {\n    g()\n        .unwrap();\n}", 3),
    ("no-unwrap", "src/host/a.rs", "#[cfg(not(test))]\nfn f() { g().unwrap(); }", 2),
    ("no-unwrap", "src/host/a.rs", "#[cfg(test)]\nmod tests { fn f() { g().unwrap(); } }\nfn f() {}", 0),
    ("no-unwrap", "src/host/a.rs", "#[cfg(test)]\nuse a::b;\nfn f() { g().unwrap(); }", 3),
    ("no-unsafe", "src/host/a.rs", "fn f() {\n    unsafe { g() }\n}", 2),
    ("no-unsafe", "src/host/a.rs", "// unsafe\n#![forbid(unsafe_code)]", 0),
    ("nothing-unfinished", "README.md", concat!("# eos\n\nTO", "DO: write"), 3),
    ("nothing-unfinished", "docs/x.md", concat!("a\n<<<<", "<<< HEAD\n"), 2),
    ("nothing-unfinished", "test.sh", concat!("mktemp /tmp/eos.XX", "XXXX"), 0),
    ("no-outside-words", "docs/a.md", concat!("see\n`DESIGN", ".md`"), 2),
    ("no-outside-words", "install.sh", concat!("cd /wo", "rk/main"), 1),
    ("no-outside-words", "install.sh", concat!("cd target/wo", "rk; ls /wo", "rkspace"), 0),
    ("tests-are-declared", "tests/lab/main.rs", "//! X.", 1),
    ("tests-are-declared", "tests/lab/hosts.rs", "//! X.", 0),
    ("what-is-named-exists", "ARCHITECTURE.md", "a\nsee `src/gone.rs`", 2),
    ("what-is-named-exists", "CONTRIBUTING.md", "see `gone/`", 1),
    ("what-is-named-exists", "ARCHITECTURE.md", "`a_test_that_nobody_wrote`", 1),
    ("what-is-named-exists", "ARCHITECTURE.md", "`/var/lib/eos/`, `blobs/`, `ID/`, `keep_previous`", 0),
    ("what-is-named-exists", "README.md", "`gone/`", 0),
];

#[test]
fn a_declared_test_binary_is_in_order() {
    let manifest = ("Cargo.toml", "[[test]]\nname = \"lab\"\npath = \"tests/lab/main.rs\"\n");
    let binary = |path: &'static str| (path, "//! X.\n");
    assert_lines("tests-are-declared", &Tree::of(&[manifest, binary("tests/lab/main.rs")]), &[]);
    assert_lines("tests-are-declared", &Tree::of(&[manifest, binary("tests/other.rs")]), &[1]);
}

#[test]
fn every_rule_reports_what_breaks_it_and_only_that() {
    for (name, path, text, line) in CASES {
        assert_lines(
            name,
            &Tree::of(&[(path, text)]),
            if *line == 0 { &[] } else { std::slice::from_ref(line) },
        );
    }
}

#[test]
fn every_rule_has_a_case_that_breaks_it() {
    let computed = ["file-length", "function-length"];
    for (name, _) in RULES {
        let proved = CASES.iter().any(|(case, _, _, line)| case == name && *line > 0);
        assert!(proved || computed.contains(name), "{name} has no snippet that breaks it");
    }
}

#[test]
fn a_file_may_have_500_lines_and_no_more() {
    let lines = |count: usize| "//! Line.\n".repeat(count);
    assert_lines("file-length", &Tree::of(&[("src/host/a.rs", &lines(500))]), &[]);
    assert_lines("file-length", &Tree::of(&[("tests/it/a.rs", &lines(501))]), &[501]);
}

#[test]
fn a_function_may_have_60_lines_and_no_more() {
    let function = |count: usize| {
        format!("//! X.\nfn f(a: [u8; 4]) -> u8 {{\n{}}}\nfn g();\n", "    h(\"}\"); // }\n".repeat(count))
    };
    assert_lines("function-length", &Tree::of(&[("src/host/a.rs", &function(60))]), &[]);
    assert_lines("function-length", &Tree::of(&[("tests/it/a.rs", &function(61))]), &[2]);
}

#[test]
fn a_module_that_only_tests_declare_is_test_code() {
    let parent = ("src/saga/engine.rs", "//! X.\n#[cfg(test)]\nmod tests;\n");
    let child = "//! X.\nfn f() { g().unwrap(); }\n";
    assert_lines("no-unwrap", &Tree::of(&[parent, ("src/saga/engine/tests.rs", child)]), &[]);
    assert_lines("no-unwrap", &Tree::of(&[parent, ("src/saga/engine/other.rs", child)]), &[2]);
}

#[test]
fn a_document_may_name_what_there_is() {
    let source = ("src/host/files.rs", "//! X.\nfn a_test_that_somebody_wrote() {}\n");
    let text = "`src/`, `host/`, `src/host/files.rs`, `files.rs`, `a_test_that_somebody_wrote`";
    assert_lines("what-is-named-exists", &Tree::of(&[source, ("ARCHITECTURE.md", text)]), &[]);
    let text = "`hos/`\n`iles.rs`\n`a_test_that_somebody_wrot`";
    assert_lines("what-is-named-exists", &Tree::of(&[source, ("ARCHITECTURE.md", text)]), &[1, 2, 3]);
}

#[test]
fn strings_comments_and_lifetimes_are_not_code() {
    let text = "fn f<'a>(x: &'a str) { /* /* unsafe */ */ let c = ['\\'', '\"', b'\\\\'];\n\
                r#\"unsafe \" \"#; b\"unsafe\\\"\"; br\"\\\"; 'l: loop { unsafe {} } }";
    let found = Source::parse("src/host/a.rs", text);
    let unsafe_lines: Vec<usize> =
        found.tokens.iter().filter(|t| t.text == "unsafe").map(|t| t.line).collect();
    assert_eq!(unsafe_lines, [2], "{:?}", found.tokens);
}

fn assert_lines(name: &str, tree: &Tree, wanted: &[usize]) {
    let (_, rule) = RULES.iter().find(|(known, _)| *known == name).expect("the case names a rule");
    let found = rule(tree);
    let mut lines: Vec<usize> = found.iter().map(|violation| violation.line).collect();
    lines.dedup();
    assert_eq!(lines, wanted, "{name} on {:?}: {found:?}", tree.texts);
}
