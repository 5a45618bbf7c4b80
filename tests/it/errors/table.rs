//! Every error code is either provoked from outside by a test that names it, or listed here with the reason
//! why it is not.

use super::codes_of_the_source;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Why a code is not provoked from outside, and the codes. Each has a unit test beside its error.
const NOT_FROM_OUTSIDE: &[(&str, &str)] = &[
    (
        "a disk or kernel that fails, or a limit of the machine that is used up",
        "A004 G023 G050 H010 H011 H037 H038 H039 H064 H070 H072 H092 I001 I003 I005 J025 M001 M004 \
         M016 M017 M018 M019 P022 T020 T030 T040 T060 T061 T072 T080 U004",
    ),
    (
        "a defect of eos itself, which no input reaches",
        "C027 G005 G030 H032 H061 H091 R010 S031 T010 T034 T089",
    ),
    (
        "crash points are a feature of the test build; tests/it/sagas and tests/lab/crashes drive them",
        "G024 G031",
    ),
    (
        "it is the frame around another code, which is the one that is told",
        "A001 C028 G020 G021 M015 M021 P001 P003 R005 R006",
    ),
    (
        "a journal or service manager in a state that only an interrupted process leaves, with unit tests beside each",
        "G004 G011 G025 G026 G027 G028 G029 G051 G052 H012 H020 H021 H022 H023 H024 H025 H026 H027 \
         H028 H029 H030 H031 H033 H034 H035 H036 V030",
    ),
    ("a trace collector that goes away, with its unit tests in src/telemetry", "H063 H065"),
    (
        "a machine with other interfaces or routes, or a link planted while eos runs",
        "H071 H090 H093 P002 P004 U009 V010 V011 V012",
    ),
    (
        "a server or client that breaks the protocol, with unit tests in src/client, src/master and src/identity",
        "I004 I012 I013 I014 I015 I030 I031 J001 J009 J012 J013 J014 J020 J022 J023 J026 J027 \
         M002 M011",
    ),
    (
        "a snapshot that was forged, damaged or cut off, with unit tests in src/snapshot",
        "T001 T002 T003 T004 T005 T006 T007 T008 T009 T011 T012 T013 T021 T023 T024 T025 T026 T027 \
         T031 T032 T033 T035 T041 T042 T043 T044 T045 T046 T047 T062 T063 T064 T065 T066 T067 T068 \
         T069 T070 T071 T081 T082 T083 T084 T085 T086 T087 T088",
    ),
    (
        "a file that eos did not write, or a clock that jumps, with unit tests beside each",
        "U008 V005 V008 V009 V020 V021",
    ),
    ("a master that lost or broke its own records, with unit tests in src/master", "M024 M025 M026"),
    ("a machine that is slower than the time it was given", "J042"),
    ("states of a site that name what this version does not know", "S033"),
];

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
