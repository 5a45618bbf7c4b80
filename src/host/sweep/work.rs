//! What a sweep does, and to which files.

use super::Sweep;
use rustix::fs::Stat;
use std::time::{Duration, SystemTime};

/// How the names of packages end that a package manager has downloaded and can download again.
const PACKAGES: [&[u8]; 6] = [b".deb", b".ddeb", b".udeb", b".rpm", b".drpm", b".apk"];

/// What a sweep does with the files that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Deletes them. `tar`, `rsync -a` and `cp -a` give a file the time of its origin, so it is not older than its
    /// last change of any kind, with which it came here or got its name.
    Delete,
    /// Replaces text by `NAME.zst` with the same mode, owner and times.
    Compress,
    /// Deletes what was compressed by this and is marked so. The age counts since then.
    Compressed,
    /// Deletes archived files of the systemd journal. They are told by the names that `journalctl --vacuum-time`
    /// goes by, but their age is that of their last entry, not of their first.
    Vacuum,
    /// Deletes downloaded packages. Their age too is since they came: a download keeps the time of its origin.
    Packages,
}

impl Work {
    /// Whether this work is about files of such a name.
    pub(super) fn is_about(self, name: &[u8]) -> bool {
        match self {
            Self::Delete | Self::Compress => true,
            Self::Compressed => name.ends_with(b".zst"),
            Self::Vacuum => is_archived_journal(name),
            Self::Packages => {
                PACKAGES.iter().any(|ending| name.ends_with(ending))
                    || (name.windows(9).any(|part| part == b".pkg.tar.") && !name.ends_with(b".part"))
            }
        }
    }

    /// The time from which the age of a file counts, in seconds.
    fn since(self, stat: &Stat) -> i64 {
        match self {
            Self::Delete | Self::Packages | Self::Compressed => stat.st_mtime.max(stat.st_ctime),
            // A log that is renamed at each rotation, and a journal that is when it is archived, is as old as what
            // was written to it last.
            Self::Compress | Self::Vacuum => stat.st_mtime,
        }
    }
}

/// `system@0123-0456-0789.journal` was closed when the next one was begun, and `NAME@0123-0456.journal~` when it
/// was found damaged; `system.journal` is being written.
fn is_archived_journal(name: &[u8]) -> bool {
    let stem = name.strip_suffix(b".journal").or_else(|| name.strip_suffix(b".journal~"));
    let Some(stem) = stem else { return false };
    let Some(at) = stem.iter().rposition(|letter| *letter == b'@') else { return false };
    let numbers = &stem[at + 1..];
    at > 0
        && numbers.contains(&b'-')
        && numbers.iter().all(|letter| letter.is_ascii_hexdigit() || *letter == b'-')
}

impl Sweep<'_> {
    /// The age of a file; none for a time in the future, or one that no clock shows.
    pub(super) fn age(&self, stat: &Stat) -> Option<Duration> {
        self.age_of(self.work.since(stat))
    }

    /// The age of something of that time, in seconds since 1970.
    pub(super) fn age_of(&self, since: i64) -> Option<Duration> {
        u64::try_from(since)
            .ok()
            .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            .and_then(|modified| self.now.duration_since(modified).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_archived_journals_are_vacuumed() {
        for name in [
            "system@0005f1c9a1b2c3d4-00000000000004d2-0005f1c9a1b2c3d4.journal",
            "user-1000@8cbd-1f-5f1c9.journal",
            "system@0005f1c9a1b2c3d4-a1b2c3d4.journal~",
        ] {
            assert!(Work::Vacuum.is_about(name.as_bytes()), "{name}");
        }
        for name in
            ["system.journal", "user-1000.journal", "@1-2.journal", "a@.journal", "x@y-1.journal", "syslog.1"]
        {
            assert!(!Work::Vacuum.is_about(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn only_packages_are_cleared_from_their_cache() {
        for name in ["curl_7.88_amd64.deb", "zlib.rpm", "linux-6.1-1-x86_64.pkg.tar.zst", "busybox-1.36.apk"]
        {
            assert!(Work::Packages.is_about(name.as_bytes()), "{name}");
        }
        for name in ["lock", "pkgcache.bin", "repomd.xml", "x.pkg.tar.zst.part"] {
            assert!(!Work::Packages.is_about(name.as_bytes()), "{name}");
        }
    }
}
