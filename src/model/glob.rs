//! Patterns of paths: `*` and `?` within a name, `**` over any number of names.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A pattern of relative paths, matched byte for byte.
///
/// One without a `/` matches the last name of a path, wherever it lies; one with a `/` matches the whole path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glob(String);

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no pattern of paths such as *.sst or logs/**: {reason}")]
pub struct InvalidGlob {
    text: String,
    reason: &'static str,
}

impl Glob {
    /// Checks the pattern.
    ///
    /// # Errors
    /// When it could match nothing: it is empty, absolute, or has an empty name, `.` or `..` in it.
    pub fn parse(text: &str) -> Result<Self, InvalidGlob> {
        let reason = if text.is_empty() {
            "it is empty"
        } else if text.len() > 4096 || text.bytes().filter(|byte| *byte == b'*').count() > 16 {
            "it is too long"
        } else if text.split('/').any(|name| matches!(name, "" | "." | "..")) {
            "it must be relative, without empty names, . and .."
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(InvalidGlob { text: text.chars().take(80).collect(), reason })
    }

    /// Whether it matches this relative path.
    pub fn matches(&self, path: &[u8]) -> bool {
        if !self.0.contains('/') && self.0 != "**" {
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            return name_matches(self.0.as_bytes(), name);
        }
        let pattern: Vec<&[u8]> = self.0.as_bytes().split(|byte| *byte == b'/').collect();
        let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        names_match(&pattern, &names)
    }
}

fn names_match(pattern: &[&[u8]], names: &[&[u8]]) -> bool {
    match pattern.split_first() {
        None => names.is_empty(),
        Some((&b"**", rest)) => (0..=names.len()).any(|skipped| names_match(rest, &names[skipped..])),
        Some((first, rest)) => names
            .split_first()
            .is_some_and(|(name, left)| name_matches(first, name) && names_match(rest, left)),
    }
}

/// With one place to go back to, so that no pattern takes more than the product of the lengths.
fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[read] => (at, read) = (at + 1, read + 1),
            _ => match &mut star {
                Some((from, tried)) => {
                    *tried += 1;
                    (at, read) = (*from + 1, *tried);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Glob {
    type Error = InvalidGlob;

    fn try_from(text: String) -> Result<Self, InvalidGlob> {
        Self::parse(&text)
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> Self {
        glob.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_a_slash_matches_the_last_name_anywhere() {
        let glob = Glob::parse("*.sst").unwrap();
        for (path, matches) in
            [("a.sst", true), ("db/000.sst", true), (".sst", true), ("a.sst/log", false), ("a.sstx", false)]
        {
            assert_eq!(glob.matches(path.as_bytes()), matches, "{path}");
        }
        assert!(Glob::parse("?.log").unwrap().matches(b"x/\xff.log"));
    }

    #[test]
    fn a_pattern_with_a_slash_matches_the_whole_path() {
        for (glob, path, matches) in [
            ("logs/**", "logs/a/b", true),
            ("logs/**", "x/logs/a", false),
            ("**/tmp", "a/b/tmp", true),
            ("**/tmp", "tmp", true),
            ("a/*/c", "a/b/c", true),
            ("a/*/c", "a/b/b/c", false),
            ("**", "any/thing", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXb", false),
        ] {
            assert_eq!(Glob::parse(glob).unwrap().matches(path.as_bytes()), matches, "{glob} {path}");
        }
    }

    #[test]
    fn what_could_match_nothing_is_refused() {
        for text in ["", "/a", "a//b", "a/", "../x", "./x"] {
            assert!(Glob::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(
            Glob::parse("/a").unwrap_err().to_string(),
            "\"/a\" is no pattern of paths such as *.sst or logs/**: it must be relative, without empty names, . and .."
        );
    }
}
