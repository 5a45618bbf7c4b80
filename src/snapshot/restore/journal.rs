//! What is on disk of restores: the journal of one that is under way, and the record of the last one.
//!
//! Both are written whole under another name, made durable and then named, so a crash leaves the old or
//! the new one.

use super::{Ended, RestoreError};
use crate::host::directory::{Directory, DirectoryError, FRESH, fresh};
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::model::ids::SnapshotId;
use crate::model::snapshots::{Engine, Hooks};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;
const LIMIT: u64 = 1 << 20;
const LAST: &str = "last";
const ENDED: &str = "ended";
const VERIFIED: &str = "verified";
const HISTORY: &str = "history";
const ENDING: &str = ".json";

/// How far a restore has come, as far as the disk itself does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the exchange or after it, and not judged.
    Begun,
    /// The old tree returns, or has returned.
    Returning,
    /// The new tree stays.
    Committed,
}

/// What is meant by a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A snapshot of a source is put in its place.
    Restore,
    /// A snapshot is put at another place.
    Into,
    /// The tree of before the last restore returns, and may be exchanged again.
    Previous,
    /// The same, and what goes is removed; or only that, when there was no tree before.
    Undo,
}

/// What one restore moves where; inodes tell which tree is which, since they survive their moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The version of the format.
    pub version: u32,
    /// What is restored, under which name in the configuration.
    pub source: String,
    /// Its absolute path, below the root.
    pub target: String,
    /// A directory or a database.
    pub engine: Engine,
    /// The programs of the local configuration.
    pub hooks: Hooks,
    /// Whether the tree that is replaced stays in the work area.
    pub keep_previous: bool,
    /// What is meant.
    pub kind: Kind,
    /// What is put in place, as far as that is known.
    pub applied: Option<Applied>,
    /// What is recorded as the last restore of this source once the new tree stays.
    pub remember: Option<Last>,
    /// Where the new tree lies in the work area, and after the exchange the old one.
    pub staged: PathBuf,
    /// The inode of the new tree.
    pub new: u64,
    /// The inode of the old tree, if there is one.
    pub old: Option<u64>,
    /// Whether the old database was in the write-ahead mode, which folding ended.
    pub was_wal: bool,
    /// The side files of the old database that are moved to the work area, by their endings.
    pub companions: Vec<String>,
    /// How far it has come.
    pub phase: Phase,
}

/// A snapshot that was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// Its id, which is the digest of its manifest.
    pub id: SnapshotId,
    /// When it was captured.
    pub created_at: Timestamp,
    /// The source's generation, as its metadata says.
    pub generation: u64,
    /// When it was restored.
    pub restored_at: Timestamp,
    /// Where its bytes came from: this node's store, or nodes.
    pub from: Vec<String>,
    /// Bytes that came over the network.
    pub received_bytes: u64,
    /// Bytes of content of the whole tree.
    pub restored_bytes: u64,
}

/// What stands at a source's path since the last restore that was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Last {
    /// The version of the format.
    pub version: u32,
    /// The source.
    pub source: String,
    /// Its absolute path, below the root.
    pub target: String,
    /// What stands there; none when that is what was there before the first restore.
    pub now: Option<Applied>,
    /// Whether the tree before it is kept in the work area.
    pub has_previous: bool,
    /// What that one is, as far as it was restored too.
    pub previous: Option<Applied>,
}

/// The directory of journals and records.
#[derive(Debug)]
pub(super) struct Folder(Directory);

impl Folder {
    /// Opens the directory, made when it is missing.
    pub fn open(root: &Root) -> Result<Self, RestoreError> {
        let path = root.join(paths::RESTORES);
        files::create_directory(&path, Attributes { mode: 0o700, owner: None })?;
        Ok(Self(Directory::open(&path)?))
    }

    /// Opens the directory if there is one.
    pub fn existing(root: &Root) -> Result<Option<Self>, RestoreError> {
        match Directory::open(&root.join(paths::RESTORES)) {
            Err(error) if error.is_missing() => Ok(None),
            opened => Ok(Some(Self(opened?))),
        }
    }

    /// The names of all restores that have not ended, and of those that had not begun when they crashed.
    pub fn names(&self) -> Result<BTreeSet<String>, RestoreError> {
        let names = self.0.list()?.into_iter().filter_map(|name| name.into_string().ok());
        let journals = names.filter_map(|name| {
            Some(name.strip_suffix(FRESH).unwrap_or(&name).strip_suffix(ENDING)?.to_owned())
        });
        Ok(journals.collect())
    }

