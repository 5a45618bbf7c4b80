//! Whether the hints of all errors are for the root that a command was given.

use super::samples;
use crate::view::{Output, VERBS};

/// What says in a hint that it is about another host, whose root nobody here knows.
const OTHER_HOSTS: [&str; 7] = [
    "on the master",
    "on its host",
    "on each of them",
    "on each other one",
    "on that node",
    "ssh ",
    "on 10.0.1.10:4507",
];

/// The sentences of a hint with a command or a path of eos that the root is not put into.
fn bare(hint: &str) -> Vec<String> {
    let output = Output { root: "/srv/n1", ..Output::plain(80) };
    let named = |sentence: &&str| {
        VERBS.iter().any(|verb| sentence.contains(&format!("eos {verb}")))
            || ["/var/lib/eos", "/etc/eos", "/run/eos"].iter().any(|path| sentence.contains(path))
    };
    let bare =
        hint.split_inclusive(';').filter(named).filter(|sentence| output.rooted(sentence) == *sentence);
    bare.map(str::to_owned).collect()
}

#[test]
fn a_hint_is_for_the_root_unless_it_says_that_it_is_for_another_host() {
    let groups = samples::all();
    let hints = groups.iter().flat_map(|group| &group.errors).flat_map(|error| error.hints());
    let bare: Vec<String> = hints.flat_map(|hint| bare(&hint)).collect();
    assert!(bare.len() > 5, "the rule finds hints at all: {bare:?}");
    let here = bare.iter().filter(|sentence| !OTHER_HOSTS.iter().any(|words| sentence.contains(words)));
    assert_eq!(here.collect::<Vec<_>>(), Vec::<&String>::new(), "neither rooted nor about another host");
}

#[test]
fn a_hint_about_another_host_is_not_for_this_root() {
    for hint in ["run it there: ssh 10.0.1.10 eos status", "on the master: eos token create"] {
        assert_eq!(bare(hint), [hint]);
    }
    assert_eq!(bare("read it there: sed -n 3p /var/lib/eos/master/audit.jsonl"), Vec::<String>::new());
}
