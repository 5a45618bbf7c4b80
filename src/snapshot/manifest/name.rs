//! Names as bytes: percent-encoded in JSON, so that those that are not UTF-8 survive.

use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path or a link target, exactly as its bytes are; never interpreted as text.
///
/// In JSON: printable ASCII as it stands except `%`, `"` and `\`, everything else as `%XX`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Vec<u8>);

impl Name {
    /// Takes these bytes as they are.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as a path.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// The path of its directory (empty at the top) and the last component.
    pub fn split(&self) -> (&[u8], &[u8]) {
        match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&self.0[..slash], &self.0[slash + 1..]),
            None => (b"", &self.0),
        }
    }

    /// This path with another component below it; the empty path gives the component.
    pub fn join(&self, component: &[u8]) -> Self {
        if self.0.is_empty() {
            return Self(component.to_vec());
        }
        Self([&self.0, b"/".as_slice(), component].concat())
    }

    /// Why these bytes are no plain relative path, if they are none.
    pub fn fault(&self, limit_bytes: usize, limit_depth: usize) -> Option<&'static str> {
        if self.0.is_empty() {
            return Some("it is empty");
        }
        if self.0.len() > limit_bytes {
            return Some("it is too long");
        }
        if self.0.contains(&0) {
            return Some("it contains a NUL byte");
        }
        if self.0[0] == b'/' {
            return Some("it is absolute");
        }
        if self.0.split(|byte| *byte == b'/').count() > limit_depth {
            return Some("it is too deep");
        }
        self.0.split(|byte| *byte == b'/').find_map(component_fault)
    }
}

fn component_fault(component: &[u8]) -> Option<&'static str> {
    match component {
        b"" => Some("it has an empty component"),
        b"." => Some("it has the component '.'"),
        b".." => Some("it climbs with '..'"),
        long if long.len() > 255 => Some("a component is longer than 255 bytes"),
        _ => None,
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0 {
            match byte {
                b'%' | b'"' | b'\\' => write!(f, "%{byte:02X}")?,
                0x20..=0x7e => write!(f, "{}", char::from(*byte))?,
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.to_string()
    }
}

/// A text that is not the one encoding of any name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a percent-encoded name")]
pub struct InvalidName(String);

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let decoded = decode(text.as_bytes()).map(Self);
        // One name has one encoding, or two manifests that differ could mean the same.
        match decoded {
            Some(name) if name.to_string() == text => Ok(name),
            _ => Err(InvalidName(text.chars().take(80).collect())),
        }
    }
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_encoding() {
        let all: Vec<u8> = (0..=255).collect();
        let name = Name::new(all);
        assert_eq!(Name::try_from(name.to_string()), Ok(name));
    }

    #[test]
    fn a_second_spelling_of_a_name_is_refused() {
        for text in ["%61", "%2f", "%ff", "%F", "%", "%+1", "a\"b", "é"] {
            assert!(Name::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_that_is_not_plain_says_why() {
        let fault = |text: &str| Name::new(text).fault(30, 4);
        assert_eq!(fault("a/b/c d"), None);
        assert_eq!(fault("..."), None);
        assert_eq!(fault(""), Some("it is empty"));
        assert_eq!(fault("/a"), Some("it is absolute"));
        assert_eq!(fault("a/../../x"), Some("it climbs with '..'"));
        assert_eq!(fault("a/./b"), Some("it has the component '.'"));
        assert_eq!(fault("a//b"), Some("it has an empty component"));
        assert_eq!(fault("a/"), Some("it has an empty component"));
        assert_eq!(fault("a\0b"), Some("it contains a NUL byte"));
        assert_eq!(fault("a/b/c/d/e"), Some("it is too deep"));
        assert_eq!(fault(&"x".repeat(31)), Some("it is too long"));
        assert_eq!(Name::new("x".repeat(256)).fault(4096, 4), Some("a component is longer than 255 bytes"));
    }
}
