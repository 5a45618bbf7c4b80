//! What the engine refuses: each with file and line, and never with a value of the pillar.

use super::{context, plan_of, tree};
use crate::sls::{Wanted, render};
use proptest::prelude::*;

fn refusal(text: &str) -> String {
    plan_of(&[("a.sls", text)]).expect_err("refused").to_string()
}

fn each_is_named(cases: &[(&str, &str)]) {
    for (text, wanted) in cases {
        assert_eq!(refusal(text), *wanted, "{text}");
    }
}

#[test]
fn each_mistake_is_named_at_its_place() {
    let cases = [
        (
            "a:\n  test.nop\nb: {{ pillar.nope }}\n",
            "a.sls:3: template: undefined value: `pillar.nope` is undefined",
        ),
        (
            "{{ pillar['deep']['x']['y'] }}\n",
            "a.sls:1: template: undefined value: `pillar['deep']['x']` is undefined",
        ),
        ("x:\n{% if %}\n", "a.sls:2: template: syntax error: unexpected end of block"),
        (
            "{{ salt['cmd.run']('id') }}\n",
            "a.sls:1: template: unknown function: salt['cmd.run'] is refused: rendering changes nothing and depends on nothing but grains, \
             pillar and mine; use a grain, or a state cmd.run",
        ),
        ("{{ 1 | nofilter }}\n", "a.sls:1: template: unknown filter: filter nofilter is unknown"),
        ("a:\n  b: [1\nc: 2\n", "a.sls:3: did not find expected ',' or ']'"),
        ("a: test.nop\na: test.nop\n", "a.sls:1: the key a is given twice in the mapping that starts here"),
        ("- a\n", "a.sls:1: a mapping of ids expected"),
        ("\na: 1\n", "a.sls:2: a function with its arguments expected"),
        ("a:\n  test.nop: {x: 1}\n", "a.sls:2: a list of arguments expected"),
        ("extend:\n  a: test.nop\n", "a.sls:2: extend: no single state test: a"),
        ("exclude:\n  - a\n", "a.sls:1: exclude is not supported"),
    ];
    each_is_named(&cases);
}

#[test]
fn each_wrong_function_argument_and_requisite_is_named_at_its_place() {
    let cases = [
        ("a:\n  file.mangaed:\n    - name: /x\n", "a.sls:2: unknown function file.mangaed"),
        (
            "a:\n  file.absent:\n    - name: /x\n    - nmae: /x\n",
            "a.sls:4: file.absent takes no argument nmae: one of name expected",
        ),
        (
            "a:\n  file.absent:\n    - name: x\n",
            "a.sls:3: name of file.absent: an absolute path without .. expected",
        ),
        (
            "a:\n  file.absent:\n    - name: /x/../y\n",
            "a.sls:3: name of file.absent: an absolute path without .. expected",
        ),
        (
            "a:\n  file.managed:\n    - name: /x\n    - mode: rwx\n",
            "a.sls:4: mode of file.managed: octal digits, at most 7777 expected",
        ),
        ("a:\n  file.symlink:\n    - name: /x\n", "a.sls:2: file.symlink needs the argument target"),
        (
            "a:\n  service.running:\n    - enable: maybe\n",
            "a.sls:3: enable of service.running: true or false expected",
        ),
        (
            "a:\n  service.dead:\n    - name: a b\n",
            "a.sls:3: name of service.dead: the name of a service expected",
        ),
        (
            "a:\n  test.nop:\n    - require:\n      - file: /none\n",
            "a.sls:3: require of a: no state file: /none",
        ),
        (
            "a:\n  test.nop:\n    - prereq:\n      - file: /none\n",
            "a.sls:3: prereq of a: no state file: /none",
        ),
        ("a:\n  test.nop:\n    - parallel: True\n", "a.sls:3: parallel is not supported"),
        (
            "a:\n  file.managed:\n    - name: /x\n    - check_cmd: visudo -c -f\n",
            "a.sls:4: check_cmd of file.managed is not supported",
        ),
        (
            "a:\n  test.nop:\n    - retry: {attempts: 200, interval: 30}\n",
            "a.sls:3: retry of test.nop: true, false, or a mapping of until (true or false), attempts, interval and splay \
             (whole numbers; at most an hour of pauses) expected",
        ),
        (
            "a:\n  test.nop:\n    - retry: {tries: 2}\n",
            "a.sls:3: retry of test.nop: true, false, or a mapping of until (true or false), attempts, interval and splay \
             (whole numbers; at most an hour of pauses) expected",
        ),
        (
            "a:\n  file.absent:\n    - name: /x\n    - listen: [a]\n",
            "a.sls:2: listen of a state that cannot react to changes is not supported",
        ),
        (
            "a:\n  test.nop:\n    - require: [b]\nb:\n  test.nop:\n    - watch: [a]\n",
            "a.sls:2: states wait for each other: a -> b -> a",
        ),
    ];
    each_is_named(&cases);
}

#[test]
fn each_wrong_source_order_and_include_is_named_at_its_place() {
    let cases = [
        (
            "a:\n  file.managed:\n    - name: /x\n    - source: salt://none\n",
            "a.sls:4: the tree has no source salt://none",
        ),
        (
            "a:\n  file.managed:\n    - name: /x\n    - source: salt://../a.sls\n",
            "a.sls:4: the tree has no source salt://../a.sls",
        ),
        (
            "a:\n  test.nop:\n    - order: soon\n",
            "a.sls:3: order of test.nop: a whole number, first or last expected",
        ),
        (
            "include:\n  - storge\n",
            "a.sls:2: the tree has no state storge: neither storge.sls nor storge/init.sls",
        ),
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "a.sls:1: the template takes more than 5000000 steps",
        ),
    ];
    each_is_named(&cases);
}

