//! The tags that Salt adds to Jinja for data: `load_yaml`, `load_json`, `load_text`, `import_yaml`, `import_json` and
//! `import_text`, written as what Jinja has: a block whose text is given to a filter.

use crate::sls::source_lines;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind};

const FILTERS: [(&str, &str); 2] = [("yaml", "load_yaml"), ("json", "load_json")];

/// The template with these tags as blocks, each on the lines where it was.
pub fn rewritten(source: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(source.len()), source);
    while let Some(start) = [rest.find("{%"), rest.find("{#")].into_iter().flatten().min() {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let comment = rest.starts_with("{#");
        let Some(end) = (if comment { rest[2..].find("#}").map(|at| at + 2) } else { end_of_tag(rest) })
        else {
            break;
        };
        let (tag, after) = rest.split_at(end + 2);
        rest = after;
        match (comment, word(tag)) {
            (true, _) => out.push_str(tag),
            // What is raw is no template.
            (false, "raw") => {
                let raw = end_of_raw(rest);
                out.push_str(tag);
                out.push_str(&rest[..raw]);
                rest = &rest[raw..];
            }
            _ => out.push_str(&block(tag).unwrap_or_else(|| tag.to_owned())),
        }
    }
    out + rest
}

/// Where `%}` is, outside of texts in quotes.
fn end_of_tag(tag: &str) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    for (at, character) in tag.char_indices().skip(2) {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if character == '"' || character == '\'' => quote = Some(character),
            None if tag[at..].starts_with("%}") => return Some(at),
            None => {}
        }
    }
    None
}

/// Where the tag begins that ends what is raw, or the end.
fn end_of_raw(text: &str) -> usize {
    let tags = text.match_indices("{%");
    let mut ends = tags.filter(|(at, _)| word(&text[*at..]) == "endraw");
    ends.next().map_or(text.len(), |(at, _)| at)
}

/// What is between the signs of a tag, and its first word.
fn word(tag: &str) -> &str {
    let inner = tag[2..].trim_start_matches(['-', '+']).trim_start();
    inner.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// The tag as a block; nothing of a tag that Jinja has itself.
fn block(tag: &str) -> Option<String> {
    let word = word(tag);
    let inner = &tag[2..tag.len() - 2];
    let open = if inner.starts_with('-') { "{%-" } else { "{%" };
    let close = if inner.ends_with('-') { "-%}" } else { "%}" };
    if word == "endload" {
        return Some(format!("{open} endset {close}"));
    }
    let kind = word.strip_prefix("load_").or(word.strip_prefix("import_"))?;
    let filter = match kind {
        "text" => String::new(),
        kind => format!(" | {}", FILTERS.iter().find(|(name, _)| *name == kind)?.1),
    };
    let said = inner.trim_matches(['-', '+']).trim_start().strip_prefix(word)?;
    // The breaks of a tag of several lines stay where they are.
    let breaks = "\n".repeat(said.matches('\n').count());
    let words: Vec<&str> = said.split_whitespace().collect();
    let words = words.strip_suffix(&["with", "context"]).unwrap_or(&words);
    let words = words.strip_suffix(&["without", "context"]).unwrap_or(words);
    let (name, before) = words.split_last()?;
    let (last, before) = before.split_last()?;
    let valid = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if *last != "as" || !valid {
        return None;
    }
    let file = before.join(" ");
    match (word.starts_with("load_"), file.is_empty()) {
        (true, true) => Some(format!("{open} set {name}{filter}{breaks} {close}")),
        (false, false) => {
            Some(format!("{open} set {name}{filter}{breaks} %}}{{% include {file} %}}{{% endset {close}"))
        }
        _ => None,
    }
}

/// Adds what the blocks are given to.
pub fn add(environment: &mut Environment<'static>) {
    environment.add_filter("load_yaml", |text: String| {
        let text = source_lines::without_marks(&text);
        let mut value =
            crate::model::yaml::value("", text.as_bytes()).map_err(|_| invalid("this is not YAML"))?;
        value.apply_merge().map_err(|_| invalid("this is not YAML"))?;
        if differs(&value) {
            return Err(invalid(
                "yes, no, on, off and octal numbers mean another thing in Salt: true, false or decimal",
            ));
        }
        Ok(Value::from(Serde(value)))
    });
    environment.add_filter("load_json", |text: String| {
        let text = source_lines::without_marks(&text);
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|_| invalid("this is not JSON"))?;
        Ok(Value::from(Serde(value)))
    });
}

fn invalid(problem: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}

/// Whether something in it is a text here and a truth value or a number in YAML 1.1, which Salt reads.
fn differs(value: &crate::model::yaml::Value) -> bool {
    use crate::model::yaml::Value;
    match value {
        Value::String(text) => {
            let octal =
                text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
            octal || matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off")
        }
        Value::Sequence(items) => items.iter().any(differs),
        Value::Mapping(map) => map.iter().any(|(key, value)| differs(key) || differs(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_blocks_with_their_lines_and_their_white_space() {
        let cases = [
            (
                "{%- import_yaml 'a.yaml' as a -%}",
                "{%- set a | load_yaml %}{% include 'a.yaml' %}{% endset -%}",
            ),
            (
                "{% import_json d ~ \"/a %}\" as a with context %}",
                "{% set a | load_json %}{% include d ~ \"/a %}\" %}{% endset %}",
            ),
            ("{% import_text 'a' as a %}", "{% set a %}{% include 'a' %}{% endset %}"),
            ("{% load_yaml as a %}x: 1{%- endload %}", "{% set a | load_yaml %}x: 1{%- endset %}"),
            ("{% load_yaml\n as a %}{% endload %}", "{% set a | load_yaml\n %}{% endset %}"),
        ];
        for (tag, block) in cases {
            assert_eq!(rewritten(tag), block);
        }
        for same in [
            "{# {% load_yaml as a %} #}",
            "{% raw %}{% load_yaml as a %}{% endraw %}",
            "{% if x %}",
            "{%}",
            "{#}",
            "{%%}",
            "{%-%}",
            "{%",
        ] {
            assert_eq!(rewritten(same), same);
        }
    }
}
