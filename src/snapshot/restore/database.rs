//! What is special about a database: its side files, which must never meet another database of its name.
//!
//! The old database is folded into its one file and held by an exclusive lock until it has been exchanged, so
//! nobody can make side files of it meanwhile. One that SQLite cannot read is moved with its side files.

use super::RestoreError;
use super::place::Place;
use crate::host::directory::Directory;
use crate::host::sweep;
use crate::snapshot::database::{self, Identity, Refused};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// What SQLite keeps beside a database, by the endings of the names.
pub(super) const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// How long the users of the old database are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// An old database that cannot be written to, or opened, by anybody else until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _connection: Connection,
}

/// Refuses a database that fails its own check; nothing is written, not even beside it.
pub(super) fn check(path: &Path) -> Result<(), RestoreError> {
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                address.push(*byte as char)
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let told = Connection::open_with_flags(address, flags).and_then(|database| {
        database.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))
    });
    match told {
        Ok(told) if told == "ok" => Ok(()),
        Ok(found) => {
            Err(RestoreError::Damaged { found: found.lines().next().unwrap_or_default().to_owned() })
        }
        Err(error) => Err(RestoreError::Damaged { found: error.to_string() }),
    }
}

/// Folds the old database, which is the file of this inode, into its one file and keeps everybody else out; none if
/// SQLite cannot read it. Whether it is in the write-ahead mode is noted before that is changed, so that it gets that
/// mode again whatever happens.
pub(super) fn fold(
    place: &Place,
    inode: u64,
    note: impl FnOnce(bool) -> Result<(), RestoreError>,
) -> Result<Option<Held>, RestoreError> {
    let target = &place.target;
    if sweep::is_open(target)? {
        return Err(RestoreError::InUse { target: target.clone() });
    }
    let judged = Identity { device: place.parent.own_metadata()?.device, inode };
    let (connection, is_wal) = match taken(target, judged) {
        Ok(taken) => taken,
        Err(refused) => return judge(target, refused).map(|()| None),
    };
    note(is_wal)?;
    match folded(&connection, is_wal) {
        Ok(true) => Ok(Some(Held { _connection: connection })),
        Ok(false) => Err(RestoreError::InUse { target: target.clone() }),
        Err(refused) => judge(target, refused).map(|()| None),
    }
}

/// What a refusal means; nothing when SQLite cannot read the database.
fn judge(target: &Path, refused: Refused) -> Result<(), RestoreError> {
    let target = target.to_owned();
    let source = match refused {
        Refused::Swapped => return Err(RestoreError::Swapped { target }),
        Refused::Sqlite(source) => source,
    };
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Ok(()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(RestoreError::InUse { target }),
        _ => Err(RestoreError::Fold { target, source }),
    }
}

/// Opens it for this process alone, and says whether it is in the write-ahead mode.
fn taken(target: &Path, judged: Identity) -> Result<(Connection, bool), Refused> {
    let connection = database::open(target, judged, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(PATIENCE)?;
    connection.query_row("PRAGMA locking_mode=EXCLUSIVE", [], |_| Ok(()))?;
    change()?;
    // The first look rolls back what a hot journal holds.
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    Ok((connection, mode == "wal"))
}

/// Whether nobody else uses it.
fn folded(connection: &Connection, is_wal: bool) -> Result<bool, Refused> {
    if is_wal {
        change()?;
        let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy != 0 {
            return Ok(false);
        }
    }
    change()?;
    let mode: String = connection.query_row("PRAGMA journal_mode=DELETE", [], |row| row.get(0))?;
    if mode != "delete" {
        return Ok(false);
    }
    change()?;
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    Ok(true)
}

/// Before each change that SQLite makes: a test may have this process die there.
#[cfg(test)]
fn change() -> Result<(), rusqlite::Error> {
    crate::host::directory::cut::here().map_err(|errno| {
        let told = rusqlite::ffi::Error { code: ErrorCode::SystemIoFailure, extended_code: 0 };
        rusqlite::Error::SqliteFailure(told, Some(errno.to_string()))
    })
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "in a test the process may die there")]
fn change() -> Result<(), rusqlite::Error> {
    Ok(())
}

/// Gives the database of this inode the write-ahead mode again that folding took from it; one that does not take it
/// stays sound, since the mode is about speed alone.
pub(super) fn unfold(place: &Place, inode: u64) {
    let mode = place.parent.own_metadata().map(|folder| {
        let judged = Identity { device: folder.device, inode };
        let opened = database::open(&place.target, judged, OpenFlags::SQLITE_OPEN_READ_WRITE);
        opened.and_then(|database| {
            change()?;
            Ok(database.query_row("PRAGMA journal_mode=WAL", [], |row| row.get::<_, String>(0))?)
        })
    });
    let target = place.target.display();
    tracing::info!(%target, ?mode, "the database that returned has its former mode again");
}

/// The name of a side file.
pub(super) fn side(name: &OsStr, ending: &str) -> OsString {
    let mut side = name.to_owned();
    side.push(ending);
    side
}

/// The side files that stand beside a name, by their endings.
pub(super) fn sides(folder: &Directory, name: &OsStr) -> Result<Vec<String>, RestoreError> {
    let mut found = Vec::new();
    for ending in SIDES {
        if folder.metadata_optional(&side(name, ending))?.is_some() {
            found.push(ending.to_owned());
        }
    }
    Ok(found)
}
