//! What a supervisor writes under `run/eos` for others to read: who runs, and how it goes.
//!
//! Nothing here survives the processes that it speaks of, so nothing is fsynced. A supervisor that is
//! killed leaves its files behind; readers believe them only as far as the processes exist.

use super::error::ServiceError;
use super::process::ProcessId;
use crate::host::files::{self, FileError};
use crate::host::paths;
use crate::host::root::Root;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The paths of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paths {
    /// The unit file.
    pub unit: PathBuf,
    /// Who runs.
    pub pid: PathBuf,
    /// How it goes.
    pub status: PathBuf,
    /// Held by the supervisor.
    pub lock: PathBuf,
    /// Where the service sends its notifications.
    pub notify: PathBuf,
    /// Where others wait for the service to become ready.
    pub control: PathBuf,
    /// What the service says.
    pub log: PathBuf,
}

impl Paths {
    pub(super) fn of(root: &Root, name: &str) -> Self {
        let run = |suffix: &str| root.join(paths::RUN).join(format!("{name}.{suffix}"));
        Self {
            unit: root.join(paths::UNITS).join(format!("{name}.service")),
            pid: run("pid"),
            status: run("status.json"),
            lock: run("lock"),
            notify: run("notify"),
            control: run("control"),
            log: root.join(paths::LOGS).join(format!("{name}.log")),
        }
    }

    /// Removes what a supervisor leaves; with the status, unless it is kept to tell of a failure.
    pub(super) fn remove(&self, keep_status: bool) -> Result<(), FileError> {
        for path in [&self.pid, &self.notify, &self.control] {
            files::remove_file(path)?;
        }
        if keep_status { Ok(()) } else { files::remove_file(&self.status) }
    }
}

/// Who runs; `NAME.pid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PidRecord {
    pub version: u32,
    /// The kernel's boot id: process starts are counted from there.
    pub boot: String,
    pub supervisor: ProcessId,
    pub child: Option<ProcessId>,
}

impl PidRecord {
    pub(super) fn new(supervisor: ProcessId, child: Option<ProcessId>) -> Result<Self, ServiceError> {
        Ok(Self { version: 1, boot: boot_id()?, supervisor, child })
    }

    /// The record, if there is one of this boot that can be read.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ServiceError> {
        let record: Option<Self> = read(path)?;
        let boot = boot_id()?;
        Ok(record.filter(|record| record.version == 1 && record.boot == boot))
    }
}

fn boot_id() -> Result<String, FileError> {
    let bytes = files::read(Path::new("/proc/sys/kernel/random/boot_id"))?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Where a supervised service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Starting,
    Ready,
    Restarting,
    Stopping,
    Failed,
    Ended,
}

/// How it goes; `NAME.status.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StatusRecord {
    pub version: u32,
    pub state: State,
    /// Since when it is in this state.
    pub since: jiff::Timestamp,
    /// When the running process was started.
    pub started_at: Option<jiff::Timestamp>,
    /// How often it was started again.
    pub restarts: u32,
    /// What it said last of itself.
    pub status_text: Option<String>,
    /// How it ended the last time.
    pub last_end: Option<String>,
}

/// Reads a record; one that is not there, or that a full disk left empty, is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    Ok(files::read_optional(path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Replaces a record; readers see the old one or the new one.
pub(super) fn write<T: Serialize>(path: &Path, record: &T) -> Result<(), FileError> {
    let mut text = serde_json::to_vec(record).expect("records are plain data");
    text.push(b'\n');
    let temporary = path.with_added_extension("new");
    std::fs::write(&temporary, text)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|e| FileError::new("write", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_version_1_stay_readable() -> anyhow::Result<()> {
        let pid: PidRecord = serde_json::from_str(include_str!("../../../tests/fixtures/v1/service.pid"))?;
        assert_eq!(pid.child, Some(ProcessId { pid: 4243, start: 98766 }));
        let status: StatusRecord =
            serde_json::from_str(include_str!("../../../tests/fixtures/v1/service.status.json"))?;
        assert_eq!((status.state, status.restarts), (State::Ready, 2));
        Ok(())
    }

    #[test]
    fn a_record_of_another_boot_or_a_broken_one_is_none() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("x.pid");
        assert_eq!(PidRecord::read(&path)?, None);
        let record = PidRecord::new(ProcessId { pid: 1, start: 2 }, None)?;
        write(&path, &record)?;
        assert_eq!(PidRecord::read(&path)?, Some(record.clone()));
        write(&path, &PidRecord { boot: "another".to_owned(), ..record })?;
        assert_eq!(PidRecord::read(&path)?, None);
        std::fs::write(&path, "")?;
        assert_eq!(PidRecord::read(&path)?, None);
        Ok(())
    }
}
