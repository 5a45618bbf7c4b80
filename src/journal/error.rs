//! Why journal, checkpoints or ledger could not be read, written or believed.

use crate::host::directory::DirectoryError;
use crate::host::files::FileError;
use crate::model::explain::{Code, Exit, Explain};
use std::path::PathBuf;

/// A failure of the records that eos keeps of its own doing.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A complete line does not follow from the lines before it.
    #[error("journal {} is damaged at line {line}: {what}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A later eos wrote it.
    #[error("{} has format {found}, and this eos knows formats up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// A checkpoint, ledger or summary is not what eos wrote.
    #[error("{} is damaged: {what}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Something that could not be put back stands where a step wants to work.
    #[error("{} is a {what}, which cannot be kept in a checkpoint", path.display())]
    Special {
        /// Where it stands.
        path: PathBuf,
        /// `socket`, `pipe` or `device`.
        what: String,
    },
    /// A step wants to change the records themselves.
    #[error("a step may not touch {path}: eos keeps its own records there")]
    OwnRecords {
        /// Relative to the root.
        path: String,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A path leads out of the root, or could not be worked on by its handle.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl Explain for JournalError {
    fn code(&self) -> Code {
        match self {
            Self::Damaged { .. } => Code("G001"),
            Self::Newer { .. } => Code("G002"),
            Self::Unreadable { .. } => Code("G003"),
            Self::Special { .. } => Code("G004"),
            Self::OwnRecords { .. } => Code("G005"),
            Self::File(error) => error.code(),
            Self::Directory(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Damaged { .. } | Self::Unreadable { .. } => Exit::Stuck,
            Self::Newer { .. } => Exit::Conflict,
            Self::Special { .. } | Self::OwnRecords { .. } => Exit::Failed,
            Self::File(error) => error.exit(),
            Self::Directory(error) => error.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Damaged { path, line, .. } => vec![
                format!("look at the line: sed -n {line}p {}", path.display()),
                "look at the disk: dmesg --level=err,crit".to_owned(),
            ],
            Self::Newer { .. } => vec!["use the eos that wrote it, or a later one: eos --version".to_owned()],
            Self::Unreadable { path, .. } => {
                vec![format!("look at it, and at the disk: ls -l {}", path.display())]
            }
            Self::Special { path, what } => {
                vec![format!("see who uses the {what}, end that, and remove it: fuser -v {}", path.display())]
            }
            Self::OwnRecords { .. } => vec!["report it as a defect, with: eos --version".to_owned()],
            Self::File(error) => error.hints(),
            Self::Directory(error) => error.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::File(error) => error.retry_helps(),
            Self::Directory(error) => error.retry_helps(),
            _ => false,
        }
    }
}

/// One of each, for the table of error codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<JournalError> {
    let path = PathBuf::from("/var/lib/eos/journal/0001-bootstrap.jsonl");
    vec![
        JournalError::Damaged { path: path.clone(), line: 3, what: "its chain does not match".to_owned() },
        JournalError::Newer { path: path.clone(), found: 2, known: 1 },
        JournalError::Unreadable { path, what: "EOF while parsing a value".to_owned() },
        JournalError::Special { path: "/run/eos/x".into(), what: "socket".to_owned() },
        JournalError::OwnRecords { path: "var/lib/eos".to_owned() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_names_the_file_and_the_fact() {
        let texts: Vec<String> = samples().iter().map(|e| format!("{} {e}", e.code())).collect();
        assert_eq!(
            texts,
            [
                "EOS-G001 journal /var/lib/eos/journal/0001-bootstrap.jsonl is damaged at line 3: its chain does not match",
                "EOS-G002 /var/lib/eos/journal/0001-bootstrap.jsonl has format 2, and this eos knows formats up to 1",
                "EOS-G003 /var/lib/eos/journal/0001-bootstrap.jsonl is damaged: EOF while parsing a value",
                "EOS-G004 /run/eos/x is a socket, which cannot be kept in a checkpoint",
                "EOS-G005 a step may not touch var/lib/eos: eos keeps its own records there",
            ]
        );
        assert!(samples().iter().all(|e| !e.hints().is_empty()));
        assert_eq!(samples()[0].exit(), Exit::Stuck);
    }
}
