//! The one entrance of YAML: bounded in size and expansion, no duplicate keys, every error with its place.

use crate::model::explain::{Code, Exit, Explain};
use serde::de::DeserializeOwned;
pub use serde_yaml::Value;

/// The longest text that is read, in bytes.
pub const LIMIT: usize = 1 << 20;

/// How many bytes the aliases of a text may stand for at most: a text repeats its anchors quadratically
/// before the parser's own limit on repetitions is reached.
const EXPANSION_LIMIT: usize = 64 << 20;

/// Why a text is not the YAML that was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// Longer than [`LIMIT`].
    #[error("{file} has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("{file} is not UTF-8 text from byte {offset} on")]
    NotText {
        /// The file.
        file: String,
        /// Where the first bad byte is, from 0.
        offset: usize,
    },
    /// Aliases that stand for too much.
    #[error("{file} repeats its anchors too often: its aliases may stand for more than {limit} bytes")]
    Expansion {
        /// The file.
        file: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not YAML.
    #[error("{file}:{line}:{column}: {problem}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong; never quotes a value.
        problem: String,
    },
    /// A key that is given twice.
    #[error("{file}:{line}: the key {key} is given twice in the mapping that starts here")]
    DuplicateKey {
        /// The file.
        file: String,
        /// The line where the mapping starts, from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A key that nobody reads.
    #[error("{file}:{line}:{column}: unknown key {key}{}", expectation(.expected))]
    UnknownKey {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The key with the keys above it, `cluster.prot`.
        key: String,
        /// The keys that are read in its place.
        expected: Vec<String>,
    },
    /// A value of another kind than the wanted one.
    #[error("{file}:{line}:{column}: {problem}")]
    WrongValue {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong, with the keys that lead to it.
        problem: String,
    },
}

impl Explain for YamlError {
    fn code(&self) -> Code {
        Code(match self {
            Self::TooLarge { .. } => "C001",
            Self::NotText { .. } => "C002",
            Self::Expansion { .. } => "C003",
            Self::Syntax { .. } => "C004",
            Self::DuplicateKey { .. } => "C005",
            Self::UnknownKey { .. } => "C006",
            Self::WrongValue { .. } => "C007",
        })
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::UnknownKey { file, line, key, expected, .. } => {
                let last = key.rsplit('.').next().unwrap_or(key);
                let meant = nearest(last, expected.iter().map(String::as_str));
                let remedy = match meant {
                    Some(meant) => format!("did you mean {meant}? look at the line: sed -n {line}p {file}"),
                    None => format!("remove it, or see what may stand there: sed -n {line}p {file}"),
                };
                vec![remedy]
            }
            Self::NotText { file, .. } => vec![format!("save it as UTF-8: iconv -t UTF-8 {file}")],
            Self::TooLarge { file, .. } | Self::Expansion { file, .. } => {
                vec![format!("see what is in it: head -c 1000 {file}")]
            }
            Self::Syntax { file, line, .. }
            | Self::DuplicateKey { file, line, .. }
            | Self::WrongValue { file, line, .. } => {
                vec![format!("look at the line: sed -n {line}p {file}")]
            }
        }
    }
}

/// Parses a text into an untyped value: bounded, and without duplicate keys at any depth.
///
/// An empty text, or one of comments only, is null.
pub fn value(file: &str, bytes: &[u8]) -> Result<Value, YamlError> {
    let text = checked(file, bytes)?;
    untyped(file, text)
}

/// Parses a text into a type; an empty text counts as an empty mapping.
pub fn typed<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, YamlError> {
    let text = checked(file, bytes)?;
    // Twice: only the untyped parse sees duplicate keys everywhere, only the typed one knows the place of a
    // wrong value.
    if untyped(file, text)?.is_null() {
        return serde_yaml::from_str("{}").map_err(|error| classify(file, Stage::Type, &error));
    }
    serde_yaml::from_str(text).map_err(|error| classify(file, Stage::Type, &error))
}

