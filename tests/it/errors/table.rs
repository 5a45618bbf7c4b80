//! Every error code is either provoked from outside by a test that names it, or listed here with the reason
//! why it is not.

use super::codes_of_the_source;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Why a code is not provoked from outside, and the codes. Each has a unit test beside its error.
const NOT_FROM_OUTSIDE: &[(&str, &str)] = &[];

fn gather(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("table.rs") {
            paths.push(path);
        }
    }
}

/// Every `"EOS-X123"` and every `"X123"` that a test of this package names.
fn provoked() -> BTreeSet<String> {
    let mut paths = Vec::new();
    gather(&super::root().join("tests"), &mut paths);
    let mut codes = BTreeSet::new();
    for path in paths {
        let text = std::fs::read_to_string(path).unwrap();
        let words = text.split(['"', '[', ']', ' ']).map(|word| word.strip_prefix("EOS-").unwrap_or(word));
        codes.extend(words.filter(|word| super::is_code(word)).map(str::to_owned));
    }
    codes
}

#[test]
fn every_code_is_provoked_by_a_test_or_listed_with_a_reason() {
    let mut listed: BTreeMap<&str, &str> = BTreeMap::new();
    for (reason, codes) in NOT_FROM_OUTSIDE {
        for code in codes.split_whitespace() {
            assert!(listed.insert(code, reason).is_none(), "{code} is listed twice");
        }
    }
    let (provoked, mut used) = (provoked(), codes_of_the_source());
    used.insert("U001".to_owned());
    let neither = used.iter().filter(|code| !provoked.contains(*code) && !listed.contains_key(code.as_str()));
    let neither: Vec<_> = neither.collect();
    let both: Vec<_> = listed.keys().filter(|code| provoked.contains(**code)).collect();
    let gone: Vec<_> = listed.keys().filter(|code| !used.contains(**code)).collect();
    assert!(
        neither.is_empty() && both.is_empty() && gone.is_empty(),
        "neither provoked nor listed: {neither:?}; listed and provoked: {both:?}; listed and not in the source: {gone:?}"
    );
}
