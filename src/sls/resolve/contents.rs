//! What a managed file holds: given in the state, in the pillar, or by a source of the tree; rendered on demand.

use crate::model::yaml::Value;
use crate::sls::arguments::Arguments;
use crate::sls::declaration::{Declaration, scalar};
use crate::sls::error::SlsError;
use crate::sls::jinja::Renderer;
use crate::sls::tree::inside;

/// How a source becomes contents.
pub(super) struct Rendering<'a> {
    renderer: &'a Renderer<'a>,
    declaration: &'a Declaration,
    /// The variables of a template; nothing when a source is taken as it is.
    variables: Option<serde_json::Map<String, serde_json::Value>>,
}

impl<'a> Rendering<'a> {
    /// As `template`, `defaults` and `context` say.
    pub(super) fn of(
        renderer: &'a Renderer<'a>,
        declaration: &'a Declaration,
        arguments: &Arguments<'_>,
    ) -> Result<Self, SlsError> {
        let mut variables = arguments.mapping("defaults")?;
        variables.extend(arguments.mapping("context")?);
        let variables = match arguments.text("template")?.as_deref() {
            None => None,
            Some("jinja") => Some(variables),
            Some(_) => return Err(arguments.bad("template", "jinja")),
        };
        Ok(Self { renderer, declaration, variables })
    }

    /// The contents that this text or source makes; `path` is its file in the tree.
    pub(super) fn made(&self, path: &str, bytes: Vec<u8>) -> Result<Vec<u8>, SlsError> {
        let Some(variables) = &self.variables else { return Ok(bytes) };
        let text = String::from_utf8(bytes).map_err(|_| SlsError::NotText { file: path.to_owned() })?;
        self.renderer.template(&self.declaration.sls, path, &text, variables).map(String::into_bytes)
    }
}

/// The bytes of `contents`, of `contents_pillar` or of `source`; nothing when none is given.
pub(super) fn contents(
    renderer: &Renderer<'_>,
    declaration: &Declaration,
    arguments: &Arguments<'_>,
) -> Result<Option<Vec<u8>>, SlsError> {
    let rendering = Rendering::of(renderer, declaration, arguments)?;
    let sources = arguments.texts("source")?;
    let given = arguments.given("contents").then(|| arguments.texts("contents")).transpose()?;
    let from_pillar = from_pillar(renderer, arguments)?;
    let newline = arguments.boolean("contents_newline")?.unwrap_or(true);
    let allow_empty = arguments.boolean("allow_empty")?.unwrap_or(true);
    if usize::from(!sources.is_empty()) + usize::from(given.is_some()) + usize::from(from_pillar.is_some())
        > 1
    {
        let name = if given.is_some() { "contents" } else { "contents_pillar" };
        return Err(arguments.bad(name, "only one of source, contents and contents_pillar"));
    }
    let (path, bytes) = match given.or(from_pillar) {
        Some(parts) => {
            let text = joined(&parts, newline);
            if text.is_empty() && !allow_empty {
                return Err(arguments.bad("allow_empty", "contents that are not empty, or allow_empty: True"));
            }
            (declaration.rendered.file.clone(), text.into_bytes())
        }
        None if sources.is_empty() => return Ok(None),
        None => source(renderer, declaration, arguments, &sources)?,
    };
    rendering.made(&path, bytes).map(Some)
}

/// As Salt does: every line of every part, each with a line break.
fn joined(parts: &[String], newline: bool) -> String {
    let mut text: String =
        parts.iter().flat_map(|part| python_lines(part)).fold(String::new(), |all, line| all + line + "\n");
    if !newline {
        text.truncate(text.trim_end_matches('\n').trim_end_matches('\r').len());
    }
    text
}

/// The lines of a text as Python splits them.
fn python_lines(text: &str) -> Vec<&str> {
    const BREAKS: [char; 10] =
        ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    let (mut lines, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(BREAKS) {
        lines.push(&rest[..at]);
        let length = rest[at..].chars().next().map_or(1, char::len_utf8);
        let length = if rest[at..].starts_with("\r\n") { 2 } else { length };
        rest = &rest[at + length..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

fn from_pillar(renderer: &Renderer<'_>, arguments: &Arguments<'_>) -> Result<Option<Vec<String>>, SlsError> {
    let keys = arguments.texts("contents_pillar")?;
    if keys.is_empty() {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for key in keys {
        let found = key.split(':').try_fold(&renderer.context.pillar, |table, key| table.get(key));
        let value = found.and_then(|value| serde_json::from_value::<Value>(value.clone()).ok());
        let texts = match &value {
            Some(Value::Sequence(items)) => items.iter().map(scalar).collect(),
            Some(value) => scalar(value).map(|text| vec![text]),
            None => None,
        };
        let wanted = "keys of the pillar that are there and hold a text or a list of texts";
        parts.extend(texts.ok_or_else(|| arguments.bad("contents_pillar", wanted))?);
    }
    Ok(Some(parts))
}

/// The first of these sources that the tree has, with its path.
fn source(
    renderer: &Renderer<'_>,
    declaration: &Declaration,
    arguments: &Arguments<'_>,
    sources: &[String],
) -> Result<(String, Vec<u8>), SlsError> {
    for source in sources {
        let path = tree_path(arguments, source)?;
        if let Some(bytes) = Some(&path).filter(|path| inside(path)).and_then(|path| renderer.tree.read(path))
        {
            return Ok((path, bytes));
        }
    }
    Err(missing(declaration, sources.first().map_or("", String::as_str)))
}

/// The path in the tree of a `salt://` address.
pub(super) fn tree_path(arguments: &Arguments<'_>, source: &str) -> Result<String, SlsError> {
    let path = source.strip_prefix("salt://").map(|path| path.trim_end_matches('/').to_owned());
    path.ok_or_else(|| arguments.bad("source", "salt:// and a path"))
}

/// That the tree has no such source.
pub(super) fn missing(declaration: &Declaration, source: &str) -> SlsError {
    SlsError::NoSuchSource {
        place: declaration.rendered.place_of(&[&declaration.id, &declaration.function, "source"]),
        source_file: declaration.rendered.shown(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_lines_as_python_counts_them() {
        let parts = ["a\r\nb".to_owned(), String::new(), "c\u{2028}d\n".to_owned()];
        assert_eq!(joined(&parts, true), "a\nb\nc\nd\n");
        assert_eq!(joined(&parts, false), "a\nb\nc\nd");
    }
}