/// The candidate that is most like the text, when one is like it enough to be what was meant.
pub fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let reach = (text.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(distance, _)| *distance <= reach)
        .min()
        .map(|(_, candidate)| candidate)
}

fn checked<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, YamlError> {
    if bytes.len() > LIMIT {
        return Err(YamlError::TooLarge { file: file.to_owned(), size: bytes.len(), limit: LIMIT });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| YamlError::NotText { file: file.to_owned(), offset: error.valid_up_to() })?;
    let aliases = text
        .as_bytes()
        .windows(3)
        .filter(|three| {
            matches!(three[0], b' ' | b'\t' | b'\n' | b'[' | b',' | b'{')
                && three[1] == b'*'
                && three[2].is_ascii_alphanumeric()
        })
        .count();
    if aliases.saturating_mul(text.len()) > EXPANSION_LIMIT {
        return Err(YamlError::Expansion { file: file.to_owned(), limit: EXPANSION_LIMIT });
    }
    Ok(text)
}

fn untyped(file: &str, text: &str) -> Result<Value, YamlError> {
    match serde_yaml::from_str::<Value>(text) {
        Ok(value) => Ok(value),
        // The parser's word for a text without any document.
        Err(error) if error.to_string() == "EOF while parsing a value" => Ok(Value::Null),
        Err(error) => Err(classify(file, Stage::Text, &error)),
    }
}

/// Which of the two parses failed: the one of the text, or the one into the type.
#[derive(Clone, Copy)]
enum Stage {
    Text,
    Type,
}

fn classify(file: &str, stage: Stage, error: &serde_yaml::Error) -> YamlError {
    let file = file.to_owned();
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let full = error.to_string();
    let message = strip_place(&full);
    if message == "repetition limit exceeded" {
        return YamlError::Expansion { file, limit: EXPANSION_LIMIT };
    }
    if let Some((_, key)) = message.split_once("duplicate entry with key ") {
        return YamlError::DuplicateKey { file, line, key: key.trim_matches(['"', '`']).to_owned() };
    }
    if let Some((above, rest)) = message.split_once("unknown field `") {
        let (key, expected) = rest.split_once('`').unwrap_or((rest, ""));
        let expected = expected.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let above = above.strip_suffix(": ").map(|above| format!("{above}.")).unwrap_or_default();
        return YamlError::UnknownKey { file, line, column, key: format!("{above}{key}"), expected };
    }
    let problem = message.to_owned();
    match stage {
        Stage::Text => YamlError::Syntax { file, line, column, problem },
        Stage::Type => YamlError::WrongValue { file, line, column, problem },
    }
}

fn strip_place(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(at) => message[..at].split(" at line ").next().unwrap_or(message),
        None => message,
    }
}

fn expectation(expected: &[String]) -> String {
    match expected {
        [] => String::new(),
        [one] => format!(": {one} is the only key here"),
        many => format!(": one of {} expected", many.join(", ")),
    }
}

/// Insertions, deletions, replacements and swaps of neighbours that make one text of the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut table = vec![vec![0; to.len() + 1]; from.len() + 1];
    for line in 0..=from.len() {
        for column in 0..=to.len() {
            table[line][column] = if line == 0 || column == 0 {
                line + column
            } else {
                let same = from[line - 1] == to[column - 1];
                let replaced = table[line - 1][column - 1] + usize::from(!same);
                let swapped = line > 1
                    && column > 1
                    && from[line - 1] == to[column - 2]
                    && from[line - 2] == to[column - 1];
                let swapped = if swapped { table[line - 2][column - 2] + 1 } else { usize::MAX };
                replaced.min(swapped).min(table[line - 1][column] + 1).min(table[line][column - 1] + 1)
            };
        }
    }
    table[from.len()][to.len()]
}

#[cfg(test)]
#[path = "yaml/tests.rs"]
pub(crate) mod tests;
