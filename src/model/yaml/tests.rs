//! Tests of the YAML entrance: every refusal with its text, and that hostile input is cheap.

use super::*;
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq, Default)]
#[serde(deny_unknown_fields, default)]
struct Config {
    cluster: Cluster,
}

#[derive(Debug, Deserialize, PartialEq, Default)]
#[serde(deny_unknown_fields, default)]
struct Cluster {
    port: u16,
    master: String,
}

pub(crate) fn samples() -> Vec<YamlError> {
    let file = || "cluster.yaml".to_owned();
    vec![
        YamlError::TooLarge { file: file(), size: 2_000_000, limit: LIMIT },
        YamlError::NotText { file: file(), offset: 3 },
        YamlError::Expansion { file: file(), limit: EXPANSION_LIMIT },
        YamlError::Syntax { file: file(), line: 2, column: 1, problem: "did not find expected key".into() },
        YamlError::DuplicateKey { file: file(), line: 2, key: "port".into() },
        YamlError::UnknownKey {
            file: file(),
            line: 2,
            column: 3,
            key: "cluster.prot".into(),
            expected: vec!["port".into(), "master".into()],
        },
        YamlError::WrongValue { file: file(), line: 2, column: 9, problem: "cluster.port: no".into() },
    ]
}

fn refused(text: &str) -> YamlError {
    typed::<Config>("cluster.yaml", text.as_bytes()).expect_err("refused")
}

#[test]
fn each_refusal_names_its_place_and_its_remedy() {
    let unknown = refused("cluster:\n  prot: 1\n");
    assert_eq!(
        unknown.to_string(),
        "cluster.yaml:2:3: unknown key cluster.prot: one of port, master expected"
    );
    assert!(unknown.hints()[0].starts_with("did you mean port? look at the line: sed -n "), "{unknown:?}");
    let texts = [
        (
            "cluster:\n  port: 1\n  port: 2\n",
            "cluster.yaml:2: the key port is given twice in the mapping that starts here",
        ),
        ("a: [1\nb: 2\n", "cluster.yaml:2:2: did not find expected ',' or ']'"),
        (
            "cluster: {port: eighty}\n",
            "cluster.yaml:1:17: cluster.port: invalid type: string \"eighty\", expected u16",
        ),
        ("clustre: {}\n", "cluster.yaml:1:1: unknown key clustre: cluster is the only key here"),
        ("a: *nothing\n", "cluster.yaml:1:4: unknown anchor"),
    ];
    for (text, wanted) in texts {
        assert_eq!(refused(text).to_string(), wanted);
    }
    assert_eq!(refused("x: \u{0}").code(), Code("C004"));
    assert_eq!(value("f", b"abc\xff").unwrap_err().to_string(), "f is not UTF-8 text from byte 3 on");
}

#[test]
fn duplicate_keys_are_seen_inside_untyped_parts_too() {
    assert_eq!(value("f", b"a:\n- b: {c: 1, c: 2}\n").unwrap_err().code(), Code("C005"));
}

#[test]
fn an_empty_text_is_an_empty_configuration() {
    for text in ["", "# only a comment\n", "---\n"] {
        assert_eq!(typed::<Config>("f", text.as_bytes()), Ok(Config::default()), "{text:?}");
    }
}

#[test]
fn large_and_explosive_texts_are_refused_before_they_cost_anything() {
    let long = " ".repeat(LIMIT + 1);
    assert_eq!(
        value("f", long.as_bytes()).unwrap_err().to_string(),
        "f has 1048577 bytes, more than the 1048576 that are read"
    );
    let mut quadratic = format!("a: &a \"{}\"\nb:\n", "x".repeat(100_000));
    quadratic.push_str(&"- *a\n".repeat(5_000));
    assert_eq!(
        value("f", quadratic.as_bytes()).unwrap_err().to_string(),
        "f repeats its anchors too often: its aliases may stand for more than 67108864 bytes"
    );
    let mut laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (one, next) in ('a'..='i').zip('b'..='j') {
        laughs.push_str(&format!("{next}: &{next} [{}]\n", vec![format!("*{one}"); 9].join(", ")));
    }
    assert_eq!(value("f", laughs.as_bytes()).unwrap_err().code(), Code("C003"));
}

#[test]
fn the_nearest_candidate_is_offered_only_when_it_is_near() {
    assert_eq!(nearest("prot", ["port", "master"].into_iter()), Some("port"));
    assert_eq!(nearest("mastre", ["port", "master"].into_iter()), Some("master"));
    assert_eq!(nearest("nothing-like-it", ["port"].into_iter()), None);
}

#[test]
fn every_sample_has_a_code_of_its_own_and_one_line() {
    let codes: std::collections::BTreeSet<_> = samples().iter().map(Explain::code).collect();
    assert_eq!(codes.len(), samples().len());
    assert!(samples().iter().all(|error| !error.to_string().contains('\n') && !error.hints().is_empty()));
}
