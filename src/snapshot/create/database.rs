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
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Pages copied at a time.
const PAGES: i32 = 1024;

/// How often a backup may begin anew because somebody wrote, before writers wait for its end.
const RESTARTS: u32 = 3;

/// How often it is looked whether the caller gave up.
const GLANCE: Duration = Duration::from_millis(50);

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

/// Copies the database to the new file `name` in a directory; nothing of the original is needed after that.
///
/// While it is locked by others it is waited for, for as long as the patience lasts or until `stop` is set.
pub(super) fn copy(
    judged: &Judged,
    into: &Directory,
    name: &OsStr,
    patience: Duration,
    stop: &AtomicBool,
) -> Result<(), CreateError> {
    let path = judged.path.as_path();
    let waiting = Waiting { path, patience, began: Instant::now(), stop };
    drop(into.create_file(name, 0o600)?);
    let source = open(judged, &waiting)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let mut copy =
        Connection::open_with_flags(into.path().join(name), flags).map_err(|e| waiting.fault(e))?;
    transfer(&waiting, &source, &mut copy)?;
    copy.close().map_err(|(_, source)| waiting.fault(source))
}

/// Checks the copy, and gives it the owner, mode and time of the original.
pub(super) fn check(
    judged: &Judged,
    into: &Directory,
    name: &OsStr,
    stop: &AtomicBool,
) -> Result<(), CreateError> {
    let path = judged.path.as_path();
    let io = |source| DirectoryError::Io { action: "open", path: path.to_owned(), source };
    let failed = |source| CreateError::Backup { path: path.to_owned(), source };
    let target = into.path().join(name);
    let copy = Connection::open_with_flags(&target, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    let found = interruptibly(&copy, stop, || {
        copy.query_row("PRAGMA integrity_check(1)", (), |row| row.get::<_, String>(0))
    });
    let found = match found {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            return Err(CaptureError::Interrupted { path: path.to_owned() }.into());
        }
        found => found.map_err(failed)?,
    };
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

/// Does something with a connection that ends when `stop` is set.
pub(super) fn interruptibly<T>(connection: &Connection, stop: &AtomicBool, work: impl FnOnce() -> T) -> T {
    let handle = connection.get_interrupt_handle();
    std::thread::scope(|scope| {
        let (ended, end) = channel::<()>();
        scope.spawn(move || {
            // Again and again: what is interrupted before it has begun is not interrupted.
            while end.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
                if stop.load(Ordering::Relaxed) {
                    handle.interrupt();
                }
            }
        });
        let done = work();
        drop(ended);
        done
    })
}

/// What is waited for, until when.
struct Waiting<'a> {
    path: &'a Path,
    patience: Duration,
    began: Instant,
    stop: &'a AtomicBool,
}

impl Waiting<'_> {
    fn go_on(&self) -> Result<(), CreateError> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(CaptureError::Interrupted { path: self.path.to_owned() }.into()),
            false => Ok(()),
        }
    }

    fn is_over(&self) -> bool {
        self.began.elapsed() >= self.patience
    }

    fn fault(&self, source: rusqlite::Error) -> CreateError {
        fault(self.path, source, self.patience)
    }

    /// Tries again while others have the database locked; each try waits for them for a glance at most.
    fn patiently<T>(&self, mut attempt: impl FnMut() -> Result<T, Refused>) -> Result<T, CreateError> {
        loop {
            self.go_on()?;
            match attempt() {
                Ok(done) => return Ok(done),
                Err(Refused::Sqlite(error))
                    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && !self.is_over() => {}
                Err(Refused::Sqlite(error)) => return Err(self.fault(error)),
                Err(Refused::Swapped) => return Err(CreateError::Swapped { path: self.path.to_owned() }),
            }
        }
    }
}

/// For reading alone, unless a writer died and the database must be brought in order first.
fn open(judged: &Judged, waiting: &Waiting<'_>) -> Result<Connection, CreateError> {
    let reading = |flags| {
        let source = opening::open(&judged.path, judged.identity, flags)?;
        source.busy_timeout(GLANCE.min(waiting.patience))?;
        source.query_row("SELECT count(*) FROM sqlite_master", (), |_| Ok(()))?;
        Ok(source)
    };
    waiting.patiently(|| match reading(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(Refused::Sqlite(rusqlite::Error::SqliteFailure(error, _)))
            if matches!(error.code, ErrorCode::ReadOnly | ErrorCode::CannotOpen) =>
        {
            reading(OpenFlags::SQLITE_OPEN_READ_WRITE)
        }
        opened => opened,
    })
}

/// Copies page by page, so that it can be stopped between any two glances.
fn transfer(waiting: &Waiting<'_>, source: &Connection, copy: &mut Connection) -> Result<(), CreateError> {
    let failed = |error| waiting.fault(error);
    let read =
        || waiting.patiently(|| Ok(source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_master")?));
    let mode: String = source.query_row("PRAGMA journal_mode", (), |row| row.get(0)).map_err(failed)?;
    // A reader of a write-ahead log holds up nobody and sees one state, as long as it reads.
    let mut holds = mode == "wal";
    if holds {
        read()?;
    }
    let backup = Backup::new(source, copy).map_err(failed)?;
    let (mut left, mut restarts) = (i32::MAX, 0);
    loop {
        waiting.go_on()?;
        match backup.step(PAGES).map_err(failed)? {
            StepResult::Done => return Ok(()),
            StepResult::Busy if !waiting.is_over() => continue,
            StepResult::Busy | StepResult::Locked => return Err(locked(waiting.path, waiting.patience)),
            _ => {}
        }
        let now = backup.progress().remaining;
        restarts += u32::from(now >= left);
        left = now;
        // In another mode a reader holds writers up, so it is one only when they would let it come to no end.
        if restarts >= RESTARTS && !holds {
            read()?;
            holds = true;
        }
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
