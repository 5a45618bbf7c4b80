//! Every error code is either provoked from outside by a test that names it, or listed here with the reason
//! why it is not.

use super::codes_of_the_source;
use super::evidence::{proven, provoked, variants};
use crate::tidy::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};

/// Why a code is not provoked from outside, and the codes. A test beside each reaches it, which is proved by
/// what that test looks for.
const NOT_FROM_OUTSIDE: &[(&str, &str)] = &[
    (
        "a disk or kernel that fails, or a limit of the machine that is used up",
        "G023 G050 H010 H011 H037 H039 H070 H072 H092 I001 I003 M001 M004 \
         M016 M017 M018 M019 T020 T030 T040 T060 T072 T101 T113 T114 T116 T180 T181",
    ),
    ("a defect of eos itself, which no input reaches", "C027 G005 G030 H032 H061 H091 R010 S031 T010 T034"),
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
        "A005 G004 G011 G025 G026 G027 G028 G029 G051 G052 H012 H020 H021 H022 H023 H024 H025 H026 H027 \
         H028 H029 H030 H031 H033 H034 H035 H036 V030",
    ),
    (
        "a machine without the tools of packages, or a repository that refuses, with unit tests beside each",
        "H080 H081 H082",
    ),
    ("a trace collector that goes away, with its unit tests in src/telemetry", "H063 H065"),
    (
        "a machine with other interfaces or routes, or a link planted while eos runs",
        "H071 H090 H093 V010 V011 V012",
    ),
    (
        "a server or client that breaks the protocol, with unit tests in src/client, src/master and src/identity",
        "I004 I012 I013 I014 I015 I030 I031 I032 J001 J009 J012 J013 J014 J026 J027 M002 M011 M027 \
         V040 V041",
    ),
    (
        "a snapshot that was forged, damaged or cut off, with unit tests in src/snapshot",
        "T001 T002 T003 T004 T005 T006 T007 T008 T009 T011 T012 T013 T021 T023 T024 T025 T026 T027 T029 \
         T031 T033 T035 T041 T042 T046 T047 T062 T063 T064 T066 T067 T068 \
         T069 T070 T071 T090 T120 T182",
    ),
    (
        "a restore at an instant, or onto a place, that no test from outside makes, with unit tests in \
         src/snapshot/restore",
        "T184 T200 T201 T202 T203 T204 T205 T206 T207 T208 T210 T211 T212 T213 T214 T215 T218 T219 \
         T220 T221 T222 T223 T225 T226 T227",
    ),
    (
        "a node that is asked for snapshots, with unit tests in src/serving and src/agent",
        "T160 T161 T162 T163 T164 T165 T166 T167 T169 T170 T171 T172",
    ),
    (
        "a file that eos did not write, or a clock that jumps, with unit tests beside each",
        "M003 S034 V008 V009 V020 V021 V023 V042 V043",
    ),
    (
        "a Salt master at an instant that no test from outside makes, with unit tests in src/agent and src/master",
        "A010 A011 A012 A013 A014 M028",
    ),
    ("a node that says of a snapshot what is not so, with unit tests in src/steps", "T228 T229"),
    ("a master that lost or broke its own records, with unit tests in src/master", "M024 M025 M026"),
    ("an interrupt at an instant that no test from outside can choose", "T036 T115 T132 T183"),
    ("a machine that is slower than the time it was given", "J042"),
    (
        "another capture at the same instant, a hook that takes its time, or a database that is locked or damaged, \
         with unit tests in src/snapshot",
        "T123 T127 T128 T129 T130 T131",
    ),
];

