//! What can go wrong below a directory handle.

use crate::model::explain::{Code, Explain};
use rustix::io::Errno;
use std::io;
use std::path::PathBuf;

/// A failed operation below a directory handle.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The path leads through a symbolic link or out of the directory.
    #[error("{} leads through a symbolic link or out of its directory (while trying to {action})", path.display())]
    Escape {
        /// What was tried, `open`.
        action: &'static str,
        /// The path, as an operator sees it.
        path: PathBuf,
    },
    /// A link leads out of the root that eos works under.
    #[error("{} leads out of the root {}", link.display(), root.display())]
    LeadsOut {
        /// The link.
        link: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// The name is not one plain name.
    #[error("{name:?} is not a plain file name (while trying to {action} below {})", path.display())]
    Name {
        /// What was tried.
        action: &'static str,
        /// The directory.
        path: PathBuf,
        /// The name that was refused.
        name: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The path, as an operator sees it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl DirectoryError {
    /// Whether the cause is that there is no such file.
    pub fn is_missing(&self) -> bool {
        self.kind() == Some(io::ErrorKind::NotFound)
    }

    /// Whether the cause is that there is such a file already.
    pub fn is_present(&self) -> bool {
        self.kind() == Some(io::ErrorKind::AlreadyExists)
    }

    /// Whether the cause is that this file cannot have a second name there.
    pub fn forbids_link(&self) -> bool {
        let answers =
            [Errno::XDEV, Errno::MLINK, Errno::PERM, Errno::NOTSUP].map(|errno| Some(errno.raw_os_error()));
        match self {
            Self::Io { source, .. } => answers.contains(&source.raw_os_error()),
            Self::Escape { .. } | Self::LeadsOut { .. } | Self::Name { .. } => false,
        }
    }

    /// Whether the cause is that this process, or the system, has no descriptor left.
    pub fn lacks_descriptors(&self) -> bool {
        let answers = [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error()));
        match self {
            Self::Io { source, .. } => answers.contains(&source.raw_os_error()),
            Self::Escape { .. } | Self::LeadsOut { .. } | Self::Name { .. } => false,
        }
    }

    /// The kind of the system's answer, if it was one.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            Self::Escape { .. } | Self::LeadsOut { .. } | Self::Name { .. } => None,
        }
    }
}

impl Explain for DirectoryError {
    fn code(&self) -> Code {
        match self {
            Self::Escape { .. } => Code("H090"),
            Self::Name { .. } => Code("H091"),
            Self::Io { .. } => Code("H092"),
            Self::LeadsOut { .. } => Code("H093"),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Escape { path, .. } => {
                vec![format!("name the real directory instead of a link to it: namei -l {}", path.display())]
            }
            Self::LeadsOut { link, .. } => {
                let link = link.display();
                vec![
                    format!("see where it leads: namei -l {link}"),
                    format!("put a directory in its place: mv {link} {link}.before && mkdir {link}"),
                ]
            }
            Self::Name { path, .. } => vec![format!("look at what lies there: ls -lab {}", path.display())],
            Self::Io { .. } if self.lacks_descriptors() => {
                vec![
                    "allow more open files in this shell, then run the same command: ulimit -n 1024"
                        .to_owned(),
                ]
            }
            Self::Io { path, .. } => {
                vec![format!("look at the path and its file system: namei -l {0}; df -h {0}", path.display())]
            }
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self.kind(), Some(io::ErrorKind::StorageFull | io::ErrorKind::Interrupted))
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<DirectoryError> {
    let path = PathBuf::from("/var/lib/eos/x");
    vec![
        DirectoryError::Escape { action: "open", path: path.clone() },
        DirectoryError::LeadsOut { link: "/srv/node1/run".into(), root: "/srv/node1".into() },
        DirectoryError::Name { action: "create", path: path.clone(), name: "..".into() },
        DirectoryError::Io { action: "create", path, source: io::Error::from(io::ErrorKind::StorageFull) },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_one_plain_line() {
        let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "/var/lib/eos/x leads through a symbolic link or out of its directory (while trying to open)",
                "/srv/node1/run leads out of the root /srv/node1",
                "\"..\" is not a plain file name (while trying to create below /var/lib/eos/x)",
                "cannot create /var/lib/eos/x",
            ]
        );
        assert!(samples().iter().all(|error| !error.hints().is_empty()));
    }
}