#[test]
fn an_id_is_declared_once_in_all_files() {
    let clash = plan_of(&[("a.sls", "include: [b]\n\na: test.nop\n"), ("b.sls", "a: test.nop\n")]);
    assert_eq!(clash.expect_err("refused").to_string(), "a.sls:3: the id a is declared at b.sls:1 already");
}

#[test]
fn a_mistake_in_an_imported_template_is_named_there() {
    let wrong = plan_of(&[("a.sls", "{% include 'm.jinja' %}\n"), ("m.jinja", "x\n{{ pillar.nope }}\n")]);
    assert_eq!(
        wrong.expect_err("refused").to_string(),
        "m.jinja:2: template: undefined value: `pillar.nope` is undefined"
    );
    let missing = plan_of(&[("a.sls", "\n{% include 'none.jinja' %}\n")]).expect_err("refused").to_string();
    assert!(missing.starts_with("a.sls:2: template: template not found"), "{missing}");
}

#[test]
fn a_top_file_that_assigns_nothing_or_matches_in_unknown_ways_is_refused() {
    let top = |text: &str| {
        render(&tree(&[("top.sls", text)]), &Wanted::Top, &context()).expect_err("refused").to_string()
    };
    assert_eq!(top("base:\n  'x*': [a]\n"), "top.sls assigns no state to the node n1");
    assert_eq!(
        top("base:\n  'x*':\n    - match: ipcidr\n    - a\n"),
        "top.sls:2: a match other than glob, list, grain or pillar is not supported"
    );
    assert_eq!(top("dev: {}\n"), "top.sls:1: an environment other than base is not supported");
}

#[test]
fn a_file_that_is_not_text_is_refused() {
    let tree = std::collections::BTreeMap::from([("a.sls".to_owned(), vec![0xff])]);
    let refused = render(&tree, &Wanted::Named(vec!["a".into()]), &context()).expect_err("refused");
    assert_eq!(refused.to_string(), "a.sls is not UTF-8 text");
}

#[test]
fn no_refusal_shows_a_value_of_the_pillar() {
    let secret = "{{ pillar.secret }}";
    for text in [
        format!("{secret}: [\n"),
        format!("a:\n  {secret}:\n    - name: x\n"),
        format!("a:\n  test.nop:\n    - {secret}: x\n"),
        format!("a:\n  test.nop:\n    - require:\n      - file: {secret}\n"),
        format!("a:\n  test.nop:\n    - require:\n      - {secret}: {secret}\n"),
        format!("a:\n  file.managed:\n    - name: {secret}\n"),
        format!("a:\n  file.managed:\n    - name: /x\n    - source: salt://{secret}\n"),
        format!("a:\n  file.managed:\n    - name: /x\n    - mode: {secret}\n"),
        format!("include:\n  - {secret}\n"),
        format!("{secret}: test.nop\n{secret}: test.nop\n"),
        format!("{secret}:\n  test.nop:\n    - require: [b]\nb:\n  test.nop:\n    - require: ['{secret}']\n"),
        format!("a: !{secret} x\n"),
        format!("a: *{secret}\n"),
        format!("{secret}\n"),
        "{{ pillar.secret.nope.deeper }}".to_owned(),
        "{{ pillar.secret | int }}".to_owned(),
        "{{ pillar.secret + 1 }}".to_owned(),
        "{{ pillar[pillar.secret] }}".to_owned(),
        "{{ salt[pillar.secret ~ '.get']() }}".to_owned(),
        "{% include pillar.secret %}".to_owned(),
        "{{ pillar.secret.nomethod() }}".to_owned(),
        "{{ {}[pillar.secret].x }}".to_owned(),
        "{{ salt['mine.get'](1, pillar.secret) }}".to_owned(),
        "{{ salt['pillar.get'](pillar.secret, nope=pillar.secret) }}".to_owned(),
    ] {
        let Err(error) = plan_of(&[("a.sls", &text)]) else { panic!("accepted: {text}") };
        let chain = format!("{error} {error:?} {:?}", crate::model::explain::Failure::of(&error));
        assert!(!chain.contains("hunter2"), "{text}: {chain}");
    }
}

/// Pieces that state files and templates are made of, whole and broken.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "{{",
        "}}",
        "{%",
        "-%}",
        "{%- ",
        " if ",
        "endif %}",
        "for x in ",
        "pillar",
        "['secret']",
        ".",
        "a",
        "é",
        "\u{2003}",
        ":",
        "\n",
        "\n  ",
        "\n    - ",
        "- ",
        "'",
        "\"",
        "[",
        "]",
        "{",
        "}",
        "*",
        "&",
        "!",
        "#",
        "|",
        "<<: ",
        "include:",
        "extend:",
        "file.managed:",
        "test.nop",
        "name: /x",
        "require:",
        "mode: 7",
        "\u{200a}",
        "\t",
        "\0",
        "0",
    ];
    prop::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_tell_a_secret(pieces in prop::collection::vec(piece(), 0..24)) {
        let text = pieces.concat();
        if let Err(error) = plan_of(&[("a.sls", &text)]) {
            prop_assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
