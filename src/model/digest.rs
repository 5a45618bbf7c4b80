//! Content digests (BLAKE3) and certificate fingerprints (SHA-256), as parsed text.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A BLAKE3 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// The SHA-256 of a certificate in DER, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

/// A text that is not a digest of the wanted form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}: {wanted} expected")]
pub struct InvalidDigest {
    /// `digest` or `fingerprint`.
    pub kind: &'static str,
    /// What was given (at most 90 characters of it).
    pub text: String,
    /// The form that is expected.
    pub wanted: &'static str,
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Wraps 32 raw bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        parse_hex(text).map(Self).ok_or_else(|| InvalidDigest {
            kind: "digest",
            text: text.chars().take(90).collect(),
            wanted: "64 hexadecimal digits",
        })
    }
}

impl Fingerprint {
    /// Wraps the 32 bytes of a SHA-256.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses `sha256:` and 64 hexadecimal digits; the prefix may be missing.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        parse_hex(text.strip_prefix("sha256:").unwrap_or(text)).map(Self).ok_or_else(|| InvalidDigest {
            kind: "fingerprint",
            text: text.chars().take(90).collect(),
            wanted: "sha256: and 64 hexadecimal digits",
        })
    }

    /// The first 12 digits, for people to compare at a glance.
    pub fn short(&self) -> String {
        hex(&self.0[..6])
    }
}

/// Lower-case hexadecimal digits of these bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0u8; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;
    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        Self::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = InvalidDigest;
    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        Self::parse(&text)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        let digest = Digest::of(b"eos");
        assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
        let fingerprint = Fingerprint::from_bytes([7; 32]);
        assert_eq!(Fingerprint::parse(&fingerprint.to_string()), Ok(fingerprint));
    }

    #[test]
    fn a_multibyte_text_of_64_bytes_is_refused_and_not_sliced() {
        assert!(Digest::parse(&"é".repeat(32)).is_err());
    }
}
