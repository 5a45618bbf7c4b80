//! Why a unit file cannot be used, with the line.

use crate::model::explain::{Code, Exit, Explain};
use std::path::PathBuf;

/// Why a unit file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// A line is not what the format allows there.
    #[error("{}:{line}: {what}", file.display())]
    Invalid {
        /// The unit file.
        file: PathBuf,
        /// 1-based line.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A directive that changes what is run and that supervised processes do not know.
    #[error("{}:{line}: {directive}={value} is not known to supervised processes", file.display())]
    Unsupported {
        /// The unit file.
        file: PathBuf,
        /// 1-based line.
        line: usize,
        /// The directive.
        directive: String,
        /// Its value.
        value: String,
    },
}

impl Explain for UnitError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid { .. } => Code("H020"),
            Self::Unsupported { .. } => Code("H021"),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        let (Self::Invalid { file, .. } | Self::Unsupported { file, .. }) = self;
        let file = file.display();
        vec![format!("correct the line, then check the file: systemd-analyze verify {file}")]
    }
}

#[cfg(test)]
impl UnitError {
    pub(crate) fn samples() -> Vec<Self> {
        let file = PathBuf::from("/etc/systemd/system/eos-agent.service");
        vec![
            Self::Invalid { file: file.clone(), line: 3, what: "ExecStart names no program".to_owned() },
            Self::Unsupported { file, line: 4, directive: "Type".to_owned(), value: "forking".to_owned() },
        ]
    }
}
