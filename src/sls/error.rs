//! Why a tree does not become a plan: always with file and line, never with a value of the pillar.

use crate::model::explain::{Code, Exit, Explain};
use crate::model::yaml::nearest;
use crate::sls::order::TAKEN_BY_ALL;
use crate::sls::resolve::FUNCTIONS;
use std::fmt;

/// A place in a file of the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Relative to the tree.
    pub file: String,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why a tree does not become a plan.
///
/// Names in it stand literally in the file; a name that a template made of values is shown as
/// `(a rendered value)`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlsError {
    /// An SLS that is asked for and not there; without a place when the caller asked.
    #[error("{}the tree has no state {sls}: neither {} nor {}", at(.place), .tried[0], .tried[1])]
    NoSuchState {
        /// Where.
        place: Option<Place>,
        /// The SLS.
        sls: String,
        /// The files that it may be.
        tried: [String; 2],
    },
    /// A file of the tree that is not text.
    #[error("{file} is not UTF-8 text")]
    NotText {
        /// The file.
        file: String,
    },
    /// Jinja refused it.
    #[error("{place}: template: {problem}")]
    Template {
        /// Where.
        place: Place,
        /// What is wrong.
        problem: String,
    },
    /// A template that does not end.
    #[error("{place}: the template takes more than {steps} steps")]
    Endless {
        /// Where.
        place: Place,
        /// The limit.
        steps: u64,
    },
    /// YAML refused what the template made.
    #[error("{place}: {problem}")]
    Yaml {
        /// Where.
        place: Place,
        /// What is wrong.
        problem: String,
    },
    /// A mapping with a key twice.
    #[error("{place}: the key {key} is given twice in the mapping that starts here")]
    DuplicateKey {
        /// Where.
        place: Place,
        /// The key.
        key: String,
    },
    /// YAML of another shape than Salt's.
    #[error("{place}: {wanted} expected")]
    Shape {
        /// Where.
        place: Place,
        /// What is expected.
        wanted: &'static str,
    },
    /// Salt knows it, eos does not.
    #[error("{place}: {feature} is not supported")]
    Unsupported {
        /// Where.
        place: Place,
        /// What it is.
        feature: String,
    },
    /// Nobody knows it.
    #[error("{place}: unknown function {function}")]
    UnknownFunction {
        /// Where.
        place: Place,
        /// The function.
        function: String,
    },
    /// An argument that the function does not take.
    #[error("{place}: {function} takes no argument {argument}: one of {} expected", .expected.join(", "))]
    UnknownArgument {
        /// Where.
        place: Place,
        /// The function.
        function: String,
        /// The argument.
        argument: String,
        /// The arguments that it takes.
        expected: Vec<String>,
    },
    /// An argument of the wrong kind.
    #[error("{place}: {argument} of {function}: {wanted} expected")]
    BadArgument {
        /// Where.
        place: Place,
        /// The function.
        function: String,
        /// The argument.
        argument: String,
        /// What is expected.
        wanted: &'static str,
    },
    /// An argument that must be given.
    #[error("{place}: {function} needs the argument {argument}")]
    MissingArgument {
        /// Where.
        place: Place,
        /// The function.
        function: String,
        /// The argument.
        argument: String,
    },
    /// An id that two files, or two places of one, declare.
    #[error("{place}: the id {id} is declared at {first} already")]
    DuplicateId {
        /// Where.
        place: Place,
        /// The id.
        id: String,
        /// Where the other one is.
        first: Place,
    },
    /// A requisite that names no state.
    #[error("{place}: {requisite} of {id}: no state {target}")]
    NoSuchRequisite {
        /// Where.
        place: Place,
        /// The id.
        id: String,
        /// The requisite, `require`.
        requisite: &'static str,
        /// What it names.
        target: String,
    },
    /// An `extend` that names no state, or several.
    #[error("{place}: extend: no single state {module}: {id}")]
    NothingToExtend {
        /// Where.
        place: Place,
        /// The id.
        id: String,
        /// The module, `file`.
        module: String,
    },
    /// States that wait for each other.
    #[error("{place}: states wait for each other: {}", .ids.join(" -> "))]
    Cycle {
        /// Where.
        place: Place,
        /// The ids, from one round to the same.
        ids: Vec<String>,
    },
    /// A source file that the tree has not.
    #[error("{place}: the tree has no source {source_file}")]
    NoSuchSource {
        /// Where.
        place: Place,
        /// The source.
        source_file: String,
    },
    /// `top.sls` that gives this node nothing.
    #[error("{file} assigns no state to the node {node}")]
    NothingAssigned {
        /// The file.
        file: String,
        /// The node.
        node: String,
    },
}