#[test]
fn every_code_is_reached_by_a_test_and_listed_if_not_from_outside() {
    let mut listed: BTreeMap<&str, &str> = BTreeMap::new();
    for (reason, codes) in NOT_FROM_OUTSIDE {
        for code in codes.split_whitespace() {
            assert!(listed.insert(code, reason).is_none(), "{code} is listed twice");
        }
    }
    let tree = Tree::of_package();
    let given = variants(&tree);
    let mut used = codes_of_the_source();
    used.insert("U001".to_owned());
    let unread: Vec<&String> = used.iter().filter(|code| !given.contains_key(*code)).collect();
    assert_eq!(unread, ["U001"], "an `impl Explain` is not understood");
    let (provoked, proven) = (provoked(&tree), proven(&tree, &given));
    let neither = used.iter().filter(|code| !provoked.contains(*code) && !listed.contains_key(code.as_str()));
    let neither: Vec<_> = neither.collect();
    let both: Vec<_> = listed.keys().filter(|code| provoked.contains(**code)).collect();
    let gone: Vec<_> = listed.keys().filter(|code| !used.contains(**code)).collect();
    let unproven: Vec<_> = listed.keys().filter(|code| !proven.contains(**code)).collect();
    println!(
        "{} codes, {} provoked from outside, {} proved inside",
        used.len(),
        provoked.len(),
        listed.len()
    );
    assert!(
        neither.is_empty() && both.is_empty() && gone.is_empty() && unproven.is_empty(),
        "neither provoked nor listed: {neither:?}\nlisted and provoked: {both:?}\n\
         listed and not in the source: {gone:?}\nlisted, and no test under src looks for it: {unproven:?}"
    );
}

/// An error with two variants, and the test code beside it.
fn judged(path: &str, tests: &str) -> (BTreeSet<String>, usize) {
    let error = "impl Explain for LabError {\n    fn code(&self) -> Code {\n        Code(match self {\n            \
         Self::Torn { .. } => \"X001\",\n            Self::File(error) => return error.code(),\n            \
         Self::Gone | Self::Lost(_) => \"X002\",\n        })\n    }\n}\n";
    let text = format!("{error}#[cfg(test)]\nmod tests {{\n{tests}\n}}\n");
    let tree = Tree::of(&[(path, &text)]);
    let given = variants(&tree);
    (proven(&tree, &given), given.values().map(BTreeSet::len).sum())
}

#[test]
fn a_value_that_a_test_made_itself_proves_nothing() {
    for tests in [
        "pub fn samples() -> Vec<LabError> { vec![LabError::Torn { at: 1 }, LabError::Gone] }",
        "#[test] fn f() { let error = LabError::Torn { at: 1 }; assert_eq!(error.to_string(), \"x\"); }",
        "#[test] fn f() { for e in samples() { assert!(matches!(e, LabError::Torn { .. } | LabError::Gone)); } }",
        "#[test] fn f() { assert_eq!(samples()[0].code(), Code(\"X001\")); }",
        "#[test] fn f() { let code = \"X001\"; run(\"EOS-X002\"); }",
        "#[test] fn f() { assert!(matches!(e, OtherError::Torn { .. })); }",
        "// matches!(e, LabError::Torn { .. }) tells(&e, \"EOS-X001\")",
    ] {
        assert_eq!(judged("src/lab/error.rs", tests), (BTreeSet::new(), 3), "{tests}");
    }
    let shown = "#[test] fn f() { tells(&made(), \"EOS-X001\", \"text\"); }";
    assert_eq!(judged("src/view/error.rs", shown), (BTreeSet::new(), 3));
}

#[test]
fn a_pattern_or_an_asserted_code_proves_the_code() {
    for (tests, code) in [
        ("#[test] fn f() { assert!(matches!(run(), Err(LabError::Torn { .. }))); }", "X001"),
        ("#[test] fn f() { let Err(LabError::Lost(why)) = run() else { panic!() }; }", "X002"),
        ("#[test] fn f() { match run() { Err(LabError::Gone) => {} } }", "X002"),
        ("#[test] fn f() { assert_eq!(run(), Err(LabError::Torn { at: 1 })); }", "X001"),
        ("#[test] fn f() { tells(&run().unwrap_err(), \"EOS-X001\", \"text\"); }", "X001"),
        ("#[test] fn f() { for code in [\"X001\"] { assert_eq!(run(code), code); } }", "X001"),
        (
            "const ALL: &[(&str, u8)] = &[(\"X002\", 1)];\n#[test] fn f() { for (c, n) in ALL { tells(n, c); } }",
            "X002",
        ),
    ] {
        assert_eq!(judged("src/lab/error.rs", tests).0, BTreeSet::from([code.to_owned()]), "{tests}");
    }
}
