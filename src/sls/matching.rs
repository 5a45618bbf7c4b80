//! Whether a node is meant: patterns of names, and `path:to:value` in its grains or its pillar, as Salt matches both.

use crate::sls::python;
use serde_json::Value;

/// Whether a text matches a pattern, as Python's `fnmatch` has it: `*` for any text, `?` for any character, `[a-c]` and
/// `[!a-c]` for one of these characters and for one that is none of them. A bracket that is not closed stands for
/// itself.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (parts(pattern), text.chars().collect::<Vec<char>>());
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < text.len() {
        match pattern.get(at) {
            Some(Part::Any) => {
                star = Some((at, from));
                at += 1;
            }
            Some(part) if part.matches(text[from]) => {
                at += 1;
                from += 1;
            }
            _ => match star {
                // The last star takes one character more, and the rest is tried again.
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    from = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == Part::Any)
}

/// A piece of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// Any text.
    Any,
    /// Any character.
    One,
    /// This character.
    Only(char),
    /// One of these ranges, or none of them.
    Among { ranges: Vec<(char, char)>, not: bool },
}

impl Part {
    fn matches(&self, one: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Only(wanted) => *wanted == one,
            Self::Among { ranges, not } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&one)) != *not
            }
        }
    }
}

fn parts(pattern: &str) -> Vec<Part> {
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut parts, mut at) = (Vec::new(), 0);
    while let Some(one) = pattern.get(at) {
        at += 1;
        parts.push(match one {
            '*' => Part::Any,
            '?' => Part::One,
            '[' => match among(&pattern[at..]) {
                Some((part, length)) => {
                    at += length;
                    part
                }
                None => Part::Only('['),
            },
            one => Part::Only(*one),
        });
    }
    parts
}

/// What is in brackets, and how long it is with the closing one; a `]` right at the beginning is a character.
fn among(rest: &[char]) -> Option<(Part, usize)> {
    let not = rest.first() == Some(&'!');
    let begin = usize::from(not);
    let end = begin + 1 + rest.get(begin + 1..)?.iter().position(|one| *one == ']')?;
    let (inner, mut ranges, mut at) = (&rest[begin..end], Vec::new(), 0);
    while let Some(from) = inner.get(at) {
        let to = inner.get(at + 2).filter(|_| inner.get(at + 1) == Some(&'-'));
        ranges.push((*from, *to.unwrap_or(from)));
        at += if to.is_some() { 3 } else { 1 };
    }
    Some((Part::Among { ranges, not }, end + 1))
}

/// Whether `path:to:value` matches the data: a path of keys (of a list, a number or a key of what is in it) and a
/// pattern of what is there. As in Salt each colon may end the path, the case of letters does not count, of a list one
/// entry has to match, and of a mapping one key, or what is below it.
pub fn data(data: &Value, text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    (1..parts.len()).rev().any(|end| match parts[..end].join(":").as_str() {
        "*" => in_mapping(data, text),
        _ => found(data, &parts[..end]).is_some_and(|value| value_matches(value, &parts[end..].join(":"))),
    })
}

/// What is at a path: a key of a mapping, and of a list the entry of that number, or what one of its mappings has.
fn found<'a>(data: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(data, |value, key| match value {
        Value::Object(map) => map.get(*key),
        Value::Array(list) => match key.parse::<usize>() {
            Ok(number) => list.get(number),
            Err(_) => list.iter().find_map(|entry| entry.as_object()?.get(*key)),
        },
        _ => None,
    })
}

fn value_matches(value: &Value, pattern: &str) -> bool {
    match value {
        Value::Object(map) => !map.is_empty() && in_mapping(value, pattern),
        Value::Array(list) => list
            .iter()
            .any(|entry| entry.is_object() && in_mapping(entry, pattern) || same_text(entry, pattern)),
        one => same_text(one, pattern),
    }
}

fn in_mapping(value: &Value, pattern: &str) -> bool {
    let Some(map) = value.as_object() else { return false };
    let (wildcard, pattern) = match pattern.strip_prefix("*:") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let below = |value: &Value| match value {
        Value::Object(_) => in_mapping(value, pattern),
        Value::Array(list) => list.iter().any(|entry| same_text(entry, pattern)),
        one => same_text(one, pattern),
    };
    pattern == "*"
        || map.keys().any(|key| glob(&pattern.to_lowercase(), &key.to_lowercase()))
        || data(value, pattern)
        || wildcard && map.values().any(below)
}

/// Whether a value, as Python writes it, matches.
fn same_text(value: &Value, pattern: &str) -> bool {
    let text = match value {
        Value::String(text) => text.clone(),
        other => python::text(&minijinja::Value::from(minijinja::value::Serde(other.clone()))),
    };
    glob(&pattern.to_lowercase(), &text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn globs_match_as_pythons_do() {
        for (pattern, text, wanted) in [
            ("*", "", true),
            ("n?", "n1", true),
            ("n?", "n12", false),
            ("rack1-*", "rack1-a", true),
            ("*-a*b", "x-a-ab", true),
            ("*-a*b", "x-a-abc", false),
            ("", "a", false),
            ("n[1-3]", "n2", true),
            ("n[1-3]", "n4", false),
            ("n[!1-3]", "n4", true),
            ("n[!1-3]", "n2", false),
            ("n[13]*", "n3x", true),
            ("n[a-]", "n-", true),
            ("n[]]", "n]", true),
            ("n[!]]", "n]", false),
            ("n[1", "n[1", true),
            ("n[", "n[", true),
            ("[[]*", "[x", true),
        ] {
            assert_eq!(glob(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn values_of_every_kind_match_as_salt_matches_them() {
        let table = json!({
            "os": "Debian", "num_cpus": 4, "virtual": true, "none": null, "load": 1.5,
            "ipv4": ["10.0.1.7", "127.0.0.1"],
            "a": {"b": {"c": "d", "e:f": "g"}, "list": [{"name": "one"}, "two"]},
            "time": "12:30", "empty": {},
        });
        for (text, wanted) in [
            ("os:debian", true),
            ("OS:Debian", false),
            ("os:Deb*", true),
            ("os:Ubuntu", false),
            ("num_cpus:4", true),
            ("num_cpus:[2-4]", true),
            ("num_cpus:8", false),
            ("virtual:True", true),
            ("virtual:true", true),
            ("virtual:False", false),
            ("none:None", true),
            ("load:1.5", true),
            ("ipv4:10.0.*", true),
            ("ipv4:10.9.*", false),
            ("ipv4:0:10.*", true),
            ("ipv4:1:10.*", false),
            ("a:b:c:d", true),
            ("a:b", true),
            ("a:b:*", true),
            ("a:x*", false),
            ("a:list:name:one", true),
            ("a:list:two", true),
            ("a:list:three", false),
            ("a:*:c:d", true),
            ("*:b", true),
            ("time:12:30", true),
            ("empty:*", false),
            ("os", false),
            ("absent:x", false),
        ] {
            assert_eq!(data(&table, text), wanted, "{text}");
        }
    }
}
