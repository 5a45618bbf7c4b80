//! What a capture leaves behind if it dies: a freeze directory, and a hook that must still be run.
//!
//! `captures/SOURCE.json` is durable before either of them, and goes after both. Who captures the source, or the
//! agent, finishes what it says: a record that nobody holds is of a capture that died.

use super::CreateError;
use super::hooks::{self, Program};
use crate::host::directory::Directory;
use crate::host::files::{self, Attributes};
use crate::host::lock_file::{self, Attempt, LockFile};
use crate::host::paths;
use crate::host::root::Root;
use crate::model::progress::Sink;
use crate::snapshot::area::{self, Hold};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

const VERSION: u32 = 1;

/// Who captures, for whoever finds the source busy.
pub(super) const HOLDER: &str = "eos snapshot create";

/// The same of one that died.
pub(super) const RECOVERY: &str = "the recovery of a capture";

/// The name of the freeze directory in a work area.
pub(super) const FREEZE: &str = "freeze";

/// What is to be done when a capture ends, however it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// The hook `after_capture`.
    pub(super) after: Option<Program>,
    /// The work area outside of the store in which files are frozen.
    pub(super) area: Option<PathBuf>,
    /// The generation that the capture would have.
    pub(super) generation: u64,
    /// The path of the source.
    pub(super) path: PathBuf,
    /// Its name.
    pub(super) source: String,
    /// `VERSION`.
    pub(super) version: u32,
}

impl Record {
    pub(super) fn new(source: &str, path: &Path, generation: u64) -> Self {
        let (source, path) = (source.to_owned(), path.to_owned());
        Self { after: None, area: None, generation, path, source, version: VERSION }
    }

    /// Reads a record of this version.
    fn read(bytes: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct OnlyVersion {
            version: u32,
        }
        // A later version may have fields that are unknown here.
        match serde_json::from_slice(bytes)? {
            OnlyVersion { version: VERSION } => serde_json::from_slice(bytes),
            OnlyVersion { version } => Err(serde::de::Error::custom(format!(
                "it has version {version}, and this eos reads version {VERSION}"
            ))),
        }
    }

    /// Removes what is frozen and runs the hook; both may have been done before.
    fn settle(&self, sink: &dyn Sink) -> Result<(), CreateError> {
        if let Some(area) = &self.area {
            thaw(area)?;
        }
        let Some(after) = &self.after else { return Ok(()) };
        hooks::run(after, "after_capture", self, sink).map(|_| ())
    }
}

/// Removes the freeze directory of a work area, and the area itself if nothing else is in it.
fn thaw(area: &Path) -> Result<(), CreateError> {
    let (Some(parent), Some(name)) = (area.parent(), area.file_name()) else { return Ok(()) };
    let parent = match Directory::open(parent) {
        Err(error) if error.is_missing() => return Ok(()),
        opened => opened?,
    };
    match area::existing(&parent, name)? {
        None => return Ok(()),
        Some(area) => area.remove_tree(OsStr::new(FREEZE))?,
    }
    parent.remove_empty_directory(name)?;
    Ok(parent.sync()?)
}

/// The directory of the records.
pub(super) struct Records {
    root: Root,
    folder: PathBuf,
}

/// A source that this process captures.
#[derive(Debug)]
pub(super) struct Held(LockFile);

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = self.0.remove() {
            tracing::debug!(%error, "the lock of a capture ends with the process");
        }
    }
}

impl Held {
    /// The lock for a program that is to be started.
    pub(super) fn share(&self) -> Result<File, CreateError> {
        Ok(self.0.share()?)
    }
}

/// The hook of a capture that was killed runs on.
fn still_before(source: &str) -> CreateError {
    let holder = "the hook before_capture of a capture that was killed".to_owned();
    CreateError::Busy { name: source.to_owned(), holder }
}

impl Records {
    pub(super) fn open(root: &Root) -> Result<Self, CreateError> {
        let folder = root.join(paths::CAPTURES);
        files::create_directory(&folder, Attributes { mode: 0o700, owner: None })?;
        Ok(Self { root: root.clone(), folder })
    }

    /// Those that there are; none where nothing was ever captured.
    pub(super) fn existing(root: &Root) -> Result<Option<Self>, CreateError> {
        let folder = root.join(paths::CAPTURES);
        Ok(files::exists(&folder)?.then(|| Self { root: root.clone(), folder }))
    }

    fn lock(&self, source: &str) -> PathBuf {
        self.folder.join(format!("{source}.lock"))
    }

    fn hook_lock(&self, source: &str) -> PathBuf {
        self.folder.join(format!("{source}.hook.lock"))
    }

    /// Takes the lock that says that the hook `before_capture` of a source runs, for so many seconds at most. The hook
    /// itself holds it too, so it outlives a capture that is killed meanwhile.
    pub(super) fn hold_hook(&self, source: &str, seconds: u32) -> Result<Held, CreateError> {
        match LockFile::attempt(&self.hook_lock(source), || Ok(()))? {
            Attempt::Held(mut file, _) => {
                file.write(seconds.to_string().as_bytes())?;
                Ok(Held(file))
            }
            Attempt::Busy(_) => Err(still_before(source)),
        }
    }

