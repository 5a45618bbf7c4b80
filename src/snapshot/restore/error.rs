//! Why a snapshot is not restored, and what stands at the target then.

use crate::host::command::CommandError;
use crate::host::directory::DirectoryError;
use crate::host::files::FileError;
use crate::model::explain::{Code, Exit, Explain};
use crate::snapshot::area::{self, AreaError};
use jiff::Timestamp;
use std::path::PathBuf;

/// A restore that was refused, returned or stopped.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The disk refused.
    #[error("the restore cannot go on")]
    Disk {
        /// What the disk said.
        #[from]
        source: DirectoryError,
    },
    /// A file could not be read or written.
    #[error("the restore cannot keep its records")]
    File {
        /// What the disk said.
        #[from]
        source: FileError,
    },
    /// The target is a link.
    #[error("{} is a symbolic link, and only what it leads to can be exchanged", target.display())]
    Link {
        /// The target.
        target: PathBuf,
    },
    /// The target is a mount point, or holds one.
    #[error("{} cannot be exchanged, because a file system is mounted on {}", target.display(), mount.display())]
    Mount {
        /// The target.
        target: PathBuf,
        /// Where the file system is mounted.
        mount: PathBuf,
    },
    /// The target is of another kind than the source.
    #[error("{} is no {wanted}", target.display())]
    Kind {
        /// The target.
        target: PathBuf,
        /// What it should be, `directory`.
        wanted: &'static str,
    },
    /// The directory that would hold the target is missing.
    #[error("{} cannot be restored, because there is no directory {}", target.display(), folder.display())]
    NoFolder {
        /// The target.
        target: PathBuf,
        /// The directory.
        folder: PathBuf,
    },
    /// The target of a restore to another place is in use.
    #[error("{} is not empty", target.display())]
    NotEmpty {
        /// The target.
        target: PathBuf,
    },
    /// The work area cannot be used.
    #[error(transparent)]
    Area(AreaError),
    /// Another restore of the same target is in progress, or a capture.
    #[error("{} is in use by another operation: {holder}", target.display())]
    Busy {
        /// The target.
        target: PathBuf,
        /// Whose it is, with its process.
        holder: String,
    },
    /// A newer snapshot was restored before.
    #[error(
        "snapshot {id} of {source_name} was made at {made}, and {newer} of {newer_made} was restored already"
    )]
    Older {
        /// The source.
        source_name: String,
        /// The snapshot that was asked for.
        id: String,
        /// When that was made.
        made: Timestamp,
        /// The snapshot that was restored last.
        newer: String,
        /// When that was made.
        newer_made: Timestamp,
    },
    /// A journal or record is damaged.
    #[error("{} cannot be read as a record of a restore", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A journal or record is of another version.
    #[error("{} has version {found}, and this eos reads version 1", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Somebody moved the trees after the restore was interrupted.
    #[error("{} is neither the old tree nor the new one that {} names", target.display(), journal.display())]
    Unclear {
        /// The target.
        target: PathBuf,
        /// The journal.
        journal: PathBuf,
    },
    /// A hook failed before anything was moved.
    #[error("the hook {hook} failed")]
    Hook {
        /// Which one.
        hook: &'static str,
        /// What it said.
        #[source]
        source: CommandError,
    },
    /// The restored tree did not become healthy.
    #[error("the health command did not succeed within {seconds} s")]
    Unhealthy {
        /// Its time.
        seconds: u64,
        /// What it said last.
        #[source]
        source: CommandError,
    },
    /// The file system cannot exchange two names in one step.
    #[error("{} cannot be exchanged with the restored one in one step", target.display())]
    Exchange {
        /// The target.
        target: PathBuf,
        /// What the file system said.
        #[source]
        source: DirectoryError,
    },
    /// The restored tree was not kept.
    #[error("{} is as it was before the restore: the restored one was not kept", target.display())]
    Returned {
        /// The target.
        target: PathBuf,
        /// Why.
        #[source]
        cause: Box<Self>,
    },
    /// The restored tree was not kept, and a hook failed on the way back.
    #[error(
        "{} is as it was before the restore, but the hook {hook} failed on the way back: {why}",
        target.display()
    )]
    ReturnedUnserved {
        /// The target.
        target: PathBuf,
        /// The hook.
        hook: &'static str,
        /// What it said.
        why: String,
        /// Why the restored tree was not kept.
        #[source]
        cause: Box<Self>,
    },
    /// The old tree could not be put back.
    #[error("{} could not be put back: {why}", target.display())]
    NotReturned {
        /// The target.
        target: PathBuf,
        /// What the disk said.
        why: String,
        /// Why the restored tree was not kept.
        #[source]
        cause: Box<Self>,
    },
    /// The restored tree is in place, and what is left of the restore could not be cleared away.
    #[error("{} is restored, but the restore could not clear up after itself", target.display())]
    NotCleared {
        /// The target.
        target: PathBuf,
        /// What the disk said.
        #[source]
        cause: Box<Self>,
    },
    /// Somebody has the old database open.
    #[error("the database {} is in use", target.display())]
    InUse {
        /// The database.
        target: PathBuf,
    },
    /// Another file stands where the old database was judged.
    #[error("the database {} was replaced by another file or a link", target.display())]
    Swapped {
        /// The database.
        target: PathBuf,
    },
    /// The old database could not be folded into one file.
    #[error("the database {} cannot be folded into one file", target.display())]
    Fold {
        /// The database.
        target: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The database in the snapshot is damaged.
    #[error("the database of the snapshot is damaged: {found}")]
    Damaged {
        /// The first line of what the check found.
        found: String,
    },
    /// Side files of a database stand beside the new one.
    #[error("{} appeared beside the restored database", path.display())]
    SideFile {
        /// The side file.
        path: PathBuf,
    },
    /// There is no tree of before the last restore.
    #[error("there is no tree of before the last restore of {}", target.display())]
    NoPrevious {
        /// The target.
        target: PathBuf,
    },
    /// There is nothing to put in place.
    #[error("there is nothing to restore at {}", path.display())]
    NotStaged {
        /// Where it should be.
        path: PathBuf,
    },
    /// The operator interrupted it before the exchange.
    #[error("the restore of {} was interrupted before anything was exchanged", target.display())]
    Interrupted {
        /// The target.
        target: PathBuf,
    },
}

