//! Why an orchestration file does not become steps: always with file and line.

use crate::model::explain::{Code, Exit, Explain};
use crate::model::yaml::nearest;
use crate::orchestration::functions;
use crate::sls::SlsError;
use crate::sls::error::Place;

/// Why an orchestration file does not become steps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrchestrationError {
    /// The file itself is wrong.
    #[error("{0}")]
    Sls(SlsError),
    /// A function that the master does not have.
    #[error("{place}: the master has no function {function}")]
    UnknownFunction {
        /// Where.
        place: Place,
        /// The function, `salt.wheel: key.finger`.
        function: String,
    },
    /// A target that cannot be read.
    #[error("{place}: target: {problem}")]
    Target {
        /// Where.
        place: Place,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two things in one step that do not go together.
    #[error("{place}: {function}: {problem}")]
    Together {
        /// Where.
        place: Place,
        /// The function.
        function: String,
        /// What does not go together.
        problem: &'static str,
    },
}

impl From<SlsError> for OrchestrationError {
    fn from(error: SlsError) -> Self {
        Self::Sls(error)
    }
}

impl Explain for OrchestrationError {
    fn code(&self) -> Code {
        match self {
            Self::Sls(error) => error.code(),
            Self::UnknownFunction { .. } => Code("S080"),
            Self::Target { .. } => Code("S081"),
            Self::Together { .. } => Code("S082"),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        let check = "correct the file, then check it, on the master: eos state orchestration".to_owned();
        match self {
            Self::Sls(error) => error
                .hints()
                .into_iter()
                .filter(|hint| hint.starts_with("did you mean"))
                .chain([check])
                .collect(),
            Self::UnknownFunction { function, .. } => {
                let meant = nearest(function, functions::ALL.into_iter());
                let all = format!("the master has {}", functions::ALL.join(", "));
                meant.map(|meant| format!("did you mean {meant}?")).into_iter().chain([all, check]).collect()
            }
            Self::Target { .. } | Self::Together { .. } => vec![check],
        }
    }
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<OrchestrationError> {
    let place = || Place { file: "orchestration/role_update.sls".to_owned(), line: 7 };
    vec![
        OrchestrationError::UnknownFunction { place: place(), function: "salt.wheel: key.finger".to_owned() },
        OrchestrationError::Target { place: place(), problem: "a term expected" },
        OrchestrationError::Together {
            place: place(),
            function: "salt.state".to_owned(),
            problem: "sls and highstate are two different things",
        },
    ]
}
