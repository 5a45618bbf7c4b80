//! What a sweep did, and what it left alone and why.

use serde::Serialize;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The result of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Files deleted or compressed; in a dry run, those that would be.
    pub files: u64,
    /// Directories removed because nothing was left in them.
    pub directories: u64,
    /// Bytes freed on the disk.
    pub bytes: u64,
    /// Bytes that these files took on the disk before.
    pub taken: u64,
    /// The first of these files by name, in the order in which they were taken, up to the bound that the budget sets;
    /// then directories, which end with a slash.
    pub listed: Vec<Listed>,
    /// What was left alone.
    pub kept: BTreeMap<Reason, Kept>,
    /// Whether the sweep ended at its budget, or was stopped, before it had seen everything.
    pub unfinished: bool,
    /// Processes whose open files could not be seen, such as those outside of a container; a file that
    /// only they have open is judged by its age alone.
    pub unseen_processes: u64,
}

/// A file that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its path, as [`printable`].
    pub path: String,
    /// Bytes freed on the disk.
    pub bytes: u64,
}

/// Files left alone for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// How many.
    pub count: u64,
    /// The first one, as [`printable`].
    pub example: String,
    /// What the operating system said about it.
    pub problem: Option<String>,
}

/// Why a file, or a directory with all that is in it, was left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Modified within the retention, or in the future.
    Young,
    /// Protected by its class.
    Protected,
    /// Open in some process.
    Open,
    /// A symbolic link.
    Link,
    /// On another mount.
    OtherMount,
    /// Neither a file nor a directory.
    Special,
    /// Has another name elsewhere, so that compression would free nothing.
    HardLinked,
    /// Compression: not text.
    NotText,
    /// Compression: would free nothing.
    NoGain,
    /// Compression: other files have all names for the compressed file.
    NameTaken,
    /// Compression: the disk has no room for the compressed file beside the log.
    NoRoom,
    /// Compressed or not: `logrotate` manages it, and knows its files by their names.
    Rotated,
    /// Compressed by somebody else.
    Foreign,
    /// Changed meanwhile.
    Changed,
    /// Directories nested too deeply.
    TooDeep,
    /// The operating system refused.
    Failed,
}

impl Report {
    /// Everything that was left alone.
    pub fn kept_count(&self) -> u64 {
        self.kept.values().map(|kept| kept.count).sum()
    }

    /// How many were left alone for this reason.
    pub fn kept_for(&self, reason: Reason) -> u64 {
        self.kept.get(&reason).map_or(0, |kept| kept.count)
    }

    pub(super) fn keep(&mut self, reason: Reason, path: &Path, problem: Option<String>) {
        let kept =
            self.kept.entry(reason).or_insert_with(|| Kept { count: 0, example: printable(path), problem });
        kept.count += 1;
    }

    pub(super) fn took(&mut self, path: &Path, (bytes, of): (u64, u64), listed: usize) {
        self.files += 1;
        self.bytes += bytes;
        self.taken = self.taken.saturating_add(of);
        if self.listed.len() < listed {
            self.listed.push(Listed { path: printable(path), bytes });
        }
    }

    pub(super) fn emptied(&mut self, path: &Path, bytes: u64, listed: usize) {
        self.directories += 1;
        self.bytes += bytes;
        if self.listed.len() < listed {
            self.listed.push(Listed { path: format!("{}/", printable(path)), bytes });
        }
    }
}

/// A path on one line, whatever its name holds: control characters are escaped and bytes that are not
/// UTF-8 replaced.
pub fn printable(path: &Path) -> String {
    let mut text = String::new();
    for character in String::from_utf8_lossy(path.as_os_str().as_bytes()).chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}