impl SlsError {
    /// Where it is, when it has a line.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::NoSuchState { place, .. } => place.as_ref(),
            Self::NotText { .. } | Self::NothingAssigned { .. } => None,
            Self::Template { place, .. }
            | Self::Endless { place, .. }
            | Self::Yaml { place, .. }
            | Self::DuplicateKey { place, .. }
            | Self::Shape { place, .. }
            | Self::Unsupported { place, .. }
            | Self::UnknownFunction { place, .. }
            | Self::UnknownArgument { place, .. }
            | Self::BadArgument { place, .. }
            | Self::MissingArgument { place, .. }
            | Self::DuplicateId { place, .. }
            | Self::NoSuchRequisite { place, .. }
            | Self::NothingToExtend { place, .. }
            | Self::Cycle { place, .. }
            | Self::NoSuchSource { place, .. } => Some(place),
        }
    }
}

impl Explain for SlsError {
    fn code(&self) -> Code {
        Code(match self {
            Self::NoSuchState { .. } => "S001",
            Self::NotText { .. } => "S002",
            Self::Template { .. } => "S003",
            Self::Endless { .. } => "S004",
            Self::Yaml { .. } => "S005",
            Self::DuplicateKey { .. } => "S006",
            Self::Shape { .. } => "S007",
            Self::Unsupported { .. } => "S008",
            Self::UnknownFunction { .. } => "S009",
            Self::UnknownArgument { .. } => "S010",
            Self::BadArgument { .. } => "S011",
            Self::MissingArgument { .. } => "S012",
            Self::DuplicateId { .. } => "S013",
            Self::NoSuchRequisite { .. } => "S014",
            Self::Cycle { .. } => "S015",
            Self::NoSuchSource { .. } => "S016",
            Self::NothingAssigned { .. } => "S017",
            Self::NothingToExtend { .. } => "S018",
        })
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        let meant = match self {
            Self::UnknownFunction { function, .. } => nearest(function, FUNCTIONS.into_iter()),
            Self::UnknownArgument { argument, expected, .. } => {
                nearest(argument, expected.iter().map(String::as_str).chain(TAKEN_BY_ALL))
            }
            _ => None,
        };
        let remedy = match self {
            Self::NotText { file } => format!("save it as UTF-8: iconv -t UTF-8 {file}"),
            Self::NothingAssigned { .. } => {
                "add a target that matches the node to top.sls, then: eos state show".into()
            }
            Self::Unsupported { .. } => "write it without, then check it: eos state show".to_owned(),
            Self::UnknownFunction { .. } => {
                format!("the supported functions are {}; then check it: eos state show", FUNCTIONS.join(", "))
            }
            _ => "correct the file, then check it: eos state show".to_owned(),
        };
        meant.map(|meant| format!("did you mean {meant}?")).into_iter().chain([remedy]).collect()
    }
}

fn at(place: &Option<Place>) -> String {
    place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default()
}

#[cfg(test)]
#[path = "error_samples.rs"]
mod samples_and_tests;
#[cfg(test)]
#[allow(unused_imports)] // For the test of all codes.
pub(crate) use samples_and_tests::samples;
