//! What can be wrong with a `storage-ops.yaml`.

use crate::model::explain::{Code, Exit, Explain};
use std::path::PathBuf;

/// A `storage-ops.yaml` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not YAML, or not of this form: a missing or unknown key, an unknown action, a wrong type.
    #[error("storage-ops.yaml is not of the expected form at line {line}, column {column}")]
    Form {
        /// From 1; 0 when the whole file is meant.
        line: usize,
        /// From 1; 0 when the whole file is meant.
        column: usize,
        /// What the reader of YAML said.
        #[source]
        source: serde_yaml::Error,
    },
    /// Written for another eos.
    #[error("storage-ops.yaml has version {found}: 1 expected")]
    Version {
        /// The version it has.
        found: u32,
    },
    /// A number that makes no sense.
    #[error("{key} is {value}: {low} to {high} expected")]
    Range {
        /// The key.
        key: &'static str,
        /// Its value.
        value: u32,
        /// The least that is allowed.
        low: u32,
        /// The most that is allowed.
        high: u32,
    },
    /// Thresholds that do not ascend.
    #[error("threshold {level} is {value}, which is not above {lower} at {lower_value}")]
    Order {
        /// The level.
        level: &'static str,
        /// Its threshold in percent.
        value: u8,
        /// The level before it.
        lower: &'static str,
        /// The threshold of that one.
        lower_value: u8,
    },
    /// Nothing to watch.
    #[error("storage-ops.yaml names no mounts")]
    NoMounts,
    /// A path that cannot be used.
    #[error("{key} lists {}, which {problem}", path.display())]
    Path {
        /// The key.
        key: &'static str,
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Something that would be removed lies in something that must never be.
    #[error("{key} lists {}, which lies inside critical {}", path.display(), critical.display())]
    InsideCritical {
        /// The key.
        key: &'static str,
        /// The path.
        path: PathBuf,
        /// The critical path that holds it.
        critical: PathBuf,
    },
    /// A service that must not be stopped, or is none.
    #[error("services lists {name:?}, which {problem}")]
    Service {
        /// As it is written.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A way to tell people that cannot be used. A URL may hold a secret, so it is not quoted.
    #[error("{key} {problem}")]
    Notify {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A budget with which a pass would do nothing.
    #[error("{key} is 0: at least 1 expected")]
    Budget {
        /// The key.
        key: &'static str,
    },
}

impl ConfigError {
    pub(super) fn form(source: serde_yaml::Error) -> Self {
        let (line, column) = source.location().map_or((0, 0), |place| (place.line(), place.column()));
        Self::Form { line, column, source }
    }

    /// One value of every variant.
    #[cfg(test)]
    pub(crate) fn samples() -> Vec<Self> {
        let source = serde_yaml::from_str::<u32>("true").expect_err("not a number");
        let path = PathBuf::from("/etc/x");
        vec![
            Self::Form { line: 3, column: 1, source },
            Self::Version { found: 2 },
            Self::Range { key: "retention.logs", value: 0, low: 1, high: 3650 },
            Self::Order { level: "cleanup", value: 70, lower: "compress", lower_value: 75 },
            Self::NoMounts,
            Self::Path { key: "mounts", path: PathBuf::from("var"), problem: "is not absolute" },
            Self::InsideCritical { key: "classes.expendable", path, critical: PathBuf::from("/etc") },
            Self::Service { name: "eos-agent".to_owned(), problem: "belongs to eos itself" },
            Self::Notify { key: "notify.webhook", problem: "names no host" },
            Self::Budget { key: "budget.files" },
        ]
    }
}

impl Explain for ConfigError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Form { .. } => "V001",
            Self::Version { .. } => "V002",
            Self::Range { .. } => "V003",
            Self::Order { .. } => "V004",
            Self::NoMounts => "V005",
            Self::Path { .. } => "V006",
            Self::InsideCritical { .. } => "V007",
            Self::Service { .. } => "V013",
            Self::Notify { .. } => "V014",
            Self::Budget { .. } => "V015",
        })
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        let render = "write the file anew from cluster.yaml: eos state apply".to_owned();
        vec![match self {
            Self::Form { .. } | Self::Version { .. } => render,
            Self::Range { key, low, high, .. } => {
                format!("set {key} to {low} to {high} under storage in /etc/eos/cluster.yaml, then run: eos state apply")
            }
            Self::Order { .. } => {
                "let the thresholds ascend from warning to critical in /etc/eos/cluster.yaml, then run: eos state apply"
                    .to_owned()
            }
            Self::NoMounts | Self::Path { .. } | Self::InsideCritical { .. } => {
                "correct the paths under storage in /etc/eos/cluster.yaml, then run: eos state apply".to_owned()
            }
            Self::Service { .. } => {
                "correct storage.services in /etc/eos/cluster.yaml, then run: eos state apply".to_owned()
            }
            Self::Notify { key, .. } | Self::Budget { key } => {
                format!("correct storage.{key} in /etc/eos/cluster.yaml, then run: eos state apply")
            }
        }]
    }
}
