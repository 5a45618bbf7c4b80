//! What is wrong with a configuration: where it stands, what was meant, what is allowed.

use super::place::Origin;
use crate::model::explain::{Code, Exit, Explain};
use crate::model::yaml::YamlError;

/// A fault of the configuration; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is not YAML as it is read here.
    #[error(transparent)]
    File {
        /// What is wrong, with file and line.
        source: YamlError,
    },
    /// A section has a value instead of keys.
    #[error("{place}: {} must hold keys, not a value", section_name(section))]
    NotASection {
        /// Where.
        place: Origin,
        /// The section; empty for the whole file.
        section: String,
        /// What it may hold.
        allowed: Vec<&'static str>,
    },
    /// A key that does not exist.
    #[error("{place}: unknown key {key}")]
    UnknownKey {
        /// Where.
        place: Origin,
        /// Its whole path.
        key: String,
        /// The section it stands in; empty for the whole file.
        section: String,
        /// The path that was probably meant.
        nearest: Option<String>,
        /// The names allowed in its section.
        allowed: Vec<&'static str>,
    },
    /// A value that may not stand at its key.
    #[error("{place}: {key} {why}{}", shown(value.as_deref()))]
    BadValue {
        /// Where.
        place: Origin,
        /// The key.
        key: &'static str,
        /// The value, unless it may be a secret.
        value: Option<String>,
        /// What is wrong with it.
        why: String,
    },
    /// A variable for a key that does not exist.
    #[error("unknown variable {name}")]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The variable that was probably meant.
        nearest: Option<String>,
    },
    /// Some values of a set that goes together are missing.
    #[error("{section} lacks {}", missing.join(", "))]
    Incomplete {
        /// The section.
        section: &'static str,
        /// The names that are missing.
        missing: Vec<&'static str>,
    },
    /// Thresholds that do not ascend.
    #[error("storage.thresholds must ascend: {higher} {higher_value} is not above {lower} {lower_value}")]
    NotAscending {
        /// The level that comes first.
        lower: &'static str,
        /// Its percentage.
        lower_value: u64,
        /// The level that comes next.
        higher: &'static str,
        /// Its percentage.
        higher_value: u64,
    },
    /// The values together do not make a configuration.
    #[error("the configuration does not fit together")]
    Unfit {
        /// What the reader said.
        #[source]
        source: serde_yaml::Error,
    },
    /// More than one of these.
    #[error("{} faults in the configuration: {}", faults.len(), joined(faults))]
    Several {
        /// All of them.
        faults: Vec<ConfigError>,
    },
}

impl Explain for ConfigError {
    fn code(&self) -> Code {
        Code(match self {
            Self::File { source } => return source.code(),
            Self::NotASection { .. } => "C021",
            Self::UnknownKey { .. } => "C022",
            Self::BadValue { .. } => "C023",
            Self::UnknownVariable { .. } => "C024",
            Self::Incomplete { .. } => "C025",
            Self::NotAscending { .. } => "C026",
            Self::Unfit { .. } => "C027",
            Self::Several { .. } => "C039",
        })
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::File { source } => source.hints(),
            Self::NotASection { allowed, section, .. } => vec![allowed_in(section, allowed)],
            Self::UnknownKey { key, section, nearest, allowed, .. } => {
                let mut hints = unknown_key_hints(key, nearest.as_ref());
                hints.push(allowed_in(section, allowed));
                hints
            }
            Self::UnknownVariable { nearest: Some(nearest), .. } => vec![format!("did you mean: {nearest}")],
            Self::UnknownVariable { name, nearest: None } => {
                vec![
                    format!("take it away: unset {name}"),
                    "see every key: eos config show --origin".to_owned(),
                ]
            }
            Self::BadValue { .. } | Self::NotAscending { .. } | Self::Unfit { .. } => {
                vec!["correct it and look again: eos config validate".to_owned()]
            }
            Self::Incomplete { section, .. } => {
                vec![format!("give all values of {section}, or none of them to have those of the scale")]
            }
            Self::Several { faults } => {
                let mut hints: Vec<String> = Vec::new();
                for hint in faults.iter().flat_map(Explain::hints) {
                    if !hints.contains(&hint) {
                        hints.push(hint);
                    }
                }
                hints
            }
        }
    }
}

fn unknown_key_hints(key: &str, nearest: Option<&String>) -> Vec<String> {
    let name = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    let mut hints = Vec::new();
    if let Some(nearest) = nearest {
        hints.push(format!("did you mean: {nearest}"));
    }
    if ["token", "secret", "password"].iter().any(|word| name.contains(word)) {
        hints.push("a token never stands in the configuration: --token-file FILE, or EOS_TOKEN".to_owned());
    }
    hints
}

fn allowed_in(section: &str, allowed: &[&str]) -> String {
    format!("{} may hold: {}", section_name(section), allowed.join(", "))
}

fn section_name(section: &str) -> &str {
    if section.is_empty() { "the file" } else { section }
}

fn shown(value: Option<&str>) -> String {
    value.map(|value| format!(", not {value}")).unwrap_or_default()
}

fn joined(faults: &[ConfigError]) -> String {
    let each: Vec<String> = faults.iter().map(ToString::to_string).collect();
    each.join("; ")
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<ConfigError> {
    let place = |line| Origin::File { path: "/etc/eos/cluster.yaml".to_owned(), line: Some(line) };
    let source = || serde_yaml::from_str::<u8>("x").expect_err("x is no number");
    let bad_value = |value: Option<&str>| ConfigError::BadValue {
        place: place(4),
        key: "cluster.port",
        value: value.map(str::to_owned),
        why: "must be a whole number from 1 to 65535".to_owned(),
    };
    let unknown_key = |section: &str, key: &str, nearest: Option<&str>| ConfigError::UnknownKey {
        place: place(3),
        key: key.to_owned(),
        section: section.to_owned(),
        nearest: nearest.map(str::to_owned),
        allowed: vec!["id", "port"],
    };
    let ascending = || ConfigError::NotAscending {
        lower: "warning",
        lower_value: 80,
        higher: "compress",
        higher_value: 70,
    };
    vec![
        ConfigError::File {
            source: YamlError::DuplicateKey { file: "a.yaml".to_owned(), line: 2, key: "id".to_owned() },
        },
        ConfigError::NotASection {
            place: place(1),
            section: String::new(),
            allowed: vec!["cluster", "node"],
        },
        ConfigError::NotASection { place: place(1), section: "cluster".to_owned(), allowed: vec!["id"] },
        unknown_key("cluster", "cluster.prot", Some("cluster.port")),
        unknown_key("", "token", None),
        bad_value(Some("70000")),
        bad_value(None),
        ConfigError::UnknownVariable {
            name: "EOS_NODE_NAM".to_owned(),
            nearest: Some("EOS_NODE_NAME".to_owned()),
        },
        ConfigError::UnknownVariable { name: "EOS_NODE_COLOUR".to_owned(), nearest: None },
        ConfigError::Incomplete { section: "storage.retention", missing: vec!["backups", "cache"] },
        ascending(),
        ConfigError::Unfit { source: source() },
        ConfigError::Several { faults: vec![bad_value(None), ascending()] },
    ]
}