    /// The path of a journal, for people.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}{ENDING}"))
    }

    /// The journal of this name.
    pub fn journal(&self, name: &str) -> Result<Option<Journal>, RestoreError> {
        read(&self.0, name, |journal: &Journal| journal.version)
    }

    pub fn save(&self, name: &str, journal: &Journal) -> Result<(), RestoreError> {
        write(&self.0, name, journal)
    }

    pub fn forget(&self, name: &str) -> Result<(), RestoreError> {
        for name in [file(name), fresh(&file(name))] {
            self.0.remove_tree(&name)?;
        }
        Ok(self.0.sync()?)
    }

    /// The record of the last restore of a source.
    pub fn last(&self, source: &str) -> Result<Option<Last>, RestoreError> {
        match self.0.open_directory(Path::new(LAST)) {
            Err(error) if error.is_missing() => Ok(None),
            opened => read(&opened?, source, |last: &Last| last.version),
        }
    }

    pub fn remember(&self, last: &Last) -> Result<(), RestoreError> {
        write(&self.0.ensure_directory(OsStr::new(LAST), 0o700)?, &last.source, last)
    }

    /// How the last attempt to restore a source ended.
    pub fn ended(&self, source: &str) -> Result<Option<Ended>, RestoreError> {
        match self.0.open_directory(Path::new(ENDED)) {
            Err(error) if error.is_missing() => Ok(None),
            opened => read(&opened?, source, |ended: &Ended| ended.version),
        }
    }

    pub fn end(&self, ended: &Ended) -> Result<(), RestoreError> {
        write(&self.0.ensure_directory(OsStr::new(ENDED), 0o700)?, &ended.source, ended)
    }

    /// What was verified of the tree of a source.
    pub fn verified(&self, source: &str) -> Result<Option<Vec<u8>>, RestoreError> {
        let path = Path::new(VERIFIED).join(file(source));
        let mut opened = match self.0.open_file(&path) {
            Err(error) if error.is_missing() => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        let path = self.0.path().join(path);
        let filled = opened.read_to_end(&mut bytes);
        filled.map_err(|source| DirectoryError::Io { action: "read", path, source })?;
        Ok(Some(bytes))
    }

    pub fn verify(&self, source: &str, bytes: &[u8]) -> Result<(), RestoreError> {
        let records = self.0.ensure_directory(OsStr::new(VERIFIED), 0o700)?;
        records.replace_file(&file(source), bytes, 0o600, None)?;
        Ok(())
    }

    /// The directory of what was restored when.
    pub(super) fn history(&self) -> Result<Directory, RestoreError> {
        Ok(self.0.ensure_directory(OsStr::new(HISTORY), 0o700)?)
    }

    /// The sources of which there is a record.
    pub fn recorded(&self) -> Result<BTreeSet<String>, RestoreError> {
        let mut sources = BTreeSet::new();
        for folder in [LAST, ENDED] {
            let names = match self.0.open_directory(Path::new(folder)) {
                Err(error) if error.is_missing() => continue,
                opened => opened?.list()?,
            };
            let names = names.into_iter().filter_map(|name| name.into_string().ok());
            sources.extend(names.filter_map(|name| name.strip_suffix(ENDING).map(str::to_owned)));
        }
        Ok(sources)
    }

    pub fn forget_last(&self, source: &str) -> Result<(), RestoreError> {
        for folder in [ENDED, LAST, VERIFIED] {
            let records = match self.0.open_directory(Path::new(folder)) {
                Err(error) if error.is_missing() => continue,
                opened => opened?,
            };
            records.remove_tree(&file(source))?;
            records.sync()?;
        }
        Ok(())
    }
}

impl Journal {
    /// The version that this eos writes.
    pub const VERSION: u32 = VERSION;

    /// The id of the snapshot that is put in place, as far as it is one.
    pub fn snapshot(&self) -> Option<String> {
        self.applied.as_ref().map(|applied| applied.id.to_string())
    }
}

fn file(name: &str) -> OsString {
    format!("{name}{ENDING}").into()
}

fn write<T: Serialize>(into: &Directory, name: &str, value: &T) -> Result<(), RestoreError> {
    let bytes = serde_json::to_vec_pretty(value).expect("it has no failing serialiser");
    into.replace_file(&file(name), &bytes, 0o600, None)?;
    Ok(())
}

fn read<T: DeserializeOwned>(
    from: &Directory,
    name: &str,
    version: impl Fn(&T) -> u32,
) -> Result<Option<T>, RestoreError> {
    #[derive(Deserialize)]
    struct OnlyVersion {
        version: u32,
    }
    let path = from.path().join(file(name));
    let opened = match from.open_file(Path::new(&file(name))) {
        Err(error) if error.is_missing() => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    let filled = opened.take(LIMIT).read_to_end(&mut bytes);
    filled.map_err(|source| DirectoryError::Io { action: "read", path: path.clone(), source })?;
    // A later version may have fields that are unknown here.
    if let Ok(OnlyVersion { version }) = serde_json::from_slice(&bytes)
        && version != VERSION
    {
        return Err(RestoreError::Version { path, found: version });
    }
    let value: T = serde_json::from_slice(&bytes)
        .map_err(|source| RestoreError::Unreadable { path: path.clone(), source })?;
    debug_assert_eq!(version(&value), VERSION);
    Ok(Some(value))
}
