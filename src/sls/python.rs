//! Values of templates as Python writes them: as text, as JSON and as YAML, so that real Salt makes the same bytes.

use minijinja::value::{Value, ValueKind};

/// As `str()` has it.
pub fn text(value: &Value) -> String {
    match value.kind() {
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        _ => repr(value),
    }
}

/// As `repr()` has it.
pub fn repr(value: &Value) -> String {
    match value.kind() {
        ValueKind::None => "None".to_owned(),
        ValueKind::Bool => if value.is_true() { "True" } else { "False" }.to_owned(),
        ValueKind::String => quoted(value.as_str().unwrap_or_default()),
        ValueKind::Seq | ValueKind::Iterable => format!("[{}]", joined(items(value).iter().map(repr))),
        ValueKind::Map => {
            format!(
                "{{{}}}",
                joined(pairs(value).iter().map(|(key, item)| format!("{}: {}", repr(key), repr(item))))
            )
        }
        _ => value.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(mark);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == mark => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(mark);
    out
}

/// The items of a sequence.
pub fn items(value: &Value) -> Vec<Value> {
    value.try_iter().map(Iterator::collect).unwrap_or_default()
}

/// The pairs of a mapping, in its order.
pub fn pairs(value: &Value) -> Vec<(Value, Value)> {
    let keys = items(value);
    keys.into_iter().map(|key| (key.clone(), value.get_item(&key).unwrap_or_default())).collect()
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

/// How JSON is written.
#[derive(Clone, Copy)]
pub struct Json {
    /// Whether keys are sorted.
    pub sorted: bool,
    /// Whether only ASCII is written.
    pub ascii: bool,
    /// Whether what HTML minds is escaped.
    pub html: bool,
}

impl Json {
    /// The value, with spaces after separators.
    pub fn write(self, value: &Value) -> String {
        match value.kind() {
            ValueKind::None | ValueKind::Undefined => "null".to_owned(),
            ValueKind::Bool => if value.is_true() { "true" } else { "false" }.to_owned(),
            ValueKind::Number => value.to_string(),
            ValueKind::Seq | ValueKind::Iterable => {
                format!("[{}]", joined(items(value).iter().map(|item| self.write(item))))
            }
            ValueKind::Map => {
                let mut pairs: Vec<(String, Value)> =
                    pairs(value).into_iter().map(|(key, item)| (text(&key), item)).collect();
                if self.sorted {
                    pairs.sort_by(|one, other| one.0.cmp(&other.0));
                }
                let pairs =
                    pairs.iter().map(|(key, item)| format!("{}: {}", self.string(key), self.write(item)));
                format!("{{{}}}", joined(pairs))
            }
            _ => self.string(&text(value)),
        }
    }

    fn string(self, text: &str) -> String {
        let mut out = String::new();
        for c in serde_json::Value::from(text).to_string().chars() {
            if (c.is_ascii() || !self.ascii) && !(self.html && "<>&'".contains(c)) {
                out.push(c);
            } else {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            }
        }
        out
    }
}

/// As YAML with sorted keys: in one line, or in blocks. Long lines are not broken, as Salt breaks them after 80 columns.
pub fn yaml(value: &Value, flow: bool) -> String {
    match (value.kind(), flow) {
        (ValueKind::Map | ValueKind::Seq | ValueKind::Iterable, false) if value.len() != Some(0) => {
            let mut out = String::new();
            block(value, 0, &mut out);
            out.trim_end().to_owned()
        }
        _ => in_line(value),
    }
}

fn in_line(value: &Value) -> String {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => format!("[{}]", joined(items(value).iter().map(in_line))),
        ValueKind::Map => {
            let pairs =
                sorted(value).into_iter().map(|(key, item)| format!("{}: {}", in_line(&key), in_line(&item)));
            format!("{{{}}}", joined(pairs))
        }
        ValueKind::None | ValueKind::Undefined => "null".to_owned(),
        ValueKind::Bool => if value.is_true() { "true" } else { "false" }.to_owned(),
        ValueKind::String => scalar(value.as_str().unwrap_or_default()),
        _ => value.to_string(),
    }
}

fn sorted(value: &Value) -> Vec<(Value, Value)> {
    let mut pairs = pairs(value);
    pairs.sort_by_key(|(key, _)| text(key));
    pairs
}

fn block(value: &Value, indent: usize, out: &mut String) {
    let blank = " ".repeat(indent);
    let nested = |item: &Value| {
        matches!(item.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Iterable) && item.len() != Some(0)
    };
    if value.kind() == ValueKind::Map {
        for (key, item) in sorted(value) {
            out.push_str(&format!("{blank}{}:", in_line(&key)));
            if nested(&item) {
                out.push('\n');
                // The items of a list stand as far left as its key.
                let deeper = if item.kind() == ValueKind::Map { indent + 2 } else { indent };
                block(&item, deeper, out);
            } else {
                out.push_str(&format!(" {}\n", in_line(&item)));
            }
        }
        return;
    }
    for item in items(value) {
        if nested(&item) {
            let mut inner = String::new();
            block(&item, indent + 2, &mut inner);
            out.push_str(&format!("{blank}- {}", inner.trim_start()));
        } else {
            out.push_str(&format!("{blank}- {}\n", in_line(&item)));
        }
    }
}

/// A text as YAML: plain where that is read back as the same text.
fn scalar(text: &str) -> String {
    let odd = text.chars().any(|c| c.is_control());
    if odd {
        return double(text, false);
    }
    let reads_back = matches!(
        crate::model::yaml::value("", format!("x: {text}\n").as_bytes()).ok().and_then(|value| value.get("x").cloned()),
        Some(crate::model::yaml::Value::String(same)) if same == text
    );
    let words = ["yes", "no", "on", "off", "true", "false", "null", "~", "="];
    let special = words.contains(&text.to_ascii_lowercase().as_str())
        || text.contains([',', '[', ']', '{', '}'])
        || text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) && text.contains([':', '_']);
    if reads_back && !special && !text.is_empty() { text.to_owned() } else { single(text) }
}

