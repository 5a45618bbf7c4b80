//! The filters and tests that Salt adds to those of Jinja.

use crate::sls::python::{self, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};
use regex::{Regex, RegexBuilder};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most memory that a pattern may take, so that no template exhausts the machine.
const PATTERN: usize = 1 << 20;

/// Adds them.
pub fn add(environment: &mut Environment<'static>) {
    let tojson = Json { sorted: false, ascii: true, html: true };
    let json = Json { sorted: true, ascii: false, html: false };
    environment.add_filter("tojson", move |value: Value| tojson.write(&value));
    environment.add_filter("json", move |value: Value| json.write(&value));
    environment
        .add_filter("yaml", |value: Value, flow: Option<bool>| python::yaml(&value, flow.unwrap_or(true)));
    environment.add_filter("yaml_encode", yaml_encode);
    environment.add_filter("yaml_dquote", |text: Value| python::double(&python::text(&text), true));
    environment.add_filter("yaml_squote", |text: Value| python::single(&python::text(&text)));
    environment.add_filter("to_bool", to_bool);
    environment.add_filter("quote", quote);
    environment.add_filter("is_list", |value: Value| value.kind() == ValueKind::Seq);
    environment.add_filter("sequence", |value: Value| match value.kind() {
        ValueKind::Seq | ValueKind::Map => value,
        _ => Value::from(vec![value]),
    });
    environment.add_filter("sha256", |text: String| {
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    environment.add_filter("base64_encode", |text: String| STANDARD.encode(text));
    environment.add_filter("base64_decode", |text: String| {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        bytes.ok_or_else(|| invalid("base64_decode: no text in base64"))
    });
    patterns(environment);
    addresses(environment);
    sets(environment);
}

fn patterns(environment: &mut Environment<'static>) {
    environment.add_filter("regex_escape", |text: String| regex::escape(&text));
    environment.add_filter("regex_replace", |text: String, rule: String, by: String, options: Kwargs| {
        let rule = pattern(&rule, &options, "")?;
        Ok::<_, Error>(rule.replace_all(&text, replacement(&by)).into_owned())
    });
    environment.add_filter("regex_search", |text: String, rule: String, options: Kwargs| {
        Ok::<_, Error>(groups(&pattern(&rule, &options, "")?, &text))
    });
    environment.add_filter("regex_match", |text: String, rule: String, options: Kwargs| {
        Ok::<_, Error>(groups(&pattern(&rule, &options, r"\A")?, &text))
    });
    environment.add_test("match", |text: String, rule: String, options: Kwargs| {
        Ok::<_, Error>(pattern(&rule, &options, r"\A")?.is_match(&text))
    });
}

/// The pattern, after a beginning that it must have.
fn pattern(rule: &str, options: &Kwargs, begin: &str) -> Result<Regex, Error> {
    let says = |name| options.get::<Option<bool>>(name).map(|given| given.unwrap_or(false));
    let (ignore_case, multi_line) = (says("ignorecase")?, says("multiline")?);
    options.assert_all_used()?;
    let built = RegexBuilder::new(&format!("{begin}(?:{rule})"))
        .case_insensitive(ignore_case)
        .multi_line(multi_line)
        .size_limit(PATTERN)
        .build();
    // What it says quotes the pattern, which may be a value.
    built.map_err(|_| {
        invalid("the pattern is no regular expression that eos knows (no look-around, no references)")
    })
}

/// Python's references to groups, as this crate has them.
fn replacement(by: &str) -> String {
    let mut out = String::new();
    let mut rest = by.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek().copied()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                rest.next();
                out.push_str(&format!("${{{digit}}}"));
            }
            ('\\', Some('\\')) => {
                rest.next();
                out.push('\\');
            }
            ('$', _) => out.push_str("$$"),
            (c, _) => out.push(c),
        }
    }
    out
}

/// The groups of the first match; nothing without one.
fn groups(rule: &Regex, text: &str) -> Value {
    let Some(found) = rule.captures(text) else { return Value::from(()) };
    let groups =
        found.iter().skip(1).map(|group| group.map_or(Value::from(()), |group| Value::from(group.as_str())));
    Value::from(groups.collect::<Vec<_>>())
}

fn addresses(environment: &mut Environment<'static>) {
    let parsed = |value: Value| python::text(&value).split('/').next().unwrap_or_default().to_owned();
    environment.add_filter("is_ip", move |value: Value| parsed(value).parse::<IpAddr>().is_ok());
    environment.add_filter("is_ipv4", move |value: Value| parsed(value).parse::<Ipv4Addr>().is_ok());
    environment.add_filter("is_ipv6", move |value: Value| parsed(value).parse::<Ipv6Addr>().is_ok());
}

fn sets(environment: &mut Environment<'static>) {
    let both = |one: Value, other: Value| (distinct(&one), distinct(&other));
    environment.add_filter("unique", |value: Value| distinct(&value));
    environment.add_filter("union", move |one: Value, other: Value| {
        let (one, other) = both(one, other);
        distinct(&Value::from([one, other].concat()))
    });
    environment.add_filter("intersect", move |one: Value, other: Value| {
        let (one, other) = both(one, other);
        one.into_iter().filter(|item| other.contains(item)).collect::<Vec<_>>()
    });
    environment.add_filter("difference", move |one: Value, other: Value| {
        let (one, other) = both(one, other);
        one.into_iter().filter(|item| !other.contains(item)).collect::<Vec<_>>()
    });
    environment.add_filter("symmetric_difference", move |one: Value, other: Value| {
        let (one, other) = both(one, other);
        let left = one.iter().filter(|item| !other.contains(item));
        let right = other.iter().filter(|item| !one.contains(item));
        left.chain(right).cloned().collect::<Vec<_>>()
    });
}

/// The items, each once, in their order.
fn distinct(value: &Value) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for item in python::items(value) {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

fn yaml_encode(value: Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::String => Ok(python::double(value.as_str().unwrap_or_default(), true)),
        ValueKind::None | ValueKind::Bool | ValueKind::Number => Ok(python::yaml(&value, true)),
        _ => Err(invalid("yaml_encode takes a single value, no list and no mapping")),
    }
}

/// As Salt reads a truth value.
fn to_bool(value: Value) -> bool {
    match value.kind() {
        ValueKind::Bool => value.is_true(),
        ValueKind::String => {
            matches!(value.as_str().unwrap_or_default().to_lowercase().as_str(), "yes" | "1" | "true")
        }
        ValueKind::Number => f64::try_from(value).is_ok_and(|number| number > 0.0),
        ValueKind::Seq | ValueKind::Map => value.len() != Some(0),
        _ => false,
    }
}

/// A word as the shell reads it back.
fn quote(text: Value) -> String {
    let text = python::text(&text);
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    match !text.is_empty() && text.chars().all(safe) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\"'\"'")),
    }
}

fn invalid(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}
