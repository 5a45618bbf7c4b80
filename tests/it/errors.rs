//! Holds docs/errors.md to the source: every code that an error gives is documented, and no other one is.

mod evidence;
mod provoked;
mod table;

use crate::support::Machine;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn gather(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 4 && bytes[0].is_ascii_uppercase() && bytes[1..].iter().all(u8::is_ascii_digit)
}

/// `Code("X123")` and `=> "X123"`, the two ways in which an error gives its code.
fn given(line: &str) -> Option<&str> {
    let after = ["Code(\"", "=> \""].iter().find_map(|start| line.split_once(start))?.1;
    after.get(..4).filter(|code| is_code(code) && after[4..].starts_with('"'))
}

fn codes_of_the_source() -> BTreeSet<String> {
    let mut paths = Vec::new();
    gather(&root().join("src"), &mut paths);
    let texts = paths.iter().map(|path| std::fs::read_to_string(path).unwrap());
    texts.flat_map(|text| text.lines().filter_map(given).map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn document() -> String {
    std::fs::read_to_string(root().join("docs/errors.md")).unwrap()
}

#[test]
fn the_documented_codes_are_those_of_the_source() {
    let text = document();
    let headings = text.lines().filter_map(|line| line.strip_prefix("### EOS-"));
    let documented: BTreeSet<String> = headings.map(|line| line[..4].to_owned()).collect();
    let mut used = codes_of_the_source();
    // A panic is no error value until the command line prints it.
    used.insert("U001".to_owned());
    assert!(used.len() > 200, "only {} codes were found", used.len());
    let missing: Vec<_> = used.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&used).collect();
    assert!(missing.is_empty() && stale.is_empty(), "undocumented: {missing:?}; stale: {stale:?}");
}

#[test]
fn every_documented_code_shows_an_exit_status_of_the_table_and_a_hint() {
    let text = document();
    let table: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" |").map(|(status, _)| status))
        .filter(|status| status.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    assert_eq!(table.len(), 9);
    for section in text.split("\n### ").skip(1) {
        let code = &section[..8];
        let line = section.lines().find_map(|line| line.strip_prefix("Exit status ")).unwrap_or("");
        let (statuses, _) = line.split_once('.').unwrap_or_default();
        assert!(statuses.split(" or ").all(|status| table.contains(status)), "{code}: {line}");
        assert!(section.contains("\nhint: "), "{code} has no hint");
        assert!(section.contains(&format!("\n{code}: ")), "{code} shows no text");
    }
}

/// What is printed on a root of its own can be typed as it stands.
#[test]
fn hints_and_closing_lines_name_the_root_and_the_join_command_does_not() {
    let machine = Machine::empty("127.0.74.1", "node1");
    let root = machine.path("").display().to_string();
    let root = root.trim_end_matches('/');
    let said = machine.eos(&machine.first_node()).ends_with(0).stdout;
    for line in [format!("\n  eos --root {root} status  "), format!("\n  eos --root {root} reset  ")] {
        assert!(said.contains(&line), "{line} is not in:\n{said}");
    }
    assert!(said.contains("\neos bootstrap --join-cluster=127.0.74.1"), "{said}");

    let refused = machine.eos(&["checkpoint", "show", "0009-nothing"]).ends_with(2).stderr;
    assert!(refused.contains(&format!("hint: list them: eos --root {root} checkpoint list\n")), "{refused}");
    let verdict = machine.eos(&["node", "show", "nobody", "--output", "json"]).ends_with(2).verdict();
    let hint = verdict["result"]["error"]["hints"][0].as_str().unwrap();
    assert_eq!(hint, format!("list them: eos --root {root} node list"));
    let shown = machine.eos(&["checkpoint", "show", "0001-bootstrap"]).ends_with(0).stdout;
    assert!(shown.contains(&format!("`eos --root {root} rollback --to 0001-bootstrap`")), "{shown}");
}