impl From<AreaError> for RestoreError {
    fn from(error: AreaError) -> Self {
        match error {
            AreaError::Disk(source) => Self::Disk { source },
            AreaError::File(source) => Self::File { source },
            foreign @ AreaError::Foreign { .. } => Self::Area(foreign),
        }
    }
}

impl Explain for RestoreError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Disk { .. } => "T200",
            Self::File { .. } => "T201",
            Self::Link { .. } => "T202",
            Self::Mount { .. } => "T203",
            Self::Kind { .. } => "T204",
            Self::NoFolder { .. } => "T205",
            Self::NotEmpty { .. } => "T206",
            Self::Area(error) => return error.code(),
            Self::Busy { .. } => "T208",
            Self::Older { .. } => "T209",
            Self::Unreadable { .. } => "T210",
            Self::Version { .. } => "T211",
            Self::Unclear { .. } => "T212",
            Self::Hook { .. } => "T213",
            Self::Unhealthy { .. } => "T214",
            Self::Exchange { .. } => "T215",
            Self::Returned { .. } => "T216",
            Self::ReturnedUnserved { .. } => "T217",
            Self::NotReturned { .. } => "T218",
            Self::NotCleared { .. } => "T219",
            Self::InUse { .. } => "T220",
            Self::Fold { .. } => "T221",
            Self::Damaged { .. } => "T222",
            Self::SideFile { .. } => "T223",
            Self::NoPrevious { .. } => "T224",
            Self::Interrupted { .. } => "T225",
            Self::NotStaged { .. } => "T226",
            Self::Swapped { .. } => "T227",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Link { .. } | Self::Mount { .. } | Self::Kind { .. } => Exit::Usage,
            Self::NoFolder { .. } | Self::NotEmpty { .. } | Self::NoPrevious { .. } => Exit::Usage,
            Self::Busy { .. } | Self::Older { .. } | Self::InUse { .. } | Self::Swapped { .. } => {
                Exit::Conflict
            }
            Self::Unreadable { .. } | Self::Version { .. } | Self::Unclear { .. } => Exit::Stuck,
            Self::ReturnedUnserved { .. } | Self::NotReturned { .. } => Exit::Stuck,
            Self::Interrupted { .. } => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Disk { source } => source.hints(),
            Self::File { source } => source.hints(),
            Self::Area(error) => error.hints(),
            Self::Hook { source, .. } | Self::Unhealthy { source, .. } => {
                source.hints().into_iter().chain([self.way_out()]).collect()
            }
            Self::Returned { cause, .. } | Self::ReturnedUnserved { cause, .. } => cause.hints(),
            _ => vec![self.way_out()],
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Interrupted { .. })
    }
}

