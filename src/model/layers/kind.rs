//! What may stand at a key, and how a word of the environment or of a flag becomes such a value.

use super::endpoint::parse_endpoint;
use crate::model::digest::Fingerprint;
use crate::model::ids::{ClusterId, NodeName};
use crate::model::role::Role;
use crate::model::role_targets::Target;
use crate::model::snapshots;
use serde_yaml::Value;
use std::net::IpAddr;

/// The kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A cluster's id.
    ClusterId,
    /// A node's name.
    NodeName,
    /// `IP[:PORT]` or `HOST[:PORT]`.
    Endpoint,
    /// A whole number between two, inclusive.
    Number {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// `true` or `false`.
    Bool,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `sha256:` and 64 hexadecimal digits.
    Fingerprint,
    /// An IP address.
    Address,
    /// A role's name.
    Role,
    /// The absolute path of a file that holds a token; never shown when wrong, as it may be one.
    TokenFile,
    /// Address ranges.
    Networks,
    /// Patterns of node names.
    Patterns,
    /// A count of nodes such as 2, or a share such as 25%.
    Target,
    /// An absolute path.
    Path,
    /// Absolute paths.
    Paths,
    /// What snapshots are taken of; only a file can say it.
    Sources,
    /// `http://HOST:PORT` without a user and password.
    Url,
}

impl Kind {
    /// Whether a wrong value may be shown: one that may hold a secret is not.
    pub fn may_be_shown(self) -> bool {
        !matches!(self, Self::TokenFile | Self::Url)
    }

    /// The value that a word stands for; a list is separated by commas. What does not fit stays a
    /// text, for [`Kind::check`] to refuse.
    pub fn value_of(self, word: &str) -> Value {
        let text = || Value::String(word.to_owned());
        match self {
            Self::Number { .. } | Self::Target => word.parse::<u64>().map_or_else(|_| text(), Value::from),
            Self::Bool => word.parse::<bool>().map_or_else(|_| text(), Value::from),
            Self::Networks | Self::Patterns | Self::Paths => {
                let entries = word.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                Value::Sequence(entries.map(Value::from).collect())
            }
            _ => text(),
        }
    }

    /// Whether the value may stand there; if not, why, as the end of a sentence.
    ///
    /// # Errors
    /// The reason.
    pub fn check(self, value: &Value) -> Result<(), String> {
        match self {
            Self::Number { least, most } => match value.as_u64() {
                Some(number) if (least..=most).contains(&number) => Ok(()),
                _ => Err(format!("must be a whole number from {least} to {most}")),
            },
            Self::Target if value.as_u64().is_some_and(|count| u32::try_from(count).is_ok()) => Ok(()),
            Self::Bool if value.is_bool() => Ok(()),
            Self::Bool => Err("must be true or false".to_owned()),
            Self::Networks | Self::Patterns | Self::Paths => {
                let list = value.as_sequence().ok_or("must be a list")?;
                list.iter().try_for_each(|entry| self.check_text(text_of(entry)?))
            }
            Self::Sources => snapshots::sources(value).map(drop).map_err(|fault| fault.to_string()),
            _ => self.check_text(text_of(value)?),
        }
    }

    fn check_text(self, text: &str) -> Result<(), String> {
        let told = |e: &dyn std::fmt::Display| e.to_string();
        match self {
            Self::ClusterId => ClusterId::parse(text).map(drop).map_err(|e| told(&e)),
            Self::NodeName => NodeName::parse(text).map(drop).map_err(|e| told(&e)),
            Self::Endpoint => parse_endpoint(text).map(drop).map_err(|e| told(&e)),
            Self::OneOf(words) if words.contains(&text) => Ok(()),
            Self::OneOf(words) => Err(format!("must be one of {}", words.join(", "))),
            Self::Fingerprint => Fingerprint::parse(text).map(drop).map_err(|e| told(&e)),
            Self::Address => text.parse::<IpAddr>().map(drop).map_err(|_| "must be an IP address".to_owned()),
            Self::Target => Target::parse(text).map(drop).map_err(|e| told(&e)),
            Self::Role => Role::parse(text).map(drop).map_err(|e| told(&e)),
            Self::TokenFile | Self::Path | Self::Paths => {
                (text.starts_with('/')).then_some(()).ok_or_else(|| "must be an absolute path".to_owned())
            }
            Self::Networks => text
                .parse::<ipnet::IpNet>()
                .map(drop)
                .map_err(|_| "must be address ranges such as 10.0.0.0/16".to_owned()),
            Self::Patterns => check_pattern(text),
            Self::Url => check_url(text),
            Self::Number { .. } | Self::Bool | Self::Sources => Ok(()),
        }
    }
}

fn text_of(value: &Value) -> Result<&str, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Err("must be text: put it in quotes".to_owned()),
        _ => Err("must be text".to_owned()),
    }
}

fn check_pattern(text: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*');
    if !text.is_empty() && text.len() <= 63 && text.chars().all(allowed) {
        Ok(())
    } else {
        Err("must be patterns of node names such as rack1-*".to_owned())
    }
}

fn check_url(text: &str) -> Result<(), String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    match authority {
        None | Some("") => Err("must be a URL such as http://127.0.0.1:4317".to_owned()),
        Some(authority) if authority.contains('@') => Err("must not hold a user or password".to_owned()),
        Some(_) => Ok(()),
    }
}
