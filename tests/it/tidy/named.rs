//! What the documents for builders name in backticks is there: files, folders, and the functions that prove something.

use super::tree::{Tree, Violation};
use std::collections::HashSet;

const DOCUMENTS: &[&str] = &["ARCHITECTURE.md", "CONTRIBUTING.md"];

/// Folders that are named as they lie on the disk of a node, not in the package.
const ON_A_NODE: &[&str] = &["blobs/"];

/// Every file, folder and test that these documents name exists.
pub fn what_is_named_exists(tree: &Tree) -> Vec<Violation> {
    let functions: HashSet<String> = tree
        .sources
        .iter()
        .flat_map(|source| source.functions().into_iter().map(|function| function.name))
        .collect();
    let mut found = Vec::new();
    for text in tree.texts.iter().filter(|text| DOCUMENTS.contains(&&*text.path)) {
        for (number, line) in text.text.lines().enumerate() {
            for named in line.split('`').skip(1).step_by(2) {
                if let Some(what) = missing(tree, &functions, named) {
                    let detail = format!("there is no {what} {named}");
                    found.push(Violation { path: text.path.clone(), line: number + 1, detail });
                }
            }
        }
    }
    found
}

/// What is named, if it is a file, a folder or a test, and is not there.
fn missing(tree: &Tree, functions: &HashSet<String>, named: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-./".contains(c);
    if named.starts_with('/') || !named.chars().all(plain) || ON_A_NODE.contains(&named) {
        return None;
    }
    let (what, there) = match named {
        folder if folder.ends_with('/') => {
            let below = |path: &str| path.strip_prefix("src/").unwrap_or(path).starts_with(folder);
            ("folder", tree.texts.iter().any(|text| text.path.starts_with(folder) || below(&text.path)))
        }
        file if file.ends_with(".rs") => {
            let below = |path: &str| path == file || path.ends_with(&format!("/{file}"));
            ("file", tree.texts.iter().any(|text| below(&text.path)))
        }
        // No other name has so many words.
        test if test.matches('_').count() > 3 && !test.contains(['.', '/']) => {
            ("function", functions.contains(test))
        }
        _ => return None,
    };
    (!there).then_some(what)
}
