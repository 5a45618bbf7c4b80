//! What may stand at a key, and how a word of the environment or of a flag becomes such a value.

use super::endpoint::parse_endpoint;
use super::machine;
use super::wrong::Wrong;
use crate::model::config::NO_SALT_MASTER;
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
    /// An absolute path without `.` and `..`, or the word `none`.
    PathOrNone,
    /// Absolute paths, each once.
    Paths,
    /// Any of these words, each once.
    Words(&'static [&'static str]),
    /// Services that may be stopped.
    Services,
    /// A program with its arguments.
    Command,
    /// Kernel settings and their values; only a file can say them.
    KernelSettings,
    /// Lines of limits.conf.
    Limits,
    /// What snapshots are taken of; only a file can say it.
    Sources,
    /// `http://HOST:PORT` without a user and password.
    Url,
    /// The same, to which something is sent as it stands.
    Webhook,
}

impl Kind {
    /// Whether a wrong value may be shown: one that may hold a secret is not.
    pub fn may_be_shown(self) -> bool {
        !matches!(self, Self::TokenFile | Self::Url | Self::Webhook)
    }

    /// The value that a word stands for; a list is separated by commas. What does not fit stays a
    /// text, for [`Kind::check`] to refuse.
    pub fn value_of(self, word: &str) -> Value {
        let text = || Value::String(word.to_owned());
        match self {
            Self::Number { .. } | Self::Target => word.parse::<u64>().map_or_else(|_| text(), Value::from),
            Self::Bool => word.parse::<bool>().map_or_else(|_| text(), Value::from),
            kind if kind.is_list() => {
                let entries = word.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                Value::Sequence(entries.map(Value::from).collect())
            }
            _ => text(),
        }
    }

    fn is_list(self) -> bool {
        use Kind::{Command, Limits, Networks, Paths, Patterns, Services, Words};
        matches!(self, Networks | Patterns | Paths | Words(_) | Services | Command | Limits)
    }

    /// Whether the value may stand there.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(self, value: &Value) -> Result<(), Wrong> {
        match self {
            Self::Number { least, most } => match value.as_u64() {
                Some(number) if (least..=most).contains(&number) => Ok(()),
                _ => Err(format!("must be a whole number from {least} to {most}").into()),
            },
            Self::Target if value.as_u64().is_some_and(|count| u32::try_from(count).is_ok()) => Ok(()),
            Self::Bool if value.is_bool() => Ok(()),
            Self::Bool => Err("must be true or false".into()),
            kind if kind.is_list() => self.check_list(value.as_sequence().ok_or("must be a list")?),
            Self::Sources => snapshots::sources(value).map(drop).map_err(|fault| fault.to_string().into()),
            Self::KernelSettings => machine::kernel_settings(value),
            _ => self.check_text(text_of(value)?),
        }
    }

    fn check_list(self, list: &[Value]) -> Result<(), Wrong> {
        let words = list.iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
        for (place, word) in words.iter().enumerate() {
            self.check_text(word).map_err(|wrong| wrong.of(word))?;
            // The arguments of a program may well repeat.
            if self != Self::Command && words[..place].contains(word) {
                return Err(Wrong::from("must not list one entry twice").of(word));
            }
        }
        if self == Self::Command { machine::command(&words) } else { Ok(()) }
    }

    fn check_text(self, text: &str) -> Result<(), Wrong> {
        let told = |e: &dyn std::fmt::Display| Wrong::from(e.to_string());
        match self {
            Self::ClusterId => ClusterId::parse(text).map(drop).map_err(|e| told(&e)),
            Self::NodeName => NodeName::parse(text).map(drop).map_err(|e| told(&e)),
            Self::Endpoint => parse_endpoint(text).map(drop).map_err(|e| told(&e)),
            Self::OneOf(words) | Self::Words(words) if words.contains(&text) => Ok(()),
            Self::OneOf(words) | Self::Words(words) => Err(Wrong::word(text, words)),
            Self::Fingerprint => Fingerprint::parse(text).map(drop).map_err(|e| told(&e)),
            Self::Address => text.parse::<IpAddr>().map(drop).map_err(|_| "must be an IP address".into()),
            Self::Target => Target::parse(text).map(drop).map_err(|e| told(&e)),
            Self::Role => Role::parse(text).map(drop).map_err(|e| told(&e)),
            Self::TokenFile | Self::Path if text.starts_with('/') => Ok(()),
            Self::TokenFile | Self::Path => Err("must be an absolute path".into()),
            Self::PathOrNone if text == NO_SALT_MASTER => Ok(()),
            Self::Paths | Self::PathOrNone => check_path(text),
            Self::Networks => text
                .parse::<ipnet::IpNet>()
                .map(drop)
                .map_err(|_| "must be address ranges such as 10.0.0.0/16".into()),
            Self::Patterns => check_pattern(text),
            Self::Webhook if text.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                Err("must be a URL without blanks and control characters".into())
            }
            Self::Url | Self::Webhook => check_url(text),
            Self::Services => machine::service(text),
            Self::Limits => machine::limit(text),
            Self::Command | Self::Number { .. } | Self::Bool | Self::Sources | Self::KernelSettings => Ok(()),
        }
    }
}

fn text_of(value: &Value) -> Result<&str, Wrong> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Err("must be text: put it in quotes".into()),
        _ => Err("must be text".into()),
    }
}

fn check_path(text: &str) -> Result<(), Wrong> {
    if !text.starts_with('/') {
        return Err("must be an absolute path".into());
    }
    if text.contains(char::is_control) || text.split('/').any(|part| matches!(part, "." | "..")) {
        return Err("must be a path without `.` and `..`".into());
    }
    Ok(())
}

fn check_pattern(text: &str) -> Result<(), Wrong> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*');
    if !text.is_empty() && text.len() <= 63 && text.chars().all(allowed) {
        Ok(())
    } else {
        Err("must be patterns of node names such as rack1-*".into())
    }
}

fn check_url(text: &str) -> Result<(), Wrong> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    match authority {
        None | Some("") => Err("must be a URL such as http://127.0.0.1:4317".into()),
        Some(authority) if authority.contains('@') => Err("must not hold a user or password".into()),
        Some(_) => Ok(()),
    }
}
