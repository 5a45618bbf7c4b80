//! The errors of captures that borrow, and of sources with their hooks.

use super::Entry;

/// Codes `T`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "T120",
        title: "a snapshot borrows from earlier ones",
        cause: "It is incremental: the content of what had not changed lies in parts of earlier snapshots, so \
             zstd and tar alone would restore too much.",
        evidence: "eos snapshot show ID",
        remedy: "Restore it with eos, or make one that is complete by itself: eos snapshot create SOURCE --full.",
        retry: false,
    },
    Entry {
        code: "T121",
        title: "there is nothing to capture",
        cause: "The path of the source does not exist on this node: a file system is not mounted, or the path is wrong.",
        evidence: "ls -ld PATH; findmnt; eos config show",
        remedy: "Mount it, or correct its path in snapshot.sources: eos config show --origin.",
        retry: false,
    },
    Entry {
        code: "T122",
        title: "a source is of another kind than its engine captures",
        cause: "A directory was configured and something else is there, or a database and no file is there.",
        evidence: "ls -ld PATH; eos config show",
        remedy: "Correct path or engine of the source in snapshot.sources: eos config show --origin.",
        retry: false,
    },
    Entry {
        code: "T123",
        title: "a source is in use by another operation",
        cause: "Another process captures the same place or restores it; captures and restores of one place, whatever \
             it is called, exclude each other.",
        evidence: "ps -fp N, with the process number N of the error",
        remedy: "Wait until it ends, then run the same command again.",
        retry: true,
    },
    Entry {
        code: "T124",
        title: "a hook of a capture failed",
        cause: "The program of before_capture or after_capture could not be started, took too long, or ended with another status than 0. No snapshot was made.",
        evidence: "the causes below the error; run the program by hand",
        remedy: "Correct the program or its time in snapshot.sources: eos config show --origin. A hook after_capture that failed is run again before the next capture and when the agent starts.",
        retry: false,
    },
    Entry {
        code: "T125",
        title: "a hook named a place that is none",
        cause: "A line EOS_CAPTURE_PATH= of the hook before_capture is followed by a path that is not absolute.",
        evidence: "run the program by hand",
        remedy: "Have it print an absolute path, or no such line; where it is configured: eos config show --origin.",
        retry: false,
    },
    Entry {
        code: "T126",
        title: "a database could not be backed up",
        cause: "It is no SQLite database, is damaged, or its directory cannot be read.",
        evidence: "sqlite3 PATH 'PRAGMA integrity_check'",
        remedy: "Repair it, or correct the path of the source in snapshot.sources: eos config show --origin.",
        retry: false,
    },
    Entry {
        code: "T127",
        title: "a database was locked by others for too long",
        cause: "A program holds a transaction open and lets no reader in.",
        evidence: "fuser -v PATH",
        remedy: "End or pause that program, or use write-ahead logging (PRAGMA journal_mode=WAL), then run the same command again.",
        retry: true,
    },
    Entry {
        code: "T128",
        title: "a database is damaged",
        cause: "The check of the copy found that the database contradicts itself; no snapshot of it was made.",
        evidence: "sqlite3 PATH 'PRAGMA integrity_check'",
        remedy: "Restore an earlier snapshot of it, or repair it with sqlite3.",
        retry: false,
    },
    Entry {
        code: "T129",
        title: "the record of an interrupted capture cannot be read",
        cause: "Something else than eos wrote it, or the disk damaged it. The hook after_capture may not have been run.",
        evidence: "cat /var/lib/eos/snapshots/captures/SOURCE.json",
        remedy: "Run by hand what the hook after_capture would, remove .NAME.eos/freeze beside the source, then rm the record.",
        retry: false,
    },
    Entry {
        code: "T130",
        title: "a database was replaced while it was captured",
        cause: "Between the look at the path and the opening by SQLite, another file or a symbolic link was put there. Nothing of it was read for the snapshot.",
        evidence: "stat PATH; namei -l PATH",
        remedy: "If it was replaced on purpose, run the same command again. Otherwise find out who may write to its directory.",
        retry: false,
    },
    Entry {
        code: "T131",
        title: "a capture held writers off for too long",
        cause: "Between before_capture and the moment in which nothing is read any more that writers could change, more time passed than hooks.longest_pause_seconds allows. Writers were let go on, and no snapshot was made.",
        evidence: "eos config show --origin",
        remedy: "Name what is never written to in write_once, put the source onto XFS or btrfs, or have before_capture print EOS_CAPTURE_PATH= with a snapshot of the volume, so that less is read meanwhile. Or allow more time in snapshot.sources.",
        retry: false,
    },
    Entry {
        code: "T132",
        title: "an export was interrupted",
        cause: "Somebody stopped it; what it had made of the directory was removed.",
        evidence: "the error names the directory",
        remedy: "Run the same command again.",
        retry: true,
    },
];