impl RestoreError {
    fn way_out(&self) -> String {
        match self {
            Self::Older { source_name, id, .. } => {
                format!(
                    "if the older one is wanted: eos snapshot restore {id} --older (source {source_name})"
                )
            }
            Self::Busy { holder, .. } => area::hint(holder),
            Self::Unreadable { path, .. } | Self::Version { path, .. } => {
                format!("see what it says: cat {}", path.display())
            }
            Self::Hook { .. } | Self::Unhealthy { .. } => {
                "see the programs of the source: eos config show".to_owned()
            }
            Self::Damaged { .. } => "restore another snapshot: eos snapshot list".to_owned(),
            Self::NoPrevious { .. } => "restore a snapshot instead: eos snapshot list".to_owned(),
            Self::NotCleared { .. } | Self::Interrupted { .. } | Self::NotStaged { .. } => {
                "see what there is, then run the same command again: eos snapshot list".to_owned()
            }
            other => other.look_at_the_target(),
        }
    }

    fn look_at_the_target(&self) -> String {
        match self {
            Self::Link { target } => {
                format!("name in snapshot.sources what it leads to: readlink -f {}", target.display())
            }
            Self::Mount { target, .. } => format!(
                "name a directory below the mount in snapshot.sources, or unmount it: findmnt -R {}",
                target.display()
            ),
            Self::Kind { target, .. } => {
                format!(
                    "see what it is, and which engine its source has: stat {}; eos config show",
                    target.display()
                )
            }
            Self::NoFolder { folder, .. } => format!("make it: mkdir -p {}", folder.display()),
            Self::NotEmpty { .. } => {
                "name a directory that is empty or not there: eos snapshot restore SOURCE --into DIR"
                    .to_owned()
            }
            Self::Unclear { target, journal } => format!(
                "put the right one in place by its inode, then remove the journal: cat {}; ls -lid {}",
                journal.display(),
                target.display()
            ),
            Self::Exchange { target, .. } => {
                format!(
                    "see which file system it is on (ext4, xfs and btrfs can): df -T {}",
                    target.display()
                )
            }
            Self::NotReturned { target, .. } => format!(
                "remove the cause, then have it finished: eos snapshot recover; ls -lid {}",
                target.display()
            ),
            Self::InUse { target } => format!(
                "stop its users, best by the hook before_restore of the source: fuser -v {}",
                target.display()
            ),
            Self::Swapped { target } => {
                format!("see what it is, and who put it there: stat {}", target.display())
            }
            Self::Fold { target, .. } => {
                format!("see what is wrong with it: sqlite3 {} 'PRAGMA integrity_check'", target.display())
            }
            Self::SideFile { path } => {
                format!(
                    "stop its users by the hook before_restore of the source: fuser -v {}",
                    path.display()
                )
            }
            _ => "see the causes above".to_owned(),
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<RestoreError> {
    use std::io;
    let target = || PathBuf::from("/srv/metrics");
    let disk = || DirectoryError::Io {
        action: "exchange",
        path: target(),
        source: io::Error::from(io::ErrorKind::InvalidInput),
    };
    let command = || CommandError::Failed {
        program: "/usr/bin/check".to_owned(),
        status: 1,
        last_line: "not ready".to_owned(),
    };
    let cause = || Box::new(RestoreError::Unhealthy { seconds: 30, source: command() });
    let json = || serde_json::from_str::<u32>("{").expect_err("it is cut");
    let journal = || PathBuf::from("/var/lib/eos/restores/metrics.json");
    vec![
        RestoreError::Disk { source: disk() },
        RestoreError::File { source: FileError::new("write", journal(), io::ErrorKind::StorageFull.into()) },
        RestoreError::Link { target: target() },
        RestoreError::Mount { target: target(), mount: target() },
        RestoreError::Kind { target: target(), wanted: "directory" },
        RestoreError::NoFolder { target: target(), folder: "/srv".into() },
        RestoreError::NotEmpty { target: target() },
        RestoreError::Busy { target: target(), holder: "eos snapshot restore (process 7)".to_owned() },
        RestoreError::Older {
            source_name: "metrics".to_owned(),
            id: "aa".to_owned(),
            made: Timestamp::UNIX_EPOCH,
            newer: "bb".to_owned(),
            newer_made: Timestamp::UNIX_EPOCH,
        },
        RestoreError::Unreadable { path: journal(), source: json() },
        RestoreError::Version { path: journal(), found: 2 },
        RestoreError::Unclear { target: target(), journal: journal() },
        RestoreError::Hook { hook: "before_restore", source: command() },
        RestoreError::Unhealthy { seconds: 30, source: command() },
        RestoreError::Exchange { target: target(), source: disk() },
        RestoreError::Returned { target: target(), cause: cause() },
        RestoreError::ReturnedUnserved {
            target: target(),
            hook: "after_restore",
            why: "no such unit".to_owned(),
            cause: cause(),
        },
        RestoreError::NotReturned { target: target(), why: "read-only".to_owned(), cause: cause() },
        RestoreError::NotCleared { target: target(), cause: Box::new(RestoreError::Disk { source: disk() }) },
        RestoreError::InUse { target: target() },
        RestoreError::Fold { target: target(), source: rusqlite::Error::InvalidQuery },
        RestoreError::Damaged { found: "row 7 missing".to_owned() },
        RestoreError::SideFile { path: "/srv/app.db-wal".into() },
        RestoreError::NoPrevious { target: target() },
        RestoreError::Interrupted { target: target() },
        RestoreError::NotStaged { path: "/srv/.metrics.eos/incoming".into() },
        RestoreError::Swapped { target: target() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_one_plain_line() {
        let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "the restore cannot go on",
                "the restore cannot keep its records",
                "/srv/metrics is a symbolic link, and only what it leads to can be exchanged",
                "/srv/metrics cannot be exchanged, because a file system is mounted on /srv/metrics",
                "/srv/metrics is no directory",
                "/srv/metrics cannot be restored, because there is no directory /srv",
                "/srv/metrics is not empty",
                "/srv/metrics is in use by another operation: eos snapshot restore (process 7)",
                "snapshot aa of metrics was made at 1970-01-01T00:00:00Z, and bb of 1970-01-01T00:00:00Z was \
                 restored already",
                "/var/lib/eos/restores/metrics.json cannot be read as a record of a restore",
                "/var/lib/eos/restores/metrics.json has version 2, and this eos reads version 1",
                "/srv/metrics is neither the old tree nor the new one that \
                 /var/lib/eos/restores/metrics.json names",
                "the hook before_restore failed",
                "the health command did not succeed within 30 s",
                "/srv/metrics cannot be exchanged with the restored one in one step",
                "/srv/metrics is as it was before the restore: the restored one was not kept",
                "/srv/metrics is as it was before the restore, but the hook after_restore failed on the way \
                 back: no such unit",
                "/srv/metrics could not be put back: read-only",
                "/srv/metrics is restored, but the restore could not clear up after itself",
                "the database /srv/metrics is in use",
                "the database /srv/metrics cannot be folded into one file",
                "the database of the snapshot is damaged: row 7 missing",
                "/srv/app.db-wal appeared beside the restored database",
                "there is no tree of before the last restore of /srv/metrics",
                "the restore of /srv/metrics was interrupted before anything was exchanged",
                "there is nothing to restore at /srv/.metrics.eos/incoming",
                "the database /srv/metrics was replaced by another file or a link",
            ]
        );
        assert!(samples().iter().all(|error| !error.hints().is_empty()));
    }
}
