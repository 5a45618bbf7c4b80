//! One operation at a time on a root: a lock that names its holder to everybody else.
//!
//! The lock file also says which directories were made to hold it. It goes away, and they with it
//! when they are empty, at an orderly end; after a crash the next holder takes that over.

use super::file::PRIVATE;
use super::touch::absent;
use crate::host::confined;
use crate::host::directory::DirectoryError;
use crate::host::files::{self, Attributes, FileError};
use crate::host::lock_file::{self, Attempt, LockFile};
use crate::host::paths;
use crate::host::root::Root;
use crate::model::explain::{Code, Exit, Explain};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The format that is written.
const VERSION: u32 = 1;

/// The lock file.
pub const LOCK: &str = "var/lib/eos/operation.lock";

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The format of the lock file.
    pub version: u32,
    /// The process.
    pub pid: u32,
    /// What it does: `eos bootstrap`; no arguments that could be secret.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
    /// Directories to be removed at the end if they are empty, the shallowest first.
    pub made: Vec<String>,
}

/// Why the lock was not to be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another operation holds it.
    #[error("another operation is in progress: {command} (process {pid}, for {seconds} s)")]
    Busy {
        /// Its process; 0 when it has not said yet.
        pid: u32,
        /// What it does.
        command: String,
        /// How long it has held the lock.
        seconds: i64,
    },
    /// A later eos wrote the lock file and died.
    #[error("the lock file has format {found}, and this eos knows formats up to {known}")]
    Newer {
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The state directory leads out of the root, or could not be looked at.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl Explain for LockError {
    fn code(&self) -> Code {
        match self {
            Self::Busy { .. } => Code("G010"),
            Self::Newer { .. } => Code("G011"),
            Self::File(error) => error.code(),
            Self::Directory(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Busy { .. } | Self::Newer { .. } => Exit::Conflict,
            Self::File(error) => error.exit(),
            Self::Directory(error) => error.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Busy { pid, .. } => vec![
                "wait for it to end, and see how far it is: eos status".to_owned(),
                format!("see what it is: ps -fp {pid}"),
            ],
            Self::Newer { .. } => vec!["use the eos that wrote it, or a later one: eos --version".to_owned()],
            Self::File(error) => error.hints(),
            Self::Directory(error) => error.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::Newer { .. } => false,
            Self::File(error) => error.retry_helps(),
            Self::Directory(error) => error.retry_helps(),
        }
    }
}

/// The lock, held; released when dropped, without a trace unless there are records beside it.
#[derive(Debug)]
pub struct OperationLock {
    file: Option<LockFile>,
    root: Root,
    holder: Holder,
}

impl OperationLock {
    /// Takes the lock of this root at once or not at all.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be made.
    pub fn acquire(root: &Root, command: &str, now: Timestamp) -> Result<Self, LockError> {
        confined::check(root, Path::new(paths::STATE))?;
        let mut made = Vec::new();
        let prepare = || {
            made.extend(absent(root, Path::new(paths::STATE))?);
            files::create_directory(&root.join(paths::STATE), Attributes { mode: 0o755, owner: None })
        };
        match LockFile::attempt(&root.join(LOCK), prepare)? {
            Attempt::Busy(text) => Err(busy(&text, now)),
            Attempt::Held(file, left) => {
                refuse_later(&left)?;
                if let Some(dead) = parse(&left) {
                    made.extend(dead.made);
                }
                let command = command.to_owned();
                let holder = Holder {
                    version: VERSION,
                    pid: std::process::id(),
                    command,
                    since: now,
                    made: Vec::new(),
                };
                let mut lock = Self { file: Some(file), root: root.clone(), holder };
                lock.adopt(&made)?;
                Ok(lock)
            }
        }
    }

    /// Directories that go away at the end if they are empty, the shallowest first.
    pub fn made(&self) -> &[String] {
        &self.holder.made
    }

    /// Adds directories that go away at the end if they are empty, even after a crash.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub fn adopt(&mut self, directories: &[String]) -> Result<(), FileError> {
        self.holder.made.extend_from_slice(directories);
        self.holder.made.sort();
        self.holder.made.dedup();
        let text = serde_json::to_vec(&self.holder).expect("a holder has no failing serialiser");
        self.file.as_mut().map_or(Ok(()), |file| file.write(&text))
    }

    /// Lets go of the lock as the death of the process does: its file stays.
    pub fn abandon(mut self) {
        self.file = None;
    }

    fn release(&mut self) -> Result<(), FileError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        file.remove()?;
        for directory in self.holder.made.iter().rev() {
            files::remove_empty_directory(&self.root.join(directory))?;
        }
        Ok(())
    }
}

impl Drop for OperationLock {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            // Nobody is left to return it to; the lock itself ends with the file handle.
            tracing::warn!(%error, cause = %error.source, "the lock file could not be removed");
        }
    }
}

