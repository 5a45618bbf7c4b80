//! The audit log: one line for each decision, each holding the digest of the line before.
//!
//! A crash in the middle of a line leaves a torn last line, which the next start cuts off and notes; a
//! line that the disk had no room for is cut off before the next one is written.

use crate::host::files::{self, FileError};
use crate::master::error::MasterError;
use crate::model::digest::Digest;
use crate::wire::admin::AuditLine;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// The most bytes of the log that one answer is made of.
pub const NEWEST_BYTES: u64 = 4 << 20;

/// The log, open for appending.
pub struct AuditLog {
    path: PathBuf,
    last: Digest,
    /// The bytes of whole lines; none when there is no file yet.
    length: Option<u64>,
    /// Whether a write failed, so that part of a line may stand behind them.
    torn: bool,
}

/// A log that does not hang together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The first line that does not fit, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl AuditLog {
    /// Opens the log; a torn last line is cut off.
    ///
    /// # Errors
    /// When the file cannot be read or repaired.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let found = files::read_optional(path)?;
        let there = found.is_some();
        let bytes = found.unwrap_or_default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if whole < bytes.len() {
            tracing::warn!(bytes = bytes.len() - whole, "cutting off a torn last line of the audit log");
            files::truncate(path, whole as u64)?;
        }
        let last = bytes[..whole].split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        let last = Digest::of(last.unwrap_or_default());
        Ok(Self { path: path.to_owned(), last, length: there.then_some(whole as u64), torn: false })
    }

    /// Appends a line and makes it durable.
    ///
    /// # Errors
    /// When it cannot be written; what of it was written is cut off again before the next line.
    pub fn record(
        &mut self,
        actor: &str,
        action: &str,
        subject: &str,
        detail: &str,
    ) -> Result<(), FileError> {
        let line = AuditLine {
            at: Timestamp::now().to_string(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail: detail.to_owned(),
            previous: self.last.to_string(),
        };
        let text = serde_json::to_string(&line).expect("strings serialise");
        self.mend()?;
        self.torn = true;
        files::append(&self.path, format!("{text}\n").as_bytes(), 0o640)?;
        self.torn = false;
        self.length = Some(self.length.unwrap_or(0) + text.len() as u64 + 1);
        self.last = Digest::of(text.as_bytes());
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Cuts off what a write that failed left.
    fn mend(&mut self) -> Result<(), FileError> {
        if self.torn && (self.length.is_some() || files::exists(&self.path)?) {
            tracing::warn!("cutting off what a failed write left in the audit log");
            files::truncate(&self.path, self.length.unwrap_or(0))?;
        }
        self.torn = false;
        Ok(())
    }
}

/// The newest lines, oldest first: `count` of them and not more than [`NEWEST_BYTES`]. It may run while a
/// line is written, which is then not among them.
///
/// # Errors
/// When the file cannot be read, or a line is no record: nothing is left out silently.
pub fn newest(path: &Path, count: usize) -> Result<Vec<AuditLine>, MasterError> {
    let (bytes, whole) = files::read_end(path, NEWEST_BYTES).map_err(MasterError::File)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    // The first line may have lost its beginning.
    let lines: Vec<&str> = complete.lines().skip(usize::from(!whole)).collect();
    let newest = &lines[lines.len().saturating_sub(count)..];
    newest.iter().map(|line| serde_json::from_str(line).map_err(|_| MasterError::AuditDamaged)).collect()
}

/// Checks that every line holds the digest of the line before; gives the number of lines.
///
/// # Errors
/// Names the first line that does not fit.
pub fn verify(text: &str) -> Result<usize, Broken> {
    let mut previous = Digest::of(b"");
    let mut count = 0;
    for (index, line) in text.lines().enumerate() {
        let parsed: Result<AuditLine, _> = serde_json::from_str(line);
        let broken = |why| Broken { line: index + 1, why };
        let parsed = parsed.map_err(|_| broken("it is not a record"))?;
        if parsed.previous != previous.to_string() {
            return Err(broken("it does not follow from the line before"));
        }
        previous = Digest::of(line.as_bytes());
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    #[test]
    fn a_changed_or_missing_line_is_found() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        for number in 0..3 {
            AuditLog::open(&path)?.record("operator", "accept", &format!("node{number}"), "")?;
        }
        let text = String::from_utf8(files::read(&path)?)?;
        assert_eq!(verify(&text), Ok(3));
        assert_eq!(verify(&text.replace("node1", "node9")).map_err(|broken| broken.line), Err(3));
        let without: Vec<&str> =
            text.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
        assert_eq!(verify(&without.join("\n")).map_err(|broken| broken.line), Err(2));
        Ok(())
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_chain_goes_on() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        AuditLog::open(&path)?.record("master", "start", "", "")?;
        files::append(&path, b"{\"at\":\"torn", 0o640)?;
        AuditLog::open(&path)?.record("master", "start", "", "")?;
        assert_eq!(verify(&String::from_utf8(files::read(&path)?)?), Ok(2));
        Ok(())
    }

    #[test]
    fn the_newest_lines_are_read_without_those_before_and_without_one_that_is_being_written()
    -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        assert!(newest(&path, 10)?.is_empty());
        let mut log = AuditLog::open(&path)?;
        for number in 0..4 {
            log.record("operator", "accept", &format!("node{number}"), &"x".repeat(3 << 19))?;
        }
        files::append(&path, b"{\"at\":\"torn", 0o640)?;
        let subjects = |count| -> anyhow::Result<Vec<String>> {
            Ok(newest(&path, count)?.into_iter().map(|line| line.subject).collect())
        };
        assert_eq!(subjects(1)?, ["node3"]);
        assert_eq!(subjects(10)?, ["node2", "node3"], "those that fit into the bound in bytes");
        Ok(())
    }

    /// A file system of 16 KiB in memory.
    struct SmallDisk(tempfile::TempDir);

    impl SmallDisk {
        fn new() -> anyhow::Result<Self> {
            let folder = tempfile::tempdir()?;
            let flags = rustix::mount::MountFlags::empty();
            rustix::mount::mount("tmpfs", folder.path(), "tmpfs", flags, Some(c"size=16k"))?;
            Ok(Self(folder))
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let flags = rustix::mount::UnmountFlags::DETACH;
            rustix::mount::unmount(self.0.path(), flags).expect("the mount is ours");
        }
    }

    #[test]
    fn a_full_disk_leaves_no_piece_of_a_line_in_the_chain() -> anyhow::Result<()> {
        let disk = SmallDisk::new()?;
        let (path, filler) = (disk.0.path().join("audit.jsonl"), disk.0.path().join("filler"));
        std::fs::write(&filler, [0; 4096])?;
        let mut log = AuditLog::open(&path)?;
        let mut count = 0;
        while log.record("operator", "accept", "node2", &"x".repeat(100)).is_ok() {
            count += 1;
        }
        let whole = log.length.unwrap_or(0);
        assert!(std::fs::metadata(&path)?.len() > whole, "a piece of a line stands there");
        assert_eq!(newest(&path, 10_000)?.len(), count);
        log.record("operator", "accept", "node3", &"x".repeat(1000)).expect_err("there is no room yet");
        std::fs::remove_file(&filler)?;
        log.record("operator", "accept", "node3", "")?;
        assert_eq!(verify(&String::from_utf8(files::read(&path)?)?), Ok(count + 1));
        assert_eq!(newest(&path, 10_000)?.len(), count + 1);
        AuditLog::open(&path)?.record("master", "start", "", "")?;
        assert_eq!(verify(&String::from_utf8(files::read(&path)?)?), Ok(count + 2));
        Ok(())
    }

    #[test]
    fn a_line_that_is_no_record_is_told_and_not_left_out() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        let mut log = AuditLog::open(&path)?;
        log.record("master", "start", "", "")?;
        files::append(&path, b"not a record\n", 0o640)?;
        log.record("master", "stop", "", "")?;
        let error = newest(&path, 10).expect_err("line 2 is damaged");
        tells(&error, "EOS-M026", "the audit log holds a line that is no record");
        Ok(())
    }
}
