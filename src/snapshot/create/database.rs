//! Copies an SQLite database while others write to it: by its online backup, checked before it is used.

use super::CreateError;
use crate::host::directory::{
    Directory, DirectoryError, Metadata, extended_of_file, set_extended_of_file, set_file_attributes,
};
use crate::host::files;
use crate::snapshot::capture::CaptureError;
use crate::snapshot::database::{self as opening, Identity, Refused};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Pages copied at a time.
const PAGES: i32 = 1024;

/// How often a backup may begin anew because somebody wrote, before all is copied in one go.
const RESTARTS: u32 = 3;

/// How long a database that is locked is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A database that was looked at, and is captured only if it is still that file.
#[derive(Debug)]
pub(super) struct Judged {
    /// Its path, in which only the last name could be a link.
    path: PathBuf,
    identity: Identity,
    attributes: Metadata,
    extended: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Looks at the database at `path`.
pub(super) fn judge(path: &Path) -> Result<Judged, CreateError> {
    let (folder, name) = (path.parent().unwrap_or(Path::new("/")), path.file_name().unwrap_or_default());
    let folder = files::real_directory(folder)?;
    let path = folder.join(name);
    let original = Directory::open(&folder)?.open_file(Path::new(name))?;
    let attributes = Metadata::of_file(&original, &path)?;
    let extended = extended_of_file(&original, &path)?;
    // Closing a file drops all locks that this process has on it, so nothing of it stays open for later.
    drop(original);
    Ok(Judged { path, identity: attributes.into(), attributes, extended })
}

/// Copies the database to the new file `name` in a directory, with its owner, mode and time.
pub(super) fn copy(
    judged: &Judged,
    into: &Directory,
    name: &OsStr,
    patience: Duration,
    stop: &AtomicBool,
) -> Result<(), CreateError> {
    let path = judged.path.as_path();
    let failed = |source| fault(path, source, patience);
    let io = |source| DirectoryError::Io { action: "open", path: path.to_owned(), source };
    drop(into.create_file(name, 0o600)?);
    let target = into.path().join(name);
    let source = open(judged, patience).map_err(|refused| match refused {
        Refused::Swapped => CreateError::Swapped { path: path.to_owned() },
        Refused::Sqlite(source) => failed(source),
    })?;
    let mut copy = Connection::open_with_flags(&target, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    transfer((path, patience), &source, &mut copy, stop)?;
    drop(source);
    let found: String = copy.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0)).map_err(failed)?;
    if found != "ok" {
        let found = found.lines().next().unwrap_or_default().to_owned();
        return Err(CreateError::Unsound { path: path.to_owned(), found });
    }
    copy.close().map_err(|(_, source)| failed(source))?;
    let copied = into.open_for_update(Path::new(name))?;
    set_extended_of_file(&copied, &target, &judged.extended)?;
    let attributes = &judged.attributes;
    let owner = Some((attributes.uid, attributes.gid));
    set_file_attributes(&copied, &target, owner, attributes.mode, attributes.modified)?;
    copied.sync_all().map_err(io)?;
    Ok(())
}

/// For reading alone, unless a writer died and the database must be brought in order first.
fn open(judged: &Judged, patience: Duration) -> Result<Connection, Refused> {
    let reading = |flags| {
        let source = opening::open(&judged.path, judged.identity, flags)?;
        source.busy_timeout(patience)?;
        source.query_row("SELECT count(*) FROM sqlite_master", (), |_| Ok(()))?;
        Ok(source)
    };
    match reading(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(Refused::Sqlite(rusqlite::Error::SqliteFailure(error, _)))
            if matches!(error.code, ErrorCode::ReadOnly | ErrorCode::CannotOpen) =>
        {
            reading(OpenFlags::SQLITE_OPEN_READ_WRITE)
        }
        opened => opened,
    }
}

fn transfer(
    (path, patience): (&Path, Duration),
    source: &Connection,
    copy: &mut Connection,
    stop: &AtomicBool,
) -> Result<(), CreateError> {
    let failed = |error| fault(path, error, patience);
    let mode: String = source.query_row("PRAGMA journal_mode", (), |row| row.get(0)).map_err(failed)?;
    if mode == "wal" {
        // A reader of a write-ahead log holds up nobody and sees one state, as long as it reads.
        source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_master").map_err(failed)?;
    }
    let backup = Backup::new(source, copy).map_err(failed)?;
    let (mut left, mut restarts) = (i32::MAX, 0);
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(CaptureError::Interrupted { path: path.to_owned() }.into());
        }
        match backup.step(if restarts < RESTARTS { PAGES } else { -1 }).map_err(failed)? {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked => return Err(locked(path, patience)),
            _ => {}
        }
        let now = backup.progress().remaining;
        restarts += u32::from(now >= left);
        left = now;
    }
}

fn fault(path: &Path, source: rusqlite::Error, patience: Duration) -> CreateError {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => locked(path, patience),
        _ => CreateError::Backup { path: path.to_owned(), source },
    }
}

fn locked(path: &Path, patience: Duration) -> CreateError {
    CreateError::Locked { path: path.to_owned(), seconds: patience.as_secs() }
}
