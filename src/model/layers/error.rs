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
    #[error("{}: {} must hold keys, not a value", place.exact(), section_name(section))]
    NotASection {
        /// Where.
        place: Origin,
        /// The section; empty for the whole file.
        section: String,
        /// What it may hold.
        allowed: Vec<&'static str>,
    },
    /// A key that does not exist.
    #[error("{}: unknown key {key}", place.exact())]
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
    #[error("{}: {key} {why}{}", place.exact(), shown(value.as_deref()))]
    BadValue {
        /// Where.
        place: Origin,
        /// The key.
        key: &'static str,
        /// The value, or the one of its entries that is wrong; none if it may be a secret.
        value: Option<String>,
        /// What is wrong with it.
        why: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// A variable for a key that does not exist.
    #[error("unknown variable {name}")]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The variable that was probably meant.
        nearest: Option<String>,
    },
    /// Thresholds that do not ascend.
    #[error(
        "{}: {} {} is not above {} {} ({})",
        place.exact(), higher.0, higher.1, lower.0, lower.1, lower_place.exact()
    )]
    NotAscending {
        /// Where the higher level's threshold stands.
        place: Origin,
        /// Its key and percentage.
        higher: (String, u64),
        /// Key and percentage of the level below it.
        lower: (String, u64),
        /// Where that stands.
        lower_place: Origin,
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

/// The hint for what is to be corrected in a file.
const LOOK_AGAIN: &str = "correct it and look again: eos config validate";

impl Explain for ConfigError {
    fn code(&self) -> Code {
        Code(match self {
            Self::File { source } => return source.code(),
            Self::NotASection { .. } => "C021",
            Self::UnknownKey { .. } => "C022",
            Self::BadValue { .. } => "C023",
            Self::UnknownVariable { .. } => "C024",
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
            Self::BadValue { nearest, .. } => {
                let meant = nearest.map(|nearest| format!("did you mean: {nearest}"));
                meant.into_iter().chain([LOOK_AGAIN.to_owned()]).collect()
            }
            Self::NotAscending { .. } | Self::Unfit { .. } => vec![LOOK_AGAIN.to_owned()],
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
    let place = |line, column| {
        let path = "/etc/eos/cluster.yaml".to_owned();
        Origin::File { path, line: Some(line), column: Some(column) }
    };
    let source = || serde_yaml::from_str::<u8>("x").expect_err("x is no number");
    let bad_value = |value: Option<&str>| ConfigError::BadValue {
        place: place(4, 9),
        key: "cluster.port",
        value: value.map(str::to_owned),
        why: "must be a whole number from 1 to 65535".to_owned(),
        nearest: None,
    };
    let unknown_key = |section: &str, key: &str, nearest: Option<&str>| ConfigError::UnknownKey {
        place: place(3, 3),
        key: key.to_owned(),
        section: section.to_owned(),
        nearest: nearest.map(str::to_owned),
        allowed: vec!["id", "port"],
    };
    let ascending = || ConfigError::NotAscending {
        place: place(12, 15),
        higher: ("storage.thresholds.compress".to_owned(), 70),
        lower: ("storage.thresholds.warning".to_owned(), 80),
        lower_place: place(11, 14),
    };
    vec![
        ConfigError::File {
            source: YamlError::DuplicateKey { file: "a.yaml".to_owned(), line: 2, key: "id".to_owned() },
        },
        ConfigError::NotASection {
            place: place(1, 1),
            section: String::new(),
            allowed: vec!["cluster", "node"],
        },
        ConfigError::NotASection { place: place(1, 1), section: "cluster".to_owned(), allowed: vec!["id"] },
        unknown_key("cluster", "cluster.prot", Some("cluster.port")),
        unknown_key("", "token", None),
        bad_value(Some("70000")),
        bad_value(None),
        ConfigError::UnknownVariable {
            name: "EOS_NODE_NAM".to_owned(),
            nearest: Some("EOS_NODE_NAME".to_owned()),
        },
        ConfigError::UnknownVariable { name: "EOS_NODE_COLOUR".to_owned(), nearest: None },
        ConfigError::BadValue {
            place: place(9, 7),
            key: "storage.actions.cleanup",
            value: Some("delete-expendible".to_owned()),
            why: "must be one of delete-expendable, notify".to_owned(),
            nearest: Some("delete-expendable"),
        },
        ascending(),
        ConfigError::Unfit { source: source() },
        ConfigError::Several { faults: vec![bad_value(None), ascending()] },
    ]
}
