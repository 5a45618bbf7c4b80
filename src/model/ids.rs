//! Identifiers: one newtype each, so that a node's id is never taken for a cluster's.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text: 1 to the stated number of letters, digits, `-`, `_` and `.`,
            /// starting with a letter or a digit.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                if valid(text, $max) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { kind: stringify!($name), text: text.chars().take(80).collect(), max: $max })
                }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

identifier!(
    /// A cluster's id, chosen once at its bootstrap (`prod-cluster-001` or a generated one).
    ClusterId, 64);
identifier!(
    /// A node's id: derived from the node's public key, never from its hostname.
    NodeId, 64);
identifier!(
    /// A node's name, unique in its cluster; the hostname unless `--node-name` says otherwise.
    NodeName, 63);
identifier!(
    /// One run of a saga, and of the checkpoint that goes with it.
    SagaId, 64);
identifier!(
    /// The public half of a token; its secret is never in an identifier.
    TokenId, 32);
identifier!(
    /// The digest of a snapshot's manifest.
    SnapshotId, 80);
identifier!(
    /// What a snapshot is taken of: the name of a source in the configuration, or `cluster`.
    SourceName, 63);

/// A text that is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a valid {kind}: 1 to {max} letters, digits, '-', '_' or '.', starting with a letter or digit"
)]
pub struct InvalidId {
    /// Which identifier was wanted.
    pub kind: &'static str,
    /// What was given (at most 80 characters of it).
    pub text: String,
    /// The longest allowed length in characters.
    pub max: usize,
}

fn valid(text: &str, max: usize) -> bool {
    let first = text.chars().next();
    text.len() <= max
        && first.is_some_and(|c| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_never_walks_out_of_a_directory() {
        for bad in ["", "..", ".hidden", "a/b", "a b", "-flag", "a\0b", &"x".repeat(65)] {
            assert!(ClusterId::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(ClusterId::parse("prod-cluster-001").map(String::from), Ok("prod-cluster-001".to_owned()));
    }
}
