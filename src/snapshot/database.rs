//! Opens an SQLite database without following links, and only if it is the file that was judged.
//!
//! SQLite opens by a path, which somebody may lead elsewhere in the meantime. So what it has opened is compared
//! with what was judged before a byte of it is read for anybody.

use crate::host::descriptors;
use crate::host::directory::Metadata;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;

/// Which file a name led to when it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    /// The device of its file system.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
}

impl From<Metadata> for Identity {
    fn from(found: Metadata) -> Self {
        Self { device: found.device, inode: found.inode }
    }
}

/// Why a database is not open.
#[derive(Debug)]
pub(super) enum Refused {
    /// Another file stands there than the one that was judged, or a link.
    Swapped,
    /// What SQLite said.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        let link = rusqlite::ffi::SQLITE_CANTOPEN_SYMLINK;
        match error.sqlite_error() {
            Some(told) if told.extended_code == link => Self::Swapped,
            _ => Self::Sqlite(error),
        }
    }
}

/// Opens the database at a path without links.
pub(super) fn open(path: &Path, judged: Identity, flags: OpenFlags) -> Result<Connection, Refused> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    let is_open = descriptors::has_open(judged.device, judged.inode).map_err(|error| {
        let told = rusqlite::ffi::Error { code: ErrorCode::SystemIoFailure, extended_code: 0 };
        Refused::Sqlite(rusqlite::Error::SqliteFailure(told, Some(error.to_string())))
    })?;
    if is_open { Ok(connection) } else { Err(Refused::Swapped) }
}
