//! Sweeps a directory for space: deletes old files, or compresses old text.
//!
//! Never through a link, never onto another mount, never at what is protected or open. Each change is
//! logged with its bytes before it is made. The oldest files go first, so a sweep that ends at its budget has
//! done what matters most. A crash leaves every file whole: deleted or not, compressed or not; a
//! crash between a compressed file and the removal of its original leaves both, and the next sweep
//! removes the original after comparing them.

mod compress;
mod delete;
mod guard;
mod hollow;
mod open_files;
mod origin;
mod ranking;
mod report;
mod rotation;
mod take;
#[cfg(test)]
mod tests;
mod walk;
mod work;

use open_files::OpenFiles;
pub use report::{Kept, Listed, Reason, Report, printable};
pub use work::Work;

use crate::host::files::FileError;
use crate::host::root::Root;
use crate::model::explain::{Code, Exit, Explain};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

/// Whether any process, this one included, or the kernel uses the file; one that is not there is not used.
///
/// # Errors
/// When it or the processes cannot be looked at.
pub fn is_open(path: &Path) -> Result<bool, FileError> {
    let failed = |error: std::io::Error| FileError::new("look for users of", path, error);
    match rustix::fs::lstat(path) {
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(failed(error.into())),
        Ok(stat) => OpenFiles::look().map(|open| open.contains(&stat)).map_err(failed),
    }
}

/// One directory to sweep.
#[derive(Debug, Clone, Copy)]
pub struct Sweep<'a> {
    /// The root under which every path lies.
    pub root: &'a Root,
    /// The directory, as the configuration names it.
    pub directory: &'a Path,
    /// Paths, as the configuration names them, that are left alone with all that is under them.
    pub protected: &'a [PathBuf],
    /// Paths, as the configuration names them, that are left alone where the sweep meets them; the directory may
    /// lie below one.
    pub spared: &'a [PathBuf],
    /// Directories, as the configuration would name them, that stay though nothing is left in them; without any list
    /// all stay.
    pub lasting: Option<&'a [PathBuf]>,
    /// What is done.
    pub work: Work,
    /// Files that are not older than this by `now` are kept.
    pub older_than: Duration,
    /// The time by which ages are counted.
    pub now: SystemTime,
    /// How much may be done.
    pub budget: Budget,
    /// Only tells what would be done; compression is then measured without writing.
    pub dry_run: bool,
    /// Ends the sweep between two blocks when it becomes true.
    pub stop: &'a AtomicBool,
}

/// The bounds of one sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Files taken.
    pub files: u64,
    /// Bytes of files taken; the sweep ends with the file that reaches it.
    pub bytes: u64,
    /// Time spent on files taken; a file during which it passes is left to the next sweep, unless it is the first.
    pub time: Duration,
    /// Files that the report lists by name.
    pub listed: usize,
    /// Files that are held in memory at once to be taken in order; when there are more, the directory is
    /// walked again.
    pub held: usize,
}

/// A directory that is not swept at all.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The directory is protected, or lies in what is, under whatever name.
    #[error("{} is not swept: it lies in {}, which is protected", directory.display(), protected.display())]
    Protected {
        /// The directory.
        directory: PathBuf,
        /// What holds it.
        protected: PathBuf,
    },
    /// A link stands in the way to the directory.
    #[error("{} is not swept: a symbolic link stands in its path", directory.display())]
    Link {
        /// The directory.
        directory: PathBuf,
    },
    /// The operating system refused something.
    #[error("could not sweep {}", directory.display())]
    File {
        /// The directory.
        directory: PathBuf,
        /// What was refused.
        #[source]
        source: FileError,
    },
}

impl SweepError {
    /// One value of every variant.
    #[cfg(test)]
    pub(crate) fn samples() -> Vec<Self> {
        let directory = PathBuf::from("/var/cache/eos");
        let source = FileError::new("open", "/var/cache/eos", std::io::ErrorKind::PermissionDenied.into());
        vec![
            Self::Protected { directory: directory.clone(), protected: PathBuf::from("/var") },
            Self::Link { directory: directory.clone() },
            Self::File { directory, source },
        ]
    }
}

impl Explain for SweepError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Protected { .. } => "V010",
            Self::Link { .. } => "V011",
            Self::File { .. } => "V012",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Protected { .. } | Self::Link { .. } => Exit::Usage,
            Self::File { .. } => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Protected { directory, .. } => vec![format!(
                "take {} out of the classes in /etc/eos/storage-ops.yaml, or find the link or the mount: namei -l {}; \
                 findmnt -T {}",
                directory.display(),
                directory.display(),
                directory.display()
            )],
            Self::Link { directory } => vec![format!(
                "name the directory behind the link in /etc/eos/storage-ops.yaml: readlink -f {}",
                directory.display()
            )],
            Self::File { source, .. } => source.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.retry_helps())
    }
}

/// Before each change of a sweep, so that a test can have it die there.
fn before_change() -> Result<(), rustix::io::Errno> {
    #[cfg(test)]
    crate::host::directory::cut::here()?;
    Ok(())
}

impl Sweep<'_> {
    /// Sweeps; a directory that is not there has nothing to sweep.
    ///
    /// # Errors
    /// When the directory as a whole cannot be swept; what cannot be done with a single file is in the
    /// report.
    pub fn run(&self) -> Result<Report, SweepError> {
        take::sweep(self)
    }

    fn failed(&self, action: &'static str, error: impl Into<std::io::Error>) -> SweepError {
        let source = FileError::new(action, self.root.join(self.directory), error.into());
        SweepError::File { directory: self.directory.to_owned(), source }
    }
}