    /// Insists that the hook `before_capture` of a capture that died runs no more: what it does after the other hook
    /// would stay. Once its time is over it is not waited for any longer, since it may have left a program of its own
    /// behind.
    fn insist_on_end_of_hook(&self, source: &str) -> Result<(), CreateError> {
        let path = self.hook_lock(source);
        if !files::exists(&path)? {
            return Ok(());
        }
        if let Attempt::Busy(text) = LockFile::attempt(&path, || Ok(()))? {
            let seconds = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
            let age = files::age(&path)?;
            if age.is_some_and(|age| age < Duration::from_secs(seconds.unwrap_or(0))) {
                return Err(still_before(source));
            }
        }
        Ok(files::remove_file(&path)?)
    }

    /// Whether nobody holds a source that has a record. The record is there before its holder lets go, so it is
    /// looked for once more.
    pub(super) fn is_abandoned(&self, source: &str) -> Result<bool, CreateError> {
        let is_held = lock_file::text_if_held(&self.lock(source))?.is_some();
        Ok(!is_held && files::exists(&self.path(source))?)
    }

    /// Takes a source for this process.
    pub(super) fn hold(&self, source: &str, holder: &str) -> Result<Held, CreateError> {
        match LockFile::attempt(&self.lock(source), || Ok(()))? {
            Attempt::Held(mut file, _) => {
                file.write(format!("{holder} (process {})", std::process::id()).as_bytes())?;
                Ok(Held(file))
            }
            Attempt::Busy(text) => {
                Err(CreateError::Busy { name: source.to_owned(), holder: area::told(&text) })
            }
        }
    }

    /// Takes the place of a source for this process, which other sources and restores may have too; nothing when
    /// there is no directory that would hold it.
    pub(super) fn hold_place(
        &self,
        source: &str,
        path: &Path,
        holder: &str,
    ) -> Result<Option<Hold>, CreateError> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        if !files::exists(folder)? {
            return Ok(None);
        }
        let parent = Directory::open(&files::real_directory(folder)?)?;
        let held = Hold::take(&self.root, &parent, name, holder)?;
        held.map(Some).map_err(|holder| CreateError::Busy { name: source.to_owned(), holder })
    }

    fn path(&self, source: &str) -> PathBuf {
        self.folder.join(format!("{source}.json"))
    }

    /// Makes a record durable, if there is anything in it to be done.
    pub(super) fn save(&self, record: &Record) -> Result<(), CreateError> {
        if record.after.is_none() && record.area.is_none() {
            return Ok(());
        }
        let bytes = serde_json::to_vec(record).expect("a record has only string keys");
        let attributes = Attributes { mode: 0o600, owner: None };
        Ok(files::write_atomic(&self.path(&record.source), &bytes, attributes)?)
    }

    /// Runs the hook of a record before the capture ends; returns what is left to be done then.
    pub(super) fn release(&self, record: &Record, sink: &dyn Sink) -> Result<Record, CreateError> {
        if let Some(after) = &record.after {
            hooks::run(after, "after_capture", record, sink)?;
        }
        let left = Record { after: None, ..record.clone() };
        if left.area.is_none() {
            files::remove_file(&self.path(&record.source))?;
        }
        self.save(&left)?;
        Ok(left)
    }

    /// Ends a capture: does what its record says, then removes that.
    pub(super) fn end(&self, record: &Record, sink: &dyn Sink) -> Result<(), CreateError> {
        record.settle(sink)?;
        Ok(files::remove_file(&self.path(&record.source))?)
    }

    /// Ends the capture of a source that died, if one did; says whether. The caller holds the source.
    pub(super) fn finish(&self, source: &str, sink: &dyn Sink) -> Result<bool, CreateError> {
        let path = self.path(source);
        let Some(bytes) = files::read_optional(&path)? else { return Ok(false) };
        let record = Record::read(&bytes).map_err(|source| CreateError::Record { path, source })?;
        self.insist_on_end_of_hook(source)?;
        let _held = self.hold_place(source, &record.path, RECOVERY)?;
        self.end(&record, sink)?;
        Ok(true)
    }

    /// The sources that have a record.
    pub(super) fn sources(&self) -> Result<Vec<String>, CreateError> {
        let names = files::list(&self.folder)?;
        let source = |name: &String| {
            name.strip_suffix(".json").filter(|name| !name.starts_with('.')).map(str::to_owned)
        };
        Ok(names.iter().filter_map(source).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_version_1_stays_readable() {
        let fixture = include_str!("../../../tests/fixtures/v1/snapshot/capture.json");
        let record = Record {
            after: Some(Program { argv: vec!["/usr/sbin/lvremove".into(), "-y".into()], seconds: 30 }),
            area: Some("/srv/.metrics.eos".into()),
            ..Record::new("metrics", Path::new("/srv/metrics"), 4)
        };
        assert_eq!(Record::read(fixture.as_bytes()).unwrap(), record);
        let later = fixture.replace("\"version\":1", "\"more\":1,\"version\":2");
        let error = Record::read(later.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "it has version 2, and this eos reads version 1");
        assert_eq!(serde_json::to_string(&record).unwrap(), fixture);
    }
}