/// Who holds the lock now, without taking it; nobody when it is free.
///
/// # Errors
/// When the lock file is there and cannot be read.
pub fn holder(root: &Root) -> Result<Option<Holder>, FileError> {
    Ok(lock_file::text_if_held(&root.join(LOCK))?.and_then(|text| parse(&text)))
}

/// Makes a directory for eos's own records, for root alone.
pub(super) fn create_private(root: &Root, directory: &str) -> Result<(), FileError> {
    files::create_directory(&root.join(directory), PRIVATE)
}

fn parse(text: &[u8]) -> Option<Holder> {
    serde_json::from_slice(text).ok()
}

/// Refuses what a later eos wrote, whatever else is in it; a torn text says nothing.
fn refuse_later(text: &[u8]) -> Result<(), LockError> {
    #[derive(Deserialize)]
    struct Format {
        version: u32,
    }
    match serde_json::from_slice::<Format>(text) {
        Ok(Format { version: found }) if found > VERSION => Err(LockError::Newer { found, known: VERSION }),
        _ => Ok(()),
    }
}

fn busy(text: &[u8], now: Timestamp) -> LockError {
    let (pid, command, seconds) = match parse(text) {
        Some(holder) => {
            (holder.pid, holder.command, now.as_second().saturating_sub(holder.since.as_second()).max(0))
        }
        None => (0, "eos, which has only just begun".to_owned(), 0),
    };
    LockError::Busy { pid, command, seconds }
}

/// One of each, for the table of error codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<LockError> {
    vec![
        LockError::Busy { pid: 4711, command: "eos bootstrap".to_owned(), seconds: 42 },
        LockError::Newer { found: 2, known: 1 },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn the_second_holder_learns_who_the_first_is() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        let first = OperationLock::acquire(&root, "eos bootstrap", at(100))?;
        let error = OperationLock::acquire(&root, "eos reset", at(142)).expect_err("it is held");
        let me = std::process::id();
        assert_eq!(
            error.to_string(),
            format!("another operation is in progress: eos bootstrap (process {me}, for 42 s)")
        );
        assert_eq!((error.code().to_string().as_str(), error.exit()), ("EOS-G010", Exit::Conflict));
        assert_eq!(holder(&root)?.map(|holder| holder.command), Some("eos bootstrap".to_owned()));
        drop(first);
        assert_eq!(holder(&root)?, None);
        assert_eq!(files::list(folder.path())?, Vec::<String>::new(), "no trace is left");
        Ok(())
    }

    #[test]
    fn what_a_dead_holder_made_is_removed_by_the_next() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        OperationLock::acquire(&root, "eos bootstrap", at(100))?.abandon();
        assert_eq!(holder(&root)?, None, "the lock of a dead process is free");
        let next = OperationLock::acquire(&root, "eos bootstrap", at(200))?;
        assert_eq!(next.made(), ["var", "var/lib", "var/lib/eos"]);
        drop(next);
        assert_eq!(files::list(folder.path())?, Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn what_a_later_eos_left_is_refused_and_not_touched() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        files::create_directory(&root.join(paths::STATE), Attributes { mode: 0o755, owner: None })?;
        let text = br#"{"version": 2, "owner": "somebody"}"#;
        files::append(&root.join(LOCK), text, 0o644)?;
        let error = OperationLock::acquire(&root, "eos reset", at(142)).expect_err("it is refused");
        assert!(matches!(error, LockError::Newer { found: 2, known: 1 }), "{error}");
        assert_eq!(files::read(&root.join(LOCK))?, text);
        Ok(())
    }

    #[test]
    fn another_process_keeps_us_out_until_it_ends() -> anyhow::Result<()> {
        use std::io::{BufRead, BufReader};
        use std::process::{Command, Stdio};
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        files::create_directory(&root.join(paths::STATE), Attributes { mode: 0o755, owner: None })?;
        let command = "eos join".to_owned();
        let other = Holder { version: 1, pid: 4711, command, since: at(100), made: Vec::new() };
        files::append(&root.join(LOCK), &serde_json::to_vec(&other)?, 0o644)?;
        let mut child = Command::new("flock")
            .arg(root.join(LOCK))
            .args(["sh", "-c", "echo held; read line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut said)?;
        assert_eq!(said, "held\n");
        let error = OperationLock::acquire(&root, "eos reset", at(142)).expect_err("it is held");
        assert_eq!(error.to_string(), "another operation is in progress: eos join (process 4711, for 42 s)");
        assert_eq!(holder(&root)?, Some(other));
        drop(child.stdin.take());
        child.wait()?;
        OperationLock::acquire(&root, "eos reset", at(143))?;
        Ok(())
    }

    #[test]
    fn samples_say_what_they_are() {
        let texts: Vec<String> = samples().iter().map(|e| format!("{} {e}", e.code())).collect();
        assert_eq!(
            texts,
            [
                "EOS-G010 another operation is in progress: eos bootstrap (process 4711, for 42 s)",
                "EOS-G011 the lock file has format 2, and this eos knows formats up to 1",
            ]
        );
    }
}