/// In single quotes.
pub fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// In double quotes; with `ascii`, nothing else is written.
pub fn double(text: &str, ascii: bool) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            c if c.is_control() || ascii && !c.is_ascii() => match u32::from(c) {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02X}")),
                code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04X}")),
                code => out.push_str(&format!("\\U{code:08X}")),
            },
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::value::Serde;
    use serde_json::json;

    fn value(json: serde_json::Value) -> Value {
        Value::from(Serde(json))
    }

    #[test]
    fn values_are_written_as_python_writes_them() {
        let odd = value(json!([null, true, 1, 1.0, "a", "it's", "\n", {"k": [false]}]));
        assert_eq!(repr(&odd), "[None, True, 1, 1.0, 'a', \"it's\", '\\n', {'k': [False]}]");
        assert_eq!(text(&value(json!("a"))), "a");
    }

    #[test]
    fn json_is_sorted_and_escaped_as_asked() {
        let odd = value(json!({"b": "<ü>", "a": [1, null]}));
        let json = |ascii, html| Json { sorted: true, ascii, html }.write(&odd);
        assert_eq!(json(false, false), "{\"a\": [1, null], \"b\": \"<ü>\"}");
        assert_eq!(json(true, true), "{\"a\": [1, null], \"b\": \"\\u003c\\u00fc\\u003e\"}");
    }

    #[test]
    fn yaml_reads_back_as_the_same_values() {
        let odd = value(
            json!({"q": "yes", "n": null, "t": true, "e": "", "v": "1.0", "l": [1, {"c": "a: b"}], "m": {}}),
        );
        let flow = yaml(&odd, true);
        assert_eq!(flow, "{e: '', l: [1, {c: 'a: b'}], m: {}, n: null, q: 'yes', t: true, v: '1.0'}");
        let blocks = yaml(&odd, false);
        assert_eq!(blocks, "e: ''\nl:\n- 1\n- c: 'a: b'\nm: {}\nn: null\nq: 'yes'\nt: true\nv: '1.0'");
    }
}
